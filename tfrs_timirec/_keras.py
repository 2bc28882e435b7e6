"""Selects Keras 2, which TensorFlow Recommenders needs.

`tf.keras` is loaded lazily, at its first use, and reads the environment
variable `TF_USE_LEGACY_KERAS` then. Setting the variable here, before anything
in this package touches `tf.keras`, therefore works in every import order but
one: when Keras 3 has already been loaded through `tf.keras`.
"""

import os

_REMEDY = (
    "Import tfrs_timirec before anything uses tf.keras, or set the environment"
    " variable TF_USE_LEGACY_KERAS=1 before Python starts."
)


def require_keras_2() -> None:
    """Makes `tf.keras` Keras 2.

    Raises:
        ImportError: if `tf.keras` is Keras 3 already.
    """
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    import tensorflow as tf  # noqa: PLC0415

    if not tf.keras.Model.__module__.startswith("tf_keras"):
        raise ImportError(
            "tfrs_timirec needs Keras 2 behind `tf.keras`, but Keras 3 was"
            f" loaded there first. {_REMEDY}"
        )
