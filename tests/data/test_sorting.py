"""The linear sort gives NumPy's stable order."""

import numpy as np
import pytest

from tfrs_timirec.data.sorting import stable_argsort

RNG = np.random.default_rng(0)
INT64 = np.iinfo(np.int64)


@pytest.mark.parametrize(
    "values",
    [
        RNG.integers(0, 9, 1000),  # Many equal values, one digit.
        RNG.integers(-50, 50, 1000).astype(np.int8),
        RNG.integers(0, 1 << 31, 1000).astype(np.int32),  # Two digits.
        RNG.integers(1 << 40, (1 << 40) + 70_000, 1000),
        RNG.integers(INT64.min, INT64.max, 1000),  # Four digits.
        np.array([INT64.max, INT64.min, 0, -1, INT64.min]),
        np.array([2**64 - 1, 0, 2**63], np.uint64),
        RNG.integers(0, 1 << 45, 1000).view("datetime64[us]"),
        np.array(["2014-07-23", "1969-12-31"], "datetime64[s]"),
        RNG.normal(size=1000),
        np.array([7]),
        np.zeros(0, np.int64),
    ],
    ids=lambda values: f"{values.dtype}-{len(values)}",
)
def test_equals_numpy(values):
    expected = np.argsort(values, kind="stable")

    np.testing.assert_array_equal(stable_argsort(values), expected)
