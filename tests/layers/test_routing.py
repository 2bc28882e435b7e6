"""Dynamic routing: by hand, and against NumPy written item by item."""

import numpy as np
import pytest
import tensorflow as tf

from tfrs_timirec.layers.routing import route, squash


def squash_by_hand(vector):
    length = np.linalg.norm(vector)
    return vector * length / (1 + length**2) if length else vector


def route_by_hand(votes, logits, num_items, num_interests, num_iterations):
    """Routes one history of `num_items` votes (item, interest, dim)."""
    logits = np.array(logits, np.float64)
    for _ in range(num_iterations):
        interests = []
        for k in range(num_interests):
            total = np.zeros(votes.shape[-1])
            for i in range(num_items):
                exps = np.exp(logits[i, :num_interests])
                total += exps[k] / exps.sum() * votes[i, k]
            interests.append(squash_by_hand(total))
        for i in range(num_items):
            for k in range(num_interests):
                logits[i, k] += interests[k] @ votes[i, k]
    return np.array(interests)


def test_squash_by_hand():
    np.testing.assert_allclose(
        squash(tf.constant([[3.0, 4.0], [0.6, 0.8]])),
        [[25 / 26 * 3 / 5, 25 / 26 * 4 / 5], [0.5 * 0.6, 0.5 * 0.8]],
        atol=1e-6,
    )


def test_squash_of_zeros_has_a_finite_gradient():
    zeros = tf.zeros((2, 3))
    with tf.GradientTape() as tape:
        tape.watch(zeros)
        squashed = squash(zeros)
    gradient = tape.gradient(squashed, zeros)

    assert not squashed.numpy().any()
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("is_shared", [True, False])
@pytest.mark.parametrize("num_iterations", [1, 3])
def test_equals_numpy(is_shared, num_iterations):
    rng = np.random.default_rng(0)
    shape = (2, 4, 5) if is_shared else (2, 4, 3, 5)
    votes = rng.normal(size=shape).astype(np.float32)
    logits = rng.normal(size=(4, 3)).astype(np.float32)

    interests = route(
        tf.constant(votes),
        tf.constant(logits),
        tf.constant([[True] * 4, [True, True, False, False]]),
        num_iterations,
        tf.constant([[True] * 3, [True, True, False]]),
    ).numpy()

    if is_shared:
        votes = np.repeat(votes[:, :, np.newaxis], 3, axis=2)
    for row, num_items, num_interests in ((0, 4, 3), (1, 2, 2)):
        expected = route_by_hand(
            votes[row], logits, num_items, num_interests, num_iterations
        )
        np.testing.assert_allclose(
            interests[row, :num_interests], expected, atol=1e-5
        )
    assert not interests[1, 2].any()  # Takes no part.


def test_gradient_flows_through_the_last_iteration_only():
    rng = np.random.default_rng(1)
    votes = tf.constant(rng.normal(size=(1, 3, 2, 4)), tf.float32)
    is_item = tf.ones((1, 3), tf.bool)
    logits = tf.constant(rng.normal(size=(3, 2)), tf.float32)
    # The last of two iterations starts from these logits.
    first = route(votes, logits, is_item, 1)
    second_logits = logits + tf.einsum("bkd,blkd->lk", first, votes)

    gradients = []
    for start, num_iterations in ((logits, 2), (second_logits, 1)):
        with tf.GradientTape() as tape:
            tape.watch(votes)
            interests = route(votes, start, is_item, num_iterations)
        gradients.append(tape.gradient(interests, votes).numpy())

    np.testing.assert_allclose(gradients[0], gradients[1], atol=1e-6)
