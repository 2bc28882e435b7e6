"""Where data comes from: names, files, and what does not fit together."""

import pandas as pd
import pytest
import tensorflow_datasets as tfds

from tfrs_timirec.data import CleaningOptions, Interactions
from tfrs_timirec.experiments import DataSource, TrainingRun, TrainingSettings


@pytest.mark.parametrize(
    ("dataset", "expected"),
    [
        ("amazon_beauty", "amazon_beauty"),  # It has no configs.
        ("movielens_sequences", "movielens_sequences/100k"),  # The first one.
        ("movielens_sequences/1m", "movielens_sequences/1m"),
    ],
)
def test_dataset_gets_its_config(dataset, expected):
    assert DataSource(dataset=dataset).dataset_with_config == expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "Either `dataset` or `interactions`"),
        (
            {"dataset": "amazon_beauty", "interactions": "a.csv"},
            "Either `dataset` or `interactions`",
        ),
        ({"dataset": "amazon"}, "`dataset` must be one of amazon_beauty"),
        (
            {"dataset": "amazon_beauty", "ties": "file"},
            "`ties` must be one of 'file_order', 'reverse_file_order'",
        ),
        (
            {"dataset": "household_tv/tinny"},
            r"Did you mean household_tv/tiny\?",
        ),
        (
            {"interactions": "a.csv", "data_dir": "."},
            "`data_dir` must come with `dataset`",
        ),
    ],
)
def test_what_does_not_fit_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        DataSource(**arguments)


def test_paths_become_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    source = DataSource(interactions="a.csv").with_absolute_paths()

    assert source.interactions == str(tmp_path / "a.csv")
    assert source.data_dir is None


def test_paths_on_other_file_systems_stay():
    source = DataSource(interactions="gs://bucket/prepared")

    assert source.with_absolute_paths() == source


@pytest.mark.parametrize(
    ("ties", "order"),
    [("file_order", "abc"), ("reverse_file_order", "acb")],
)
def test_ties_are_ordered_as_asked(ties, order, tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("user_id,item_id,timestamp\nu,a,1\nu,b,2\nu,c,2\n")

    log = DataSource(interactions=str(path), ties=ties).load()

    assert "".join(log.decode_items(log.item_ids)) == order


def test_ties_are_ordered_in_a_tfds_folder(tmp_path):
    # Its raw times are whole seconds: nothing else ordered its ties.
    builder = tfds.builder("movielens_sequences/1m", data_dir=tmp_path)
    builder.download_and_prepare(
        download_config=tfds.download.DownloadConfig(
            manual_dir=builder.pkg_dir_path / "dummy_data",
            try_download_gcs=False,
        )
    )
    folder = str(builder.data_path)
    expected = Interactions.from_tfds(
        builder, cleaning=CleaningOptions(ties="reverse_file_order")
    )

    log = DataSource(interactions=folder, ties="reverse_file_order").load()

    assert log.fingerprint == expected.fingerprint
    assert log.fingerprint != DataSource(interactions=folder).load().fingerprint


def test_folder_of_parquet_files(tmp_path):
    frame = pd.DataFrame(
        {"member": list("uuvv"), "item_id": list("abba"), "timestamp": range(4)}
    )
    frame[:2].to_parquet(tmp_path / "part-0.parquet")
    frame[2:].to_parquet(tmp_path / "part-1.parquet")

    log = DataSource(interactions=str(tmp_path), user_column="member").load()

    assert log.num_users == 2
    assert "".join(log.decode_items(log.item_ids)) == "abba"


def test_ties_hold_for_a_data_set_too():
    # Its times are all different within a household: nothing changes.
    first = DataSource(dataset="household_tv/tiny").load()
    second = DataSource(
        dataset="household_tv/tiny", ties="reverse_file_order"
    ).load()

    assert second.report.options.ties == "reverse_file_order"
    assert second.fingerprint == first.fingerprint


def test_log_is_cleaned_and_cleaned_again_when_a_run_is_opened(tmp_path):
    path = tmp_path / "log.csv"
    rows = [f"u{u},i{(u + n) % 5},{n}" for u in range(6) for n in range(6)]
    path.write_text(
        "\n".join(["user_id,item_id,timestamp", *rows, "once,i1,3"])
    )
    source = DataSource(
        interactions=str(path), min_user_interactions=3, duplicates="first"
    )
    log = source.load()

    assert (log.num_users, log.num_interactions) == (6, 30)
    settings = TrainingSettings(model="comirec", num_evaluation_negatives=5)
    TrainingRun(settings, log, tmp_path / "run", source=source)
    opened = TrainingRun.open(tmp_path / "run")
    assert opened.interactions.fingerprint == log.fingerprint
    other = DataSource(interactions=str(path), min_user_interactions=3)
    (tmp_path / "run" / "weights").mkdir()  # It has begun.
    with pytest.raises(ValueError, match="duplicates .'first' there, 'keep'"):
        TrainingRun(settings, other.load(), tmp_path / "run", source=other)


def test_bad_minimum_is_refused_at_once():
    with pytest.raises(ValueError, match="min_user_interactions=-1"):
        DataSource(dataset="household_tv/tiny", min_user_interactions=-1)
