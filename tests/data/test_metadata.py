"""Tables of users and items: alignment and numbering, by hand."""

import numpy as np
import pandas as pd
import pytest

from tfrs_timirec.data.metadata import Attribute, align_table


def test_rows_come_in_the_order_of_the_ids():
    table = pd.DataFrame({"title": ["B", "A", "X"]}, index=["b", "a", "x"])

    aligned = align_table("item_metadata", table, np.array(["a", "b", "c"]))

    assert aligned.rows["title"].tolist()[:2] == ["A", "B"]
    assert aligned.rows["title"].isna().tolist() == [False, False, True]
    assert (aligned.num_missing, aligned.num_unused) == (1, 1)


@pytest.mark.parametrize(
    "dtype", [np.int64, np.uint64, np.int32, "Int64", object]
)
def test_integers_stay_exact_beside_an_id_without_a_row(dtype):
    # float64 has 53 bits: as floats, both brands would be 2**53.
    brands = [2**53 + 1, 2**53] if dtype != np.int32 else [8, 7]
    table = pd.DataFrame(
        {"brand": pd.Series(brands, index=["a", "b"], dtype=dtype)}
    )

    rows = align_table("item_metadata", table, np.array(["a", "b", "c"])).rows
    attribute = Attribute.from_column("brand", rows["brand"])

    assert attribute.values.tolist() == brands[::-1]
    assert attribute.ids.tolist() == [[2], [1], [0]]


def test_two_rows_of_a_user_are_an_error():
    table = pd.DataFrame({"age": [1, 2]}, index=[7, 7])

    with pytest.raises(ValueError, match="`user_metadata`.*one row.*id 7"):
        align_table("user_metadata", table, np.array([7]))


def test_two_columns_of_a_name_are_an_error():
    table = pd.DataFrame([[1, 2]], columns=["age", "age"], index=[7])

    with pytest.raises(ValueError, match="`user_metadata`.*'age' several"):
        align_table("user_metadata", table, np.array([7, 8]))


@pytest.mark.parametrize(
    ("index", "ids", "received"),
    [
        ([10, 11], ["10", "11"], "integer in the index, as 10, and text in"),
        # `item_id` left as a column.
        (pd.RangeIndex(2), ["10", "11"], "integer in the index, as 0"),
        (["10", "11"], [10, 11], "text in the index, as '10', and integer"),
    ],
)
def test_ids_of_another_type_are_an_error(index, ids, received):
    table = pd.DataFrame({"title": ["A", "B"]}, index=index)

    with pytest.raises(ValueError, match=f"`item_metadata`.*{received}"):
        align_table("item_metadata", table, np.array(ids, dtype=object))


@pytest.mark.parametrize("index", [[], ["x"], [1, "x"]])
def test_table_that_describes_nothing_of_the_log_is_none(index):
    # As when the k-core leaves no item that it describes.
    table = pd.DataFrame({"title": ["X"] * len(index)}, index=index)

    aligned = align_table("item_metadata", table, np.array(["a"], object))

    assert aligned.rows["title"].isna().tolist() == [True]
    assert (aligned.num_missing, aligned.num_unused) == (1, len(index))


@pytest.mark.parametrize(
    ("column", "values", "ids"),
    [
        (["b", "a", "b"], ["a", "b"], [[2], [1], [2]]),
        ([30, -5, 30], [-5, 30], [[2], [1], [2]]),
        # What integers become where others are missing.
        ([3.0, np.nan, 1.0], [1, 3], [[2], [0], [1]]),
        ([True, False, None], [0, 1], [[2], [1], [0]]),
        (["x", "", None], ["x"], [[1], [0], [0]]),
        (pd.Categorical([30, -5, None]), [-5, 30], [[2], [1], [0]]),
        (pd.Categorical(["b", "a", "b"]), ["a", "b"], [[2], [1], [2]]),
        # Lists; a value twice counts once, and nothing is nothing.
        ([["b", "a"], [], ["b", "b"]], ["a", "b"], [[2, 1], [0, 0], [2, 0]]),
        ([[5], None, (5, 4)], [4, 5], [[2, 0], [0, 0], [2, 1]]),
        ([np.array([2, 1]), np.array([]), 1], [1, 2], [[2, 1], [0, 0], [1, 0]]),
    ],
)
def test_values_are_numbered_in_ascending_order(column, values, ids):
    attribute = Attribute.from_column("a", pd.Series(column, index=[9, 9, 9]))

    assert attribute.values.tolist() == values
    assert attribute.ids.tolist() == ids
    assert attribute.ids.dtype == np.int32
    assert attribute.size == len(values) + 1


@pytest.mark.parametrize(
    ("column", "received"),
    [
        ([0.5, 1.0], "fractions and integer"),
        (["a", 1], "integer and text"),
        ([None, ""], "no value at all"),
        ([b"a"], "values of type bytes"),
    ],
)
def test_values_that_cannot_be_numbered(column, received):
    with pytest.raises(ValueError, match=f"`price`.*Received: {received}"):
        Attribute.from_column("price", pd.Series(column))


@pytest.mark.parametrize(
    "column",
    [[1, 2**63], [1.0, None, 1e300], [-(2**63) - 1], np.array([2**63], "u8")],
)
def test_integers_beyond_int64(column):
    with pytest.raises(ValueError, match="`brand`.*64 bits.*Convert"):
        Attribute.from_column("brand", pd.Series(column))
