"""Negative items for evaluation, drawn once and kept."""

from __future__ import annotations

import numpy as np

from tfrs_timirec.data.interactions import NUM_RESERVED_IDS, Interactions
from tfrs_timirec.data.ranges import expand_ranges

_MARKS_PER_CHUNK = 1 << 26  # 64 MB of booleans at a time.


def draw_negatives(
    interactions: Interactions,
    users: np.ndarray,
    *,
    num_negatives: int = 1000,
    seed: int = 0,
) -> np.ndarray:
    """Draws items that a user never interacted with, uniformly.

    Draws are independent, so that an item may come twice for one user: a
    catalogue may hold fewer unseen items than `num_negatives`. Section 4.1.3
    of the paper uses 1,000.

    Args:
        interactions: the whole log; a negative is outside *all* items of its
            user, those held out included.
        users: (num_cases,) user indices.
        num_negatives: negatives per case.
        seed: seed of the draws.

    Returns:
        (num_cases, num_negatives) int32 vocabulary ids.

    Raises:
        ValueError: if a user has interacted with every item.

    Example:
    >>> negatives = draw_negatives(interactions, users=np.array([0, 5]))
    >>> negatives.shape
    (2, 1000)
    """
    rng = np.random.default_rng(seed)
    users = np.asarray(users)
    vocabulary_size = interactions.vocabulary_size
    _check_unseen_items_remain(interactions, users)
    negatives = rng.integers(
        NUM_RESERVED_IDS,
        vocabulary_size,
        size=(len(users), num_negatives),
        dtype=np.int32,
    )
    chunk_size = max(1, min(_MARKS_PER_CHUNK // vocabulary_size, len(users)))
    seen = np.zeros((chunk_size, vocabulary_size), dtype=bool)
    for start in range(0, len(users), chunk_size):
        chunk_users = users[start : start + chunk_size]
        rows, items = _items_of(interactions, chunk_users)
        seen[rows, items] = True
        chunk = negatives[start : start + chunk_size]
        row, column = np.nonzero(
            np.take_along_axis(seen[: len(chunk)], chunk, axis=1)
        )
        while len(row):
            drawn = rng.integers(
                NUM_RESERVED_IDS, vocabulary_size, size=len(row), dtype=np.int32
            )
            chunk[row, column] = drawn
            again = seen[row, drawn]
            row, column = row[again], column[again]
        seen[rows, items] = False
    return negatives


def has_unseen_items(interactions: Interactions) -> np.ndarray:
    """Returns (num_users,) bool, False for users who met every item.

    Args:
        interactions: the log.
    """
    lengths = np.diff(interactions.row_splits)
    has_unseen = np.ones(interactions.num_users, dtype=bool)
    for user in np.flatnonzero(lengths >= interactions.num_items):
        _, met = _items_of(interactions, np.array([user]))
        has_unseen[user] = len(np.unique(met)) < interactions.num_items
    return has_unseen


def _items_of(
    interactions: Interactions, users: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Returns (row, item id) of every interaction of `users`, flat."""
    rows, positions = expand_ranges(
        interactions.row_splits[users], interactions.row_splits[users + 1]
    )
    return rows, interactions.item_ids[positions]


def _check_unseen_items_remain(
    interactions: Interactions, users: np.ndarray
) -> None:
    sated = np.unique(users[~has_unseen_items(interactions)[users]])
    if len(sated):
        raise ValueError(
            "`users` must have unseen items to draw negatives from. Received:"
            f" {len(sated):,} that interacted with all"
            f" {interactions.num_items:,} items, the first of them"
            f" user={interactions.users[sated[0]]!r}. Leave them out of the"
            " log."
        )
