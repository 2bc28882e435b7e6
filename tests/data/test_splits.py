"""LeaveOneOut on a log small enough to work by hand."""

import numpy as np
import pytest

from tests.data.small_logs import make_log, make_random_log
from tfrs_timirec.data.splits import LeaveOneOut

# Positions: ann 0, bob 1-2, cat 3-5, dan 6-10.
LOG = make_log({"ann": "a", "bob": "ab", "cat": "abc", "dan": "cabde"})


def test_positions_by_hand():
    split = LeaveOneOut(LOG)

    # Bob has no third interaction, so all of his are for training; cat's only
    # training item has nothing before it; dan trains on b after (c, a).
    assert split.num_held_out.tolist() == [0, 0, 2, 2]
    assert np.flatnonzero(~split.is_training).tolist() == [4, 5, 9, 10]
    assert split.train_positions.tolist() == [2, 7, 8]
    assert split.held_out_positions("validation").tolist() == [4, 9]
    assert split.held_out_positions("test").tolist() == [5, 10]
    assert split.train_positions.dtype == np.int64
    assert split.held_out_positions("test").dtype == np.int64


def test_every_later_position_is_in_one_part_only():
    log = make_random_log()
    split = LeaveOneOut(log)
    parts = [
        split.train_positions,
        split.held_out_positions("validation"),
        split.held_out_positions("test"),
    ]

    positions = np.sort(np.concatenate(parts))
    firsts = log.row_splits[:-1]
    expected = np.setdiff1d(np.arange(log.num_interactions), firsts)
    assert positions.tolist() == expected.tolist()


def test_negatives_are_outside_all_items_of_the_user():
    log = make_random_log()
    split = LeaveOneOut(log, num_negatives=200)

    for part in ("validation", "test"):
        negatives = split.negatives(part)
        positions = split.held_out_positions(part)
        assert negatives.shape == (len(positions), 200)
        assert negatives.dtype == np.int32
        for row, position in zip(negatives, positions, strict=True):
            user = log.user_indices[position]
            its_items = log.item_ids[log.user_indices == user]
            unseen = np.setdiff1d(np.arange(2, log.vocabulary_size), its_items)
            # 200 draws of at most 19 items: each comes but for a chance of
            # 19 * (18/19)**200 = 0.04 %; user v has two items left.
            assert set(row) <= set(unseen)
            assert len(set(row)) >= len(unseen) - 1


def test_negatives_follow_the_seed_and_are_drawn_once():
    log = make_random_log()
    split = LeaveOneOut(log, num_negatives=50, seed=3)
    negatives = split.negatives("test")

    assert split.negatives("test") is negatives
    np.testing.assert_array_equal(
        LeaveOneOut(log, num_negatives=50, seed=3).negatives("test"), negatives
    )
    other_seed = LeaveOneOut(log, num_negatives=50, seed=4).negatives("test")
    assert (other_seed != negatives).any()
    # The parts have the same users, and yet other negatives.
    assert (split.negatives("validation") != negatives).any()


def test_negatives_stay_what_published_results_were_measured_with():
    split = LeaveOneOut(make_random_log(), 5, seed=3)

    assert split.negatives("test")[:2].tolist() == [
        [20, 14, 15, 19, 13],
        [17, 20, 6, 21, 8],
    ]
    assert split.negatives("validation")[:2].tolist() == [
        [10, 12, 12, 13, 20],
        [9, 15, 9, 10, 21],
    ]


@pytest.mark.parametrize("part", ["train", "tests", ""])
def test_unknown_part_is_an_error(part):
    with pytest.raises(ValueError, match=f"`part`.*Received: part='{part}'"):
        LeaveOneOut(LOG).held_out_positions(part)


def test_split_without_held_out_cases_has_no_negatives():
    split = LeaveOneOut(make_log({"ann": "ab", "bob": "c"}), num_negatives=5)

    assert split.held_out_positions("test").size == 0
    assert split.negatives("test").shape == (0, 5)


@pytest.mark.parametrize(
    "change", [{"num_negatives": 0}, {"num_negatives": -1}, {"seed": -1}]
)
def test_numbers_that_are_too_small(change):
    ((name, value),) = change.items()
    with pytest.raises(ValueError, match=f"`{name}` must be.*{name}={value}"):
        LeaveOneOut(LOG, **change)
