"""ComiRec: several interests, scored greedily."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from tfrs_timirec.layers import SelfAttentiveExtractor
from tfrs_timirec.models.feature_specs import longest_history
from tfrs_timirec.models.sequential_recommender import (
    Features,
    SequentialRecommender,
)


@tf.keras.utils.register_keras_serializable(package="tfrs_timirec")
class ComiRec(SequentialRecommender):
    """Represents a user by K interests and scores by the best matching one.

    Trained, by default with BPR, on the interest that matches the target best
    (Eq. 2 and 10). This is the pretraining stage of TiMiRec, and with
    `transformer=True` the paper's ComiRec+.

    Args:
        vocabulary_size: number of ids, padding and unknown item included; not
            needed with an `extractor`.
        num_interests: number of interests (K).
        embedding_dim: size of item vectors and interests (D).
        attention_dim: hidden size of the extractor's attention (D_a).
        max_history_length: longest history (n).
        transformer: add the transformer layer of ComiRec+.
        positions_in_sum: whether interests sum positions too; see
            `SelfAttentiveExtractor`.
        dropout: rate of the dropout around and in the transformer layer; 0 as
            in the paper.
        extractor: another layer, as a `DynamicRoutingExtractor` (ComiRec-DR)
            or one of your own, called with item ids (batch, length) and giving
            interests (batch, num_interests, dim). It must have an attribute
            `item_embedding`, a layer whose `embeddings` are the
            (vocabulary_size, dim) item vectors. Takes the place of all
            arguments above; `max_history_length` counts where the layer has
            none of its own.
        **kwargs: `loss` of `SequentialRecommender`; `name` of
            `tf.keras.Model`.

    Raises:
        ValueError: if neither or both of `vocabulary_size` and `extractor` are
            given, or if `extractor` has no `item_embedding`.

    Example:
    >>> model = ComiRec(vocabulary_size=interactions.vocabulary_size)
    >>> model.compile(optimizer=AdamL2(learning_rate=1e-3))
    >>> model.fit(training_dataset(split), epochs=10)

    Reference: Cen et al., *Controllable multi-interest framework for
    recommendation*, KDD 2020; Section 3.1.2 of the paper.
    """

    def __init__(
        self,
        vocabulary_size: int | None = None,
        *,
        num_interests: int = 4,
        embedding_dim: int = 64,
        attention_dim: int = 8,
        max_history_length: int = 20,
        transformer: bool = False,
        positions_in_sum: bool = False,
        dropout: float = 0.0,
        extractor: tf.keras.layers.Layer | None = None,
        **kwargs: Any,
    ):
        if (vocabulary_size is None) == (extractor is None):
            raise ValueError(
                f"{type(self).__name__}: exactly one of `vocabulary_size` and"
                " `extractor` must be given."
                f" Received: vocabulary_size={vocabulary_size},"
                f" extractor={extractor}"
            )
        if extractor is not None and not hasattr(extractor, "item_embedding"):
            raise ValueError(
                f"{type(self).__name__}: `extractor` must have an attribute"
                " `item_embedding`, whose `embeddings` score the candidates."
                f" Received: extractor={extractor}. Give it a"
                " `tfrs_timirec.layers.ItemEmbedding`."
            )
        super().__init__(**kwargs)
        if vocabulary_size is not None:
            extractor = SelfAttentiveExtractor(
                vocabulary_size,
                num_interests=num_interests,
                embedding_dim=embedding_dim,
                attention_dim=attention_dim,
                max_history_length=max_history_length,
                transformer=transformer,
                positions_in_sum=positions_in_sum,
                dropout=dropout,
                name="extractor",
            )
        self.extractor: tf.keras.layers.Layer = extractor
        # Weights exist from here on, whatever stage a model starts with.
        self.max_history_length = longest_history(max_history_length, extractor)
        self({"item_ids": tf.zeros((1, self.max_history_length), tf.int32)})

    @property
    def item_embeddings(self) -> tf.Tensor:
        """(vocabulary_size, dim) vectors that candidates are scored with."""
        return self.extractor.item_embedding.embeddings

    def call(
        self, features: Features, training: bool | None = None
    ) -> tf.Tensor:
        """Returns the interests, (batch, num_interests, dim)."""
        return self.extractor(features["item_ids"])
