"""Apache Beam gives what reading the log at once gives."""

import json
import pathlib

import numpy as np
import pandas as pd
import pytest

from tests.data.preparation_logs import make_frame, write_parts
from tfrs_timirec.cli.main import main
from tfrs_timirec.data import CleaningOptions, Interactions
from tfrs_timirec.data.prepared_folder import load_prepared
from tfrs_timirec.experiments import DataSource

pytest.importorskip("apache_beam", reason="needs the extra [beam]")

from tfrs_timirec.data.preparation import LogColumns, prepare_sequences

CORE = CleaningOptions(
    min_user_interactions=7,
    min_item_interactions=6,
    duplicates="first",
    ties="reverse_file_order",
)


def assert_same(one: Interactions, two: Interactions) -> None:
    for name in ("users", "items", "user_indices", "item_ids", "timestamps"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
        assert getattr(one, name).dtype == getattr(two, name).dtype
    assert one.fingerprint == two.fingerprint


def test_files_of_all_kinds_equal_one_table(tmp_path):
    frame = make_frame()
    pattern = write_parts(frame, tmp_path)
    expected = Interactions.from_dataframe(frame, cleaning=CORE)
    steps = []

    report = prepare_sequences(
        [pattern],
        tmp_path / "prepared",
        cleaning=CORE,
        num_shards=2,
        on_step=steps.append,
    )

    # The case is worth its name: something of each kind happened.
    assert report == expected.report
    assert 0 < report.users_below_minimum < 40
    assert report.items_below_minimum > 0
    assert report.duplicates_removed > 0
    assert report.rows_out_of_order > 0
    found = load_prepared(tmp_path / "prepared")
    assert_same(found, expected)
    assert found.report.preparation == report
    assert len(steps) == 3
    names = {path.name for path in (tmp_path / "prepared").iterdir()}
    assert "user_sequences-users.tfrecord-00001-of-00002" in names
    record = json.loads((tmp_path / "prepared/preparation.json").read_text())
    assert record["report"]["rows_read"] == 400
    assert not list(tmp_path.glob(".draft-*"))


def test_core_that_takes_more_rounds_than_a_pipeline(tmp_path):
    # A chain: user n met the items n and n + 1, so that with two a user and an
    # item a round takes one link off each end. 10 links need 5 rounds.
    rows = [(n, n + step) for n in range(10) for step in (0, 1)]
    # A square that stays.
    rows += [(user, item) for user in (50, 51) for item in (60, 61)]
    frame = pd.DataFrame(rows, columns=["user_id", "item_id"])
    frame["timestamp"] = pd.to_datetime(
        10 * np.arange(len(frame)) + 1, unit="ms"
    )
    frame.to_parquet(tmp_path / "log.parquet")
    core = CleaningOptions(min_user_interactions=2, min_item_interactions=2)
    steps = []

    report = prepare_sequences(
        [str(tmp_path / "log.parquet")],
        tmp_path / "prepared",
        cleaning=core,
        on_step=steps.append,
    )

    found = load_prepared(tmp_path / "prepared")
    assert found.users.tolist() == [50, 51]
    assert found.item_ids.tolist() == [2, 3, 2, 3]
    expected = Interactions.from_dataframe(frame, cleaning=core)
    assert_same(found, expected)
    assert report == expected.report
    assert report.fractional_times == len(frame)
    assert sum("k-core" in step for step in steps) >= 2


def test_times_of_both_kinds_are_ordered_together(tmp_path):
    moments = pd.to_datetime([10_000, 20_100], unit="ms")
    pd.DataFrame(
        {"user_id": ["u", "u"], "item_id": ["a", "b"], "timestamp": moments}
    ).to_parquet(tmp_path / "part-0.parquet")
    (tmp_path / "part-1.jsonl").write_text(
        '{"user_id": "u", "item_id": "c", "timestamp": 20.9}\n'
    )

    prepare_sequences([str(tmp_path / "part-*")], tmp_path / "prepared")

    log = load_prepared(tmp_path / "prepared")
    assert log.decode_items(log.item_ids).tolist() == ["a", "b", "c"]


def test_first_time_of_all_files_says_what_text_is(tmp_path):
    rows = pd.DataFrame({"user_id": "u", "item_id": ["a", "b", "c"]})
    rows["timestamp"] = ["5", "20240130", "20240131"]
    rows.to_csv(tmp_path / "log.csv", index=False)
    rows[:2].to_csv(tmp_path / "part-0.csv", index=False)
    rows[2:].to_csv(tmp_path / "part-1.csv", index=False)

    prepare_sequences([str(tmp_path / "part-*")], tmp_path / "prepared")

    expected = Interactions.from_csv(tmp_path / "log.csv")
    assert_same(load_prepared(tmp_path / "prepared"), expected)


def test_time_of_another_kind_than_the_first_of_all_files(tmp_path):
    for number, time in enumerate(["2024-01-31", "1706659200"]):
        (tmp_path / f"part-{number}.csv").write_text(
            f"user_id,item_id,timestamp\nu,a,{time}\n"
        )

    with pytest.raises(ValueError, match=r"ISO 8601.*line 2 of .*part-1"):
        prepare_sequences([str(tmp_path / "part-*")], tmp_path / "prepared")


def test_last_of_equal_pairs_and_parts_of_a_second(tmp_path):
    # In file order e comes before its elder d, and u meets a twice.
    rows = [("u", "a", 10.2), ("u", "b", 10.4), ("u", "a", 10.6)]
    rows += [("v", "e", 5.75), ("v", "d", 5.25)]
    frame = pd.DataFrame(rows, columns=["user_id", "item_id", "timestamp"])
    frame.to_csv(tmp_path / "log.csv", index=False)
    last = CleaningOptions(duplicates="last")

    report = prepare_sequences(
        [str(tmp_path / "log.csv")], tmp_path / "prepared", cleaning=last
    )

    found = load_prepared(tmp_path / "prepared")
    assert "".join(found.decode_items(found.item_ids)) == "bade"
    expected = Interactions.from_csv(tmp_path / "log.csv", cleaning=last)
    assert_same(found, expected)
    assert report == expected.report
    assert report.fractional_times == 5


@pytest.mark.parametrize(
    ("ties", "order"),
    [("file_order", "abcde"), ("reverse_file_order", "abced")],
)
def test_order_of_a_prepared_folder_is_final(tmp_path, ties, order):
    # a, b and c are a second's parts, d and e truly at one time.
    rows = [("u", "c", 10.9), ("u", "b", 10.5), ("u", "a", 10.1)]
    rows += [("u", "d", 20.0), ("u", "e", 20.0)]
    frame = pd.DataFrame(rows, columns=["user_id", "item_id", "timestamp"])
    frame.to_csv(tmp_path / "log.csv", index=False)
    output = str(tmp_path / "prepared")
    options = CleaningOptions(ties=ties)

    prepare_sequences([str(tmp_path / "log.csv")], output, cleaning=options)

    at_once = Interactions.from_csv(tmp_path / "log.csv", cleaning=options)
    for asked in {"file_order", ties}:
        found = DataSource(interactions=output, ties=asked).load()
        assert "".join(found.decode_items(found.item_ids)) == order
        assert found.report.options == options
        assert_same(found, at_once)
    if ties == "file_order":
        with pytest.raises(ValueError, match="`ties`.*with 'file_order'"):
            DataSource(interactions=output, ties="reverse_file_order").load()


def test_command_prepares_and_describes(tmp_path, capsys):
    frame = make_frame(100)
    pattern = write_parts(frame.rename(columns={"user_id": "who"}), tmp_path)
    output = tmp_path / "prep ü"
    words = ["data", "prepare", "--interactions", pattern, "--user-column"]
    words += ["who", "--output", str(output)]

    assert main([*words, "--beam", "--runner=DirectRunner"]) == 0

    out = capsys.readouterr().out
    assert "Read 100 rows, kept 100" in out
    assert f"timirec train --interactions '{output}' --model timirec" in out
    assert main(["data", "describe", "--interactions", str(output)]) == 0
    assert capsys.readouterr().out.startswith("prep ü\n")
    expected = Interactions.from_dataframe(frame)
    assert_same(DataSource(interactions=str(output)).load(), expected)
    with pytest.raises(ValueError, match="`user_column`.*prepared folder"):
        DataSource(interactions=str(output), user_column="who").load()
    assert main([*words]) == 2
    assert "must not exist yet" in capsys.readouterr().err


def test_bad_value_names_file_and_line_and_leaves_nothing(tmp_path):
    (tmp_path / "a.csv").write_text("user_id,item_id,timestamp\na,x,1\n")
    (tmp_path / "b.csv").write_text("user_id,item_id,timestamp\na,x,1\n,y,2\n")

    with pytest.raises(ValueError, match=r"`user_column`.*line 3 of .*b\.csv"):
        prepare_sequences([str(tmp_path / "*.csv")], tmp_path / "out")

    assert {path.name for path in tmp_path.iterdir()} == {"a.csv", "b.csv"}


def test_ids_of_two_types(tmp_path):
    frame = make_frame(10)
    frame.to_parquet(tmp_path / "a.parquet")
    frame.assign(item_id=range(10)).to_parquet(tmp_path / "b.parquet")

    with pytest.raises(ValueError, match=r"one type.*b\.parquet"):
        prepare_sequences([str(tmp_path / "*.parquet")], tmp_path / "out")


@pytest.mark.parametrize("place", [0, 1])
def test_part_without_rows(tmp_path, place):
    frame = make_frame(10).assign(user_id=range(10))
    parts = [frame, frame[:0].astype({"user_id": str})]
    parts[place].to_parquet(tmp_path / "part-1.parquet")
    parts[1 - place].to_parquet(tmp_path / "part-0.parquet")

    prepare_sequences([str(tmp_path / "part-*")], tmp_path / "prepared")

    expected = Interactions.from_dataframe(frame)
    assert_same(load_prepared(tmp_path / "prepared"), expected)


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_part_of_text_without_rows(tmp_path, suffix):
    frame = make_frame(10).astype({"user_id": str, "item_id": str})
    for number, rows in enumerate([frame[:0], frame, frame[:0]]):
        path = tmp_path / f"part-{number}.{suffix}"
        if suffix == "csv":
            rows.to_csv(path, index=False)
        else:
            rows.to_json(path, orient="records", lines=True)

    prepare_sequences([str(tmp_path / "part-*")], tmp_path / "prepared")

    expected = Interactions.from_dataframe(frame)
    assert_same(load_prepared(tmp_path / "prepared"), expected)


def test_parts_without_any_row(tmp_path):
    for number in range(2):
        make_frame(0).to_parquet(tmp_path / f"part-{number}.parquet")

    with pytest.raises(ValueError, match=r"`patterns`.*part-1\.parquet'.*row"):
        prepare_sequences([str(tmp_path / "part-*")], tmp_path / "out")


def test_file_whose_name_is_a_pattern(tmp_path):
    frame = make_frame(10)
    frame.to_csv(tmp_path / "log[1].csv", index=False)

    prepare_sequences([str(tmp_path / "log[1].csv")], tmp_path / "prepared")

    expected = Interactions.from_dataframe(frame)
    assert_same(load_prepared(tmp_path / "prepared"), expected)


@pytest.mark.parametrize("output", ["out[1]", "a[1]/out", "out*"])
def test_output_that_beam_takes_for_a_pattern(tmp_path, output):
    make_frame(10).to_csv(tmp_path / "log.csv", index=False)

    with pytest.raises(ValueError, match="`output` must be a path without"):
        prepare_sequences([str(tmp_path / "log.csv")], tmp_path / output)

    assert {path.name for path in tmp_path.iterdir()} == {"log.csv"}


def test_output_inside_a_folder_that_beam_takes_for_a_pattern(
    tmp_path, monkeypatch
):
    (tmp_path / "a[1]").mkdir()
    monkeypatch.chdir(tmp_path / "a[1]")
    make_frame(10).to_csv("log.csv", index=False)

    with pytest.raises(ValueError, match=r"`output` must be .*a\[1\]/out'"):
        prepare_sequences(["log.csv"], "out")


@pytest.mark.parametrize("minimum", [0, 2])
def test_ids_with_outer_spaces_are_counted_once_each(tmp_path, minimum):
    # The core leaves out w and " y"; " u" and "x " stay.
    rows = [(" u", "x "), (" u", "x "), (" u", "z"), ("v", "x "), ("v", "z")]
    frame = pd.DataFrame([*rows, ("w", " y")], columns=["user_id", "item_id"])
    frame["timestamp"] = range(6)
    frame.to_csv(tmp_path / "log.csv", index=False)
    core = CleaningOptions(min_user_interactions=minimum)

    report = prepare_sequences(
        [str(tmp_path / "log.csv")], tmp_path / "prepared", cleaning=core
    )

    read_at_once = Interactions.from_csv(tmp_path / "log.csv", cleaning=core)
    assert report == read_at_once.report
    assert report.ids_with_outer_spaces == (2 if minimum else 3)


def test_no_such_file_and_nothing_left(tmp_path):
    with pytest.raises(FileNotFoundError, match="`patterns`"):
        prepare_sequences([str(tmp_path / "*.csv")], tmp_path / "out")
    with pytest.raises(FileNotFoundError, match=r"features\.json"):
        load_prepared(tmp_path)
    make_frame(10).to_csv(tmp_path / "log.csv", index=False)
    for number in (0, 2.5):
        with pytest.raises(ValueError, match=f"`num_shards`.*={number}"):
            prepare_sequences(
                [str(tmp_path / "log.csv")], tmp_path / "out", num_shards=number
            )
    with pytest.raises(ValueError, match=r"`patterns`.*log\.csv'\]"):
        prepare_sequences(str(tmp_path / "log.csv"), tmp_path / "out")
    with pytest.raises(ValueError, match="No interaction is left.*10 inter"):
        prepare_sequences(
            [str(tmp_path / "log.csv")],
            tmp_path / "out",
            cleaning=CleaningOptions(min_user_interactions=99),
        )


def test_beauty_equals_reading_it_at_once(data_dir, tmp_path):
    path = data_dir / "amazon_beauty" / "reviews_Beauty_5.json.gz"
    names = ("reviewerID", "asin", "unixReviewTime")
    columns = LogColumns(user=names[0], item=names[1], timestamp=names[2])

    prepare_sequences([str(path)], tmp_path / "beauty", columns=columns)

    expected = Interactions.from_dataframe(
        pd.read_json(pathlib.Path(path), lines=True),
        user_column=names[0],
        item_column=names[1],
        timestamp_column=names[2],
    )
    assert_same(load_prepared(tmp_path / "beauty"), expected)
