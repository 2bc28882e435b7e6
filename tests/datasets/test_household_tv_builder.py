"""The TFDS side of `household_tv`."""

import numpy as np
import pytest
import tensorflow_datasets as tfds
from tfrs_timirec.datasets.household_tv import (
    household_tv_dataset_builder,
    settings,
)
from tfrs_timirec.datasets.household_tv.settings import HouseholdSettings
from tfrs_timirec.datasets.household_tv.simulator import simulate

import tfrs_timirec  # noqa: F401

HouseholdTvConfig = household_tv_dataset_builder.HouseholdTvConfig


class HouseholdTvTest(tfds.testing.DatasetBuilderTestCase):
    DATASET_CLASS = household_tv_dataset_builder.Builder
    BUILDER_CONFIG_NAMES_TO_TEST = ["tiny"]
    SPLITS = {"users": 300, "items": 240}
    # Nothing is downloaded, so any existing folder serves.
    EXAMPLE_DIR = str(household_tv_dataset_builder.Builder.pkg_dir_path)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    builder = tfds.builder(
        "household_tv/tiny", data_dir=tmp_path_factory.mktemp("tfds")
    )
    builder.download_and_prepare()
    return builder


def test_users_hold_the_simulated_world(tiny):
    world = simulate(settings.TINY)
    users = {
        example["user_id"].decode(): example
        for example in tfds.as_numpy(tiny.as_dataset(split="users"))
    }
    assert sorted(users) == world.user_ids.tolist()
    for user in (0, 17, 299):
        rows = slice(world.row_splits[user], world.row_splits[user + 1])
        example = users[world.user_ids[user]]
        assert [x.decode() for x in example["item_ids"]] == (
            world.catalogue.item_ids[world.items[rows]].tolist()
        )
        for name in (
            "timestamps",
            "hours",
            "active_interests",
            "interest_distributions",
        ):
            np.testing.assert_array_equal(
                example[name], getattr(world, name)[rows]
            )
        assert example["item_id"] == example["title"] == b""
        assert len(example["genres"]) == example["interest"] == 0


def test_items_hold_the_catalogue(tiny):
    catalogue = simulate(settings.TINY).catalogue
    items = {
        example["item_id"].decode(): example
        for example in tfds.as_numpy(tiny.as_dataset(split="items"))
    }
    assert sorted(items) == sorted(catalogue.item_ids)
    for item, item_id in enumerate(catalogue.item_ids):
        example = items[item_id]
        assert example["title"].decode() == catalogue.titles[item]
        assert example["interest"] == catalogue.interests[item]
        assert [x.decode() for x in example["genres"]] == [
            catalogue.genre_names[catalogue.genres[item]]
        ]
        assert example["user_id"] == b""
        assert example["interest_distributions"].shape == (0, 2)


def test_number_of_interests_can_be_set(tmp_path):
    config = HouseholdTvConfig(
        settings=HouseholdSettings(200, 300, 4_000, num_interests=3)
    )
    builder = tfds.builder("household_tv", config=config, data_dir=tmp_path)
    builder.download_and_prepare()
    example = next(iter(tfds.as_numpy(builder.as_dataset(split="users"))))
    assert example["interest_distributions"].shape == (
        len(example["item_ids"]),
        3,
    )


def test_unnamed_configs_of_different_worlds_have_different_folders(tmp_path):
    folders = {
        tfds.builder(
            "household_tv",
            config=HouseholdTvConfig(
                settings=HouseholdSettings(300, 600, 6_000, seed=seed)
            ),
            data_dir=tmp_path,
        ).data_dir
        for seed in (0, 1)
    }
    assert len(folders) == 2


def test_presets_are_registered():
    configs = household_tv_dataset_builder.Builder.builder_configs
    assert sorted(configs) == ["cmcc", "small", "tiny"]
    assert configs["small"].settings == settings.SMALL
