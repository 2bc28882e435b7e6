"""How weights start: the authors' N(0, 0.01), for biases too."""

from __future__ import annotations

from typing import Any

import tensorflow as tf


def small_normal() -> tf.keras.initializers.Initializer:
    """Returns a new N(0, 0.01) initializer.

    New at every call, since an unseeded Keras initializer that is used twice
    gives the same values twice.
    """
    return tf.keras.initializers.RandomNormal(stddev=0.01)


def small_normal_dense(
    units: int, name: str, **kwargs: Any
) -> tf.keras.layers.Dense:
    """Returns a dense layer whose kernel and bias start at N(0, 0.01).

    Args:
        units: size of the output.
        name: name of the layer.
        **kwargs: `activation`, `dtype`, … of `tf.keras.layers.Dense`.
    """
    return tf.keras.layers.Dense(
        units,
        kernel_initializer=small_normal(),
        bias_initializer=small_normal(),
        name=name,
        **kwargs,
    )
