"""Position embedding, counted from the newest item."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from tfrs_timirec._validation import check_history_length, check_positive_int
from tfrs_timirec.layers.initialization import small_normal


@tf.keras.utils.register_keras_serializable(package="tfrs_timirec")
class RecencyEmbedding(tf.keras.layers.Layer):
    """Embeds how many items ago an item came: the newest is 1, padding is 0.

    Section 3.5.1 adds a trainable embedding of the position to every item. The
    authors' code counts from the end, so that "the last item" has the same
    vector in a short and in a long history; this layer does the same. Padding
    may stand before or behind the items.

    Args:
        max_history_length: the largest position (n).
        embedding_dim: size of a vector (D).
        **kwargs: `name`, `dtype`, … of `tf.keras.layers.Layer`.

    Input shape: `(batch, length)` boolean, True for a real item;
        `length <= max_history_length`.
    Output shape: `(batch, length, embedding_dim)`.

    Raises:
        ValueError: if a size is not a positive integer, or a history is longer
            than `max_history_length`.

    Example:
    >>> layer = RecencyEmbedding(max_history_length=20, embedding_dim=64)
    >>> layer(tf.constant([[False, True, True]])).shape
    TensorShape([1, 3, 64])
    """

    def __init__(
        self,
        max_history_length: int = 20,
        embedding_dim: int = 64,
        **kwargs: Any,
    ):
        check_positive_int(
            "RecencyEmbedding",
            max_history_length=max_history_length,
            embedding_dim=embedding_dim,
        )
        super().__init__(**kwargs)
        self.max_history_length = max_history_length
        self.embedding_dim = embedding_dim

    def build(self, input_shape: Any) -> None:
        """Creates the (max_history_length + 1, embedding_dim) table."""
        self.embeddings = self.add_weight(
            name="embeddings",
            shape=(self.max_history_length + 1, self.embedding_dim),
            initializer=small_normal(),
        )
        super().build(input_shape)

    def call(self, valid_mask: tf.Tensor) -> tf.Tensor:
        """Returns the vectors of the positions."""
        check_history_length(
            "RecencyEmbedding", valid_mask.shape[1], self.max_history_length
        )
        if valid_mask.shape[1] is None:
            tf.debugging.assert_less_equal(
                tf.shape(valid_mask)[1],
                self.max_history_length,
                "RecencyEmbedding: a history must not be longer than"
                f" `max_history_length` ({self.max_history_length}).",
            )
        is_item = tf.cast(valid_mask, tf.int32)
        positions = is_item * tf.cumsum(is_item, axis=1, reverse=True)
        # A product with one-hot rows: cheaper than a gather's gradient, which
        # would add thousands of rows into a table of some twenty.
        one_hot = tf.one_hot(
            positions, self.max_history_length + 1, dtype=self.compute_dtype
        )
        flat = tf.matmul(
            tf.reshape(one_hot, (-1, self.max_history_length + 1)),
            tf.cast(self.embeddings, self.compute_dtype),
        )
        shape = (-1, tf.shape(valid_mask)[1], self.embedding_dim)
        return tf.reshape(flat, shape)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "max_history_length": self.max_history_length,
            "embedding_dim": self.embedding_dim,
        }
