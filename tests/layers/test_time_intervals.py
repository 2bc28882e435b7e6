"""Times between items, by hand."""

import numpy as np
import pytest
import tensorflow as tf

from tfrs_timirec.layers.time_intervals import time_intervals

DAY = 24 * 3600


def intervals(times, num_padding=0, **options):
    """Returns the intervals of one history among its real items."""
    row = np.array([[0] * num_padding + times], np.int64)
    mask = np.arange(row.shape[1]) >= num_padding
    result = time_intervals(
        tf.constant(row), tf.constant(mask[np.newaxis]), **options
    ).numpy()
    assert result.dtype == np.int64
    assert not result[0, :, :num_padding].any()
    return result[0, -len(times) :, num_padding:].tolist()


@pytest.mark.parametrize("num_padding", [0, 1, 3])
def test_unit_is_the_smallest_gap(num_padding):
    # Gaps of 100, 30 and 65 seconds: the unit is 30, and parts are dropped.
    times = [10**9, 10**9 + 100, 10**9 + 130, 10**9 + 195]

    assert intervals(times, num_padding) == [
        [0, 3, 4, 6],
        [3, 0, 1, 3],
        [4, 1, 0, 2],
        [6, 3, 2, 0],
    ]


def test_equal_times_are_no_gap():
    times = [5 * DAY, 5 * DAY, 7 * DAY, 7 * DAY]

    # The unit is two days.
    assert intervals(times)[0] == [0, 0, 1, 1]


@pytest.mark.parametrize("times", [[DAY], [DAY, DAY, DAY]])
@pytest.mark.parametrize("num_padding", [0, 2])
def test_without_a_gap_all_are_0(times, num_padding):
    found = np.array(intervals(times, num_padding))

    assert found.shape == (len(times), len(times))
    assert not found.any()


def test_the_time_since_1970_is_no_gap():
    # From padding, whose time is 0, to the first item.
    assert intervals([100, 300], num_padding=1)[0] == [0, 1]


def test_last_only_is_the_last_row():
    times = [0, 4 * DAY, 5 * DAY, 15 * DAY]

    assert intervals(times, last_only=True) == [intervals(times)[-1]]


def test_a_history_of_padding_has_none():
    found = time_intervals(
        tf.zeros((1, 3), tf.int64), tf.zeros((1, 3), tf.bool)
    )

    assert not found.numpy().any()


def test_far_apart_does_not_overflow():
    assert intervals([-(2**61), 2**61, 2**61 + 1])[0] == [0, 2**62, 2**62 + 1]
