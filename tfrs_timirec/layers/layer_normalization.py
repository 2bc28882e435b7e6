"""Layer normalization with its gradient written out."""

from __future__ import annotations

from typing import Any

import tensorflow as tf


@tf.keras.utils.register_keras_serializable(package="tfrs_timirec")
class LayerNormalization(tf.keras.layers.LayerNormalization):
    r"""Keras's layer normalization over the last axis, but faster to train.

    With $\hat x = (x - \mu) / \sqrt{\sigma^2 + \epsilon}$ the gradient of a
    vector of length D is

    $$\frac{1}{\sqrt{\sigma^2 + \epsilon}} \Bigl(g - \overline{g}
      - \hat x\, \overline{g \circ \hat x}\Bigr), \quad
      g = \gamma \circ \partial y,$$

    a bar being the mean: half of the passes over the inputs that automatic
    differentiation takes. Weights and results are Keras's.

    Args:
        **kwargs: `epsilon`, `name`, … of `tf.keras.layers.LayerNormalization`;
            `axis`, `center` and `scale` must keep their defaults.

    Raises:
        ValueError: if one of them does not.

    Example:
    >>> layer = LayerNormalization(epsilon=1e-5)
    >>> layer(tf.random.normal((2, 20, 64))).shape
    TensorShape([2, 20, 64])

    Reference: Ba et al., *Layer normalization*, 2016.
    """

    def build(self, input_shape: Any) -> None:
        """Creates scale and offset."""
        super().build(input_shape)
        last = len(input_shape) - 1
        if list(self.axis) != [last] or not (self.center and self.scale):
            raise ValueError(
                "LayerNormalization: `axis` must be the last one, and `center`"
                f" and `scale` True. Received: axis={self.axis},"
                f" center={self.center}, scale={self.scale} for inputs of"
                f" {last + 1} axes. Take Keras's own layer for others."
            )

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Returns the normalized inputs, scaled and shifted."""
        # Half precision is too coarse for squares.
        is_half = tf.as_dtype(self.compute_dtype).size < tf.float32.size
        dtype = tf.float32 if is_half else self.compute_dtype
        outputs = _normalize(
            tf.cast(inputs, dtype),
            tf.cast(self.gamma, dtype),
            tf.cast(self.beta, dtype),
            tf.constant(self.epsilon, dtype),
        )
        return tf.cast(outputs, self.compute_dtype)


@tf.custom_gradient
def _normalize(
    inputs: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, epsilon: tf.Tensor
) -> tuple[tf.Tensor, Any]:
    """Normalizes the last axis; returns the gradient function, too."""
    centered = inputs - tf.reduce_mean(inputs, axis=-1, keepdims=True)
    variance = tf.reduce_mean(tf.square(centered), axis=-1, keepdims=True)
    factor = tf.math.rsqrt(variance + epsilon)
    normalized = centered * factor

    def gradient(
        d_outputs: tf.Tensor,
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, None]:
        d_normalized = d_outputs * gamma
        mean = tf.reduce_mean(d_normalized, axis=-1, keepdims=True)
        projection = tf.reduce_mean(
            d_normalized * normalized, axis=-1, keepdims=True
        )
        d_inputs = factor * (d_normalized - mean - normalized * projection)
        others = tuple(range(len(inputs.shape) - 1))
        return (
            d_inputs,
            tf.reduce_sum(d_outputs * normalized, axis=others),
            tf.reduce_sum(d_outputs, axis=others),
            None,
        )

    return normalized * gamma + beta, gradient
