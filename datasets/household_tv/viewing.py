"""What is watched: each member's way through the series of the catalogue."""

import numpy as np
from tfrs_timirec.datasets.household_tv.catalogue import Catalogue
from tfrs_timirec.datasets.household_tv.settings import (
    MIN_INTERACTIONS,
    HouseholdSettings,
)

TASTE_CONCENTRATION = 0.1
EPISODE_ORDER = 0.1
USERS_PER_CHUNK = 2_048
MAX_REDRAWS = 20


def choose_items(
    catalogue: Catalogue,
    row_splits: np.ndarray,
    active_interests: np.ndarray,
    settings: HouseholdSettings,
    rng: np.random.Generator,
) -> np.ndarray:
    """Chooses an item for every step, never one that was watched before.

    Args:
        catalogue: The items.
        row_splits: (num_users + 1,) bounds of each household's interactions.
        active_interests: (num_interactions,) the member that chooses.
        settings: Gives the chance to go on with a series.
        rng: Source of all draws.

    Returns:
        (num_interactions,) int32 indices into the catalogue, each of the
        interest that chose it.
    """
    items = np.empty(row_splits[-1], np.int32)
    for start in range(0, len(row_splits) - 1, USERS_PER_CHUNK):
        splits = row_splits[start : start + USERS_PER_CHUNK + 1]
        rows = slice(splits[0], splits[-1])
        items[rows] = _choose_chunk(
            catalogue,
            splits - splits[0],
            active_interests[rows],
            settings.continue_probability,
            rng,
        )
    return fill_rare_items(catalogue, row_splits, items, rng)


def _choose_chunk(
    catalogue: Catalogue,
    row_splits: np.ndarray,
    active_interests: np.ndarray,
    continue_probability: float,
    rng: np.random.Generator,
) -> np.ndarray:
    lengths = np.diff(row_splits)
    taste = _draw_tastes(catalogue, len(lengths), rng)
    watched = np.zeros((len(lengths), catalogue.num_items), bool)
    progress = np.zeros((len(lengths), len(catalogue.episodes)), np.int16)
    last_series = np.full((len(lengths), taste.shape[1]), -1)
    items = np.empty(row_splits[-1], np.int32)
    for step in range(lengths.max()):
        users = np.flatnonzero(lengths > step)
        rows = row_splits[users] + step
        interests = active_interests[rows]
        series = last_series[users, interests]
        fresh = (rng.random(len(users)) >= continue_probability) | (series < 0)
        for _ in range(MAX_REDRAWS):
            fresh |= progress[users, series] == catalogue.episodes[series]
            redrawn = np.flatnonzero(fresh)
            series[redrawn] = _draw_series(
                catalogue, taste[users[redrawn], interests[redrawn]], rng
            )
            fresh[:] = False
        finished = progress[users, series] == catalogue.episodes[series]
        for i in np.flatnonzero(finished):
            series[i] = _first_unfinished(
                catalogue, progress[users[i]], interests[i]
            )
        chosen = _draw_episodes(catalogue, series, watched, users, rng)
        items[rows] = chosen
        watched[users, chosen] = True
        progress[users, series] += 1
        last_series[users, interests] = series
    return items


def _draw_episodes(
    catalogue: Catalogue,
    series: np.ndarray,
    watched: np.ndarray,
    users: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """One episode of each series that the household has not watched.

    An episode is exp(`EPISODE_ORDER`) times as likely as the one after it.
    """
    episodes = np.arange(catalogue.episodes.max())
    candidates = catalogue.series_starts[series][:, None] + episodes
    candidates = np.minimum(candidates, catalogue.num_items - 1)
    scores = rng.gumbel(size=candidates.shape) - EPISODE_ORDER * episodes
    scores[watched[users[:, None], candidates]] = -np.inf
    scores[episodes >= catalogue.episodes[series][:, None]] = -np.inf
    return candidates[np.arange(len(series)), scores.argmax(axis=1)]


def _draw_tastes(
    catalogue: Catalogue, num_users: int, rng: np.random.Generator
) -> np.ndarray:
    """Cumulative taste over all genres, 0 for other interests' genres.

    Returns:
        (num_users, num_interests, num_genres) float64, rows rising to 1.
    """
    interests = catalogue.genre_interests
    gammas = rng.gamma(TASTE_CONCENTRATION, size=(num_users, len(interests)))
    own = interests == np.arange(interests.max() + 1)[:, None]
    taste = np.cumsum((gammas[:, None, :] + 1e-9) * own, axis=2)
    return taste / taste[:, :, -1:]


def _draw_series(
    catalogue: Catalogue, taste: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """One series for each row of tastes: a genre, then by popularity."""
    uniform = 1 - rng.random((2, len(taste)))
    genres = (taste < uniform[0][:, None]).sum(axis=1)
    series = np.searchsorted(
        catalogue.cumulative_popularity, genres + uniform[1]
    )
    bounds = catalogue.genre_starts
    return np.clip(series, bounds[genres], bounds[genres + 1] - 1)


def _first_unfinished(
    catalogue: Catalogue, progress: np.ndarray, interest: int
) -> int:
    first_items = catalogue.series_starts[:-1]
    unfinished = (progress < catalogue.episodes) & (
        catalogue.interests[first_items] == interest
    )
    return int(np.argmax(unfinished))


def fill_rare_items(
    catalogue: Catalogue,
    row_splits: np.ndarray,
    items: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Gives rarely watched items the places of common ones.

    Interactions of common items, in random order, are given to items of the
    same genre that have fewer than `MIN_INTERACTIONS`, each in households that
    have not watched it. Interests, hence the planted distributions, stay.

    Args:
        catalogue: The items.
        row_splits: (num_users + 1,) bounds of each household's interactions.
        items: (num_interactions,) indices into the catalogue.
        rng: Source of the order.

    Returns:
        A changed copy of `items` in which every item has `MIN_INTERACTIONS`.

    Raises:
        ValueError: If a genre is watched too little for that.
    """
    items = items.copy()
    counts = np.bincount(items, minlength=catalogue.num_items)
    rare = np.flatnonzero(counts < MIN_INTERACTIONS)
    order = rng.permutation(len(items))
    order = order[
        np.isin(catalogue.genres[items[order]], catalogue.genres[rare])
    ]
    users = np.searchsorted(row_splits, order, side="right") - 1
    donors = {
        genre: iter(
            zip(
                *(
                    x[catalogue.genres[items[order]] == genre].tolist()
                    for x in (order, users)
                ),
                strict=True,
            )
        )
        for genre in np.unique(catalogue.genres[rare])
    }
    for item in rare:
        for row, user in donors[catalogue.genres[item]]:
            if counts[item] >= MIN_INTERACTIONS:
                break
            watched = items[row_splits[user] : row_splits[user + 1]]
            if counts[items[row]] > MIN_INTERACTIONS and item not in watched:
                counts[items[row]] -= 1
                counts[item] += 1
                items[row] = item
        if counts[item] < MIN_INTERACTIONS:
            raise ValueError(
                "`num_interactions` is too small for every item to have"
                f" {MIN_INTERACTIONS}: raise it or lower `num_items`."
                f" Received: num_items={catalogue.num_items},"
                f" num_interactions={len(items)}"
            )
    return items
