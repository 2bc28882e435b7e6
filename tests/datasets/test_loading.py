"""Data sets by name."""

import pathlib

import pytest
import tensorflow_datasets as tfds
from tfrs_timirec.datasets.amazon_beauty import amazon_beauty_dataset_builder

import tfrs_timirec
from tests.datasets.test_movielens_sequences import RATING, write_raw
from tfrs_timirec.data.loading import list_datasets, load_dataset

BEAUTY = amazon_beauty_dataset_builder.Builder.pkg_dir_path / "dummy_data"


@pytest.fixture
def tfds_dir():
    """Where TFDS keeps what it prepares during the tests."""
    return pathlib.Path(tfds.builder("amazon_beauty").data_dir_root)


def test_every_data_set_of_the_package_is_listed():
    names = list_datasets()

    assert {name.split("/")[0] for name in names} == set(
        tfrs_timirec.datasets.__all__
    )
    assert "amazon_beauty" in names
    assert "movielens_sequences/100k" in names
    assert "movielens_sequences/1m" in names
    assert "household_tv/small" in names


@pytest.mark.parametrize(
    "name", ["amazon", "amazon_beauty/large", "household_tv/huge", "", "mnist"]
)
def test_unknown_name_lists_the_known_ones(name):
    with pytest.raises(ValueError, match="`name` must be one of") as error:
        load_dataset(name)
    for known in list_datasets():
        assert known in str(error.value)


def test_folder_that_does_not_exist(tmp_path):
    with pytest.raises(FileNotFoundError, match="`data_dir` must be"):
        load_dataset("amazon_beauty", tmp_path / "none")


def test_name_without_config_is_the_first_config():
    assert load_dataset("household_tv").name == "household_tv/small"


def test_simulated_data_need_no_folder(tmp_path):
    interactions = load_dataset("household_tv/tiny", tmp_path)

    assert interactions.num_users == 300
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_written_into_the_folder_of_raw_files(tmp_path, tfds_dir):
    path = write_raw(tmp_path)
    path.chmod(0o444)

    load_dataset("movielens_sequences/1m", tmp_path)

    assert list(tmp_path.rglob("*")) == [path]
    assert list(tfds_dir.glob("from_raw_files/*/movielens_sequences/1m"))


def test_each_raw_file_is_prepared_for_itself(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    write_raw(one, ratings=(RATING, "2::7::1::970000000"))
    write_raw(two, ratings=(RATING, "3::7::1::970000000"))
    name = "movielens_sequences/1m"

    assert load_dataset(name, one).users.tolist() == [1, 2]
    assert load_dataset(name, two).users.tolist() == [1, 3]
    assert load_dataset(name, one).users.tolist() == [1, 2]
    write_raw(one, ratings=(RATING, "4::7::1::970000000"))
    assert load_dataset(name, one).users.tolist() == [1, 4]


def test_preparing_shows_one_bar_once_and_nothing_on_stdout(tmp_path, capfd):
    write_raw(tmp_path, ratings=("77::7::1::970000000",))

    load_dataset("movielens_sequences/1m", tmp_path)
    first = capfd.readouterr()
    load_dataset("movielens_sequences/1m", tmp_path)
    second = capfd.readouterr()

    assert first.out == second.out == ""
    assert first.err.count("Preparing movielens_sequences/1m") == 1
    assert "examples" not in first.err  # TFDS's own bars.
    assert "Preparing" not in second.err


@pytest.mark.parametrize("active", [True, False])
def test_bars_of_tfds_are_as_before_after_an_error(tmp_path, active):
    write_raw(tmp_path, ratings=("bad",))
    tfds.display_progress_bar(active)

    try:
        with pytest.raises(ValueError, match="line 1"):
            load_dataset("movielens_sequences/1m", tmp_path)
        assert tfds.core.utils.tqdm_utils._active == active
    finally:
        tfds.enable_progress_bar()


def test_another_process_may_be_quicker(monkeypatch, tfds_dir):
    # While this process reads the raw files, another one prepares them. TFDS
    # then cannot rename its folder.
    builder_class = amazon_beauty_dataset_builder.Builder
    read_log = builder_class.read_log
    others = []

    def read_slowly(self, *paths):
        monkeypatch.setattr(builder_class, "read_log", read_log)
        others.append(load_dataset("amazon_beauty", BEAUTY))
        return read_log(self, *paths)

    monkeypatch.setattr(builder_class, "read_log", read_slowly)
    interactions = load_dataset("amazon_beauty", BEAUTY)

    assert len(others) == 1
    assert interactions.fingerprint == others[0].fingerprint
    assert interactions.num_interactions == 6
    assert not list(tfds_dir.glob("from_raw_files/*/amazon_beauty/incomplete*"))
