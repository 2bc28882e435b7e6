"""Files that are whole, and files that are broken in every usual way."""

import csv
import gzip

import pandas as pd
import pytest

from tfrs_timirec.data import csv_file, readers
from tfrs_timirec.data.preparation import row_batches
from tfrs_timirec.data.preparation.row_batches import read_row_batches
from tfrs_timirec.data.readers import read_csv, read_parquet

CONTENT = "user_id,item_id,timestamp\nu1,007,5\nu2,NA,6\n"


def write(path, content=CONTENT):
    content = content.encode() if isinstance(content, str) else content
    if path.suffix == ".gz":
        content = gzip.compress(content)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("name", ["log.csv", "log.csv.gz", "LOG.TXT"])
def test_csv_values_are_text_as_they_stand(tmp_path, name):
    table = read_csv(write(tmp_path / name))
    assert table.frame["item_id"].tolist() == ["007", "NA"]
    assert table.frame["timestamp"].tolist() == ["5", "6"]
    assert table.column_names == ("user_id", "item_id", "timestamp")


def test_csv_reads_only_the_columns_asked_for_but_knows_all(tmp_path):
    table = read_csv(write(tmp_path / "log.csv"), ["item_id", "other"])
    assert list(table.frame.columns) == ["item_id"]
    assert table.column_names == ("user_id", "item_id", "timestamp")


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
@pytest.mark.parametrize("name", ["log.csv", "log.tsv.gz"])
def test_csv_delimiter_is_that_of_the_header(tmp_path, name, delimiter):
    expected = read_csv(write(tmp_path / "commas.csv")).frame
    path = write(tmp_path / name, CONTENT.replace(",", delimiter))
    pd.testing.assert_frame_equal(read_csv(path).frame, expected)


def test_csv_delimiter_is_no_comma_within_quotes(tmp_path):
    content = '"user, by name, or not";item_id\na;007\n'
    table = read_csv(write(tmp_path / "log.csv", content))
    assert table.column_names == ("user, by name, or not", "item_id")


def test_tsv_is_divided_by_tabs_whatever_its_names_hold(tmp_path):
    content = "user_id\titem_id\tactors, directors, tags\na\t007\tx\n"
    table = read_csv(write(tmp_path / "log.tsv", content))
    assert table.column_names == (
        "user_id",
        "item_id",
        "actors, directors, tags",
    )


def test_csv_delimiter_may_be_any_other(tmp_path):
    expected = read_csv(write(tmp_path / "log.csv")).frame
    path = write(tmp_path / "other.csv", CONTENT.replace(",", "~"))
    pd.testing.assert_frame_equal(read_csv(path, delimiter="~").frame, expected)


@pytest.mark.parametrize("delimiter", ["", "::"])
def test_csv_delimiter_is_one_character(tmp_path, delimiter):
    path = write(tmp_path / "log.csv")
    with pytest.raises(ValueError, match=f"one char.*delimiter='{delimiter}'"):
        read_csv(path, delimiter=delimiter)


def test_csv_byte_order_mark_is_not_part_of_the_first_name(tmp_path):
    table = read_csv(write(tmp_path / "log.csv", "\ufeff" + CONTENT))
    assert table.column_names[0] == "user_id"
    assert "user_id" in table.frame


def test_csv_locate_counts_lines_of_the_file(tmp_path):
    content = 'user_id,title\na,"two\nlines"\n\nb,one line\n'
    table = read_csv(write(tmp_path / "log.csv", content))
    # Row 0 is on lines 2-3, line 4 is empty, row 1 is on line 5.
    assert table.frame["title"].tolist() == ["two\nlines", "one line"]
    assert table.locate(0).startswith("line 2 of ")
    assert table.locate(1).startswith("line 5 of ")


LINES = "".join(f"u{n},i{n},{n},t{n}\n" for n in range(20_000))
HEADER = "user_id,item_id,timestamp,title\n"


def read_at_once(path):
    return read_csv(
        path, ["user_id", "item_id", "timestamp"], id_columns=["item_id"]
    )


def read_by_batches(path):
    return list(
        read_row_batches(str(path), ["user_id", "item_id", "timestamp"])
    )


@pytest.fixture(params=[1 << 16, 1 << 24])
def block_bytes(request, monkeypatch):
    """A value that does not fit into a block makes the reader give up."""
    monkeypatch.setattr(readers, "_BLOCK_BYTES", request.param)
    monkeypatch.setattr(row_batches, "_BLOCK_BYTES", request.param)


@pytest.mark.parametrize("read", [read_at_once, read_by_batches])
@pytest.mark.parametrize("name", ["log.csv", "log.csv.gz"])
@pytest.mark.parametrize(
    ("content", "line"),
    [
        ('user_id,item_id\nu,i\nu,"12 inch\n' + LINES, 3),
        (HEADER + LINES + 'u,"12 inch,1,t\n' + LINES, 20_002),
        (HEADER + 'u,i,1,t\nu,"12 inch,2,t\n' + LINES, 3),
        # The second quote closes the first, without the end of the file.
        (HEADER + 'u,"12 inch,2,t\n' + LINES + 'u,"9 inch,2,t\n', 2),
        # In a column that is not read.
        (HEADER + LINES + 'u,i,2,"12 inch\n' + LINES, 20_002),
        (HEADER + 'u,i,1,t\nu,i,2,"12 inch', 3),
        # The next one opens a value, too: none is left open.
        (HEADER + LINES + 'u,i,2,"Abc\nu,i,3,t\nu,i,4,"Def\n', 20_002),
        (HEADER + 'u,i,2,"Abc\nu,i,4,"Def', 2),
        ('user_id,item_id,"timestamp\nu,i,1\n', 1),
        ('"user_id,' + "x" * 200_000, 1),
    ],
)
@pytest.mark.usefixtures("block_bytes")
def test_csv_quote_that_nothing_closes(tmp_path, read, name, content, line):
    path = write(tmp_path / name, content)
    with pytest.raises(ValueError, match=rf"line {line} of .*nothing closes"):
        read(path)


