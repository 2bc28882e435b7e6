"""Flat positions of ranges."""

import numpy as np
import pytest

from tfrs_timirec.data.ranges import expand_ranges


@pytest.mark.parametrize(
    ("starts", "ends", "rows", "positions"),
    [
        ([0, 7], [2, 8], [0, 0, 1], [0, 1, 7]),
        ([5, 3, 3], [6, 3, 5], [0, 2, 2], [5, 3, 4]),  # One is empty.
        ([2, 2], [4, 4], [0, 0, 1, 1], [2, 3, 2, 3]),  # The same twice.
        ([4, 9], [4, 9], [], []),
        ([], [], [], []),
    ],
)
def test_by_hand(starts, ends, rows, positions):
    actual = expand_ranges(np.array(starts, np.int64), np.array(ends, np.int64))

    assert [array.tolist() for array in actual] == [rows, positions]
