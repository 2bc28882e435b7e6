"""Negatives for evaluation: uniform, unseen, and errors."""

import numpy as np
import pytest

from tests.data.small_logs import make_log, make_random_log
from tfrs_timirec.data import negatives as negatives_module
from tfrs_timirec.data.negatives import draw_negatives

# The ids of a to f are 2 to 7. Ann knows four of the six, and one twice.
LOG = make_log({"ann": "abcda", "bob": "ef"})


def test_unseen_items_come_equally_often():
    drawn = draw_negatives(LOG, np.array([0, 1]), num_negatives=6000)

    counts = [np.bincount(row, minlength=8) for row in drawn]
    assert np.flatnonzero(counts[0]).tolist() == [6, 7]  # e and f.
    assert np.flatnonzero(counts[1]).tolist() == [2, 3, 4, 5]  # a to d.
    # Deviations: sqrt(6000 / 4) = 39, and sqrt(6000 * 3 / 16) = 34.
    np.testing.assert_allclose(counts[0][6:], 3000, atol=200)
    np.testing.assert_allclose(counts[1][2:6], 1500, atol=170)


def test_cases_of_one_user_are_drawn_apart():
    first, second = draw_negatives(LOG, np.array([1, 1]), num_negatives=50)

    assert (first != second).any()


@pytest.mark.parametrize("cases_per_chunk", [1, 7])
def test_chunks_forget_the_users_before_them(cases_per_chunk, monkeypatch):
    log = make_random_log()
    monkeypatch.setattr(
        negatives_module,
        "_MARKS_PER_CHUNK",
        cases_per_chunk * log.vocabulary_size,
    )
    users = np.arange(log.num_users)[::-1]

    drawn = draw_negatives(log, users, num_negatives=300)

    for user, row in zip(users, drawn, strict=True):
        its_items = log.item_ids[log.user_indices == user]
        unseen = np.setdiff1d(np.arange(2, log.vocabulary_size), its_items)
        assert set(row) <= set(unseen)
        assert len(set(row)) >= len(unseen) - 1  # See test_splits.


def test_users_who_have_seen_everything_are_an_error():
    # "dan" has as many interactions as there are items, but not of all.
    log = make_log({"ann": "abcb", "bob": "ab", "cid": "cab", "dan": "aab"})

    with pytest.raises(ValueError, match="2 that.*all 3 items.*user='ann'"):
        draw_negatives(log, np.array([3, 2, 1, 0, 0]))
    assert (draw_negatives(log, np.array([1])) == 4).all()  # Only c is left.


def test_no_users_give_no_negatives():
    assert draw_negatives(LOG, np.array([], int)).shape == (0, 1000)
