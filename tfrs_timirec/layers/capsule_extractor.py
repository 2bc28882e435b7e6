"""What the extractors that route share."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from tfrs_timirec._validation import check_history_length, check_positive_int
from tfrs_timirec.layers.item_embedding import ItemEmbedding
from tfrs_timirec.layers.length_groups import map_by_length


class _CapsuleExtractor(tf.keras.layers.Layer):
    """Base of extractors that find the interests by dynamic routing.

    A subclass implements `_extract`.

    Args:
        vocabulary_size: number of ids, padding and unknown item included.
        num_interests: number of interests (K).
        embedding_dim: size of item vectors and interests (D).
        max_history_length: longest history (n).
        num_iterations: iterations of the routing.
        **kwargs: `name`, `dtype`, … of `tf.keras.layers.Layer`.

    Raises:
        ValueError: if a size is not a positive integer.
    """

    def __init__(
        self,
        vocabulary_size: int,
        *,
        num_interests: int = 4,
        embedding_dim: int = 64,
        max_history_length: int = 20,
        num_iterations: int = 3,
        **kwargs: Any,
    ):
        check_positive_int(
            type(self).__name__,
            num_interests=num_interests,
            max_history_length=max_history_length,
            num_iterations=num_iterations,
        )
        super().__init__(**kwargs)
        self.vocabulary_size = vocabulary_size
        self.num_interests = num_interests
        self.embedding_dim = embedding_dim
        self.max_history_length = max_history_length
        self.num_iterations = num_iterations
        self.item_embedding = ItemEmbedding(
            vocabulary_size,
            embedding_dim,
            name="item_embedding",
            dtype=self.dtype_policy,
        )

    def call(self, item_ids: tf.Tensor) -> tf.Tensor:
        """Returns the interests."""
        check_history_length(
            type(self).__name__, item_ids.shape[1], self.max_history_length
        )
        return map_by_length(self._extract, item_ids)

    def _extract(self, item_ids: tf.Tensor) -> tf.Tensor:
        """Returns the interests of histories with padding in front."""
        raise NotImplementedError(
            f"{type(self).__name__} must define `_extract`."
        )

    def _add_vote_kernel(self, *shape: int) -> tf.Variable:
        """Adds a kernel whose votes are as long as the items.

        Routing squares lengths below 1: with the N(0, 0.01) of other layers
        the interests would start at next to nothing.
        """
        return self.add_weight(
            name="vote_kernel",
            shape=shape,
            initializer=tf.keras.initializers.RandomNormal(
                stddev=self.embedding_dim**-0.5
            ),
        )

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "vocabulary_size": self.vocabulary_size,
            "num_interests": self.num_interests,
            "embedding_dim": self.embedding_dim,
            "max_history_length": self.max_history_length,
            "num_iterations": self.num_iterations,
        }
