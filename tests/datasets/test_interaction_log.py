"""The data set `interaction_log`: a user's own file."""

import pandas as pd
import pytest
import tensorflow_datasets as tfds
from tfrs_timirec.datasets.interaction_log import (
    InteractionLogConfig,
    interaction_log_dataset_builder,
)

import tfrs_timirec  # noqa: F401
from tests.datasets.raw_data import prepare, read_examples
from tfrs_timirec.data.interactions import Interactions
from tfrs_timirec.data.loading import load_dataset
from tfrs_timirec.data.log_files import CSV_SUFFIXES
from tfrs_timirec.data.raw_files import find_file

Builder = interaction_log_dataset_builder.Builder
DUMMY_DATA = Builder.pkg_dir_path / "dummy_data"
FRAME = pd.DataFrame(
    {
        "viewer": [1, 1, 2],
        "film": [30, 20, 30],
        "when": [200, 100, 100],
        "unused": [0.5, 0.5, 0.5],
    }
)
COLUMNS = {
    "user_column": "viewer",
    "item_column": "film",
    "timestamp_column": "when",
}
NAMES = ("user_id", "item_id", "timestamp")


class InteractionLogTest(tfds.testing.DatasetBuilderTestCase):
    DATASET_CLASS = Builder
    SPLITS = {"users": 2, "items": 2}
    EXAMPLE_DIR = str(DUMMY_DATA)


def test_csv_of_the_manual_directory(tmp_path_factory):
    builder = prepare("interaction_log", DUMMY_DATA, tmp_path_factory)

    users = read_examples(builder, "users", "user_id")
    assert sorted(users) == [b"mo", "zoë".encode()]
    zoe = users["zoë".encode()]
    assert zoe["item_ids"].tolist() == [b"a b", b"007"]
    # 2024-01-01 is 19,723 days after 1970-01-01.
    assert zoe["timestamps"].tolist() == [19_723 * 86_400, 19_724 * 86_400]
    items = read_examples(builder, "items", "item_id")
    assert sorted(items) == [b"007", b"a b"]


@pytest.mark.parametrize("name", ["log.csv", "log.csv.gz", "log.parquet"])
def test_path_and_column_names(tmp_path, name):
    path = tmp_path / name
    if name.endswith("parquet"):
        FRAME.to_parquet(path)
    else:
        FRAME.to_csv(path, index=False)
    config = InteractionLogConfig(name="views", path=path, **COLUMNS)
    builder = tfds.builder(
        "interaction_log", config=config, data_dir=tmp_path / "tfds"
    )
    builder.download_and_prepare()

    interactions = Interactions.from_tfds(builder)
    assert interactions.name.startswith("interaction_log/views-")
    assert interactions.users.tolist() == ["1", "2"]
    assert interactions.items.tolist() == ["20", "30"]
    assert interactions.item_ids.tolist() == [2, 3, 3]
    assert interactions.timestamps.tolist() == [100, 200, 100]
    # The feature `title` is empty in both splits.
    assert interactions.item_metadata.columns.empty
    assert interactions.user_metadata is None


@pytest.mark.parametrize("suffix", CSV_SUFFIXES)
def test_text_file_of_the_manual_directory(tmp_path, suffix):
    path = tmp_path / "manual" / f"log{suffix}"
    path.parent.mkdir()
    FRAME.rename(
        columns=dict(zip(COLUMNS.values(), NAMES, strict=True))
    ).to_csv(path, index=False)

    (found,) = Builder(data_dir=tmp_path / "tfds").raw_files

    assert find_file(found, path.parent) == path
    assert load_dataset("interaction_log", path.parent).num_users == 2


def test_text_ids_are_kept_as_they_are(tmp_path):
    path = tmp_path / "log.parquet"
    frame = pd.DataFrame({"user_id": ["u"] * 2, "item_id": ["a", "a\0"]})
    frame.assign(timestamp=[1, 2]).to_parquet(path)

    log = Builder(config=InteractionLogConfig(path=path)).read_log()

    assert log.interactions.items.tolist() == ["a", "a\0"]


def test_another_file_or_column_has_another_name(tmp_path):
    one, two = tmp_path / "one.csv", tmp_path / "two.csv"
    one.write_text("user_id,item_id,other,timestamp\n1,1,1,1\n")
    two.write_text("user_id,item_id,other,timestamp\n1,1,1,2\n")

    configs = [
        InteractionLogConfig(name="mine", path=one),
        InteractionLogConfig(name="mine", path=two),
        InteractionLogConfig(name="mine", path=one, item_column="other"),
    ]
    assert len({config.name for config in configs}) == 3
    again = InteractionLogConfig(name=configs[0].name, path=one)
    assert again.name == configs[0].name
    assert InteractionLogConfig(path=one).name.startswith("one-")


def test_path_that_does_not_exist(tmp_path):
    with pytest.raises(FileNotFoundError, match="`path` must be an existing"):
        InteractionLogConfig(path=tmp_path / "none.csv")


def test_bad_row_is_named_by_its_line(tmp_path):
    (tmp_path / "log.csv").write_text("user_id,item_id,timestamp\na,b,\n")

    with pytest.raises(ValueError, match="line 2 of"):
        load_dataset("interaction_log", tmp_path)


def test_missing_column_is_named(tmp_path):
    (tmp_path / "log.csv").write_text("user,item_id,timestamp\na,b,1\n")

    with pytest.raises(ValueError, match="user_column"):
        load_dataset("interaction_log", tmp_path)


def test_truncated_gzip(tmp_path):
    path = tmp_path / "log.csv.gz"
    pd.DataFrame(
        {"user_id": range(999), "item_id": range(999), "timestamp": range(999)}
    ).to_csv(path, index=False)
    path.write_bytes(path.read_bytes()[:-200])

    with pytest.raises(ValueError, match="cut off or damaged") as error:
        load_dataset("interaction_log", tmp_path)
    assert str(path) in str(error.value)


def test_no_file_and_no_url(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"\*\.csv or") as error:
        load_dataset("interaction_log", tmp_path)
    assert str(tmp_path) in str(error.value)
