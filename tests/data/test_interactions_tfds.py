"""Interactions from a TFDS data set of two splits, made on the spot."""

import numpy as np
import pandas as pd
import pytest
import tensorflow_datasets as tfds

from tfrs_timirec.data.cleaning import CleaningOptions
from tfrs_timirec.data.interactions import Interactions

# zoe comes first in the split; her two equal times stay in this order. nil has
# an empty sequence.
USERS = {
    "zoe": {
        "item_ids": ["b", "ä", "c"],
        "timestamps": [5, 9, 9],
        "ratings": [1.0, 2.0, 3.0],
        "truth": [[0.25, 0.75], [0.5, 0.5], [1.0, 0.0]],
        "language": "sv",
        "tongues": ["fi", "sv"],
    },
    "nil": {"item_ids": [], "timestamps": [], "ratings": [], "truth": []},
    "ann": {
        "item_ids": ["c"],
        "timestamps": [7],
        "ratings": [4.0],
        "truth": [[0.0, 1.0]],
        "language": "en",
    },
}
# "d" was never met.
ITEMS = {
    "d": {"title": "Dee", "genres": [], "interest": 1},
    "c": {"title": "Cee", "genres": ["x", "y"], "interest": 0},
    "b": {"title": "Bee", "genres": ["x"], "interest": 1},
    "ä": {"title": "Ää", "genres": [], "interest": 1},
}


class TinyHouseholdLog(tfds.core.GeneratorBasedBuilder):
    """Users and items as above."""

    VERSION = tfds.core.Version("1.0.0")
    users = USERS

    def _info(self):
        features = tfds.features
        return tfds.core.DatasetInfo(
            builder=self,
            features=features.FeaturesDict(
                {
                    "user_id": features.Text(),
                    "item_ids": features.Sequence(features.Text()),
                    "timestamps": features.Sequence(np.int64),
                    "ratings": features.Sequence(np.float32),
                    "truth": features.Sequence(
                        features.Tensor(shape=(2,), dtype=np.float32)
                    ),
                    "language": features.Text(),
                    "tongues": features.Sequence(features.Text()),
                    "item_id": features.Text(),
                    "title": features.Text(),
                    "genres": features.Sequence(features.Text()),
                    "interest": np.int32,
                }
            ),
        )

    def _split_generators(self, dl_manager):
        return {
            "users": self._generate_examples("user_id", self.users),
            "items": self._generate_examples("item_id", ITEMS),
        }

    def _generate_examples(self, key, rows):
        empty = {
            "user_id": "",
            "item_ids": [],
            "timestamps": [],
            "ratings": [],
            "truth": np.zeros((0, 2), np.float32),
            "language": "",
            "tongues": [],
            "item_id": "",
            "title": "",
            "genres": [],
            "interest": 0,
        }
        for raw_id, row in rows.items():
            example = {**empty, **row, key: raw_id}
            example["truth"] = np.reshape(example["truth"], (-1, 2)).astype(
                np.float32
            )
            yield raw_id, example


class LogWithNegativeTime(TinyHouseholdLog):
    """One bad time; others stand before and after it in the split."""

    users = {  # noqa: RUF012
        **{f"u{n}": USERS["ann"] for n in range(9)},
        "zoe": {**USERS["zoe"], "timestamps": [5, -9, 9]},
    }


class LogWithoutAnyItem(TinyHouseholdLog):
    """Only empty sequences."""

    users = {"nil": USERS["nil"]}  # noqa: RUF012


class LogOfNumbers(TinyHouseholdLog):
    """Lacks item_ids."""

    def _info(self):
        return tfds.core.DatasetInfo(
            builder=self,
            features=tfds.features.FeaturesDict(
                {"user_id": np.int64, "item_id": np.int64}
            ),
        )


def prepare(builder_class, folder):
    builder = builder_class(data_dir=folder)
    builder.download_and_prepare()
    return builder


@pytest.fixture(scope="module")
def builder(tmp_path_factory):
    return prepare(TinyHouseholdLog, tmp_path_factory.mktemp("tfds"))


