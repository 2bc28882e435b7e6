"""The predictor that expects nothing: every interest is as likely."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from tfrs_timirec._validation import check_positive_int


@tf.keras.utils.register_keras_serializable(package="tfrs_timirec")
class UniformInterestPredictor(tf.keras.layers.Layer):
    """Gives all interests the same logit, whatever the history.

    `TiMiRec` with this predictor represents a user by the mean of the
    interests: "mean pooling", which Table 3 of the paper compares with. It has
    no weights, and the distillation loss cannot teach it anything.

    Args:
        num_interests: number of interests (K).
        **kwargs: `name`, `dtype`, … of `tf.keras.layers.Layer`.

    Input shape: `(batch, length)` integer item ids.
    Output shape: `(batch, num_interests)` logits, all 0.

    Raises:
        ValueError: if `num_interests` is not a positive integer.

    Example:
    >>> UniformInterestPredictor(2)(tf.constant([[0, 5, 7]])).numpy()
    array([[0., 0.]], dtype=float32)

    Reference: Section 4.3.
    """

    def __init__(self, num_interests: int = 4, **kwargs: Any):
        check_positive_int(
            "UniformInterestPredictor", num_interests=num_interests
        )
        super().__init__(**kwargs)
        self.num_interests = num_interests

    def call(self, item_ids: tf.Tensor) -> tf.Tensor:
        """Returns the logits z^q."""
        batch_size = tf.shape(item_ids)[0]
        return tf.zeros((batch_size, self.num_interests), self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "num_interests": self.num_interests}
