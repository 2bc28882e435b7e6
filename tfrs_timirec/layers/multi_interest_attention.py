"""Self-attentive pooling of a history into several interests."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from tfrs_timirec._validation import check_positive_int
from tfrs_timirec.layers.initialization import small_normal
from tfrs_timirec.layers.masking import masked_softmax


@tf.keras.utils.register_keras_serializable(package="tfrs_timirec")
class MultiInterestAttention(tf.keras.layers.Layer):
    r"""Sums a history in K ways, each with attention weights of its own.

    With H the vectors of the items (one a column), Eq. 12 and 13 are

    $$A = \mathrm{softmax}(W_2^\top \tanh(W_1 H))^\top, \quad V = H A,$$

    where the softmax runs over the items of a history. Padding gets no weight;
    a history without a single item gives zeros.

    Args:
        num_interests: number of interests (K).
        attention_dim: rows of W_1 (D_a); 8 in the authors' code.
        **kwargs: `name`, `dtype`, … of `tf.keras.layers.Layer`.

    Call arguments:
        item_vectors: `(batch, length, dim)`, what the weights are computed
            from (H).
        values: `(batch, length, value_dim)`, what is summed; `item_vectors` by
            default.
        mask: `(batch, length)` boolean, True for a real item; all by default.
        return_attention: also return the weights.

    Output shape: `(batch, num_interests, value_dim)`; with
        `return_attention=True` a pair of it and the weights,
        `(batch, num_interests, length)`.

    Raises:
        ValueError: if a size is not a positive integer.

    Example:
    >>> layer = MultiInterestAttention(num_interests=4)
    >>> layer(tf.random.normal((2, 20, 64))).shape
    TensorShape([2, 4, 64])

    Reference: Section 3.5.1; Lin et al., *A structured self-attentive sentence
    embedding*, 2017.
    """

    def __init__(
        self, num_interests: int = 4, attention_dim: int = 8, **kwargs: Any
    ):
        check_positive_int(
            "MultiInterestAttention",
            num_interests=num_interests,
            attention_dim=attention_dim,
        )
        super().__init__(**kwargs)
        self.num_interests = num_interests
        self.attention_dim = attention_dim
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        """Creates W_1 (dim, attention_dim), W_2 (attention_dim, K)."""
        self.hidden_kernel = self.add_weight(
            name="hidden_kernel",
            shape=(input_shape[-1], self.attention_dim),
            initializer=small_normal(),
        )
        self.interest_kernel = self.add_weight(
            name="interest_kernel",
            shape=(self.attention_dim, self.num_interests),
            initializer=small_normal(),
        )
        super().build(input_shape)

    def call(
        self,
        item_vectors: tf.Tensor,
        values: tf.Tensor | None = None,
        mask: tf.Tensor | None = None,
        return_attention: bool = False,
    ) -> tf.Tensor | tuple[tf.Tensor, tf.Tensor]:
        """Returns the interests."""
        if values is None:
            values = item_vectors
        values = tf.cast(values, self.compute_dtype)
        if mask is None:
            mask = tf.ones(tf.shape(item_vectors)[:2], tf.bool)
        length, dim = tf.shape(item_vectors)[1], item_vectors.shape[-1]
        flat = tf.reshape(item_vectors, (-1, dim))
        hidden = tf.tanh(tf.matmul(flat, self.hidden_kernel))
        logits = tf.matmul(hidden, self.interest_kernel)
        logits = tf.reshape(logits, (-1, length, self.num_interests))
        logits = tf.transpose(logits, (0, 2, 1))  # (batch, K, length)
        attention = masked_softmax(logits, mask[:, tf.newaxis])
        interests = tf.matmul(attention, values)  # (batch, K, dim)
        return (interests, attention) if return_attention else interests

    def compute_mask(self, *args: Any, **kwargs: Any) -> None:
        """Returns None: interests are never padding."""

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "num_interests": self.num_interests,
            "attention_dim": self.attention_dim,
        }
