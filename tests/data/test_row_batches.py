"""Files are read batch by batch as they are read at once."""

import gzip

import pandas as pd
import pytest

from tests.data.preparation_logs import make_frame
from tfrs_timirec.data.preparation import row_batches
from tfrs_timirec.data.preparation.row_batches import (
    list_row_groups,
    read_row_batches,
)
from tfrs_timirec.data.readers import read_csv, read_parquet

COLUMNS = ("user_id", "item_id", "timestamp")


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch):
    monkeypatch.setattr(row_batches, "_BLOCK_BYTES", 500)
    monkeypatch.setattr(row_batches, "_ROWS_PER_BATCH", 30)


def joined(batches):
    """The rows of all batches, and the place of each."""
    frames, places, expected_first = [], [], 0
    for first_row, table in batches:
        assert first_row == expected_first
        expected_first += len(table.frame)
        frames.append(table.frame)
        places += [table.locate(row) for row in range(len(table.frame))]
    assert len(frames) > 3, "the file must take several batches"
    return pd.concat(frames, ignore_index=True), places


@pytest.mark.parametrize("name", ["log.csv", "log.tsv.gz"])
def test_csv_equals_reading_at_once(tmp_path, name):
    path = tmp_path / name
    separator = "\t" if ".tsv" in name else ","
    make_frame().to_csv(path, index=False, sep=separator)
    whole = read_csv(path, COLUMNS)

    frame, places = joined(read_row_batches(str(path), COLUMNS))

    pd.testing.assert_frame_equal(frame, whole.frame)
    assert places[200] == whole.locate(200) == f"line 202 of {path}"


def test_parquet_equals_reading_at_once(tmp_path):
    path = tmp_path / "log.parquet"
    make_frame().to_parquet(path, row_group_size=150)
    whole = read_parquet(path, COLUMNS)

    frame, places = joined(read_row_batches(str(path), COLUMNS))

    pd.testing.assert_frame_equal(frame, whole.frame)
    assert places == [whole.locate(row) for row in range(400)]


def test_row_groups_are_parts_of_a_file(tmp_path):
    path = str(tmp_path / "log.parquet")
    make_frame().to_parquet(path, row_group_size=150)

    assert list_row_groups(path) == [0, 1, 2]
    batches = list(read_row_batches(path, COLUMNS, row_group=2))
    assert [first for first, _ in batches] == [300, 330, 360, 390]
    assert batches[0][1].locate(5) == f"row 306 of {path}"
    assert list_row_groups("log.csv") == [None]


@pytest.mark.parametrize("name", ["log.jsonl", "part-0.json"])
def test_json_lines(tmp_path, name):
    path = tmp_path / name
    frame = make_frame()
    text = frame.assign(more="x").to_json(orient="records", lines=True)
    path.write_text("\n" + text)  # An empty line counts, but holds no row.

    found, places = joined(read_row_batches(str(path), COLUMNS))

    assert found.values.tolist() == frame.values.tolist()
    assert places[200] == f"line 202 of {path}"


def test_columns_of_json_lines_are_the_keys_of_any_row(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_text('{"user": 1, "item_id": 2}\n{"item_id": 3, "extra": 4}\n')

    ((_, table),) = read_row_batches(str(path), COLUMNS)

    assert table.column_names == ("user", "item_id", "extra")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("log.jsonl", b'{"user_id": 1}\n[2]\n', r"line 2: b'\[2\]"),
        ("log.jsonl", b"\xff\n", "one JSON object.*line 1"),
        ("log.csv", b"", "at least one interaction"),
        ("log.csv", b"user_id,item_id\n1,2\n3\n", "line 3"),
        ("log.csv", b"user_id\n\xff\n", "UTF-8"),
        (
            "log.json.gz",
            gzip.compress(b"{}" * 99, mtime=0)[:-9],
            "cut off or damaged",
        ),
        (
            "log.csv.gz",
            gzip.compress(b"a\n1\n" * 99, mtime=0)[:-9],
            "cut off or dam",
        ),
        ("log.parquet", b"PAR1 and no more", "cut off or damaged"),
        ("log.xml", b"", r"must end in one of.*xml'\. Rename the file\.$"),
    ],
)
def test_bad_files(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message) as error:
        list(read_row_batches(str(path), COLUMNS))
    assert name in str(error.value)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("log.jsonl", b""),
        ("log.jsonl.gz", gzip.compress(b"\n", mtime=0)),
        ("log.csv", b"user_id,item_id,timestamp\n"),
        ("log.csv.gz", gzip.compress(b"user_id,item_id,timestamp\n", mtime=0)),
        ("log.csv", b"user_id,item_id,timestamp"),
    ],
)
def test_a_file_without_rows_has_no_batches(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    assert list(read_row_batches(str(path), COLUMNS)) == []
