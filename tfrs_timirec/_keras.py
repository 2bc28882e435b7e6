"""Selects Keras 2, which TensorFlow Recommenders needs.

`tf.keras` is loaded lazily, at its first use, and reads the environment
variable `TF_USE_LEGACY_KERAS` then. Setting the variable here, before anything
in this package touches `tf.keras`, therefore works in every import order but
one: when Keras 3 has already been loaded through `tf.keras`. Keras 3 itself
(`import keras`) may stand beside it.

A user who set `TF_USE_LEGACY_KERAS=0` asked for Keras 3 in so many words. That
wish is not overridden in silence; the import fails and says so.
"""

import importlib.metadata
import os
import pathlib
from types import ModuleType

_ENVIRONMENT_VARIABLE = "TF_USE_LEGACY_KERAS"
_VALUES_FOR_KERAS_2 = ("1", "true", "True")


def require_keras_2() -> None:
    """Makes `tf.keras` and `tensorflow.keras` Keras 2.

    Raises:
        ImportError: if `tf.keras` is Keras 3 already, if the environment asks
            for Keras 3, or if no tf-keras of TensorFlow's minor version is
            installed. The message is one sentence with the remedy.
    """
    value = os.environ.setdefault(_ENVIRONMENT_VARIABLE, "1")
    if value not in _VALUES_FOR_KERAS_2:
        raise ImportError(
            "`tfrs_timirec` needs Keras 2 behind `tf.keras`, but the"
            f" environment asks for Keras 3 (Received:"
            f" {_ENVIRONMENT_VARIABLE}={value}): unset that variable or set it"
            " to 1 before Python starts."
        )

    # Else each import says that there is no GPU, and what oneDNN is.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
    import tensorflow as tf  # noqa: PLC0415

    _require_matching_tf_keras(tf.__version__)
    # `tf.keras` and its aliases are loaded one by one, each at its first use.
    loaded = (
        tf.keras.Model,
        tf.initializers.Initializer,
        tf.losses.Loss,
        tf.metrics.Metric,
        tf.optimizers.Optimizer,
    )
    if not all(item.__module__.startswith("tf_keras") for item in loaded):
        raise ImportError(
            "`tfrs_timirec` needs Keras 2 behind `tf.keras`, but Keras 3 was"
            " loaded there first: import `tfrs_timirec` before anything uses"
            f" `tf.keras`, or set {_ENVIRONMENT_VARIABLE}=1 before Python"
            " starts."
        )
    _find_keras_2_first(tf)


def _require_matching_tf_keras(tensorflow_version: str) -> None:
    """Raises unless tf-keras has the major and minor of TensorFlow."""
    minor = ".".join(tensorflow_version.split(".")[:2])
    remedy = f'run: pip install "tf-keras=={minor}.*"'
    try:
        version = importlib.metadata.version("tf-keras")
    except importlib.metadata.PackageNotFoundError as error:
        raise ImportError(
            "`tfrs_timirec` needs Keras 2, the package tf-keras, which is not"
            f" installed: {remedy}"
        ) from error
    if version.split(".")[:2] != minor.split("."):
        raise ImportError(
            f"`tfrs_timirec` needs tf-keras {minor} beside TensorFlow"
            f" {tensorflow_version} (Received: tf-keras=={version}): {remedy}"
        )


def _find_keras_2_first(tensorflow: ModuleType) -> None:
    """Makes `from tensorflow.keras import ...` find Keras 2.

    TensorFlow fixes where that import looks when it is itself imported. If
    that was before the environment variable was set, the statement would load
    Keras 3 and put it in the place of `tf.keras`.
    """
    import tf_keras  # noqa: PLC0415

    folder = str(pathlib.Path(tf_keras.__file__).parent / "api" / "_v2")
    if tensorflow.__path__[0] != folder:
        tensorflow.__path__ = [folder, *tensorflow.__path__]
