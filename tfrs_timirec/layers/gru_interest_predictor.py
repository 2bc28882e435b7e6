"""Target-interest predictor: item ids in, interest logits out."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from tfrs_timirec.layers.interest_predictor import _InterestPredictor
from tfrs_timirec.layers.packed_gru import PackedGRU
from tfrs_timirec.layers.packing import pack


@tf.keras.utils.register_keras_serializable(package="tfrs_timirec")
class GRUInterestPredictor(_InterestPredictor):
    r"""Predicts which interest the next item comes from (Eq. 14 and 15).

    A GRU reads the history through an item embedding of its own, and a
    multi-layer perceptron turns its last state s into one logit an interest:

    $$s = \mathrm{GRU}(H'), \quad z^q = W_2\,\mathrm{ReLU}(W_1 s + b_1) + b_2.$$

    As in the authors' code, dropout stands between W_1 and the ReLU, and one
    projection layer means $z^q = W s + b$. Padding may stand on either side.

    Args:
        vocabulary_size: number of ids, padding and unknown item included.
        num_interests: number of interests (K).
        embedding_dim: size of item vectors and of the GRU's state (D).
        num_projection_layers: layers of the perceptron, 1 or 2.
        dropout: rate of the dropout in the 2-layer perceptron.
        **kwargs: `name`, `dtype`, … of `tf.keras.layers.Layer`.

    Input shape: `(batch, length)` integer item ids, 0 pads; the length must be
        known when the layer is first called.
    Output shape: `(batch, num_interests)` logits.

    Raises:
        ValueError: if a size is not a positive integer,
            `num_projection_layers` is neither 1 nor 2, or `dropout` lies
            outside [0, 1).

    Example:
    >>> predictor = GRUInterestPredictor(vocabulary_size=100, num_interests=4)
    >>> predictor(tf.constant([[0, 5, 7]])).shape
    TensorShape([1, 4])

    Reference: Section 3.5.2.
    """

    def __init__(self, vocabulary_size: int, **kwargs: Any):
        super().__init__(vocabulary_size, **kwargs)
        self.gru = PackedGRU(
            self.embedding_dim, name="gru", dtype=self.dtype_policy
        )

    def build(self, input_shape: Any) -> None:
        """Creates the GRU's weights; all others come with the first call."""
        self.gru.build((None, None, self.embedding_dim))
        super().build(input_shape)

    def call(
        self, item_ids: tf.Tensor, training: bool | None = None
    ) -> tf.Tensor:
        """Returns the logits z^q."""
        packing = pack(tf.not_equal(item_ids, 0))
        items = self.item_embedding(packing.gather(item_ids))
        state = self.gru.run(items, packing)  # (batch, dim)
        return self._project(state, training)
