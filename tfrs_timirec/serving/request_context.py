"""What a request says besides item ids, put as a model reads it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import tensorflow as tf

from tfrs_timirec.data.context_features import (
    HISTORY_FEATURE,
    TIME_FEATURES,
    read_attribute,
)
from tfrs_timirec.data.interactions import NUM_RESERVED_IDS, Interactions
from tfrs_timirec.serving.request_shapes import one_a_row

_TIME_SHAPES = {"timestamps": (None, None), "request_timestamp": (None,)}


class RequestContext(tf.Module):
    """Turns what a request gives by name into a model's context features.

    Times are taken as they come. `user_<column>` takes raw values, (batch, any
    number), of which those that are not in the training data count as none.
    `item_<column>` follows from the item ids: nobody needs to give it.

    Args:
        interactions: the log that the model was trained on.
        feature_names: what the model reads.

    Raises:
        ValueError: if the log has no such feature.
    """

    def __init__(
        self, interactions: Interactions, feature_names: Sequence[str]
    ):
        super().__init__(name="request_context")
        self.specs: dict[str, tf.TensorSpec] = {}
        self._item_ids: dict[str, tf.Tensor] = {}
        self._user_tables: dict[str, tf.lookup.StaticHashTable] = {}
        self._user_widths: dict[str, int] = {}
        for name in feature_names:
            if name == HISTORY_FEATURE:
                continue
            if name in TIME_FEATURES:
                self.specs[name] = tf.TensorSpec(_TIME_SHAPES[name], tf.int64)
                continue
            attribute = read_attribute(interactions, name)
            if name.startswith("item_"):
                ids = np.pad(attribute.ids, [(NUM_RESERVED_IDS, 0), (0, 0)])
                self._item_ids[name] = tf.constant(ids)
                continue
            values = tf.constant(attribute.values.tolist())
            if values.dtype != tf.string:
                values = tf.cast(values, tf.int64)
            ids = tf.range(1, attribute.size)
            self._user_tables[name] = tf.lookup.StaticHashTable(
                tf.lookup.KeyValueTensorInitializer(values, ids), 0
            )
            self._user_widths[name] = attribute.ids.shape[1]
            self.specs[name] = tf.TensorSpec((None, None), values.dtype)

    def read(
        self,
        given: Mapping[str, tf.Tensor],
        item_ids: tf.Tensor,
        align: Callable[[tf.Tensor], tf.Tensor],
    ) -> dict[str, tf.Tensor]:
        """Returns the features of a batch by name.

        Args:
            given: what `specs` names.
            item_ids: (batch, max_history_length) vocabulary ids that the model
                reads.
            align: puts (batch, length) values of a request's items where
                `item_ids` has these items.
        """
        features = {
            name: tf.gather(ids, item_ids)
            for name, ids in self._item_ids.items()
        }
        for name, table in self._user_tables.items():
            width = self._user_widths[name]
            ids = tf.pad(table.lookup(given[name]), [[0, 0], [0, width]])
            features[name] = tf.ensure_shape(ids[:, :width], (None, width))
        if "timestamps" in given:
            features["timestamps"] = tf.where(
                item_ids > 0, align(given["timestamps"]), 0
            )
        if "request_timestamp" in given:
            features["request_timestamp"] = one_a_row(
                "request_timestamp", given["request_timestamp"], item_ids
            )
        return features
