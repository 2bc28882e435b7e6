"""Ranking metrics from ranks."""

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
    gains = 1 / np.log2(ranks + 1)
    return {
        f"hit_rate_at_{cutoff}": float(np.mean(ranks <= cutoff))
        for cutoff in cutoffs
    } | {
        f"ndcg_at_{cutoff}": float(np.mean(np.where(ranks <= cutoff, gains, 0)))
        for cutoff in cutoffs
    }
