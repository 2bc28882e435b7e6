"""GRU4Rec: a recurrent network reads the history."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from tfrs_timirec.layers import PackedGRU, pack
from tfrs_timirec.layers.initialization import small_normal_dense
from tfrs_timirec.models.feature_specs import empty_features
from tfrs_timirec.models.sequential_recommender import Features
from tfrs_timirec.models.single_vector_recommender import (
    SingleVectorRecommender,
)


@tf.keras.utils.register_keras_serializable(package="tfrs_timirec")
class GRU4Rec(SingleVectorRecommender):
    r"""Represents a user by the last state of a GRU over the history.

    With s the last state, the user vector is $v = W s + b$, as in the TiMiRec
    authors' code; the state is as large as an item vector. By default trained
    with BPR on sampled negatives, where the original compares with the other
    sessions of a batch.

    Args:
        vocabulary_size: number of ids, padding and unknown item included.
        embedding_dim: size of item and user vectors and of the state (D).
        **kwargs: `loss` of `SequentialRecommender`; `name` of
            `tf.keras.Model`.

    Raises:
        ValueError: if a size is not a positive integer.

    Example:
    >>> model = GRU4Rec(interactions.vocabulary_size)
    >>> model.compile(optimizer=AdamL2(learning_rate=1e-3))
    >>> model.fit(training_dataset(split), epochs=10)

    Reference: Hidasi et al., *Session-based recommendations with recurrent
    neural networks*, ICLR 2016.
    """

    def __init__(
        self, vocabulary_size: int, *, embedding_dim: int = 64, **kwargs: Any
    ):
        super().__init__(vocabulary_size, embedding_dim=embedding_dim, **kwargs)
        self.gru = PackedGRU(embedding_dim, name="gru")
        self.gru.build((None, None, embedding_dim))
        self.output_projection = small_normal_dense(
            embedding_dim, "output_projection"
        )
        self(empty_features(self.feature_names, 1))
        self._save_with(None)  # Histories of any length.

    def encode(
        self, features: Features, training: bool | None = None
    ) -> tf.Tensor:
        """Returns the user vectors, (batch, embedding_dim)."""
        item_ids = features["item_ids"]
        packing = pack(tf.not_equal(item_ids, 0))
        items = self.item_embedding(packing.gather(item_ids))
        return self.output_projection(self.gru.run(items, packing))
