"""Raw histories as they come, put as a model reads them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from tfrs_timirec.data.interactions import NUM_RESERVED_IDS, Interactions
from tfrs_timirec.models.sequential_recommender import Features
from tfrs_timirec.serving.request_context import RequestContext


@dataclasses.dataclass(frozen=True)
class ReadHistory:
    """A batch of histories after reading.

    Args:
        seen: (batch, length) int32 vocabulary ids, padding in front.
        features: what the model reads: `item_ids`, (batch, max_history_length)
            int32, the newest of `seen`, and its context.
        order: (batch, length) int32, the place in the request of each entry
            of `seen`.
    """

    seen: tf.Tensor
    features: Features
    order: tf.Tensor

    def as_requested(self, weights: tf.Tensor) -> tf.Tensor:
        """Puts one weight for each item the model read where the item came.

        Args:
            weights: (batch, num_interests, max_history_length).

        Returns:
            (batch, num_interests, length); 0 for items that were not read.
        """
        length, num_read = tf.shape(self.order)[1], tf.shape(weights)[2]
        weights = tf.pad(weights, [[0, 0], [0, 0], [length, 0]])
        weights = weights[:, :, num_read:]  # Those of `seen`.
        place = tf.argsort(self.order, axis=1)
        place = tf.repeat(place[:, tf.newaxis], tf.shape(weights)[1], axis=1)
        return tf.gather(weights, place, batch_dims=2)


class HistoryReader(tf.Module):
    """Reads raw ids into vocabulary ids and writes them back, in a graph.

    Args:
        interactions: the log that the model was trained on; its items are the
            vocabulary.
        max_history_length: the newest items of a history that the model reads.
        feature_names: what the model reads.

    Raises:
        ValueError: if the log has no such feature.
    """

    def __init__(
        self,
        interactions: Interactions,
        max_history_length: int,
        feature_names: Sequence[str] = (),
    ):
        super().__init__(name="history_reader")
        self.context = RequestContext(interactions, feature_names)
        self.max_history_length = max_history_length
        items = interactions.items
        is_text = items.dtype == object
        raw_ids: list[Any] = items.tolist()
        padding: list[Any] = [""] if is_text else [-1, 0]
        known = set(raw_ids)
        padding = [value for value in padding if value not in known]
        self.id_dtype = tf.string if is_text else tf.int64
        self.no_item = padding[0] if padding else -1
        self._raw_ids = tf.constant(
            [self.no_item] * NUM_RESERVED_IDS + raw_ids, self.id_dtype
        )
        self._table = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(
                tf.constant(padding + raw_ids, self.id_dtype),
                tf.constant(
                    [0] * len(padding)
                    + [i + NUM_RESERVED_IDS for i in range(len(raw_ids))],
                    tf.int32,
                ),
            ),
            default_value=1,
        )

    def encode(self, raw_ids: tf.Tensor) -> tf.Tensor:
        """Returns vocabulary ids, of the same shape.

        Args:
            raw_ids: raw ids of any shape.

        Returns:
            int32; 0 for padding, 1 for an item that is not in the vocabulary.
        """
        return self._table.lookup(raw_ids)

    def decode(self, item_ids: tf.Tensor) -> tf.Tensor:
        """Returns raw ids, of the same shape.

        Args:
            item_ids: vocabulary ids; 0 and 1 become padding.
        """
        return tf.gather(self._raw_ids, item_ids)

    def read(
        self, raw_ids: tf.Tensor, context: Mapping[str, tf.Tensor]
    ) -> ReadHistory:
        """Reads histories.

        Args:
            raw_ids: (batch, length) raw ids, oldest first, padding anywhere.
            context: what `self.context.specs` names.
        """
        item_ids = self.encode(raw_ids)
        order = tf.argsort(tf.cast(item_ids > 0, tf.int32), axis=1, stable=True)
        seen = tf.gather(item_ids, order, batch_dims=1)
        newest = self._newest(seen)

        def align(values: tf.Tensor) -> tf.Tensor:
            check = tf.debugging.Assert(
                tf.reduce_all(tf.equal(tf.shape(values), tf.shape(raw_ids))),
                [
                    "`timestamps` must have the shape of `item_ids`. Received:",
                    tf.shape(values),
                    tf.shape(raw_ids),
                ],
            )
            with tf.control_dependencies([check]):
                values = tf.identity(values)
            return self._newest(tf.gather(values, order, batch_dims=1))

        features = self.context.read(context, newest, align)
        return ReadHistory(seen, {"item_ids": newest, **features}, order)

    def _newest(self, values: tf.Tensor) -> tf.Tensor:
        """Returns the last columns, (batch, max_history_length)."""
        length = self.max_history_length
        padded = tf.pad(values, [[0, 0], [length, 0]])
        return tf.ensure_shape(padded[:, -length:], (None, length))
