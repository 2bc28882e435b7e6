"""TiMiRec: multi-interest recommendation for TensorFlow Recommenders."""

from tfrs_timirec._keras import require_keras_2

require_keras_2()

from tfrs_timirec import datasets  # noqa: E402

__all__ = ["datasets"]
__version__ = "0.1.0"
