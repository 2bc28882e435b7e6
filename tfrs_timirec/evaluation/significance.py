"""Whether one system is better than another, or only luckier."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.stats

_ROUNDING = 1e-12  # Differences of equal numbers may differ by so much.


def paired_t_test(
    first: Sequence[float] | np.ndarray, second: Sequence[float] | np.ndarray
) -> float | None:
    """Returns the two-sided p-value of a paired t-test.

    Args:
        first: measurements of one system, one a seed or one a user.
        second: those of the other, of the same seeds or users.

    Returns:
        The p-value; 1 where all pairs are equal, 0 where they all differ by
        the same, and None where there are fewer than two pairs.

    Raises:
        ValueError: if the two are not of the same length.

    Example:
    >>> round(paired_t_test([0.20, 0.21, 0.19], [0.18, 0.18, 0.18]), 3)
    0.074
    """
    one, other = np.asarray(first, float), np.asarray(second, float)
    if one.shape != other.shape or one.ndim != 1:
        raise ValueError(
            "`first` and `second` must be of the same length, pair by pair."
            f" Received: shapes {one.shape} and {other.shape}"
        )
    if len(one) < 2:
        return None
    differences = one - other
    if np.ptp(differences) < _ROUNDING:
        return float(abs(differences[0]) < _ROUNDING)
    return float(scipy.stats.ttest_rel(one, other).pvalue)
