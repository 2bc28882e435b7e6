"""SASRec: causal self-attention, read at the newest item."""

from __future__ import annotations

import functools
from typing import Any

import tensorflow as tf

from tfrs_timirec._validation import (
    check_history_length,
    check_positive_int,
    check_rate,
)
from tfrs_timirec.layers import (
    RecencyEmbedding,
    ResumableDropout,
    TransformerBlock,
)
from tfrs_timirec.layers.length_groups import map_by_length
from tfrs_timirec.models.feature_specs import empty_features
from tfrs_timirec.models.sequential_recommender import Features
from tfrs_timirec.models.single_vector_recommender import (
    SingleVectorRecommender,
)


@tf.keras.utils.register_keras_serializable(package="tfrs_timirec")
class SASRec(SingleVectorRecommender):
    """Represents a user by the newest item in the context of those before.

    Item and position vectors are added and passed through causal transformer
    blocks; the user vector is the output at the newest item. Of the last block
    nothing else is computed.

    As in the TiMiRec authors' code, a block has one attention head and
    normalizes after it adds, there is no dropout unless asked for, and
    positions count from the newest item. The original has two blocks with
    dropout and learns from the outputs at all positions at once.

    Args:
        vocabulary_size: number of ids, padding and unknown item included.
        embedding_dim: size of all vectors (D).
        max_history_length: longest history (n).
        num_blocks: transformer blocks; 1 in the authors' commands.
        dropout: rate of the dropout of what goes into the blocks and of what
            they add; 0 in the authors' code.
        **kwargs: `loss` of `SequentialRecommender`; `name` of
            `tf.keras.Model`.

    Raises:
        ValueError: if a size is not a positive integer, `dropout` lies
            outside [0, 1), or a history is longer than `max_history_length`.

    Example:
    >>> model = SASRec(interactions.vocabulary_size)
    >>> model.compile(optimizer=AdamL2(learning_rate=1e-3))
    >>> model.fit(training_dataset(split), epochs=10)

    Reference: Kang and McAuley, *Self-attentive sequential recommendation*,
    ICDM 2018.
    """

    def __init__(
        self,
        vocabulary_size: int,
        *,
        embedding_dim: int = 64,
        max_history_length: int = 20,
        num_blocks: int = 1,
        dropout: float = 0.0,
        **kwargs: Any,
    ):
        check_positive_int("SASRec", num_blocks=num_blocks)
        check_rate("SASRec", dropout=dropout)
        super().__init__(vocabulary_size, embedding_dim=embedding_dim, **kwargs)
        self.max_history_length = max_history_length
        self.recency_embedding = RecencyEmbedding(
            max_history_length, embedding_dim, name="recency_embedding"
        )
        self.hidden_dropout = ResumableDropout(dropout, name="hidden_dropout")
        self.blocks = causal_blocks(num_blocks, embedding_dim, dropout)
        self(empty_features(self.feature_names, max_history_length))

    def encode(
        self, features: Features, training: bool | None = None
    ) -> tf.Tensor:
        """Returns the user vectors, (batch, embedding_dim)."""
        check_history_length(
            "SASRec", features["item_ids"].shape[1], self.max_history_length
        )
        encode = functools.partial(self._encode, training=training)
        return map_by_length(encode, features["item_ids"])

    def _encode(self, item_ids: tf.Tensor, training: bool | None) -> tf.Tensor:
        """Encodes histories with padding in front."""
        mask = tf.not_equal(item_ids, 0)
        hidden = self.item_embedding(item_ids) + self.recency_embedding(mask)
        hidden = self.hidden_dropout(hidden, training=training)
        for block in self.blocks[:-1]:
            hidden = block(hidden, mask=mask, training=training)
        hidden = self.blocks[-1](
            hidden, mask=mask, last_only=True, training=training
        )
        return tf.squeeze(hidden, axis=1)


def causal_blocks(
    num_blocks: int, embedding_dim: int, dropout: float
) -> list[TransformerBlock]:
    """Returns the blocks that SASRec and TiSASRec pass a history through.

    Args:
        num_blocks: how many.
        embedding_dim: units of the hidden feed-forward layers.
        dropout: rate of the dropout of what they add.
    """
    return [
        TransformerBlock(
            embedding_dim, dropout=dropout, causal=True, name=f"block_{number}"
        )
        for number in range(num_blocks)
    ]
