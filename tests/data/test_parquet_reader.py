"""Parquet files: one, the parts of a log, and those that are broken."""

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tfrs_timirec.data.preparation.row_batches import read_row_batches
from tfrs_timirec.data.readers import read_parquet


def test_parquet_keeps_types(tmp_path):
    path = tmp_path / "log.parquet"
    frame = pd.DataFrame({"user_id": [3, 1], "item_id": ["a", "b"]})
    frame.to_parquet(path)
    table = read_parquet(path, ["user_id", "other"])
    assert table.frame["user_id"].tolist() == [3, 1]
    assert list(table.frame.columns) == ["user_id"]
    assert table.column_names == ("user_id", "item_id")
    assert table.locate(1) == f"row 2 of {path}"


def test_parquet_parts_are_one_table(tmp_path):
    # What a Spark job leaves; one task had nothing to write.
    (tmp_path / "_SUCCESS").touch()
    (tmp_path / ".part-0.parquet.crc").touch()
    (tmp_path / "_temporary").mkdir()
    (tmp_path / "_temporary" / "part-0.parquet").touch()
    frame = pd.DataFrame({"user_id": list("abcab"), "item_id": range(5)})
    for name, rows in (("0", [0, 1]), ("1", []), ("2", [2, 3, 4])):
        frame.iloc[rows].to_parquet(tmp_path / f"part-{name}.parquet")

    table = read_parquet(tmp_path, id_columns=["user_id"])

    assert table.frame["item_id"].tolist() == [0, 1, 2, 3, 4]
    assert table.frame["user_id"].tolist() == list("abcab")
    assert table.frame["user_id"].dtype == "category"
    assert table.locate(1) == f"row 2 of {tmp_path / 'part-0.parquet'}"
    assert table.locate(2) == f"row 1 of {tmp_path / 'part-2.parquet'}"
    assert table.locate(4) == f"row 3 of {tmp_path / 'part-2.parquet'}"


def test_parquet_part_without_rows_has_no_types(tmp_path):
    frame = pd.DataFrame({"user_id": ["a"], "item_id": [1]})
    frame[:0].astype(object).to_parquet(tmp_path / "0.parquet")
    frame.to_parquet(tmp_path / "1.parquet")
    frame[:0].astype(object).to_parquet(tmp_path / "2.parquet")

    table = read_parquet(tmp_path)

    assert table.frame.values.tolist() == [["a", 1]]
    assert table.locate(0) == f"row 1 of {tmp_path / '1.parquet'}"
    (tmp_path / "1.parquet").unlink()
    with pytest.raises(ValueError, match="with no rows"):
        read_parquet(tmp_path)


def test_parquet_parts_in_subfolders(tmp_path):
    for day in (1, 0):
        folder = tmp_path / "log.parquet" / f"day={day}"
        folder.mkdir(parents=True)
        pd.DataFrame({"user_id": [day]}).to_parquet(folder / "part-0.parquet")

    table = read_parquet(tmp_path / "log.parquet")

    assert table.frame["user_id"].tolist() == [0, 1]


@pytest.mark.parametrize(
    "read",
    [
        read_parquet,
        lambda path: next(read_row_batches(str(path), ["day", "item_id"]))[1],
    ],
)
def test_parquet_index_of_pandas_is_a_column(tmp_path, read):
    path = tmp_path / "log.parquet"
    days = pd.DatetimeIndex(["2024-01-31", "2024-02-01"], name="day")
    pd.DataFrame({"item_id": [3, 1]}, index=days).to_parquet(path)

    frame = read(path).frame

    assert frame["item_id"].tolist() == [3, 1]
    assert frame["day"].tolist() == days.tolist()
    assert frame.index.tolist() == [0, 1]


def test_parquet_parts_with_few_and_many_categories(tmp_path):
    # pandas numbers up to 128 categories with 8 bits, more with 16.
    many = [f"u{n}" for n in range(300)]
    for name, users in (("0", ["u1"]), ("1", many), ("2", ["u2"])):
        frame = pd.DataFrame({"user_id": users, "extra": users})
        frame["extra"] = frame["extra"].astype("category")
        if name != "2":  # Ids may be plain text in a part.
            frame["user_id"] = frame["user_id"].astype("category")
        frame.to_parquet(tmp_path / f"{name}.parquet")

    frame = read_parquet(tmp_path, id_columns=["user_id"]).frame

    assert frame["user_id"].tolist() == ["u1", *many, "u2"]
    assert frame["extra"].tolist() == ["u1", *many, "u2"]


def test_parquet_parts_of_several_writers(tmp_path):
    # The second has its columns the other way round, and none is missing.
    whole = pa.table({"user_id": ["u", "v"], "item_id": [3, 1]})
    schema = pa.schema(
        [
            pa.field("item_id", pa.int64(), nullable=False),
            pa.field("user_id", pa.string(), nullable=False),
        ]
    )
    pq.write_table(whole[:1], tmp_path / "0.parquet")
    pq.write_table(
        whole[1:].select(schema.names).cast(schema), tmp_path / "1.parquet"
    )

    frame = read_parquet(tmp_path, id_columns=["user_id"]).frame

    assert frame.to_dict("list") == {"user_id": ["u", "v"], "item_id": [3, 1]}


def test_parquet_parts_of_different_types(tmp_path):
    pd.DataFrame({"user_id": [1]}).to_parquet(tmp_path / "0.parquet")
    pd.DataFrame({"user_id": ["a"]}).to_parquet(tmp_path / "1.parquet")

    with pytest.raises(
        ValueError, match=r"1\.parquet with user_id: .*string, 0.*int64"
    ):
        read_parquet(tmp_path)


def test_parquet_parts_are_named_by_their_place_in_the_folder(tmp_path):
    for day, user in (("a", 1), ("b", "x")):
        (tmp_path / f"day={day}").mkdir()
        pd.DataFrame({"user_id": [user]}).to_parquet(
            tmp_path / f"day={day}" / "p.parquet"
        )

    with pytest.raises(ValueError, match=r"day=b/p\.parquet.*day=a/p\.parq"):
        read_parquet(tmp_path)


def test_broken_parquet(tmp_path):
    path = tmp_path / "log.parquet"
    pd.DataFrame({"user_id": range(1000)}).to_parquet(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="cut off or damaged"):
        read_parquet(path)
    path.write_bytes(b"")
    with pytest.raises(ValueError, match="cut off or damaged"):
        read_parquet(path)


def test_parquet_without_rows(tmp_path):
    path = tmp_path / "log.parquet"
    pd.DataFrame({"user_id": []}).to_parquet(path)
    with pytest.raises(ValueError, match="no rows"):
        read_parquet(path)
