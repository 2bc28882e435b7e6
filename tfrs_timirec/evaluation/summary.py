"""Ranking metrics from ranks, of each case and in the mean."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def summarize_ranks(
    ranks: np.ndarray, cutoffs: Sequence[int] = (5, 10, 20)
) -> dict[str, float]:
    """Returns hit rate and NDCG at each cutoff (Section 4.1.3).

    Args:
        ranks: (num_cases,) ranks of the targets, 1 is best.
        cutoffs: lengths of the list.

    Raises:
        ValueError: if there is no rank.

    Example:
    >>> summarize_ranks(np.array([1.0, 3.0, 11.0]), cutoffs=(10,))
    {'hit_rate_at_10': 0.6666666666666666, 'ndcg_at_10': 0.5}
    """
    ranks = np.asarray(ranks, np.float64)
    if not ranks.size:
        raise ValueError(
            "`ranks` must hold at least one rank. Received: an empty array."
            " Only users with three interactions or more are evaluated."
        )
    return {
        metric: float(np.mean(gains(ranks, metric)))
        for metric in (
            f"{name}_at_{cutoff}"
            for name in ("hit_rate", "ndcg")
            for cutoff in cutoffs
        )
    }


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
