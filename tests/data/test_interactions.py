"""Interactions from tables: order, numbering, rules, and lookups."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from tfrs_timirec.data.cleaning import CleaningOptions
from tfrs_timirec.data.interactions import Interactions


def make_frame(*rows, columns=("user_id", "item_id", "timestamp")):
    return pd.DataFrame(list(rows), columns=list(columns))


# Sorted: ann met b (5), a (7), c (7); bob met a (6).
FRAME = make_frame(
    ("bob", "a", 6), ("ann", "a", 7), ("ann", "b", 5), ("ann", "c", 7)
)


def test_arrays_are_sorted_and_numbered():
    log = Interactions.from_dataframe(FRAME, name="mine")
    assert log.name == "mine"
    assert log.users.tolist() == ["ann", "bob"]
    assert log.items.tolist() == ["a", "b", "c"]
    assert log.user_indices.tolist() == [0, 0, 0, 1]
    assert log.item_ids.tolist() == [3, 2, 4, 2]  # a, b, c are 2, 3, 4.
    assert log.timestamps.tolist() == [5, 7, 7, 6]
    assert log.row_splits.tolist() == [0, 3, 4]
    assert log.user_indices.dtype == log.item_ids.dtype == np.int32
    assert log.timestamps.dtype == log.row_splits.dtype == np.int64


def test_sizes():
    log = Interactions.from_dataframe(FRAME)
    assert (log.num_users, log.num_items, log.num_interactions) == (2, 3, 4)
    assert log.vocabulary_size == 5  # Padding, unknown, a, b, c.
    assert log.density == 4 / 6


def test_reverse_tie_rule_swaps_the_last_two_items_of_ann():
    log = Interactions.from_dataframe(
        FRAME, cleaning=CleaningOptions(ties="reverse_file_order")
    )
    assert log.decode_items(log.item_ids).tolist() == ["b", "c", "a", "a"]


def test_numbering_does_not_depend_on_the_order_of_rows():
    one = Interactions.from_dataframe(FRAME)
    shuffled = FRAME.iloc[[1, 0, 2, 3]]  # Ann's tied rows keep their order.
    other = Interactions.from_dataframe(shuffled, name="other")
    assert other.fingerprint == one.fingerprint


@pytest.mark.parametrize(
    "changed",
    [
        FRAME.replace({"user_id": {"bob": "bea"}}),
        FRAME.replace({"item_id": {"c": "d"}}),
        FRAME.replace({"timestamp": {5: 4}}),
        FRAME.iloc[[0, 3, 2, 1]],  # Ann's tied rows change places.
    ],
)
def test_fingerprint_sees_every_change(changed):
    one = Interactions.from_dataframe(FRAME)
    assert Interactions.from_dataframe(changed).fingerprint != one.fingerprint
    assert len(one.fingerprint) == 64


def test_fingerprint_stays_what_it_was_for_earlier_runs():
    # A run folder with another one would be refused.
    assert Interactions.from_dataframe(FRAME).fingerprint == (
        "b070d9b5f9d04e0ab1a94266c09a557846277a81ab705126e124650e63649770"
    )


def test_ids_stay_as_they_are():
    frame = make_frame(
        (" u", "007", 1), ("u", "7", 2), ("u", "Ünï·品", 3), ("u", "a b", 4)
    )
    log = Interactions.from_dataframe(frame)
    assert log.users.tolist() == [" u", "u"]
    assert log.items.tolist() == ["007", "7", "a b", "Ünï·品"]
    assert log.report.ids_with_outer_spaces == 1  # " u"; "a b" has none.


def test_integer_ids_stay_integers_and_sort_as_numbers():
    log = Interactions.from_dataframe(make_frame((9, 100, 1), (10, 20, 2)))
    assert log.users.dtype == log.items.dtype == np.int64
    assert log.users.tolist() == [9, 10]
    assert log.items.tolist() == [20, 100]


@pytest.mark.parametrize(
    "convert",
    [
        lambda column: column.astype(object),
        lambda column: column.astype("category"),
        lambda column: column.astype("string[pyarrow]"),
        lambda column: column.str.encode("utf-8"),
    ],
)
def test_any_kind_of_text_column(convert):
    frame = FRAME.assign(item_id=convert(FRAME["item_id"]))
    expected = Interactions.from_dataframe(FRAME)
    log = Interactions.from_dataframe(frame)
    assert log.fingerprint == expected.fingerprint
    assert all(type(item) is str for item in log.items)


def test_other_column_names_and_extra_columns():
    frame = make_frame(
        (1, 5, 20, 0.5), (1, 4, 10, 2.5), columns=("who", "what", "when", "r")
    )
    log = Interactions.from_dataframe(
        frame,
        user_column="who",
        item_column="what",
        timestamp_column="when",
        extra_columns=["r"],
    )
    assert log.items[log.item_ids - 2].tolist() == [4, 5]
    assert log.columns["r"].tolist() == [2.5, 0.5]  # Moved with its row.


@pytest.mark.parametrize("kind", ["csv", "csv.gz", "parquet"])
def test_files_equal_the_table_they_hold(tmp_path, kind):
    path = tmp_path / f"clicks.{kind}"
    if kind == "parquet":
        FRAME.to_parquet(path)
        log = Interactions.from_parquet(path)
    else:
        FRAME.to_csv(path, index=False)
        log = Interactions.from_csv(path)
    assert log.name == "clicks"
    assert log.fingerprint == Interactions.from_dataframe(FRAME).fingerprint


def test_csv_ids_are_text_and_parquet_ids_keep_their_type(tmp_path):
    frame = make_frame((1, 7, 1), (2, 8, 2))
    frame.to_csv(tmp_path / "log.csv", index=False)
    frame.to_parquet(tmp_path / "log.parquet")
    csv = Interactions.from_csv(tmp_path / "log.csv")
    parquet = Interactions.from_parquet(tmp_path / "log.parquet")
    assert csv.items.tolist() == ["7", "8"]
    assert parquet.items.tolist() == [7, 8]


@pytest.mark.parametrize(
    ("rule", "items", "times", "removed"),
    [
        ("keep", ["a", "b", "a"], [1, 2, 3], 0),
        ("first", ["a", "b"], [1, 2], 1),
        ("last", ["b", "a"], [2, 3], 1),
    ],
)
def test_duplicates(rule, items, times, removed):
    frame = make_frame(("u", "a", 3), ("u", "b", 2), ("u", "a", 1))
    log = Interactions.from_dataframe(
        frame, cleaning=CleaningOptions(duplicates=rule)
    )
    assert log.decode_items(log.item_ids).tolist() == items
    assert log.timestamps.tolist() == times
    assert log.report.duplicates_removed == removed


def test_k_core_removes_ids_from_the_vocabularies_and_counts_them():
    # As in the test of keep_k_core: item z goes, then user c.
    frame = make_frame(
        ("a", "x", 1),
        ("a", "y", 2),
        ("b", "x", 1),
        ("b", "y", 2),
        ("c", "y", 1),
        ("c", "z", 2),
    )
    log = Interactions.from_dataframe(
        frame,
        cleaning=CleaningOptions(
            min_user_interactions=2, min_item_interactions=2
        ),
    )
    assert log.users.tolist() == ["a", "b"]
    assert log.items.tolist() == ["x", "y"]
    assert log.item_ids.tolist() == [2, 3, 2, 3]
    report = log.report
    assert report.rows_read == 6
    assert report.interactions_below_minimum == 2
    assert report.users_below_minimum == 1
    assert report.items_below_minimum == 1


def test_duplicates_are_removed_before_the_k_core():
    # With its repeated item removed, the user has one interaction.
    frame = make_frame(
        ("u", "a", 1), ("u", "a", 2), ("v", "a", 1), ("v", "b", 2)
    )
    log = Interactions.from_dataframe(
        frame,
        cleaning=CleaningOptions(min_user_interactions=2, duplicates="last"),
    )
    assert log.users.tolist() == ["v"]


def test_item_metadata_follows_the_vocabulary():
    metadata = pd.DataFrame(
        {"title": ["Bee", "Dee", "Ay"]}, index=["b", "d", "a"]
    )
    log = Interactions.from_dataframe(FRAME, item_metadata=metadata)
    assert log.item_metadata.index.tolist() == ["a", "b", "c"]
    assert log.item_metadata["title"].tolist()[:2] == ["Ay", "Bee"]
    assert log.item_metadata["title"].isna().tolist() == [False, False, True]
    assert log.report.items_without_metadata == 1  # c
    assert log.report.items_without_interactions == 1  # d


def test_item_metadata_with_repeated_ids_is_refused():
    metadata = pd.DataFrame({"title": ["x", "y"]}, index=["a", "a"])
    with pytest.raises(ValueError, match="`item_metadata`.*'a'"):
        Interactions.from_dataframe(FRAME, item_metadata=metadata)


def test_encode_and_decode_items():
    log = Interactions.from_dataframe(FRAME)
    ids = log.encode_items([["c", "zzz"], ["a", "b"]])
    assert ids.dtype == np.int32
    assert ids.tolist() == [[4, 1], [2, 3]]
    assert log.encode_items([b"c"]).tolist() == [4]
    assert log.encode_items([]).shape == (0,)
    assert log.decode_items([[4, 2]]).tolist() == [["c", "a"]]


def test_encode_integer_items():
    log = Interactions.from_dataframe(make_frame((1, 50, 1), (1, 40, 2)))
    assert log.encode_items([50, 60]).tolist() == [3, 1]
    with pytest.raises(TypeError, match="`raw_ids` must be integers"):
        log.encode_items(["50"])
    objects = np.array([[50, 60, 2**63, 2**64]], dtype=object)
    assert log.encode_items(objects).tolist() == [[3, 1, 1, 1]]
    text = Interactions.from_dataframe(FRAME)
    with pytest.raises(TypeError, match="`raw_ids` must be text"):
        text.encode_items([50])


@pytest.mark.parametrize(
    "raw_ids",
    [
        np.array([[b"c", b"zzz"]], dtype=object),  # As TensorFlow gives it.
        tf.constant([["c", "zzz"]]),
        np.array([[b"c", "zzz"]], dtype=object),
        [[b"c", "zzz"]],
        pd.DataFrame({0: ["c"], 1: ["zzz"]}),
    ],
)
def test_encode_items_takes_text_as_bytes(raw_ids):
    log = Interactions.from_dataframe(FRAME)
    assert log.encode_items(raw_ids).tolist() == [[4, 1]]


def test_encode_items_decodes_utf_8():
    log = Interactions.from_dataframe(make_frame((1, "ü", 1), (1, "ý", 2)))
    raw_ids = np.array(["ý".encode(), "ü".encode()], dtype=object)
    assert log.encode_items(raw_ids).tolist() == [3, 2]


@pytest.mark.parametrize(
    "raw_ids",
    [["a", None], ["a", 1], [b"a", 1], ["a", float("nan")], [("a",), ("b",)]],
)
def test_encode_items_refuses_text_beside_anything_else(raw_ids):
    log = Interactions.from_dataframe(FRAME)
    objects = np.empty(2, dtype=object)
    objects[:] = raw_ids
    with pytest.raises(TypeError, match="`raw_ids` must be text.*mixed"):
        log.encode_items(objects)


def test_encode_items_does_not_turn_numbers_of_a_list_into_text():
    log = Interactions.from_dataframe(make_frame((1, "a", 1), (1, "1", 2)))
    with pytest.raises(TypeError, match="`raw_ids` must be text.*mixed"):
        log.encode_items(["a", 1])


@pytest.mark.parametrize("bad", [0, 1, 5, -1])
def test_decode_refuses_ids_of_no_item(bad):
    log = Interactions.from_dataframe(FRAME)  # Items are 2, 3, 4.
    with pytest.raises(ValueError, match=f"between 2 and 4.*Received: {bad}"):
        log.decode_items([2, bad])


def test_decode_rounds_no_fractions_down():
    log = Interactions.from_dataframe(FRAME)
    with pytest.raises(TypeError, match="`item_ids` must be integers.*float"):
        log.decode_items([2.9])
    assert log.decode_items([]).shape == (0,)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"item_ids": np.array([2])}, "`item_ids` must be as long"),
        ({"columns": {"r": np.array([2])}}, "`r` must be as long"),
        ({"user_indices": np.array([1, 0, 0, 0])}, "must ascend"),
        ({"timestamps": np.array([7, 5, 7, 6])}, "must ascend"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(change, message):
    log = Interactions.from_dataframe(FRAME)
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(log, **change)
