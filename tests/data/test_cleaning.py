"""The rules on ten-row logs small enough to work out by hand."""

import numpy as np
import pytest

from tfrs_timirec.data.cleaning import (
    CleaningOptions,
    chronological_order,
    keep_by_duplicate_rule,
    keep_k_core,
    repeated_pairs,
)


def test_order_sorts_by_user_then_time_and_counts_late_rows():
    users = np.array([1, 0, 1, 0, 1])
    times = np.array([9, 5, 7, 6, 8])
    order, out_of_order = chronological_order(users, times)
    # User 0: rows 1 (5), 3 (6). User 1: rows 2 (7), 4 (8), 0 (9).
    assert order.tolist() == [1, 3, 2, 4, 0]
    # In the file, user 1 goes 9, 7, 8: only the 7 is older than the row
    # before it.
    assert out_of_order == 1


def test_equal_times_keep_the_order_of_the_file():
    users = np.array([0, 1, 0, 1, 0])
    times = np.array([3, 3, 3, 3, 3])
    order, out_of_order = chronological_order(users, times)
    assert order.tolist() == [0, 2, 4, 1, 3]
    assert out_of_order == 0


def test_equal_times_keep_the_order_of_the_file_when_rows_move():
    users = np.zeros(5, dtype=int)
    times = np.array([2, 1, 2, 1, 2])
    order, _ = chronological_order(users, times)
    assert order.tolist() == [1, 3, 0, 2, 4]


def test_reverse_rule_turns_only_runs_of_equal_times_of_one_user():
    users = np.array([0, 0, 0, 0, 1, 1])
    times = np.array([1, 2, 2, 2, 2, 2])
    order, _ = chronological_order(users, times, "reverse_file_order")
    # User 0's run of three is rows 1-3; user 1's run is rows 4-5, although
    # user 0 ends with the same time.
    assert order.tolist() == [0, 3, 2, 1, 5, 4]


def test_reverse_rule_on_unsorted_rows():
    users = np.zeros(4, dtype=int)
    times = np.array([5, 1, 5, 1])
    order, _ = chronological_order(users, times, "reverse_file_order")
    assert order.tolist() == [3, 1, 2, 0]


def test_repeated_pairs_are_those_after_the_first():
    users = np.array([0, 0, 0, 1, 1])
    items = np.array([4, 2, 4, 4, 4])
    assert repeated_pairs(users, items).tolist() == [
        False,
        False,
        True,
        False,  # Another user's item 4.
        True,
    ]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("keep", [True, True, True, True]),
        ("first", [True, True, False, False]),
        ("last", [False, True, False, True]),
    ],
)
def test_duplicate_rules(rule, expected):
    users = np.zeros(4, dtype=int)
    items = np.array([7, 3, 7, 7])
    assert keep_by_duplicate_rule(users, items, rule).tolist() == expected


def test_k_core_repeats_until_both_minima_hold():
    # Users a, b, c = 0, 1, 2 and items 0..2; both minima are 2.
    #   a: 0 1    b: 0 1    c: 1 2
    # Round 1: item 2 has one user and goes; c is left with item 1 alone.
    # Round 2: c has one item and goes. Items 0 and 1 keep users a and b.
    users = np.array([0, 0, 1, 1, 2, 2])
    items = np.array([0, 1, 0, 1, 1, 2])
    keep = keep_k_core(users, items, 2, 2)
    assert keep.tolist() == [True, True, True, True, False, False]


def test_k_core_can_leave_nothing():
    users = np.array([0, 1])
    items = np.array([0, 1])
    assert not keep_k_core(users, items, 2, 1).any()


def test_k_core_minima_are_independent():
    users = np.array([0, 0, 1])
    items = np.array([0, 1, 2])
    assert keep_k_core(users, items, 2, 0).tolist() == [True, True, False]
    assert not keep_k_core(users, items, 0, 2).any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_user_interactions": -1}, "min_user_interactions=-1"),
        ({"min_item_interactions": -2}, "min_item_interactions=-2"),
        ({"min_user_interactions": "5"}, "min_user_interactions='5'"),
        ({"min_user_interactions": float("nan")}, "_interactions=nan"),
        ({"min_item_interactions": 2.5}, "min_item_interactions=2.5"),
        ({"duplicates": "all"}, "'keep', 'first', 'last'.*duplicates='all'"),
        ({"ties": "random"}, "'file_order', 'reverse_file_order'.*'random'"),
    ],
)
def test_options_reject_bad_values(options, message):
    with pytest.raises(ValueError, match=message):
        CleaningOptions(**options)
