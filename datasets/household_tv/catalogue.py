"""The catalogue: items, their series, and how popular these are."""

import dataclasses

import numpy as np
from tfrs_timirec.datasets.household_tv import themes
from tfrs_timirec.datasets.household_tv.settings import HouseholdSettings

ZIPF_EXPONENT = 0.4
ZIPF_SHIFT = 5.0


@dataclasses.dataclass(frozen=True)
class Catalogue:
    """Items and series as flat arrays.

    A series is one genre's; its episodes are neighbours in the item arrays, in
    the order in which they are watched. The series of one genre are neighbours
    too, as are the genres of one interest.

    Args:
        item_ids: (num_items,) raw ids, in an order that tells nothing.
        titles: (num_items,) titles.
        interests: (num_items,) int32, the planted interest of each item.
        genres: (num_items,) int32, index into `genre_names`.
        genre_names: (num_genres,) names, all interests' genres.
        genre_interests: (num_genres,) int32, the interest of each genre.
        series_starts: (num_series + 1,) int64; series `s` is made of the items
            `[series_starts[s], series_starts[s + 1])`.
        genre_starts: (num_genres + 1,) int64; genre `g` is made of the series
            `[genre_starts[g], genre_starts[g + 1])`.
        cumulative_popularity: (num_series,) float64; inside genre `g` it grows
            from just above `g` to `g + 1`, so that one sorted search for
            `g + uniform` draws a series of genre `g` by popularity.
    """

    item_ids: np.ndarray
    titles: np.ndarray
    interests: np.ndarray
    genres: np.ndarray
    genre_names: tuple[str, ...]
    genre_interests: np.ndarray
    series_starts: np.ndarray
    genre_starts: np.ndarray
    cumulative_popularity: np.ndarray

    @property
    def num_items(self) -> int:
        """Number of items."""
        return len(self.item_ids)

    @property
    def episodes(self) -> np.ndarray:
        """(num_series,) int64, number of episodes of each series."""
        return np.diff(self.series_starts)


def build_catalogue(
    settings: HouseholdSettings, rng: np.random.Generator
) -> Catalogue:
    """Draws a catalogue.

    Args:
        settings: Sizes of the world.
        rng: Source of all draws.

    Returns:
        A catalogue of `settings.num_items` items.
    """
    titles: list[str] = []
    series_lengths: list[int] = []
    genre_names: list[str] = []
    genre_interests: list[int] = []
    series_per_genre: list[int] = []
    popularity: list[np.ndarray] = []
    for interest, num_items in enumerate(settings.items_per_interest):
        theme = themes.THEMES[interest]
        shares = _even_shares(num_items, len(theme.genres))
        for genre, share in zip(theme.genres, shares, strict=True):
            lengths = _series_lengths(share, theme.max_series_length, rng)
            names = themes.series_titles(theme, genre, len(lengths), rng)
            for name, length in zip(names, lengths, strict=True):
                titles.append(name)
                titles.extend(f"{name} {n}" for n in range(2, length + 1))
            popularity.append(len(genre_names) + _zipf(len(lengths)))
            genre_names.append(genre)
            genre_interests.append(interest)
            series_per_genre.append(len(lengths))
            series_lengths.extend(lengths)
    starts = np.concatenate([[0], np.cumsum(series_lengths)])
    genre_starts = np.concatenate([[0], np.cumsum(series_per_genre)])
    genres = np.repeat(
        np.arange(len(genre_names), dtype=np.int32),
        np.diff(starts[genre_starts]),
    )
    numbers = rng.permutation(settings.num_items)
    return Catalogue(
        item_ids=np.array([f"tv-{number:06d}" for number in numbers]),
        titles=np.array(titles),
        interests=np.array(genre_interests, np.int32)[genres],
        genres=genres,
        genre_names=tuple(genre_names),
        genre_interests=np.array(genre_interests, np.int32),
        series_starts=starts,
        genre_starts=genre_starts,
        cumulative_popularity=np.concatenate(popularity),
    )


def _even_shares(total: int, parts: int) -> list[int]:
    return [(total + i) // parts for i in range(parts)]


def _series_lengths(
    num_items: int, longest: int, rng: np.random.Generator
) -> list[int]:
    """Draws uniform series lengths, the last one cut, that sum to num_items."""
    drawn = rng.integers(longest // 2, longest + 1, size=num_items)
    ends = np.minimum(np.cumsum(drawn), num_items)
    lengths = np.diff(ends, prepend=0)
    return lengths[lengths > 0].tolist()


def _zipf(count: int) -> np.ndarray:
    """Cumulative Zipf-Mandelbrot distribution over `count` ranks."""
    weights = (np.arange(1, count + 1) + ZIPF_SHIFT) ** -ZIPF_EXPONENT
    cumulative = np.cumsum(weights) / weights.sum()
    cumulative[-1] = 1.0
    return cumulative
