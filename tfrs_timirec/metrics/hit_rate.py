"""Hit rate."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from tfrs_timirec._validation import check_positive_int


@tf.keras.utils.register_keras_serializable(package="tfrs_timirec")
class HitRate(tf.keras.metrics.Mean):
    """Share of targets among the first `k`: HR@k of Section 4.1.3.

    Args:
        k: length of the list.
        name: "hit_rate_at_k" by default.
        dtype: type of the result.

    Call arguments:
        values: `(batch,)` ranks of the targets, 1 is best, as `target_ranks`
            gives them.
        sample_weight: weights of the targets; all alike by default.

    Raises:
        ValueError: if `k` is not a positive integer.

    Example:
    >>> float(HitRate(k=10)(tf.constant([1.0, 11.0])))
    0.5
    """

    def __init__(self, k: int = 10, name: str | None = None, dtype: Any = None):
        check_positive_int("HitRate", k=k)
        super().__init__(name=name or f"hit_rate_at_{k}", dtype=dtype)
        self.k = k

    def update_state(
        self, values: tf.Tensor, sample_weight: tf.Tensor | None = None
    ) -> tf.Tensor:
        """Adds a batch of ranks."""
        hits = tf.cast(tf.cast(values, tf.float32) <= self.k, tf.float32)
        return super().update_state(hits, sample_weight)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "k": self.k}
