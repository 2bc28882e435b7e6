"""Target-interest predictor: item ids in, interest logits out."""

from __future__ import annotations

import random
from typing import Any

import tensorflow as tf

from tfrs_timirec._validation import check_positive_int
from tfrs_timirec.layers.initialization import small_normal_dense
from tfrs_timirec.layers.item_embedding import ItemEmbedding
from tfrs_timirec.layers.packed_gru import PackedGRU
from tfrs_timirec.layers.packing import pack


@tf.keras.utils.register_keras_serializable(package="tfrs_timirec")
class GRUInterestPredictor(tf.keras.layers.Layer):
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

    def __init__(
        self,
        vocabulary_size: int,
        *,
        num_interests: int = 4,
        embedding_dim: int = 64,
        num_projection_layers: int = 2,
        dropout: float = 0.5,
        **kwargs: Any,
    ):
        check_positive_int("GRUInterestPredictor", num_interests=num_interests)
        if num_projection_layers not in (1, 2):
            raise ValueError(
                "GRUInterestPredictor: `num_projection_layers` must be 1 or 2."
                f" Received: num_projection_layers={num_projection_layers!r}"
            )
        if not 0 <= dropout < 1:
            raise ValueError(
                "GRUInterestPredictor: `dropout` must lie in [0, 1)."
                f" Received: dropout={dropout!r}"
            )
        super().__init__(**kwargs)
        self.vocabulary_size = vocabulary_size
        self.num_interests = num_interests
        self.embedding_dim = embedding_dim
        self.num_projection_layers = num_projection_layers
        self.dropout = dropout
        self.item_embedding = ItemEmbedding(
            vocabulary_size, embedding_dim, name="item_embedding"
        )
        self.gru = PackedGRU(embedding_dim, name="gru")
        self.hidden = (
            small_normal_dense(embedding_dim, "hidden")
            if num_projection_layers == 2
            else None
        )
        self.logits = small_normal_dense(num_interests, "logits")
        # Unlike that of Keras's Dropout, this state is saved in checkpoints.
        self.random_generator = tf.random.Generator.from_seed(
            random.getrandbits(31)
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
        if self.hidden is not None:
            state = self.hidden(state)
            if training and self.dropout:
                state = tf.nn.experimental.stateless_dropout(
                    state,
                    rate=self.dropout,
                    seed=self.random_generator.make_seeds(1)[:, 0],
                )
            state = tf.nn.relu(state)
        return self.logits(state)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "vocabulary_size": self.vocabulary_size,
            "num_interests": self.num_interests,
            "embedding_dim": self.embedding_dim,
            "num_projection_layers": self.num_projection_layers,
            "dropout": self.dropout,
        }
