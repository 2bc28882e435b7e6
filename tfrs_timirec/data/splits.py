"""The leave-one-out split of Section 4.1.3."""

from __future__ import annotations

import dataclasses
import functools
from typing import Literal, get_args

import numpy as np

from tfrs_timirec._validation import (
    check_non_negative_int,
    check_positive_int,
)
from tfrs_timirec.data.description import MIN_HOLD_OUT_LENGTH
from tfrs_timirec.data.interactions import Interactions
from tfrs_timirec.data.negatives import draw_negatives

HeldOut = Literal["validation", "test"]


@dataclasses.dataclass(frozen=True)
class LeaveOneOut:
    """Tests on a user's last interaction, validates on the one before.

    A case is the position of its target in the flat arrays of `interactions`;
    its history is what the same user did before. Every earlier position from a
    user's second on is a training instance. Users with fewer than three
    interactions are not evaluated: all that they did is for training.

    Args:
        interactions: the log.
        num_negatives: negatives a held-out case is ranked against.
        seed: seed of those negatives. They are drawn once, at first use.

    Raises:
        ValueError: if `num_negatives` is no positive integer, or `seed` none
            from 0 on.

    Example:
    >>> split = LeaveOneOut(interactions)
    >>> len(split.train_positions), len(split.held_out_positions("test"))
    (131413, 22363)

    Reference: Section 4.1.3 of
    [Wang et al., CIKM 2022](https://doi.org/10.1145/3511808.3557464).
    """

    interactions: Interactions
    num_negatives: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        check_positive_int("LeaveOneOut", num_negatives=self.num_negatives)
        check_non_negative_int("LeaveOneOut", seed=self.seed)

    @functools.cached_property
    def num_held_out(self) -> np.ndarray:
        """(num_users,) how many of a user's last interactions are held out."""
        lengths = np.diff(self.interactions.row_splits)
        return np.where(lengths >= MIN_HOLD_OUT_LENGTH, 2, 0)

    @functools.cached_property
    def is_training(self) -> np.ndarray:
        """(num_interactions,) bool, False where held out."""
        is_training = np.ones(self.interactions.num_interactions, dtype=bool)
        for part in get_args(HeldOut):
            is_training[self.held_out_positions(part)] = False
        return is_training

    @functools.cached_property
    def train_positions(self) -> np.ndarray:
        """(num_instances,) int64 positions of the training targets."""
        starts = self.interactions.row_splits[:-1]
        has_history = np.ones(self.interactions.num_interactions, dtype=bool)
        has_history[starts[np.diff(self.interactions.row_splits) > 0]] = False
        return np.flatnonzero(has_history & self.is_training)

    def held_out_positions(self, part: HeldOut) -> np.ndarray:
        """Returns (num_cases,) int64 positions of a part's targets.

        Raises:
            ValueError: if `part` is neither "validation" nor "test".
        """
        if part not in ("validation", "test"):
            raise ValueError(
                '`part` must be "validation" or "test".'
                f" Received: part={part!r}"
            )
        ends = self.interactions.row_splits[1:][self.num_held_out > 0]
        return ends - (1 if part == "test" else 2)

    def negatives(self, part: HeldOut) -> np.ndarray:
        """Returns a part's negatives, drawn at the first call and kept.

        Returns:
            (num_cases, num_negatives) int32 ids that the user never met.
        """
        if part not in self._drawn:
            self._drawn[part] = draw_negatives(
                self.interactions,
                self.interactions.user_indices[self.held_out_positions(part)],
                num_negatives=self.num_negatives,
                seed=2 * self.seed + (part == "test"),
            )
        return self._drawn[part]

    @functools.cached_property
    def _drawn(self) -> dict[str, np.ndarray]:
        return {}


def check_enough_data(split: LeaveOneOut) -> None:
    """Refuses a log of which nothing can be tested.

    Args:
        split: the split log.

    Raises:
        ValueError: if no user has a test item.
    """
    if not len(split.held_out_positions("test")):
        raise ValueError(
            "`interactions` must hold a user with at least three interactions:"
            " one to learn from, one to validate and one to test. Received:"
            f" {split.interactions.num_users} users with at most"
            f" {np.diff(split.interactions.row_splits).max()}. Check the user"
            " column of the log, or bring a longer log."
        )
