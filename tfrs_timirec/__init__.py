"""TiMiRec: multi-interest recommendation for TensorFlow Recommenders."""

from tfrs_timirec._keras import require_keras_2

require_keras_2()

from tfrs_timirec import (  # noqa: E402
    data,
    datasets,
    evaluation,
    experiments,
    layers,
    losses,
    metrics,
    models,
    serving,
    training,
)

__all__ = [
    "data",
    "datasets",
    "evaluation",
    "experiments",
    "layers",
    "losses",
    "metrics",
    "models",
    "serving",
    "training",
]
__version__ = "0.1.0"
