"""What the learned interest predictors share."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from tfrs_timirec._validation import check_positive_int, check_rate
from tfrs_timirec.layers.initialization import small_normal_dense
from tfrs_timirec.layers.item_embedding import ItemEmbedding
from tfrs_timirec.layers.resumable_dropout import ResumableDropout


class _InterestPredictor(tf.keras.layers.Layer):
    r"""Base of predictors that turn a state into one logit an interest.

    Its perceptron, which a subclass calls with `_project`, is Eq. 15,

    $$z^q = W_2\,\mathrm{ReLU}(W_1 s + b_1) + b_2.$$

    As in the authors' code, dropout stands between W_1 and the ReLU, and one
    projection layer means $z^q = W s + b$.

    Args:
        vocabulary_size: number of ids, padding and unknown item included.
        num_interests: number of interests (K).
        embedding_dim: size of item vectors and of the state (D).
        num_projection_layers: layers of the perceptron, 1 or 2.
        dropout: rate of the dropout in the 2-layer perceptron.
        **kwargs: `name`, `dtype`, … of `tf.keras.layers.Layer`.

    Raises:
        ValueError: if a size is not a positive integer,
            `num_projection_layers` is neither 1 nor 2, or `dropout` lies
            outside [0, 1).
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
        owner = type(self).__name__
        check_positive_int(owner, num_interests=num_interests)
        if num_projection_layers not in (1, 2):
            raise ValueError(
                f"{owner}: `num_projection_layers` must be 1 or 2."
                f" Received: num_projection_layers={num_projection_layers!r}"
            )
        check_rate(owner, dropout=dropout)
        super().__init__(**kwargs)
        self.vocabulary_size = vocabulary_size
        self.num_interests = num_interests
        self.embedding_dim = embedding_dim
        self.num_projection_layers = num_projection_layers
        self.dropout = dropout
        self.item_embedding = ItemEmbedding(
            vocabulary_size,
            embedding_dim,
            name="item_embedding",
            dtype=self.dtype_policy,
        )
        self.hidden_dropout = ResumableDropout(
            dropout, name="hidden_dropout", dtype=self.dtype_policy
        )

    def build(self, input_shape: Any) -> None:
        """Adds the perceptron, behind what the subclass has of its own."""
        dtype = self.dtype_policy
        self.hidden = (
            small_normal_dense(self.embedding_dim, "hidden", dtype=dtype)
            if self.num_projection_layers == 2
            else None
        )
        self.logits = small_normal_dense(
            self.num_interests, "logits", dtype=dtype
        )
        super().build(input_shape)

    def _project(self, state: tf.Tensor, training: bool | None) -> tf.Tensor:
        """Returns the (batch, num_interests) logits of (batch, …) states."""
        if self.hidden is not None:
            state = self.hidden_dropout(self.hidden(state), training=training)
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
