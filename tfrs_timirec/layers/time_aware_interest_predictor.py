"""Interest predictor that knows when things happened, and what time it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from tfrs_timirec.layers.interest_predictor import _InterestPredictor
from tfrs_timirec.layers.length_groups import align_right
from tfrs_timirec.layers.packed_gru import PackedGRU
from tfrs_timirec.layers.packing import pack
from tfrs_timirec.layers.time_embedding import TimeEmbedding


@tf.keras.utils.register_keras_serializable(package="tfrs_timirec")
class TimeAwareInterestPredictor(_InterestPredictor):
    r"""Predicts the next interest from the history, its times, and the time.

    The paper's outlook: "how to introduce temporal information into the
    target-interest predictor". An item is embedded with its hour of the day
    and the gap since the item before, and so is the request, the moment that
    is predicted for, in tables of its own (`TimeEmbedding`, $\tau$ and
    $\tau'$):

    $$s = \mathrm{GRU}(e_{i_1} + \tau_1, \dots, e_{i_n} + \tau_n), \quad
      z^q = W_2\,\mathrm{ReLU}(W_1 (s + \tau') + b_1) + b_2.$$

    Padding may stand on either side.

    Args:
        vocabulary_size: number of ids, padding and unknown item included.
        num_interests: number of interests (K).
        embedding_dim: size of item vectors and of the state (D).
        num_projection_layers: layers of the perceptron, 1 or 2.
        dropout: rate of the dropout in the 2-layer perceptron.
        **kwargs: `name`, `dtype`, … of `tf.keras.layers.Layer`.

    Call arguments:
        features: a dict of the `feature_names`: `item_ids` `(batch, length)`
            integers, 0 pads; `timestamps` `(batch, length)` int64 Unix
            seconds of the items; `request_timestamp` `(batch,)` int64.

    Output shape: `(batch, num_interests)` logits.

    Raises:
        ValueError: if a size is not a positive integer,
            `num_projection_layers` is neither 1 nor 2, or `dropout` lies
            outside [0, 1).

    Example:
    >>> predictor = TimeAwareInterestPredictor(vocabulary_size=100)
    >>> predictor({
    ...     "item_ids": tf.constant([[0, 5, 7]]),
    ...     "timestamps": tf.constant([[0, 1000, 1600]]),
    ...     "request_timestamp": tf.constant([90000]),
    ... }).shape
    TensorShape([1, 4])

    Reference: Section 5 (future work) and Section 3.5.2.
    """

    feature_names = ("item_ids", "timestamps", "request_timestamp")

    def __init__(self, vocabulary_size: int, **kwargs: Any):
        super().__init__(vocabulary_size, **kwargs)
        dtype = self.dtype_policy
        self.gru = PackedGRU(self.embedding_dim, name="gru", dtype=dtype)
        self.item_time, self.request_time = (
            TimeEmbedding(self.embedding_dim, name=name, dtype=dtype)
            for name in ("item_time", "request_time")
        )

    def build(self, input_shape: Any) -> None:
        """Creates the GRU's weights; all others come with the first call."""
        self.gru.build((None, None, self.embedding_dim))
        super().build(input_shape)

    def call(
        self, features: Mapping[str, tf.Tensor], training: bool | None = None
    ) -> tf.Tensor:
        """Returns the logits z^q."""
        timestamps = align_right(features["timestamps"], features["item_ids"])
        item_ids = align_right(features["item_ids"])
        is_item = tf.not_equal(item_ids, 0)
        packing = pack(is_item)
        items = self.item_embedding(packing.gather(item_ids))
        before = tf.pad(timestamps[:, :-1], [[0, 0], [1, 0]])
        has_before = tf.pad(is_item[:, :-1], [[0, 0], [1, 0]])
        gaps = _gaps(timestamps, before, has_before)
        items += self.item_time(
            packing.gather(timestamps), gaps=packing.gather(gaps)
        )
        state = self.gru.run(items, packing)  # (batch, dim)
        request = features["request_timestamp"]
        gap = _gaps(request, timestamps[:, -1], is_item[:, -1])
        return self._project(
            state + self.request_time(request, gaps=gap), training
        )


def _gaps(
    timestamps: tf.Tensor, before: tf.Tensor, has_before: tf.Tensor
) -> tf.Tensor:
    """Seconds from one moment to the next, never negative; -1 for none."""
    gaps = tf.maximum(timestamps - before, 0)
    return tf.where(has_before, gaps, -1)
