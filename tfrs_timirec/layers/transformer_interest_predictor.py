"""Interest predictor that attends to the history instead of scanning it."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from tfrs_timirec._validation import check_history_length, check_positive_int
from tfrs_timirec.layers.interest_predictor import _InterestPredictor
from tfrs_timirec.layers.length_groups import map_by_length
from tfrs_timirec.layers.recency_embedding import RecencyEmbedding
from tfrs_timirec.layers.transformer_block import TransformerBlock


@tf.keras.utils.register_keras_serializable(package="tfrs_timirec")
class TransformerInterestPredictor(_InterestPredictor):
    r"""Predicts the next interest from what the newest item attends to.

    Item and position vectors, both its own, pass through one transformer
    layer. The output s at the newest item takes the place of the GRU's state
    in Eq. 15, $z^q = W_2\,\mathrm{ReLU}(W_1 s + b_1) + b_2$. Nothing follows
    the newest item, so there is no need for a causal mask. Padding may stand
    on either side.

    Args:
        vocabulary_size: number of ids, padding and unknown item included.
        max_history_length: longest history (n).
        num_interests: number of interests (K).
        embedding_dim: size of item vectors and of the state (D).
        num_projection_layers: layers of the perceptron, 1 or 2.
        dropout: rate of the dropout in the 2-layer perceptron.
        **kwargs: `name`, `dtype`, … of `tf.keras.layers.Layer`.

    Input shape: `(batch, length)` integer item ids, 0 pads;
        `length <= max_history_length`.
    Output shape: `(batch, num_interests)` logits.

    Raises:
        ValueError: if a size is not a positive integer,
            `num_projection_layers` is neither 1 nor 2, `dropout` lies outside
            [0, 1), or a history is longer than `max_history_length`.

    Example:
    >>> predictor = TransformerInterestPredictor(vocabulary_size=100)
    >>> predictor(tf.constant([[0, 5, 7]])).shape
    TensorShape([1, 4])

    Reference: Section 3.5.2 for its place; Kang and McAuley, *Self-attentive
    sequential recommendation*, ICDM 2018, for reading the newest position.
    """

    def __init__(
        self,
        vocabulary_size: int,
        *,
        max_history_length: int = 20,
        **kwargs: Any,
    ):
        check_positive_int(
            "TransformerInterestPredictor",
            max_history_length=max_history_length,
        )
        super().__init__(vocabulary_size, **kwargs)
        self.max_history_length = max_history_length
        self.recency_embedding = RecencyEmbedding(
            max_history_length,
            self.embedding_dim,
            name="recency_embedding",
            dtype=self.dtype_policy,
        )
        self.transformer_block = TransformerBlock(
            self.embedding_dim,
            name="transformer_block",
            dtype=self.dtype_policy,
        )

    def call(
        self, item_ids: tf.Tensor, training: bool | None = None
    ) -> tf.Tensor:
        """Returns the logits z^q."""
        check_history_length(
            "TransformerInterestPredictor",
            item_ids.shape[1],
            self.max_history_length,
        )
        state = map_by_length(self._encode, item_ids)
        return self._project(state, training)

    def _encode(self, item_ids: tf.Tensor) -> tf.Tensor:
        """Returns (batch, dim) outputs at the last place, the newest item."""
        is_item = tf.not_equal(item_ids, 0)
        items = self.item_embedding(item_ids) + self.recency_embedding(is_item)
        hidden = self.transformer_block(items, mask=is_item)
        # A history without an item has no last one.
        return hidden[:, -1] * tf.cast(is_item[:, -1:], hidden.dtype)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "max_history_length": self.max_history_length,
        }
