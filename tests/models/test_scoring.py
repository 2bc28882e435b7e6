"""Scores of the same items by several products, and how they may differ."""

import numpy as np
import pytest
import tensorflow as tf

from tfrs_timirec.models.scoring import (
    best_scores,
    score_in_blocks,
    score_rounding,
)

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("num_users", [0, 1, 3, 5])
def test_blocks_make_no_difference(num_users):
    vectors = RNG.normal(size=(num_users, 3, 8)).astype(np.float32)
    items = RNG.normal(size=(20, 8)).astype(np.float32)
    ids = RNG.integers(0, 20, (num_users, 7))
    sizes = []

    def score(vectors, ids):
        sizes.append(len(ids))
        return tf.einsum("bvd,bnd->bn", vectors, tf.gather(items, ids))

    scores = score_in_blocks(
        score, tf.constant(vectors), tf.constant(ids), num_blocks=3
    )

    expected = np.einsum("bvd,bnd->bn", vectors, items[ids])
    np.testing.assert_allclose(scores, expected, rtol=1e-5, atol=1e-5)
    assert len(sizes) == 3
    assert max(sizes) <= -(-num_users // 3)


@pytest.mark.parametrize("num_users", [1, 4, 256])
@pytest.mark.parametrize("shift", [0.0, 3.0], ids=["mixed", "positive"])
@pytest.mark.parametrize("dim", [8, 64, 512])
def test_products_differ_by_less_than_the_rounding(dim, shift, num_users):
    vectors = RNG.normal(shift, size=(num_users, 2, dim)).astype(np.float32)
    item = 10 * RNG.normal(shift, size=(1, dim)).astype(np.float32)
    vectors, items = tf.constant(vectors), tf.constant(np.repeat(item, 99, 0))

    scores = np.concatenate(
        [best_scores(vectors, items[:size]) for size in (1, 3, 32, 99)], axis=1
    )

    rounding = score_rounding(vectors, tf.repeat(items[:1], num_users, axis=0))
    assert np.all(np.ptp(scores, axis=1) <= rounding)
    # As small as it can be told: seven digits of what is added up.
    sums = np.linalg.norm(vectors, axis=2).max(axis=1) * np.linalg.norm(item)
    assert np.all(rounding <= 1e-7 * dim * sums)


def test_vectors_that_are_not_finite_do_not_tie_everything():
    vectors = tf.constant([[[np.inf, 1.0]], [[np.nan, 1.0]], [[1.0, 1.0]]])

    rounding = score_rounding(vectors, tf.ones((3, 2)))

    assert rounding.numpy()[:2].tolist() == [0, 0]
    assert 0 < rounding[2] < 1e-5
