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


def gains(ranks: np.ndarray, metric: str) -> np.ndarray:
    """Returns what each case adds to a metric.

    Args:
        ranks: (num_cases,) ranks of the targets, 1 is best.
        metric: as "hit_rate_at_10" or "ndcg_at_5".

    Returns:
        (num_cases,) float64 gains, whose mean is the metric.

    Raises:
        ValueError: if the metric is neither a hit rate nor an NDCG.

    Example:
    >>> gains(np.array([1.0, 3.0, 11.0]), "ndcg_at_10")
    array([1. , 0.5, 0. ])
    """
    name, _, cutoff = metric.partition("_at_")
    if name not in ("hit_rate", "ndcg") or not cutoff.isdecimal():
        raise ValueError(
            "`metric` must be hit_rate_at_N or ndcg_at_N."
            f" Received: metric={metric!r}"
        )
    ranks = np.asarray(ranks, np.float64)
    values = 1.0 if name == "hit_rate" else 1 / np.log2(ranks + 1)
    return np.where(ranks <= int(cutoff), values, 0.0)
