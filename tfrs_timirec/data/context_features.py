"""What a model may read besides the item ids of a history."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from tfrs_timirec.data.interactions import Interactions

HISTORY_FEATURE = "item_ids"  # What every batch has.
TIME_FEATURES = ("timestamps", "request_timestamp")


class ContextFeatures:
    """Gathers the features that a model names, and no others.

    - `timestamps`: (batch, length) int64 Unix seconds of the history's items,
      0 where padded;
    - `request_timestamp`: (batch,) int64 Unix seconds of the moment that is
      predicted for. It is known when a recommendation is asked for: it is
      "now". In a log it is the time of the target.

    Args:
        interactions: the log.
        names: the features to gather; `item_ids`, which every batch has, may
            be among them.

    Raises:
        ValueError: if a feature is unknown.
    """

    def __init__(self, interactions: Interactions, names: Sequence[str]):
        for name in names:
            if name not in (HISTORY_FEATURE, *TIME_FEATURES):
                raise ValueError(
                    "`features` must hold names out of"
                    f" {', '.join((HISTORY_FEATURE, *TIME_FEATURES))}."
                    f" Received: features={tuple(names)!r}"
                )
        self._names = frozenset(names)
        if self._names & set(TIME_FEATURES):
            self._timestamps = tf.constant(interactions.timestamps)

    def __call__(
        self, positions: tf.Tensor, places: tf.Tensor, is_item: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """Returns the features of a batch by name.

        Args:
            positions: (batch,) positions of the targets in the log.
            places: (batch, length) positions of the histories' items.
            is_item: (batch, length) False where `places` is padding.
        """
        features = {}
        if "timestamps" in self._names:
            timestamps = tf.gather(self._timestamps, places)
            features["timestamps"] = tf.where(is_item, timestamps, 0)
        if "request_timestamp" in self._names:
            features["request_timestamp"] = tf.gather(
                self._timestamps, positions
            )
        return features
