"""The simulated world: sizes, determinism, the catalogue and viewing."""

import dataclasses
import time

import numpy as np
import pytest
from tfrs_timirec.datasets.household_tv import (
    members,
    settings,
    themes,
    viewing,
)
from tfrs_timirec.datasets.household_tv.catalogue import build_catalogue
from tfrs_timirec.datasets.household_tv.settings import HouseholdSettings
from tfrs_timirec.datasets.household_tv.simulator import simulate

import tfrs_timirec  # noqa: F401

THREE = HouseholdSettings(
    num_users=400, num_items=600, num_interactions=12_000, num_interests=3
)


@pytest.fixture(scope="module")
def small():
    return simulate(settings.SMALL)


def arrays(world):
    catalogue = world.catalogue
    return [
        catalogue.item_ids,
        catalogue.titles,
        catalogue.interests,
        catalogue.genres,
        world.row_splits,
        world.items,
        world.timestamps,
        world.hours,
        world.active_interests,
        world.interest_distributions,
    ]


def test_same_settings_give_the_same_bytes_and_another_seed_others():
    one, two, other = (
        [x.tobytes() for x in arrays(simulate(s))]
        for s in (
            settings.TINY,
            settings.TINY,
            dataclasses.replace(settings.TINY, seed=1),
        )
    )
    assert one == two
    # Interests and genres depend on the sizes alone, so they are left out.
    changing = [0, 1, 4, 5, 6, 7, 8, 9]
    assert all(one[i] != other[i] for i in changing)


@pytest.mark.parametrize(
    "preset", [settings.TINY, settings.SMALL, THREE], ids=["tiny", "small", "3"]
)
def test_sizes_are_exact_and_everything_has_five_interactions(preset):
    world = simulate(preset)
    lengths = np.diff(world.row_splits)
    counts = np.bincount(world.items, minlength=preset.num_items)
    assert len(lengths) == preset.num_users
    assert len(counts) == world.catalogue.num_items == preset.num_items
    assert len(world.items) == lengths.sum() == preset.num_interactions
    assert lengths.min() >= 5
    assert counts.min() >= 5
    assert lengths.max() <= preset.longest_sequence
    assert len(np.unique(world.catalogue.item_ids)) == preset.num_items


@pytest.mark.parametrize("num_users", [150, 333, 600])
def test_lengths_end_and_keep_their_bounds_for_many_seeds(num_users):
    preset = HouseholdSettings(
        num_users, num_items=300, num_interactions=20 * max(num_users, 150)
    )
    for seed in range(200):
        lengths = members.draw_lengths(preset, np.random.default_rng(seed))
        assert lengths.sum() == preset.num_interactions
        assert lengths.min() >= 5
        assert lengths.max() <= preset.longest_sequence


def test_tiny_is_fast():
    start = time.process_time()
    simulate(settings.TINY)
    assert time.process_time() - start < 1


def test_cmcc_has_the_size_in_the_paper_and_is_made_within_a_minute():
    start = time.process_time()
    world = simulate(settings.CMCC)
    assert time.process_time() - start < 60
    assert world.num_users == 49_847
    assert world.catalogue.num_items == 29_074
    assert len(world.items) == 1_300_351
    # Table 1 prints a density of 0.09 %.
    num_pairs = world.num_users * world.catalogue.num_items
    assert round(100 * len(world.items) / num_pairs, 2) == 0.09
    assert np.diff(world.row_splits).min() >= 5
    assert np.bincount(world.items).min() >= 5


def test_nothing_is_watched_twice_and_items_belong_to_the_active_interest(
    small,
):
    users = np.repeat(np.arange(small.num_users), np.diff(small.row_splits))
    pairs = users.astype(np.int64) * small.catalogue.num_items + small.items
    assert len(np.unique(pairs)) == len(pairs)
    np.testing.assert_array_equal(
        small.catalogue.interests[small.items], small.active_interests
    )


def test_times_ascend_and_hours_are_those_of_the_timestamps(small):
    inner = np.ones(len(small.items) - 1, bool)
    inner[small.row_splits[1:-1] - 1] = False
    assert (np.diff(small.timestamps)[inner] >= 0).all()
    np.testing.assert_array_equal(
        small.hours, small.timestamps % 86_400 // 3_600
    )
    # June 2021 in UTC, from `date -u -d 2021-06-01 +%s` and 30 days on.
    assert small.timestamps.min() >= 1_622_505_600
    assert small.timestamps.max() < 1_622_505_600 + 30 * 86_400


