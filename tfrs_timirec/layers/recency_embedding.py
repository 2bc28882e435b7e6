"""Position embedding, counted from the newest item."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from tfrs_timirec._validation import check_positive_int
from tfrs_timirec.layers.initialization import small_normal


@tf.keras.utils.register_keras_serializable(package="tfrs_timirec")
class RecencyEmbedding(tf.keras.layers.Layer):
    """Embeds how many items ago an item came: the newest is 1.

    Section 3.5.1 adds a trainable embedding of the position to every item. The
    authors' code counts from the end, so that "the last item" has the same
    vector in a short and in a long history; this layer does the same. In
    histories that are aligned at their ends, as `align_right` makes them, a
    column is a position, and all rows have the same vectors. Padding in front
    gets a vector, too: it is masked wherever histories are read.

    Args:
        max_history_length: the largest position (n).
        embedding_dim: size of a vector (D).
        **kwargs: `name`, `dtype`, … of `tf.keras.layers.Layer`.

    Input shape: `(batch, length)` of any type, of which only the length is
        read; `length <= max_history_length`.
    Output shape: `(1, length, embedding_dim)`, to be added to item vectors.

    Raises:
        ValueError: if a size is not a positive integer, or a history is longer
            than `max_history_length`.

    Example:
    >>> layer = RecencyEmbedding(max_history_length=20, embedding_dim=64)
    >>> layer(tf.constant([[0, 5, 7], [0, 0, 9]])).shape
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
        """Creates the (max_history_length, embedding_dim) table."""
        self.embeddings = self.add_weight(
            name="embeddings",
            shape=(self.max_history_length, self.embedding_dim),
            initializer=small_normal(),
        )
        super().build(input_shape)

    def call(self, item_ids: tf.Tensor) -> tf.Tensor:
        """Returns the vectors of the columns."""
        length = item_ids.shape[1]
        if length is None:
            length = tf.shape(item_ids)[1]
        elif length > self.max_history_length:
            raise ValueError(
                "RecencyEmbedding: a history must not be longer than"
                f" `max_history_length` ({self.max_history_length})."
                f" Received: item_ids.shape={item_ids.shape}. Keep the"
                " newest items, or make the layer with a larger"
                " `max_history_length`."
            )
        newest_last = tf.reverse(self.embeddings[:length], axis=[0])
        return tf.cast(newest_last, self.compute_dtype)[tf.newaxis]

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "max_history_length": self.max_history_length,
            "embedding_dim": self.embedding_dim,
        }
