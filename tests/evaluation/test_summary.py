"""Hit rate and NDCG from ranks, by hand."""

import math

import numpy as np
import pytest

from tfrs_timirec.evaluation import summarize_ranks
from tfrs_timirec.metrics import NDCG, HitRate


def test_by_hand():
    ranks = np.array([1.0, 3.0, 7.0, 10.5, 21.0])

    metrics = summarize_ranks(ranks)

    # 1 / log2(2), 1 / log2(4), 1 / log2(8), 1 / log2(11.5).
    gains = [1, 1 / 2, 1 / 3, 1 / math.log2(11.5)]
    assert metrics == pytest.approx(
        {
            "hit_rate_at_5": 2 / 5,
            "hit_rate_at_10": 3 / 5,
            "hit_rate_at_20": 4 / 5,
            "ndcg_at_5": sum(gains[:2]) / 5,
            "ndcg_at_10": sum(gains[:3]) / 5,
            "ndcg_at_20": sum(gains) / 5,
        }
    )
    assert all(type(value) is float for value in metrics.values())


def test_own_cutoffs():
    metrics = summarize_ranks(np.array([1, 2, 2]), cutoffs=(1,))

    assert metrics == pytest.approx(
        {"hit_rate_at_1": 1 / 3, "ndcg_at_1": 1 / 3}
    )


def test_equals_the_metrics_of_training():
    ranks = np.random.default_rng(0).integers(1, 40, 500) / 2 + 0.5
    metrics = summarize_ranks(ranks, cutoffs=(3, 10))

    for cutoff in (3, 10):
        for metric in (HitRate(k=cutoff), NDCG(k=cutoff)):
            value = metric(ranks.astype(np.float32)).numpy()
            assert metrics[metric.name] == pytest.approx(value, rel=1e-5)


def test_no_ranks_are_an_error():
    with pytest.raises(ValueError, match="at least one rank"):
        summarize_ranks(np.array([]))
