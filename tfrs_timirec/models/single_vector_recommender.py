"""What the recommenders with one user vector share."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from tfrs_timirec._validation import check_positive_int
from tfrs_timirec.layers import ItemEmbedding
from tfrs_timirec.models.sequential_recommender import (
    Features,
    SequentialRecommender,
)


class SingleVectorRecommender(SequentialRecommender):
    """Base of models that turn a history into one user vector.

    A subclass implements `encode(features) -> (batch, embedding_dim)` and adds
    its layers to `item_embedding`, which embeds histories and scores
    candidates. Training has one stage, by default with BPR (Eq. 10).

    Args:
        vocabulary_size: number of ids, padding and unknown item included.
        embedding_dim: size of item and user vectors (D).
        **kwargs: `loss` of `SequentialRecommender`; `name` of
            `tf.keras.Model`.

    Raises:
        ValueError: if a size is not a positive integer.

    Example:
    >>> # A recommender that knows only the last item.
    >>> class LastItem(SingleVectorRecommender):
    ...     def encode(self, features, training=None):
    ...         return self.item_embedding(features["item_ids"][:, -1])
    ...
    >>> model = LastItem(interactions.vocabulary_size)
    """

    def __init__(
        self, vocabulary_size: int, *, embedding_dim: int = 64, **kwargs: Any
    ):
        check_positive_int(
            type(self).__name__,
            vocabulary_size=vocabulary_size,
            embedding_dim=embedding_dim,
        )
        super().__init__(**kwargs)
        self.item_embedding = ItemEmbedding(
            vocabulary_size, embedding_dim, name="item_embedding"
        )

    @property
    def item_embeddings(self) -> tf.Tensor:
        """(vocabulary_size, dim) vectors that candidates are scored with."""
        return self.item_embedding.embeddings

    def encode(
        self, features: Features, training: bool | None = None
    ) -> tf.Tensor:
        """Returns the user vectors, (batch, embedding_dim).

        Args:
            features: a batch of `training_dataset` or `evaluation_dataset`.
            training: whether dropout is on.
        """
        raise NotImplementedError(
            f"{type(self).__name__} must define `encode`."
        )

    def call(
        self, features: Features, training: bool | None = None
    ) -> tf.Tensor:
        """Returns the user vectors, (batch, 1, embedding_dim)."""
        return self.encode(features, training=training)[:, tf.newaxis]
