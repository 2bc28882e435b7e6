"""Which case is shown."""

import numpy as np
import pytest

import tfrs_timirec  # noqa: F401
from tfrs_timirec.experiments.case_choice import most_telling_case


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ([1, 1, 1, 1], [1, 1, 1, 1], 2),  # The largest gain of all.
        ([1, 1, 0, 1], [1, 1, 1, 0], 1),  # Cases 0 and 1 meet both.
        ([1, 0, 0, 1], [0, 1, 1, 0], 3),  # None does: the second is dropped.
        ([0, 0, 0, 0], [1, 0, 0, 0], 0),  # The first holds nobody back.
    ],
)
def test_largest_gain_of_those_that_meet_most(first, second, expected):
    gains = np.array([2.0, 5.0, 9.0, 4.0])

    case = most_telling_case(
        gains, (np.array(first, bool), np.array(second, bool))
    )

    assert case == expected
