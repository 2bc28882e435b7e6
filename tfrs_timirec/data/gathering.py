"""What a batch is made of: histories that are gathered, negatives drawn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tfrs_timirec._validation import check_no_text, check_positive_int
from tfrs_timirec.data.context_features import ContextFeatures
from tfrs_timirec.data.interactions import NUM_RESERVED_IDS, Interactions
from tfrs_timirec.data.splits import LeaveOneOut


class HistoryGatherer:
    """Turns positions of targets into targets and what came before them.

    Args:
        interactions: the log.
        max_history_length: the newest items of a history that are kept.
        features: names of what a model reads besides `item_ids`.

    Raises:
        ValueError: if the length is no positive integer, `features` is one
            text, or a feature is unknown.
    """

    def __init__(
        self,
        interactions: Interactions,
        max_history_length: int,
        features: Sequence[str],
    ):
        check_positive_int(
            "HistoryGatherer", max_history_length=max_history_length
        )
        check_no_text("HistoryGatherer", features=features)
        self.item_ids = tf.constant(interactions.item_ids)
        self.users = tf.constant(interactions.user_indices)
        self.starts = tf.constant(interactions.row_splits[:-1])
        self.offsets = tf.range(-max_history_length, 0, dtype=tf.int64)
        self.context = ContextFeatures(interactions, features)

    def __call__(self, positions: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns `item_ids`, `target_id` and the features.

        Args:
            positions: (batch,) positions of the targets.
        """
        before = positions[:, tf.newaxis] + self.offsets  # (batch, length)
        users = tf.gather(self.users, positions)
        first = tf.gather(self.starts, users)[:, tf.newaxis]
        places = tf.maximum(before, 0)
        item_ids = tf.gather(self.item_ids, places)
        item_ids = tf.where(before >= first, item_ids, 0)
        return {
            "item_ids": item_ids,
            "target_id": tf.gather(self.item_ids, positions),
            **self.context(positions, places, item_ids),
        }


class NegativeSampler:
    """Draws items outside a user's training items, within the graph.

    Args:
        split: which items are for training.
        num_negatives: items to draw for each position.

    Raises:
        ValueError: if a user has trained on all items.
    """

    def __init__(self, split: LeaveOneOut, num_negatives: int):
        interactions = split.interactions
        keys = _seen_keys(split)
        _check_unseen_items_remain(interactions, keys)
        self.num_negatives = num_negatives
        self.vocabulary_size = interactions.vocabulary_size
        self.seen_keys = tf.constant(keys)
        self.users = tf.constant(interactions.user_indices)

    def __call__(self, positions: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Returns (batch, num_negatives) item ids.

        Args:
            positions: (batch,) positions of the targets.
            seed: (2,) what the draws follow from.
        """
        users = tf.cast(tf.gather(self.users, positions), tf.int64)
        first_keys = users[:, tf.newaxis] * self.vocabulary_size
        shape = (tf.size(positions), self.num_negatives)

        def draw(seed: tf.Tensor) -> tf.Tensor:
            return tf.random.stateless_uniform(
                shape, seed, NUM_RESERVED_IDS, self.vocabulary_size, tf.int32
            )

        def is_seen(item_ids: tf.Tensor) -> tf.Tensor:
            keys = first_keys + tf.cast(item_ids, tf.int64)
            found = tf.searchsorted(self.seen_keys, tf.reshape(keys, [-1]))
            return tf.reshape(tf.gather(self.seen_keys, found), shape) == keys

        def redraw(
            seed: tf.Tensor, item_ids: tf.Tensor, seen: tf.Tensor
        ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            seed = fold_in(seed, 1)
            item_ids = tf.where(seen, draw(seed), item_ids)
            return seed, item_ids, is_seen(item_ids)

        first = draw(seed)
        _, item_ids, _ = tf.while_loop(
            lambda seed, item_ids, seen: tf.reduce_any(seen),
            redraw,
            (seed, first, is_seen(first)),
        )
        item_ids.set_shape((None, self.num_negatives))
        return item_ids


def fold_in(seed: tf.Tensor, number: tf.Tensor | int) -> tf.Tensor:
    """Returns a new seed that follows from `seed` and `number` alone."""
    return tf.random.experimental.stateless_fold_in(
        seed, tf.cast(number, tf.int64)
    )


def _seen_keys(split: LeaveOneOut) -> np.ndarray:
    """Returns every user's training items as user * vocabulary_size + item id.

    The keys are int64 and ascend, each comes once, and the last one is no
    item's but larger than any. They are computed in place.
    """
    interactions = split.interactions
    is_training = split.is_training
    keys = np.full(np.count_nonzero(is_training) + 1, np.iinfo(np.int64).max)
    keys[:-1] = interactions.user_indices[is_training]
    keys[:-1] *= interactions.vocabulary_size
    keys[:-1] += interactions.item_ids[is_training]
    keys.sort()  # With the comparison far faster than `np.unique`.
    return keys[np.concatenate(([True], keys[1:] != keys[:-1]))]


def _check_unseen_items_remain(
    interactions: Interactions, seen_keys: np.ndarray
) -> None:
    first_keys = (
        np.arange(interactions.num_users + 1) * interactions.vocabulary_size
    )
    counts = np.diff(np.searchsorted(seen_keys, first_keys))
    sated = np.flatnonzero(counts >= interactions.num_items)
    if len(sated):
        raise ValueError(
            "`split` must leave every user items to draw negatives from."
            f" Received: {len(sated):,} that trained on all"
            f" {interactions.num_items:,} items, the first of them"
            f" user={interactions.users[sated[0]]!r}. Leave them out of the"
            " log."
        )
