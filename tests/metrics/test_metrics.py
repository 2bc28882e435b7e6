"""The metric classes by hand: weights, streaming, configuration."""

import math

import numpy as np
import pytest
import tensorflow as tf

from tfrs_timirec import metrics
from tfrs_timirec.metrics import (
    NDCG,
    HitRate,
    InterestDistance,
    JensenShannonDivergence,
)

LN2 = math.log(2)

# Batches of arguments, the weights of their rows, and the value of each row.
CASES = {
    "HitRate": (
        lambda: HitRate(k=3),
        [([1.0, 3.0],), ([3.5, 100.0, 2.0],)],
        [[1.0, 2.0], [3.0, 4.0, 0.0]],
        [1, 1, 0, 0, 1],
    ),
    "NDCG": (
        lambda: NDCG(k=7),
        [([1.0, 3.0],), ([7.0, 7.5, 2.5],)],
        [[1.0, 2.0], [3.0, 4.0, 0.0]],
        # 1 / log2(2), 1 / log2(4), 1 / log2(8), and 1 / log2(3.5).
        [1, 1 / 2, 1 / 3, 0, 1 / math.log2(3.5)],
    ),
    "JensenShannonDivergence": (
        JensenShannonDivergence,
        [
            ([[1.0, 0.0], [0.5, 0.5]], [[0.0, 1.0], [0.5, 0.5]]),
            ([[1.0, 0.0]], [[0.5, 0.5]]),
        ],
        [[1.0, 3.0], [2.0]],
        # Nothing shared: ln 2. Equal: 0. (1, 0) and (1/2, 1/2) meet in
        # (3/4, 1/4): (ln(4/3) + (ln(2/3) + ln 2) / 2) / 2.
        [LN2, 0, (math.log(4 / 3) + (math.log(2 / 3) + LN2) / 2) / 2],
    ),
    "InterestDistance": (
        InterestDistance,
        [
            ([[[0.0, 0.0], [3.0, 4.0], [0.0, 0.0]]],),
            ([[[1.0, 1.0], [1.0, 1.0], [1.0, 2.0]]],),
        ],
        [[1.0], [3.0]],
        # Pairs of 5, 0 and 5; of 0, 1 and 1.
        [10 / 3, 2 / 3],
    ),
}

every_metric = pytest.mark.parametrize(
    ("make", "batches", "weights", "values"), CASES.values(), ids=list(CASES)
)


def test_every_public_metric_has_a_case():
    assert {*CASES, "target_ranks"} == set(metrics.__all__)


@every_metric
def test_mean_over_batches(make, batches, weights, values):
    del weights
    metric = make()
    for batch in batches:
        metric.update_state(*map(tf.constant, batch))

    assert metric.result().numpy() == pytest.approx(np.mean(values), rel=1e-5)
    metric.reset_state()
    metric.update_state(*map(tf.constant, batches[0]))
    first = values[: len(batches[0][0])]
    assert metric.result().numpy() == pytest.approx(np.mean(first), rel=1e-5)


@every_metric
def test_weighted_mean_over_batches(make, batches, weights, values):
    metric = make()
    for batch, batch_weights in zip(batches, weights, strict=True):
        metric.update_state(*map(tf.constant, batch), batch_weights)

    expected = np.average(values, weights=np.concatenate(weights))
    assert metric.result().numpy() == pytest.approx(expected, rel=1e-5)


@every_metric
def test_config_round_trip(make, batches, weights, values):
    del batches, weights, values
    metric = make()
    copy = tf.keras.metrics.deserialize(tf.keras.metrics.serialize(metric))

    assert type(copy) is type(metric)
    assert copy.get_config() == metric.get_config()


def test_default_names():
    assert HitRate(k=5).name == "hit_rate_at_5"
    assert NDCG(k=20).name == "ndcg_at_20"
    assert HitRate(k=5, name="mine").name == "mine"
    assert JensenShannonDivergence().name == "js_divergence"
    assert InterestDistance().name == "interest_distance"


def test_single_interest_has_no_distance():
    assert InterestDistance()(tf.ones((2, 1, 3))).numpy() == 0


def test_divergence_of_the_smallest_numbers_is_finite():
    metric = JensenShannonDivergence()
    metric.update_state([[1.0, 1.5e-38]], [[1.0, 0.0]])
    assert metric.result().numpy() == pytest.approx(0, abs=1e-6)


def test_rank_behind_the_list_gains_nothing_however_far():
    assert NDCG(k=5)(tf.constant([1e30, math.inf])).numpy() == 0


@pytest.mark.parametrize("metric_class", [HitRate, NDCG])
@pytest.mark.parametrize("k", [0, -5, 2.5])
def test_k_must_be_a_positive_integer(metric_class, k):
    with pytest.raises(ValueError, match=f"`k`.*Received: k={k}"):
        metric_class(k=k)


@pytest.mark.parametrize("metric", [HitRate, NDCG])
def test_ranks_may_be_a_list(metric):
    assert metric(k=5)([1.0, 9.0]).numpy() == 0.5
