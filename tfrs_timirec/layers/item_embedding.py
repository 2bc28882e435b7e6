"""Item embedding table."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from tfrs_timirec._validation import check_positive_int
from tfrs_timirec.layers.initialization import small_normal


@tf.keras.utils.register_keras_serializable(package="tfrs_timirec")
class ItemEmbedding(tf.keras.layers.Layer):
    """Looks up one trainable vector per item; id 0 is padding and masked.

    The table starts at N(0, 0.01), as in the authors' code. The same table
    embeds histories and scores candidates.

    Args:
        vocabulary_size: number of ids, padding (0) and unknown item (1)
            included.
        embedding_dim: size of a vector (D).
        **kwargs: `name`, `dtype`, … of `tf.keras.layers.Layer`.

    Input shape: integer ids of any shape.
    Output shape: the input's, and `(embedding_dim,)` behind it.

    Raises:
        ValueError: if a size is not a positive integer.

    Example:
    >>> layer = ItemEmbedding(vocabulary_size=100, embedding_dim=64)
    >>> layer(tf.constant([[0, 5, 7]])).shape
    TensorShape([1, 3, 64])
    """

    def __init__(
        self, vocabulary_size: int, embedding_dim: int = 64, **kwargs: Any
    ):
        check_positive_int(
            "ItemEmbedding",
            vocabulary_size=vocabulary_size,
            embedding_dim=embedding_dim,
        )
        super().__init__(**kwargs)
        self.vocabulary_size = vocabulary_size
        self.embedding_dim = embedding_dim

    def build(self, input_shape: Any) -> None:
        """Creates the (vocabulary_size, embedding_dim) table."""
        self.embeddings = self.add_weight(
            name="embeddings",
            shape=(self.vocabulary_size, self.embedding_dim),
            initializer=small_normal(),
        )
        super().build(input_shape)

    def call(self, item_ids: tf.Tensor) -> tf.Tensor:
        """Returns the vectors of `item_ids`."""
        if item_ids.dtype not in (tf.int32, tf.int64):  # As lookups take them.
            item_ids = tf.cast(item_ids, tf.int32)
        vectors = tf.nn.embedding_lookup(self.embeddings, item_ids)
        return tf.cast(vectors, self.compute_dtype)

    def compute_mask(self, item_ids: tf.Tensor, mask: Any = None) -> tf.Tensor:
        """Returns True for real items, False for padding."""
        return tf.not_equal(item_ids, 0)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "vocabulary_size": self.vocabulary_size,
            "embedding_dim": self.embedding_dim,
        }
