"""Bad values: an error that names the place, or a count in the report."""

import datetime
import decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from tfrs_timirec.data.cleaning import CleaningOptions
from tfrs_timirec.data.interactions import Interactions


def make_frame(users, items, times):
    return pd.DataFrame(
        {"user_id": users, "item_id": items, "timestamp": times}
    )


def test_missing_column_lists_columns_and_the_argument():
    frame = pd.DataFrame({"uid": [1], "item_id": [1], "timestamp": [1]})
    with pytest.raises(ValueError, match=r"`user_column`.*'uid'") as error:
        Interactions.from_dataframe(frame)
    assert "Name another with `user_column=...`" in str(error.value)
    log = Interactions.from_dataframe(frame, user_column="uid")
    assert log.num_users == 1


def test_missing_column_of_a_file_lists_all_its_columns(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("user_id,movie,timestamp,rating\n1,2,3,4\n")
    with pytest.raises(ValueError, match="`item_column`.*'movie'.*'rating'"):
        Interactions.from_csv(path)
    with pytest.raises(ValueError, match="`extra_columns`.*'genre'"):
        Interactions.from_csv(
            path, item_column="movie", extra_columns=["genre"]
        )


def test_column_there_twice(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("user_id,item_id,item_id,timestamp\n1,2,3,4\n")
    with pytest.raises(ValueError, match="`item_column`.*several times"):
        Interactions.from_csv(path)
    frame = pd.DataFrame([[1, 2, 3, 4]])
    frame.columns = ["user_id", "item_id", "item_id", "timestamp"]
    with pytest.raises(ValueError, match="`item_column`.*several times"):
        Interactions.from_dataframe(frame)


def test_one_column_for_two_arguments():
    frame = make_frame([1], [1], [1])
    with pytest.raises(ValueError, match="another argument names too"):
        Interactions.from_dataframe(frame, item_column="user_id")


def test_extra_columns_are_not_one_text():
    frame = make_frame([1], [1], [1]).assign(price=5)
    with pytest.raises(ValueError, match=r"`extra_columns`.*\['price'\]"):
        Interactions.from_dataframe(frame, extra_columns="price")


def test_empty_table():
    with pytest.raises(ValueError, match="at least one interaction"):
        Interactions.from_dataframe(make_frame([], [], []))


def test_nothing_left_by_the_k_core():
    frame = make_frame([1, 2], [1, 2], [1, 2])
    with pytest.raises(ValueError, match=r"min_user_interactions=2.*Lower"):
        Interactions.from_dataframe(
            frame, cleaning=CleaningOptions(min_user_interactions=2)
        )


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, ""])
def test_missing_text_id(missing):
    users = pd.Series(["a", missing, "b", missing], dtype=object)
    with pytest.raises(
        ValueError, match=r"`user_column`.*frame\.iloc\[1\] \(2 such rows\)"
    ):
        Interactions.from_dataframe(make_frame(users, ["x"] * 4, [1] * 4))


def test_missing_integer_id():
    # pandas turns integers beside a missing value into floats.
    frame = make_frame([1, 2, 3], [5, None, 6], [1, 2, 3])
    assert frame["item_id"].dtype == np.float64
    with pytest.raises(ValueError, match=r"`item_column`.*frame\.iloc\[1\]"):
        Interactions.from_dataframe(frame)


