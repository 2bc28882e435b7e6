"""Dropout that a checkpoint resumes."""

from __future__ import annotations

import random
from typing import Any

import tensorflow as tf

from tfrs_timirec._validation import check_rate


@tf.keras.utils.register_keras_serializable(package="tfrs_timirec")
class ResumableDropout(tf.keras.layers.Layer):
    """Sets a share of the inputs to zero while training, the rest grows.

    Unlike Keras's Dropout, its random state is part of a checkpoint: a run
    that was broken off goes on with the numbers of an unbroken one. It starts
    from Python's random numbers, which `tf.keras.utils.set_random_seed` seeds
    and `tf.random.set_seed` does not.

    Args:
        rate: share of the inputs that is set to zero; the others are divided
            by `1 - rate`.
        **kwargs: `name`, `dtype`, … of `tf.keras.layers.Layer`.

    Input shape: any.
    Output shape: that of the input.

    Raises:
        ValueError: if `rate` lies outside [0, 1).

    Example:
    >>> ResumableDropout(0.5)(tf.ones((1, 3)), training=False).numpy()
    array([[1., 1., 1.]], dtype=float32)
    """

    def __init__(self, rate: float, **kwargs: Any):
        check_rate("ResumableDropout", rate=rate)
        super().__init__(**kwargs)
        self.rate = rate
        self.supports_masking = True
        self.random_generator = (
            tf.random.Generator.from_seed(random.getrandbits(31))
            if rate
            else None
        )

    def call(
        self, inputs: tf.Tensor, training: bool | None = None
    ) -> tf.Tensor:
        """Returns the inputs, thinned out if `training`."""
        if not training or self.random_generator is None:
            return inputs
        return tf.nn.experimental.stateless_dropout(
            inputs,
            rate=self.rate,
            seed=self.random_generator.make_seeds(1)[:, 0],
        )

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "rate": self.rate}
