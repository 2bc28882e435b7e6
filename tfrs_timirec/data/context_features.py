"""What a model may read besides the item ids of a history."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tfrs_timirec.data.fingerprint import fingerprint_arrays
from tfrs_timirec.data.interactions import NUM_RESERVED_IDS, Interactions
from tfrs_timirec.data.metadata import Attribute

HISTORY_FEATURE = "item_ids"  # What every batch has.
TIME_FEATURES = ("timestamps", "request_timestamp")
_ITEM, _USER = "item_", "user_"


class ContextFeatures:
    """Gathers the features that a model names, and no others.

    - `timestamps`: (batch, length) int64 Unix seconds of the history's items,
      0 where padded;
    - `request_timestamp`: (batch,) int64 Unix seconds of the moment that is
      predicted for. It is known when a recommendation is asked for: it is
      "now". In a log it is the time of the target;
    - `item_<column>`, as `item_genres`: (batch, length, width) int32, what the
      column of `item_metadata` says of the history's items;
    - `user_<column>`, as `user_occupation`: (batch, width) int32, what the
      column of `user_metadata` says of the user.

    The last two are ids of values, numbered by `read_attribute`; 0 is "none"
    and fills rows with fewer values than the widest. An `item_` feature
    follows from `item_ids` alone: who has the table need not be given it.

    Args:
        interactions: the log.
        names: the features to gather; `item_ids`, which every batch has, may
            be among them.

    Raises:
        ValueError: if a feature is unknown.
    """

    def __init__(self, interactions: Interactions, names: Sequence[str]):
        self._names = set(names) - {HISTORY_FEATURE}
        if self._names & set(TIME_FEATURES):
            self._timestamps = tf.constant(interactions.timestamps)
        self._tables = {}
        for name in sorted(self._names - set(TIME_FEATURES)):
            ids = read_attribute(interactions, name).ids
            if name.startswith(_ITEM):  # Padding and unknown items have none.
                ids = np.pad(ids, [(NUM_RESERVED_IDS, 0), (0, 0)])
            self._tables[name] = tf.constant(ids)
        if any(name.startswith(_USER) for name in self._tables):
            self._users = tf.constant(interactions.user_indices)

    def __call__(
        self,
        positions: tf.Tensor,
        places: tf.Tensor,
        item_ids: tf.Tensor,
    ) -> dict[str, tf.Tensor]:
        """Returns the features of a batch by name.

        Args:
            positions: (batch,) positions of the targets in the log.
            places: (batch, length) positions of the histories' items.
            item_ids: (batch, length) their ids; where 0 pads, `places` is any.
        """
        features = {}
        if "timestamps" in self._names:
            features["timestamps"] = tf.where(
                item_ids > 0, tf.gather(self._timestamps, places), 0
            )
        if "request_timestamp" in self._names:
            features["request_timestamp"] = tf.gather(
                self._timestamps, positions
            )
        for name, table in self._tables.items():
            rows = (
                item_ids
                if name.startswith(_ITEM)
                else tf.gather(self._users, positions)
            )
            features[name] = tf.gather(table, rows)
        return features


def read_attribute(interactions: Interactions, name: str) -> Attribute:
    """Numbers the values of a feature of users or items.

    Args:
        interactions: the log.
        name: name of the feature, as "item_genres".

    Returns:
        The values and their ids, a row a user or a real item.

    Raises:
        ValueError: if there is no such feature, or the column cannot be
            numbered.

    Example:
        >>> genres = read_attribute(interactions, "item_genres")
        >>> genres.values[:2]
        array(['Action', 'Adventure'], dtype=object)
    """
    tables = {
        _ITEM: interactions.item_metadata,
        _USER: interactions.user_metadata,
    }
    columns = {
        f"{prefix}{column}": table[column]
        for prefix, table in tables.items()
        if table is not None
        for column in table.columns
    }
    if name not in columns:
        known = (HISTORY_FEATURE, *TIME_FEATURES, *columns)
        raise ValueError(
            f"`features` must hold names out of {', '.join(known)}, which is"
            f" what {interactions.name!r} has. Received: {name!r}. Give"
            " `Interactions` the metadata with such a column, or choose"
            " another feature."
        )
    return Attribute.from_column(name, columns[name])


def attribute_sizes(
    interactions: Interactions, names: Sequence[str]
) -> dict[str, int]:
    """Returns how many ids each of some features has, "none" included.

    Args:
        interactions: the log.
        names: names of features of users and items.

    Raises:
        ValueError: as `read_attribute`.

    Example:
        >>> attribute_sizes(movielens_100k, ["item_genres"])
        {'item_genres': 20}
    """
    return {name: read_attribute(interactions, name).size for name in names}


def attributes_fingerprint(
    interactions: Interactions, names: Sequence[str]
) -> str:
    """Returns the SHA-256 (hex) of some features of users and items.

    A model reads ids of values; with other values they mean something else.

    Args:
        interactions: the log.
        names: names of the features.

    Raises:
        ValueError: as `read_attribute`.
    """
    arrays = []
    for name in sorted(names):
        attribute = read_attribute(interactions, name)
        arrays += [attribute.values, attribute.ids]
    return fingerprint_arrays(*arrays)
