"""Multi-interest extractor: item ids in, interests out."""

from __future__ import annotations

import functools
from typing import Any

import tensorflow as tf

from tfrs_timirec._validation import check_history_length, check_rate
from tfrs_timirec.layers.item_embedding import ItemEmbedding
from tfrs_timirec.layers.length_groups import map_by_length
from tfrs_timirec.layers.multi_interest_attention import MultiInterestAttention
from tfrs_timirec.layers.recency_embedding import RecencyEmbedding
from tfrs_timirec.layers.resumable_dropout import ResumableDropout
from tfrs_timirec.layers.transformer_block import TransformerBlock


@tf.keras.utils.register_keras_serializable(package="tfrs_timirec")
class SelfAttentiveExtractor(tf.keras.layers.Layer):
    """Extracts K interests from a history (Section 3.5.1, Eq. 12 and 13).

    Item and position vectors are added (H), optionally passed through one
    transformer layer, and summed by `MultiInterestAttention`.

    What is summed is a choice that the paper leaves open. Without a
    transformer, positions always weigh the items, and `positions_in_sum` says
    whether they are part of what is summed: the authors' stand-alone ComiRec
    leaves them out, their TiMiRec keeps them in. With a transformer its
    outputs are summed, in which positions are mixed already, and
    `positions_in_sum` must stay False.

    Args:
        vocabulary_size: number of ids, padding and unknown item included.
        num_interests: number of interests (K).
        embedding_dim: size of item vectors and interests (D).
        attention_dim: hidden size of the attention (D_a).
        max_history_length: longest history (n).
        transformer: add the transformer layer of the `+` models.
        positions_in_sum: sum item plus position instead of item alone.
        dropout: rate of the dropout of H and in the transformer layer; 0 as in
            the paper.
        **kwargs: `name`, `dtype`, … of `tf.keras.layers.Layer`.

    Input shape: `(batch, length)` integer item ids, 0 pads.
    Output shape: `(batch, num_interests, embedding_dim)`.

    Raises:
        ValueError: if a size is not a positive integer, if
            `positions_in_sum` and `transformer` are both set, if `dropout`
            lies outside [0, 1), or a history is longer than
            `max_history_length`.

    Example:
    >>> extractor = SelfAttentiveExtractor(vocabulary_size=100)
    >>> extractor(tf.constant([[0, 5, 7]])).shape
    TensorShape([1, 4, 64])

    Reference: Cen et al., *Controllable multi-interest framework for
    recommendation* (ComiRec-SA), KDD 2020.
    """

    def __init__(
        self,
        vocabulary_size: int,
        *,
        num_interests: int = 4,
        embedding_dim: int = 64,
        attention_dim: int = 8,
        max_history_length: int = 20,
        transformer: bool = False,
        positions_in_sum: bool = False,
        dropout: float = 0.0,
        **kwargs: Any,
    ):
        if transformer and positions_in_sum:
            raise ValueError(
                "SelfAttentiveExtractor: `positions_in_sum` must be False with"
                " a transformer, whose outputs are summed and hold the"
                " positions already. Received: positions_in_sum=True,"
                " transformer=True"
            )
        check_rate("SelfAttentiveExtractor", dropout=dropout)
        super().__init__(**kwargs)
        self.vocabulary_size = vocabulary_size
        self.num_interests = num_interests
        self.embedding_dim = embedding_dim
        self.attention_dim = attention_dim
        self.max_history_length = max_history_length
        self.transformer = transformer
        self.positions_in_sum = positions_in_sum
        self.dropout = dropout
        dtype = self.dtype_policy
        self.item_embedding = ItemEmbedding(
            vocabulary_size, embedding_dim, name="item_embedding", dtype=dtype
        )
        self.recency_embedding = RecencyEmbedding(
            max_history_length,
            embedding_dim,
            name="recency_embedding",
            dtype=dtype,
        )
        self.hidden_dropout = ResumableDropout(
            dropout, name="hidden_dropout", dtype=dtype
        )
        self.attention = MultiInterestAttention(
            num_interests, attention_dim, name="attention", dtype=dtype
        )
        self.transformer_block = (
            TransformerBlock(
                embedding_dim,
                dropout=dropout,
                name="transformer_block",
                dtype=dtype,
            )
            if transformer
            else None
        )

    def call(
        self,
        item_ids: tf.Tensor,
        return_attention: bool = False,
        training: bool | None = None,
    ) -> tf.Tensor | tuple[tf.Tensor, tf.Tensor]:
        """Returns the interests, and on request each item's weights."""
        check_history_length(
            "SelfAttentiveExtractor", item_ids.shape[1], self.max_history_length
        )
        if return_attention:
            return self._extract(item_ids, training, return_attention=True)
        extract = functools.partial(self._extract, training=training)
        return map_by_length(extract, item_ids)

    def _extract(
        self,
        item_ids: tf.Tensor,
        training: bool | None,
        return_attention: bool = False,
    ) -> tf.Tensor | tuple[tf.Tensor, tf.Tensor]:
        valid_mask = tf.not_equal(item_ids, 0)
        items = self.item_embedding(item_ids)  # (batch, length, dim)
        hidden = items + self.recency_embedding(valid_mask)
        hidden = self.hidden_dropout(hidden, training=training)
        if self.transformer_block is not None:
            hidden = self.transformer_block(
                hidden, mask=valid_mask, training=training
            )
            values = hidden
        else:
            values = hidden if self.positions_in_sum else items
        return self.attention(
            hidden,
            values=values,
            mask=valid_mask,
            return_attention=return_attention,
        )

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "vocabulary_size": self.vocabulary_size,
            "num_interests": self.num_interests,
            "embedding_dim": self.embedding_dim,
            "attention_dim": self.attention_dim,
            "max_history_length": self.max_history_length,
            "transformer": self.transformer,
            "positions_in_sum": self.positions_in_sum,
            "dropout": self.dropout,
        }