@pytest.mark.parametrize("read", [read_at_once, read_by_batches])
def test_csv_quotes_and_line_breaks_of_other_columns(tmp_path, read):
    # The last title has a quote inside, which opens nothing: they are odd.
    content = HEADER + 'u,i,1,"a\nb ""c"""\nu,"j, k",2,12" disc\n'
    read(write(tmp_path / "log.csv", content))
    table = read_csv(tmp_path / "log.csv")
    assert table.frame["title"].tolist() == ['a\nb "c"', '12" disc']
    assert table.frame["item_id"].tolist() == ["i", "j, k"]


def test_csv_locates_rows_after_long_and_undecodable_values(tmp_path):
    long = "x" * 200_000  # `csv` alone stops at 131,072.
    content = f"user_id,title\na,{long}\nb,".encode() + b"\xff\nc,t\n"
    limit = csv.field_size_limit()
    table = read_csv(write(tmp_path / "log.csv", content), ["user_id"])
    assert table.locate(2).startswith("line 4 of ")
    assert csv.field_size_limit() == limit
    content = f"user_id,title\na,{long}\nb\n"
    with pytest.raises(ValueError, match="line 3 of .* with 1 instead of 2"):
        read_csv(write(tmp_path / "log.csv", content))


def test_csv_lines_may_end_in_a_carriage_return(tmp_path):
    path = write(tmp_path / "log.csv", CONTENT.replace("\n", "\r"))
    table = read_csv(path)
    assert table.frame["item_id"].tolist() == ["007", "NA"]
    assert table.locate(1) == f"line 3 of {path}"


def test_csv_that_python_cannot_read(tmp_path, monkeypatch):
    monkeypatch.setattr(csv_file, "_MAX_VALUE_LENGTH", 3)
    path = write(tmp_path / "log.csv", "a,b\n1,2\n3,long\n")
    with pytest.raises(ValueError, match="line 3 of .*field larger"):
        read_csv(path).locate(1)


@pytest.mark.parametrize(
    ("read", "message"),
    [
        (read_csv, "must be a file.*a folder"),
        (read_parquet, r"a folder without a file that ends in \.parquet"),
    ],
)
def test_missing_file_and_folder(tmp_path, read, message):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        read(tmp_path / "nowhere.csv")
    with pytest.raises(ValueError, match=message):
        read(tmp_path)


@pytest.mark.parametrize(
    ("read", "name"), [(read_csv, "log.csv"), (read_parquet, "log")]
)
def test_log_elsewhere(read, name):
    with pytest.raises(ValueError, match=r"on this machine.*data prepare"):
        read(f"gs://bucket/{name}")


def test_wrong_suffix_names_the_right_ones(tmp_path):
    with pytest.raises(ValueError, match=r"\.csv\.gz.*from_parquet"):
        read_csv(write(tmp_path / "log.parquet"))
    with pytest.raises(ValueError, match=r"\.parquet.*from_csv"):
        read_parquet(write(tmp_path / "log.csv"))
    with pytest.raises(ValueError, match=r"'timirec data prepare' for JSON"):
        read_csv(write(tmp_path / "log.jsonl"))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("log.csv", b"", "0 bytes"),
        ("log.csv.gz", b"", "no header line"),
        ("log.csv", CONTENT.splitlines()[0], "a header line and no rows"),
        ("log.csv", CONTENT + "u3,x\n", "line 4 of .* with 2 instead of 3"),
        ("log.csv", CONTENT.encode() + b"u\xff,x,1\n", "UTF-8.*line 4"),
        ("log.csv", b"us\xffer,i,t\n1,2,3\n", "UTF-8.*line 1"),
        ("log.csv", gzip.compress(CONTENT.encode(), mtime=0), r"end in \.gz"),
        ("log.csv", b"PAR1....", "a Parquet file.*from_parquet"),
    ],
)
def test_broken_csv(tmp_path, name, content, message):
    with pytest.raises(ValueError, match=message):
        read_csv(write(tmp_path / name, content))


def test_text_named_gz(tmp_path):
    path = tmp_path / "log.csv.gz"
    path.write_text(CONTENT)
    with pytest.raises(ValueError, match=r"only then\. Received: path="):
        read_csv(path)


@pytest.mark.parametrize("cut", [4, 15, 100])
def test_truncated_gzip(tmp_path, cut):
    rows = "".join(f"u{n * n},i{n * 7919 % 1009},{n}\n" for n in range(9999))
    path = write(tmp_path / "log.csv.gz", CONTENT + rows)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * cut // 101])
    with pytest.raises(ValueError, match=r"log\.csv\.gz'.*cut off or damaged"):
        read_csv(path)


def test_damaged_gzip(tmp_path):
    rows = "".join(f"u{n * n},i{n * 7919 % 1009},{n}\n" for n in range(9999))
    path = write(tmp_path / "log.csv.gz", CONTENT + rows)
    whole = path.read_bytes()
    for start in (12, len(whole) // 2):
        path.write_bytes(whole[:start] + b"\xff" * 99 + whole[start + 99 :])
        with pytest.raises(ValueError, match=r"log\.csv\.gz"):
            read_csv(path)
