"""The paired t-test and the gains that it compares."""

import numpy as np
import pytest

from tfrs_timirec.evaluation import gains, paired_t_test, summarize_ranks


def test_p_value_by_hand():
    # Differences 1, 2, 3: mean 2, standard error 1/sqrt(3), t = 3.464. With 2
    # degrees of freedom the two-sided p is 1 - t / sqrt(t^2 + 2) = 0.0742.
    assert paired_t_test([2, 4, 6], [1, 2, 3]) == pytest.approx(
        1 - np.sqrt(12 / 14)
    )


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ([0.1], [0.2], None),
        ([0.1, 0.2], [0.1, 0.2], 1.0),
        # Equal differences but for rounding: 0.3 - 0.2 is not 0.2 - 0.1.
        ([0.2, 0.3], [0.1, 0.2], 0.0),
    ],
)
def test_degenerate_pairs(first, second, expected):
    assert paired_t_test(first, second) == expected


def test_pairs_must_match():
    with pytest.raises(ValueError, match="must be of the same length"):
        paired_t_test([1, 2], [1, 2, 3])


@pytest.mark.parametrize("metric", ["hit_rate_at_5", "ndcg_at_10"])
def test_mean_gain_is_the_metric(metric):
    ranks = np.array([1, 2.5, 5, 7, 10, 10.5, 40])

    assert gains(ranks, metric).mean() == pytest.approx(
        summarize_ranks(ranks)[metric]
    )


def test_unknown_metric_is_named():
    with pytest.raises(ValueError, match="metric='recall_at_5'"):
        gains(np.array([1.0]), "recall_at_5")
