"""Ranks of a target: order, ties, and scores that are not numbers."""

import math

import numpy as np
import pytest
import tensorflow as tf

from tfrs_timirec.metrics import target_ranks

NAN = math.nan
INF = math.inf


@pytest.mark.parametrize(
    ("target", "candidates", "rank"),
    [
        (5.0, [4, 3, 2], 1),
        (0.0, [4, 3, 2], 4),
        (3.5, [4, 3, 2], 2),
        (3.0, [4, 3, 2], 2.5),  # Second or third.
        (3.0, [3, 3, 3], 2.5),  # First to fourth.
        (NAN, [4, 3, 2], 4),
        (NAN, [NAN, NAN, NAN], 4),
        (3.0, [NAN, 4, NAN], 2),  # Behind 4, before what is no number.
        (INF, [1, 2, 3], 1),
        (-INF, [1, 2, -INF], 3.5),
    ],
)
def test_rank(target, candidates, rank):
    ranks = target_ranks(
        tf.constant([target]), tf.constant([candidates], tf.float32)
    )

    assert ranks.dtype == tf.float32
    assert ranks.numpy().tolist() == [rank]


def test_constant_model_ranks_in_the_middle():
    ranks = target_ranks(tf.zeros(3), tf.zeros((3, 1000)))

    # The mean of 1 to 1,001.
    assert ranks.numpy().tolist() == [501] * 3


def test_rows_are_ranked_by_themselves():
    rng = np.random.default_rng(0)
    targets = rng.integers(0, 5, 40).astype(np.float32)
    candidates = rng.integers(0, 5, (40, 9)).astype(np.float32)

    ranks = target_ranks(tf.constant(targets), tf.constant(candidates))

    for rank, target, others in zip(ranks, targets, candidates, strict=True):
        better = sum(other > target for other in others)
        tied = sum(other == target for other in others)
        assert rank == 1 + better + tied / 2


def test_half_precision_counts_exactly():
    # float16 cannot tell 2,049 from 2,048.
    ranks = target_ranks(
        tf.zeros(1, tf.float16), tf.ones((1, 2048), tf.float16)
    )
    assert ranks.numpy().tolist() == [2049]


@pytest.mark.parametrize(
    ("rounding", "rank"),
    [
        (0.0, 4.0),
        (0.125, 3.5),  # 3.125 ties.
        ([0.25], 3.5),  # Only 3.5 does not.
        (0.5, 3.0),
        (math.inf, 3.0),
    ],
)
def test_scores_within_the_rounding_tie(rounding, rank):
    ranks = target_ranks(
        tf.constant([3.0]), tf.constant([[3.5, 3.25, 3.125, 2.75]]), rounding
    )

    assert ranks.numpy().tolist() == [rank]
