"""Normalized discounted cumulative gain."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from tfrs_timirec._validation import check_positive_int


@tf.keras.utils.register_keras_serializable(package="tfrs_timirec")
class NDCG(tf.keras.metrics.Mean):
    """NDCG@k with one relevant item: 1 / log2(rank + 1) within the list.

    Args:
        k: length of the list.
        name: "ndcg_at_k" by default.
        dtype: type of the result.

    Call arguments:
        values: `(batch,)` ranks of the targets, 1 is best, as `target_ranks`
            gives them.
        sample_weight: weights of the targets; all alike by default.

    Raises:
        ValueError: if `k` is not a positive integer.

    Example:
    >>> float(NDCG(k=10)(tf.constant([1.0, 3.0, 11.0])))  # (1 + 1/2 + 0) / 3
    0.5

    Reference: Järvelin and Kekäläinen, *Cumulated gain-based evaluation of IR
    techniques*, TOIS 2002.
    """

    def __init__(self, k: int = 10, name: str | None = None, dtype: Any = None):
        check_positive_int("NDCG", k=k)
        super().__init__(name=name or f"ndcg_at_{k}", dtype=dtype)
        self.k = k

    def update_state(
        self, values: tf.Tensor, sample_weight: tf.Tensor | None = None
    ) -> tf.Tensor:
        """Adds a batch of ranks."""
        ranks = tf.cast(values, tf.float32)
        gains = tf.math.log(2.0) / tf.math.log(ranks + 1.0)
        gains = tf.where(ranks <= self.k, gains, 0.0)
        return super().update_state(gains, sample_weight)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "k": self.k}
