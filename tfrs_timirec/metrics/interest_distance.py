"""How far apart a user's interests lie."""

from __future__ import annotations

import tensorflow as tf


@tf.keras.utils.register_keras_serializable(package="tfrs_timirec")
class InterestDistance(tf.keras.metrics.Mean):
    """Mean L2 distance between the interests of a user, over all pairs.

    Section 4.4 shows with it that the stop-gradient keeps interests apart. A
    single interest has no pair and counts as 0.

    Args:
        name: name of the metric.
        dtype: type of the result.

    Call arguments:
        values: `(batch, num_interests, dim)` interests.
        sample_weight: weights of the users; all alike by default.

    Example:
    >>> float(InterestDistance()(tf.constant([[[0.0, 0.0], [3.0, 4.0]]])))
    5.0
    """

    def __init__(
        self, name: str = "interest_distance", dtype: str | None = None
    ):
        super().__init__(name=name, dtype=dtype)

    def update_state(
        self, values: tf.Tensor, sample_weight: tf.Tensor | None = None
    ) -> tf.Tensor:
        """Adds a batch of interests."""
        values = tf.cast(values, tf.float32)
        num_interests = values.shape[1]
        differences = values[:, :, tf.newaxis] - values[:, tf.newaxis]
        distances = tf.norm(differences, axis=-1)  # (batch, K, K)
        num_ordered_pairs = max(num_interests * (num_interests - 1), 1)
        means = tf.reduce_sum(distances, axis=(1, 2)) / num_ordered_pairs
        return super().update_state(means, sample_weight)