def test_members_go_on_with_series_if_they_are_to():
    world = simulate(
        dataclasses.replace(settings.SMALL, continue_probability=0.6)
    )
    catalogue = world.catalogue
    series = (
        np.searchsorted(catalogue.series_starts, world.items, side="right") - 1
    )
    users = np.repeat(np.arange(world.num_users), np.diff(world.row_splits))
    same_member = (
        world.active_interests[1:] == world.active_interests[:-1]
    ) & (users[1:] == users[:-1])
    same_series = series[1:] == series[:-1]
    # At least `continue_probability` = 0.6, less series that are finished
    # (they have 4 to 12 episodes); a fresh draw adds a little.
    assert 0.5 < same_series[same_member].mean() < 0.75


def test_tastes_differ_between_households(small):
    catalogue = small.catalogue
    users = np.repeat(np.arange(small.num_users), np.diff(small.row_splits))
    counts = np.zeros((small.num_users, len(catalogue.genre_names)))
    np.add.at(counts, (users, catalogue.genres[small.items]), 1)
    cartoons = counts[:, catalogue.genre_interests == 0]
    favourite = (cartoons.max(axis=1) / cartoons.sum(axis=1)).mean()
    # Four genres: without tastes the largest share would be near 1/4 plus
    # noise; Dirichlet(0.1) puts most on the favourite.
    assert favourite > 0.7


def test_titles_name_series_and_episodes(small):
    catalogue = small.catalogue
    start, end = catalogue.series_starts[:2]
    first = catalogue.titles[start]
    assert catalogue.titles[start + 1] == f"{first} 2"
    assert catalogue.titles[end - 1] == f"{first} {end - start}"
    assert len(np.unique(catalogue.titles)) == catalogue.num_items


def test_titles_repeat_only_when_all_words_are_used_up():
    theme = themes.THEMES[1]
    # 20 adjectives x 10 nouns, plain and with each of 30 names: 200 * 31.
    rng = np.random.default_rng(0)
    titles = themes.series_titles(theme, "mystery", 6_201, rng)
    assert len(set(titles[:6_200])) == 6_200
    assert titles[6_200] == titles[0]


def test_rare_items_take_places_of_common_ones_of_their_genre():
    rng = np.random.default_rng(0)
    catalogue = build_catalogue(settings.TINY, rng)
    # 40 households watch items 0 to 5, six of the first genre's.
    row_splits = np.arange(0, 241, 6)
    items = np.tile(np.arange(6, dtype=np.int32), 40)
    genre = np.flatnonzero(catalogue.genres == 0)
    only = dataclasses.replace(
        catalogue,
        item_ids=catalogue.item_ids[genre],
        genres=catalogue.genres[genre],
    )
    filled = viewing.fill_rare_items(only, row_splits, items, rng)
    counts = np.bincount(filled, minlength=len(genre))
    assert counts.min() == 5
    # 6 items had 40 places; each of the others was given exactly five.
    assert counts[:6].sum() == 240 - 5 * (len(genre) - 6)
    for start, end in zip(row_splits, row_splits[1:], strict=False):
        assert len(set(filled[start:end])) == 6


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_users": 0}, "`num_users` must be a positive.*num_users=0"),
        ({"num_users": 2.5}, "`num_users` must be .* integer.*num_users=2.5"),
        ({"num_items": -1}, "`num_items` must be a positive.*num_items=-1"),
        ({"num_interests": 1}, "`num_interests` must lie between 2 and 4"),
        ({"num_interests": 5}, "num_interests=5"),
        ({"seed": -1}, "`seed` must be.*not negative.*seed=-1"),
        ({"hazard_slope": float("nan")}, "hazard_slope=nan"),
        ({"hour_effect": -0.1}, "hour_effect=-0.1"),
        ({"continue_probability": 1.5}, "continue_probability=1.5"),
        # 300 households need 2 * 5 * 300.
        ({"num_interactions": 2_999}, "must be at least 3000"),
        # 5 + 4 * (20 - 5) + 1 = 66 items at most; movies have 30 / 3 = 10.
        ({"num_items": 30}, "may have 66 items.*only 10"),
    ],
)
def test_impossible_settings_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(settings.TINY, **changes)
