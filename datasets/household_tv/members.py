"""Who watches: sequence lengths, times of day, and members taking turns."""

import dataclasses

import numpy as np
from tfrs_timirec.datasets.household_tv import themes
from tfrs_timirec.datasets.household_tv.settings import (
    MAX_LENGTH_RATIO,
    MIN_INTERACTIONS,
    HouseholdSettings,
)

FIRST_SECOND = 1_622_505_600  # 2021-06-01 00:00:00 UTC.
NUM_DAYS = 30
LENGTH_SIGMA = 0.6
SHARE_CONCENTRATION = 10.0
BUSY_HOUR = 19
BUSY_SHARPNESS = 1.2


@dataclasses.dataclass(frozen=True)
class Turns:
    """Outcome of the members' turns, flat over all households.

    Args:
        active_interests: (num_interactions,) int32, who chose each item.
        interest_distributions: (num_interactions, num_interests) float32, the
            distributions that `active_interests` was drawn from.
    """

    active_interests: np.ndarray
    interest_distributions: np.ndarray


def draw_lengths(
    settings: HouseholdSettings, rng: np.random.Generator
) -> np.ndarray:
    """Draws how many items each household watches.

    Everybody has `MIN_INTERACTIONS`; the rest is shared out by log-normal
    weights, none above `MAX_LENGTH_RATIO` times the mean weight.

    Args:
        settings: Sizes of the world.
        rng: Source of all draws.

    Returns:
        (num_users,) int64 that sum to `settings.num_interactions`, each between
        `MIN_INTERACTIONS` and `settings.longest_sequence`.
    """
    weights = rng.lognormal(sigma=LENGTH_SIGMA, size=settings.num_users)
    weights /= weights.mean()
    # Not to the last bit: rounding may keep the maximum just above the bound.
    while weights.max() > MAX_LENGTH_RATIO * (1 + 1e-9):
        weights = np.minimum(weights, MAX_LENGTH_RATIO)
        weights /= weights.mean()
    surplus = settings.num_interactions - MIN_INTERACTIONS * settings.num_users
    shares = np.cumsum(weights) * (surplus / settings.num_users)
    shares[-1] = surplus
    return MIN_INTERACTIONS + np.diff(np.floor(shares), prepend=0).astype(
        np.int64
    )


def draw_timestamps(
    row_splits: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Draws when each household watches; evenings are busier than mornings.

    Args:
        row_splits: (num_users + 1,) bounds of each household's interactions.
        rng: Source of all draws.

    Returns:
        (num_interactions,) int64 unix seconds in June 2021, UTC, ascending
        within a household.
    """
    num_interactions = row_splits[-1]
    weights = np.exp(BUSY_SHARPNESS * closeness(np.arange(24), BUSY_HOUR))
    hours = rng.choice(24, num_interactions, p=weights / weights.sum())
    days = rng.integers(NUM_DAYS, size=num_interactions)
    seconds = rng.integers(3600, size=num_interactions)
    timestamps = FIRST_SECOND + (days * 24 + hours) * 3600 + seconds
    users = np.repeat(np.arange(len(row_splits) - 1), np.diff(row_splits))
    return timestamps[np.lexsort((timestamps, users))]


def closeness(hours: np.ndarray, peak_hour: np.ndarray | int) -> np.ndarray:
    """Closeness of hours to a peak: 1 at the peak, -1 twelve hours from it.

    Args:
        hours: Hours of the day, 0 to 23.
        peak_hour: Hour of the peak; broadcasts against `hours`.

    Returns:
        cos(2 pi (hours - peak_hour) / 24).
    """
    return np.cos(2 * np.pi * (hours - np.asarray(peak_hour)) / 24)


def switch_probability(
    run_length: np.ndarray,
    patience: np.ndarray,
    hour_closeness: np.ndarray,
    settings: HouseholdSettings,
) -> np.ndarray:
    """Chance that another member takes over: sigmoid of a line in run length.

    Args:
        run_length: Items that the active member has watched in a row, from 1.
        patience: Run length at which the chance is one half when
            `hour_closeness` is 0.
        hour_closeness: Closeness of the hour to the active member's peak.
        settings: Gives the slope and the influence of the hour.

    Returns:
        sigmoid(hazard_slope (run_length - patience)
        - hour_effect hour_closeness), of the inputs' common shape.

    Example:
        >>> settings = HouseholdSettings(300, 240, 6000)
        >>> float(switch_probability(4, 4.0, 0.0, settings))
        0.5
    """
    logits = (
        settings.hazard_slope * (run_length - patience)
        - settings.hour_effect * hour_closeness
    )
    return 1 / (1 + np.exp(-logits))


def take_turns(
    row_splits: np.ndarray,
    hours: np.ndarray,
    settings: HouseholdSettings,
    rng: np.random.Generator,
) -> Turns:
    """Lets the members of every household take turns.

    Args:
        row_splits: (num_users + 1,) bounds of each household's interactions.
        hours: (num_interactions,) hour of the day of each interaction.
        settings: Parameters of the process.
        rng: Source of all draws.

    Returns:
        Who watched at every step, and the distribution it was drawn from.
    """
    num_interests = settings.num_interests
    lengths = np.diff(row_splits)
    shares = rng.dirichlet(
        np.full(num_interests, SHARE_CONCENTRATION), size=len(lengths)
    )
    patience = 1 + (np.array(settings.mean_patience) - 1) * (
        num_interests * shares
    )
    peaks = np.array(
        [theme.peak_hour for theme in themes.THEMES[:num_interests]]
    )
    active = np.zeros(row_splits[-1], np.int32)
    distributions = np.zeros((row_splits[-1], num_interests), np.float32)
    current = np.zeros(len(lengths), np.int64)
    run_length = np.zeros(len(lengths), np.int64)
    waiting = np.ones((len(lengths), num_interests))
    for step in range(lengths.max()):
        users = np.flatnonzero(lengths > step)
        rows = row_splits[users] + step
        near = closeness(hours[rows][:, None], peaks)
        demand = shares[users] * np.exp(settings.hour_effect * near)
        if step == 0:
            probabilities = demand / demand.sum(axis=1, keepdims=True)
        else:
            probabilities = _next_distribution(
                demand * waiting[users],
                current[users],
                switch_probability(
                    run_length[users],
                    _pick(patience[users], current[users]),
                    _pick(near, current[users]),
                    settings,
                ),
            )
        chosen = _draw(probabilities, rng)
        run_length[users] = np.where(
            chosen == current[users], run_length[users] + 1, 1
        )
        current[users] = chosen
        waiting[users] += 1
        waiting[users, chosen] = 1
        active[rows] = chosen
        distributions[rows] = probabilities
    return Turns(active, distributions)


def _next_distribution(
    demand: np.ndarray, current: np.ndarray, switch: np.ndarray
) -> np.ndarray:
    """The active member stays, or hands over in proportion to demand."""
    others = demand.copy()
    rows = np.arange(len(current))
    others[rows, current] = 0
    probabilities = others * (switch / others.sum(axis=1))[:, None]
    probabilities[rows, current] = 1 - switch
    return probabilities


def _pick(matrix: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """One column of each row."""
    return matrix[np.arange(len(columns)), columns]


def _draw(probabilities: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One index of each row, by the probabilities in it."""
    uniform = rng.random(len(probabilities))
    passed = np.cumsum(probabilities, axis=1)[:, :-1] <= uniform[:, None]
    return passed.sum(axis=1)