@pytest.fixture(scope="module")
def log(builder):
    return Interactions.from_tfds(builder)


def test_sequences(log):
    assert log.name == "tiny_household_log"
    assert log.users.tolist() == ["ann", "zoe"]
    assert log.items.tolist() == ["b", "c", "ä"]
    assert log.row_splits.tolist() == [0, 1, 4]
    assert log.decode_items(log.item_ids).tolist() == ["c", "b", "ä", "c"]
    assert log.timestamps.tolist() == [7, 5, 9, 9]


def test_further_sequences_become_columns(log):
    assert set(log.columns) == {"ratings", "truth"}
    assert log.columns["ratings"].tolist() == [4, 1, 2, 3]
    assert log.columns["truth"].tolist() == [
        [0.0, 1.0],
        [0.25, 0.75],
        [0.5, 0.5],
        [1.0, 0.0],
    ]


def test_item_fields_become_metadata(log):
    metadata = log.item_metadata
    assert metadata.index.tolist() == ["b", "c", "ä"]
    assert sorted(metadata.columns) == ["genres", "interest", "title"]
    assert metadata["title"].tolist() == ["Bee", "Cee", "Ää"]
    assert metadata["genres"].tolist() == [["x"], ["x", "y"], []]
    assert metadata["interest"].tolist() == [1, 0, 1]


def test_user_fields_become_metadata(log):
    metadata = log.user_metadata
    assert metadata.index.tolist() == ["ann", "zoe"]
    assert sorted(metadata.columns) == ["language", "tongues"]
    assert metadata["language"].tolist() == ["en", "sv"]
    assert metadata["tongues"].tolist() == [[], ["fi", "sv"]]


def test_what_is_left_out_is_counted(log):
    assert log.report.users_without_interactions == 1  # nil
    assert log.report.items_without_interactions == 1  # d
    assert log.report.items_without_metadata == 0
    text = log.describe()
    assert "1 had no items" in text
    assert "1 of the item table have no interactions" in text


def test_cleaning_applies_and_moves_the_columns(builder):
    log = Interactions.from_tfds(
        builder,
        cleaning=CleaningOptions(
            min_user_interactions=2, ties="reverse_file_order"
        ),
    )
    assert log.users.tolist() == ["zoe"]
    assert log.decode_items(log.item_ids).tolist() == ["b", "c", "ä"]
    assert log.columns["ratings"].tolist() == [1, 3, 2]


def test_bad_time_names_user_and_step(tmp_path):
    with pytest.raises(ValueError, match="-9 at step 1 of user 'zoe'"):
        Interactions.from_tfds(prepare(LogWithNegativeTime, tmp_path))


def test_only_empty_sequences(tmp_path):
    with pytest.raises(ValueError, match="at least one interaction"):
        Interactions.from_tfds(prepare(LogWithoutAnyItem, tmp_path))


def test_builder_that_is_not_prepared(tmp_path):
    with pytest.raises(ValueError, match=r"download_and_prepare\(\) first"):
        Interactions.from_tfds(TinyHouseholdLog(data_dir=tmp_path))


def test_builder_of_other_features(tmp_path):
    with pytest.raises(ValueError, match="without item_ids, timestamps"):
        Interactions.from_tfds(LogOfNumbers(data_dir=tmp_path))


def test_name_in_place_of_a_builder():
    with pytest.raises(TypeError, match=r"'mine'.*tfds\.builder\(name\)"):
        Interactions.from_tfds("mine")


def test_sequences_stay_in_step_across_batches(builder, log, monkeypatch):
    monkeypatch.setattr("tfrs_timirec.data.tfds_reader._BATCH_SIZE", 1)
    other = Interactions.from_tfds(builder)
    assert other.fingerprint == log.fingerprint
    np.testing.assert_array_equal(other.columns["truth"], log.columns["truth"])
    pd.testing.assert_frame_equal(other.item_metadata, log.item_metadata)
