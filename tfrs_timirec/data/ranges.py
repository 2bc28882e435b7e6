"""Flat positions of many ranges at once."""

from __future__ import annotations

import numpy as np


def expand_ranges(
    starts: np.ndarray, ends: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Lists every position of the ranges [starts[i], ends[i]).

    Args:
        starts: (num_ranges,) first positions.
        ends: (num_ranges,) positions behind the last.

    Returns:
        The number of each position's range, and the positions; both
        (sum of lengths,) int64.

    Example:
    >>> expand_ranges(np.array([0, 7]), np.array([2, 8]))
    (array([0, 0, 1]), array([0, 1, 7]))
    """
    lengths = ends - starts
    rows = np.repeat(np.arange(len(starts)), lengths)
    first = np.cumsum(lengths) - lengths
    return rows, np.arange(len(rows)) - (first - starts)[rows]
