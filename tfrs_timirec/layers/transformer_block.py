"""One transformer layer over a history."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from tfrs_timirec._validation import check_positive_int, check_rate
from tfrs_timirec.layers.initialization import small_normal_dense
from tfrs_timirec.layers.layer_normalization import LayerNormalization
from tfrs_timirec.layers.masking import masked_softmax
from tfrs_timirec.layers.resumable_dropout import ResumableDropout

_LAYER_NORM_EPSILON = 1e-5  # The authors' (PyTorch's); Keras's is 1e-3.


@tf.keras.utils.register_keras_serializable(package="tfrs_timirec")
class TransformerBlock(tf.keras.layers.Layer):
    """Self-attention and a feed-forward layer, each normalized afterwards.

    One attention head without an output projection, post-LayerNorm: the layer
    that the authors' code puts before the extractor of the `+` models
    (Section 4.1.2, "ComiRec+"), and with `causal` that of SASRec. Theirs has
    no dropout.

    Args:
        feed_forward_dim: units of the hidden feed-forward layer.
        dropout: rate of the dropout of what each of the two layers adds.
        causal: let a place attend to itself and the places before it only.
        **kwargs: `name`, `dtype`, … of `tf.keras.layers.Layer`.

    Call arguments:
        item_vectors: `(batch, length, dim)`.
        mask: `(batch, length)` boolean, True for a real item; all by default.
            Nothing attends to padding; what stands in its own rows of the
            output is without meaning.
        pair_keys: `(batch, num_queries, length, dim)`, added to the keys: what
            a query sees of its relation to each place, as the time between
            them (Shaw et al., 2018). None by default.
        pair_values: the same for the values.
        last_only: compute the last place's row alone, which then must be a
            real item.
        training: whether dropout is on.

    Output shape: `(batch, num_queries, dim)`, where `num_queries` is the
        length, or 1 with `last_only`.

    Raises:
        ValueError: if `feed_forward_dim` is not a positive integer, or
            `dropout` lies outside [0, 1).

    Example:
    >>> layer = TransformerBlock(feed_forward_dim=64)
    >>> layer(tf.random.normal((2, 20, 64))).shape
    TensorShape([2, 20, 64])

    Reference: Vaswani et al., *Attention is all you need*, 2017; Shaw et al.,
    *Self-attention with relative position representations*, 2018.
    """

    def __init__(
        self,
        feed_forward_dim: int = 64,
        dropout: float = 0.0,
        causal: bool = False,
        **kwargs: Any,
    ):
        check_positive_int(
            "TransformerBlock", feed_forward_dim=feed_forward_dim
        )
        check_rate("TransformerBlock", dropout=dropout)
        super().__init__(**kwargs)
        self.feed_forward_dim = feed_forward_dim
        self.dropout = dropout
        self.causal = causal
        self.attention_dropout = ResumableDropout(
            dropout, name="attention_dropout", dtype=self.dtype_policy
        )
        self.feed_forward_dropout = ResumableDropout(
            dropout, name="feed_forward_dropout", dtype=self.dtype_policy
        )
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        """Creates the projections and the two normalizations."""
        dim, dtype = input_shape[-1], self.dtype_policy
        # Query, key and value as one product.
        self.attention_projection = small_normal_dense(
            3 * dim, "attention_projection", dtype=dtype
        )
        self.feed_forward_hidden = small_normal_dense(
            self.feed_forward_dim,
            "feed_forward_hidden",
            activation="relu",
            dtype=dtype,
        )
        self.feed_forward_output = small_normal_dense(
            dim, "feed_forward_output", dtype=dtype
        )
        self.attention_norm, self.feed_forward_norm = (
            LayerNormalization(
                epsilon=_LAYER_NORM_EPSILON, name=name, dtype=dtype
            )
            for name in ("attention_norm", "feed_forward_norm")
        )
        super().build(input_shape)

    def call(
        self,
        item_vectors: tf.Tensor,
        mask: tf.Tensor | None = None,
        *,
        pair_keys: tf.Tensor | None = None,
        pair_values: tf.Tensor | None = None,
        last_only: bool = False,
        training: bool | None = None,
    ) -> tf.Tensor:
        """Returns the vectors in the context of their history."""
        last_mask = None if mask is None else mask[:, -1:]
        if mask is None:
            mask = tf.ones(tf.shape(item_vectors)[:2], tf.bool)
        mask = mask[:, tf.newaxis]  # (batch, num_queries or 1, length)
        queries, keys, values = tf.split(
            self.attention_projection(item_vectors), 3, axis=-1
        )
        if last_only:  # The last place attends to all, causal or not.
            queries, item_vectors = queries[:, -1:], item_vectors[:, -1:]
        elif self.causal:
            places = tf.range(tf.shape(item_vectors)[1])
            mask &= places <= places[:, tf.newaxis]
        queries *= tf.cast(item_vectors.shape[-1], queries.dtype) ** -0.5
        logits = tf.matmul(queries, keys, transpose_b=True)
        if pair_keys is not None:
            pair_keys = tf.cast(pair_keys, queries.dtype)
            logits += tf.linalg.matvec(pair_keys, queries)
        attention = masked_softmax(logits, mask)  # (batch, queries, length)
        context = tf.matmul(attention, values)
        if pair_values is not None:
            pair_values = tf.cast(pair_values, values.dtype)
            context += tf.linalg.matvec(
                pair_values, attention, transpose_a=True
            )
        context = self.attention_dropout(context, training=training)
        hidden = self.attention_norm(item_vectors + context)
        output = self.feed_forward_output(self.feed_forward_hidden(hidden))
        output = self.feed_forward_dropout(output, training=training)
        output = self.feed_forward_norm(hidden + output)
        if last_only:  # Else Keras would pass the mask of all places on.
            output._keras_mask = last_mask
        return output

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "feed_forward_dim": self.feed_forward_dim,
            "dropout": self.dropout,
            "causal": self.causal,
        }