def test_missing_id_in_a_file_names_the_line(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("user_id,item_id,timestamp\na,x,1\n\n,y,2\n")
    with pytest.raises(
        ValueError, match=r"`user_column`.*line 4 of .*log\.csv"
    ):
        Interactions.from_csv(path)


@pytest.mark.parametrize(
    "ids",
    [[1.5, 2.5], [True, False], ["a", 1], [(1, 2), (3, 4)]],
)
def test_ids_of_other_types(ids):
    with pytest.raises(ValueError, match="integers or of text.*astype"):
        Interactions.from_dataframe(
            make_frame(pd.Series(ids), ["x", "y"], [1, 2])
        )


def test_ids_beyond_int64_and_undecodable_bytes():
    for ids in (
        pd.Series([2**63, 1], dtype=np.uint64),
        pd.Series([-(2**63) - 1, 1], dtype=object),
    ):
        with pytest.raises(ValueError, match="64 bits.*Received: -?92233"):
            Interactions.from_dataframe(make_frame(ids, ["x", "y"], [1, 2]))
    with pytest.raises(ValueError, match=r"UTF-8.*xff"):
        Interactions.from_dataframe(make_frame([b"\xff"], ["x"], [1]))


@pytest.mark.parametrize(
    ("times", "message"),
    [
        ([1.0, np.nan, 3.0], r"not be missing.*iloc\[1\] \(1 such"),
        ([1, -5, -6], r"before 1970.*timestamp=-5.*iloc\[1\] \(2 such"),
        ([1.0, 2.0, -0.5], r"before 1970.*iloc\[2\]"),
        ([1.0, np.inf, 2.0], r"finite.*iloc\[1\]"),
        ([1, 2, 1_400_000_000_000], r"milliseconds.*iloc\[2\]"),
        (
            pd.to_datetime([1, 2, 1_400_000_000_000], unit="s"),
            r"10000.*milliseconds.*timestamp=46334-.*iloc\[2\]",
        ),
        (["1", "2", "soon"], r"a number.*'soon'.*iloc\[2\]"),
        (["2014-07-23", "2014-07-99", ""], r"missing.*iloc\[2\]"),
        (["2014-07-23", "2014-07-99", "x"], r"ISO 8601.*iloc\[1\] \(2 such"),
        (["soon", "2", "3"], r"ISO 8601.*'soon'.*iloc\[0\]"),
        (["1969-12-31", "2014-07-23", "2014-07-24"], r"1970.*iloc\[0\]"),
        (pd.to_datetime(["2014-01-01", None, None]), r"missing.*iloc\[1\]"),
        ([True, False, True], "of dtype bool"),
        (pd.to_timedelta([5, 6, 7], unit="s"), "timedelta64 values.*Convert"),
        (pd.Series(pd.to_timedelta([5, 6, 7]), dtype=object), "timedelta val"),
        (pd.period_range("2024", periods=3, freq="D"), "period values"),
        ([1j, 2j, 3j], "complex values"),
        (["20240131", "20240230", "20240301"], r"ISO 8601.*iloc\[1\]"),
        (["20240131", "1706659200", "5"], r"ISO 8601.*iloc\[1\] \(2 such"),
        (["2024-01-31", "now", "today"], r"ISO.*'now'.*iloc\[1\] \(2 such"),
        (["19691231", "20240131", "20240131"], r"1970.*iloc\[0\]"),
        # From 2**24 on float32 holds every second whole number.
        (np.float32([1, 2**24 - 1, 2**24 + 2]), r"float32 is.*iloc\[2\]"),
    ],
)
def test_bad_times(times, message):
    with pytest.raises(ValueError, match=message) as error:
        Interactions.from_dataframe(make_frame([1, 1, 1], [1, 2, 3], times))
    assert "`timestamp_column`" in str(error.value)


def test_long_bad_time_is_cut():
    with pytest.raises(ValueError, match=r"='x{80}'\.\.\. at"):
        Interactions.from_dataframe(make_frame([1], [1], ["x" * 81]))


def test_bad_time_in_files_names_line_and_row(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("user_id,item_id,timestamp\na,x,1\na,y,-2\n")
    with pytest.raises(ValueError, match=r"line 3 of .*log\.csv"):
        Interactions.from_csv(path)
    path = tmp_path / "log.parquet"
    make_frame([1, 1], [1, 2], [1, -2]).to_parquet(path)
    with pytest.raises(ValueError, match=r"row 2 of .*log\.parquet"):
        Interactions.from_parquet(path)


# 2014-07-23T00:00:00Z is 16,274 days after 1970-01-01 (44 years of 365 days,
# 11 leap days from 1972 to 2012, 203 days of 2014): 1,406,073,600 s.
DAY = (44 * 365 + 11 + 203) * 86_400


@pytest.mark.parametrize(
    "times",
    [
        [str(DAY), str(DAY + 60)],
        [f"{DAY}.0", f"{DAY + 60}.0"],
        ["2014-07-23", "2014-07-23T00:01:00"],
        ["2014-07-23 00:00:00", "2014-07-23 00:01:00"],
        ["2014-07-23 00:00:00 UTC", "2014-07-23 00:01:00.5 UTC"],
        ["20140723", "20140723T000100"],
        pd.Series(["20140723", "2014-07-23T00:01"], dtype=object),
        ["2014-07-23T02:00:00+02:00", "2014-07-23T00:01:00Z"],
        pd.to_datetime(["2014-07-23T00:00", "2014-07-23T00:01"]),
        pd.to_datetime(["2014-07-23T00:00", "2014-07-23T00:01"]).tz_localize(
            "UTC"
        ),
        pd.to_datetime(["2014-07-22T20:00", "2014-07-22T20:01"]).tz_localize(
            "America/New_York"
        ),
        pd.array([DAY, DAY + 60], dtype="Int64"),
        pd.array([DAY, DAY + 60], dtype="int64[pyarrow]"),
        pd.array(
            [decimal.Decimal(DAY), decimal.Decimal(DAY + 60)],
            dtype=pd.ArrowDtype(pa.decimal128(12, 1)),
        ),
        pd.array(
            pd.to_datetime(["2014-07-23T00:00", "2014-07-23T00:01"]),
            dtype="timestamp[ms][pyarrow]",
        ),
        pd.Series(
            [
                datetime.datetime(2014, 7, 23),
                datetime.datetime(2014, 7, 23, 0, 1),
            ],
            dtype=object,
        ),
    ],
)
def test_kinds_of_times(times):
    log = Interactions.from_dataframe(make_frame([1, 1], [1, 2], times))
    assert log.timestamps.tolist() == [DAY, DAY + 60]
    assert log.timestamps.dtype == np.int64


@pytest.mark.parametrize(
    "times",
    [
        ["10000000", "20240131"],  # Day and month 00.
        ["20241331", "20240131"],
        ["21240131", "20240131"],
        ["2024013", "20240131"],
        [20240131, 20240201],  # Numbers are seconds.
    ],
)
def test_eight_digits_that_are_seconds(times):
    log = Interactions.from_dataframe(make_frame([1, 2], [1, 2], times))
    assert log.timestamps.tolist() == [int(time) for time in times]


def test_dates_without_dashes_in_a_csv_file(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("user_id,item_id,timestamp\na,x,20140723\na,y,20140724\n")
    log = Interactions.from_csv(path)
    assert log.timestamps.tolist() == [DAY, DAY + 86_400]


def test_dates_of_a_parquet_file(tmp_path):
    path = tmp_path / "log.parquet"
    days = [datetime.date(2014, 7, 24), datetime.date(2014, 7, 23)]
    make_frame([1, 1], [1, 2], days).to_parquet(path)
    of_arrow = pd.read_parquet(path, dtype_backend="pyarrow")
    for log in (
        Interactions.from_parquet(path),
        Interactions.from_dataframe(of_arrow),
    ):
        assert log.timestamps.tolist() == [DAY, DAY + 86_400]


@pytest.mark.parametrize("ids", [["b", "a", "b"], [7, 3, 7]])
def test_ids_of_an_arrow_dictionary(ids):
    dictionary = pa.array(ids).dictionary_encode()
    users = pd.arrays.ArrowExtensionArray(dictionary)
    frame = make_frame(users, ids, [1, 2, 3])
    log = Interactions.from_dataframe(frame)
    assert log.users.tolist() == sorted(set(ids))
    assert log.user_indices.tolist() == [0, 1, 1]
    with pytest.raises(ValueError, match=r"missing ids.*iloc\[2\]"):
        Interactions.from_dataframe(frame.reindex([0, 1, 3]))


@pytest.mark.parametrize(
    "times",
    [
        [5.9, 5.2, 4.0],
        pd.to_datetime([5900, 5200, 4000], unit="ms"),
        [
            "1970-01-01T00:00:05.9",
            "1970-01-01T00:00:05.2",
            "1970-01-01T00:00:04",
        ],
    ],
)
def test_fractions_of_seconds_decide_the_order_before_rounding(times):
    log = Interactions.from_dataframe(make_frame([1] * 3, [7, 8, 9], times))
    assert log.timestamps.tolist() == [4, 5, 5]
    assert log.items[log.item_ids - 2].tolist() == [9, 8, 7]
    assert log.report.fractional_times == 2
    assert "2 times had a fraction of a second" in log.describe()


def test_fractions_are_counted_before_rows_are_removed():
    log = Interactions.from_dataframe(
        make_frame([1, 1], [7, 7], [0.5, 1.5]),
        cleaning=CleaningOptions(duplicates="first"),
    )
    assert log.report.fractional_times == 2


def test_unsorted_rows_are_sorted_and_counted():
    log = Interactions.from_dataframe(
        make_frame([1, 1, 1, 2], [1, 2, 3, 1], [3, 1, 2, 0])
    )
    assert log.timestamps.tolist() == [1, 2, 3, 0]
    assert log.report.rows_out_of_order == 1  # The row of time 1, after 3.
    assert "1 rows were out of time order" in log.describe()


def test_a_user_with_one_item_is_kept_and_counted():
    log = Interactions.from_dataframe(
        make_frame([1, 1, 1, 2], [1, 2, 3, 1], [1, 2, 3, 4])
    )
    assert log.users.tolist() == [1, 2]
    assert log.statistics().users_with_one_interaction == 1
    assert "1 users with fewer than 3 interactions (1 with one)" in (
        log.describe()
    )
