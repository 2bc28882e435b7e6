"""The simulator: settings in, a whole world of households out."""

import dataclasses

import numpy as np
from tfrs_timirec.datasets.household_tv.catalogue import (
    Catalogue,
    build_catalogue,
)
from tfrs_timirec.datasets.household_tv.members import (
    draw_lengths,
    draw_timestamps,
    take_turns,
)
from tfrs_timirec.datasets.household_tv.settings import HouseholdSettings
from tfrs_timirec.datasets.household_tv.viewing import choose_items


@dataclasses.dataclass(frozen=True)
class SimulatedHouseholds:
    """A simulated world as flat arrays, sorted by household and time.

    Args:
        settings: What it was made from.
        catalogue: The items.
        row_splits: (num_users + 1,) int64; household u's interactions are
            `[row_splits[u], row_splits[u + 1])`.
        items: (num_interactions,) int32 indices into the catalogue.
        timestamps: (num_interactions,) int64 unix seconds.
        hours: (num_interactions,) int32 hour of the day, UTC, 0 to 23.
        active_interests: (num_interactions,) int32, the planted interest that
            chose the item.
        interest_distributions: (num_interactions, num_interests) float32, the
            distribution that the active interest was drawn from, given the
            household's past and the hour of the step.
    """

    settings: HouseholdSettings
    catalogue: Catalogue
    row_splits: np.ndarray
    items: np.ndarray
    timestamps: np.ndarray
    hours: np.ndarray
    active_interests: np.ndarray
    interest_distributions: np.ndarray

    @property
    def num_users(self) -> int:
        """Number of households."""
        return len(self.row_splits) - 1

    @property
    def user_ids(self) -> np.ndarray:
        """(num_users,) raw ids of the households."""
        return np.array([f"household-{u:06d}" for u in range(self.num_users)])


def simulate(settings: HouseholdSettings) -> SimulatedHouseholds:
    """Simulates households whose members take turns watching television.

    Args:
        settings: Sizes, seed and parameters of the world.

    Returns:
        The world; equal settings give equal worlds.

    Raises:
        ValueError: If an item comes to fewer than `MIN_INTERACTIONS`, because
            its genre is watched too little.

    Example:
        >>> world = simulate(HouseholdSettings(300, 240, 6000))
        >>> world.num_users, len(world.items)
        (300, 6000)

    Reference:
        Wang et al., Target Interest Distillation for Multi-Interest
        Recommendation, CIKM 2022, section 4.6 and Figure 4 (the story).
    """
    # One stream for each part: a change in one leaves the others as they are.
    seeds = np.random.SeedSequence(settings.seed).spawn(5)
    streams = [np.random.default_rng(seed) for seed in seeds]
    catalogue = build_catalogue(settings, streams[0])
    lengths = draw_lengths(settings, streams[1])
    row_splits = np.concatenate([[0], np.cumsum(lengths)])
    timestamps = draw_timestamps(row_splits, streams[2])
    hours = (timestamps // 3600 % 24).astype(np.int32)
    turns = take_turns(row_splits, hours, settings, streams[3])
    items = choose_items(
        catalogue, row_splits, turns.active_interests, settings, streams[4]
    )
    return SimulatedHouseholds(
        settings=settings,
        catalogue=catalogue,
        row_splits=row_splits,
        items=items,
        timestamps=timestamps,
        hours=hours,
        active_interests=turns.active_interests,
        interest_distributions=turns.interest_distributions,
    )
