"""SampledSoftmaxLoss by hand."""

import math

import numpy as np
import pytest
import tensorflow as tf

from tfrs_timirec.losses import BPRLoss, SampledSoftmaxLoss

NO_REDUCTION = tf.keras.losses.Reduction.NONE


def test_each_instance_by_hand():
    loss = SampledSoftmaxLoss(reduction=NO_REDUCTION)
    # Shares of the target: 1 of 1 + 1 + 2, and 3 of 3 + 1 + 1.
    positive = tf.constant([[0.0], [math.log(3.0)]])
    negative = tf.constant([[0.0, math.log(2.0)], [0.0, 0.0]])

    np.testing.assert_allclose(
        loss(positive, negative), [math.log(4), math.log(5 / 3)], rtol=1e-6
    )
    assert SampledSoftmaxLoss()(positive, negative).numpy() == pytest.approx(
        0.5 * (math.log(4) + math.log(5 / 3))
    )


def test_with_one_negative_it_is_bpr():
    positive, negative = tf.random.stateless_normal((2, 5, 1), seed=(1, 2))

    np.testing.assert_allclose(
        SampledSoftmaxLoss()(positive, negative),
        BPRLoss()(positive, negative),
        rtol=1e-6,
    )


@pytest.mark.parametrize("dtype", [tf.float16, tf.float32])
def test_lowest_score_is_left_out_and_large_ones_do_not_overflow(dtype):
    positive = tf.constant([[0.0], [1e4], [-1e4]], dtype)
    negative = tf.constant([[0.0, dtype.min], [-1e4, -1e4], [1e4, -1e4]], dtype)
    with tf.GradientTape() as tape:
        tape.watch(negative)
        losses = SampledSoftmaxLoss(reduction=NO_REDUCTION)(positive, negative)
    gradient = tape.gradient(losses, negative)

    np.testing.assert_allclose(losses, [math.log(2), 0, 2e4], rtol=1e-6)
    np.testing.assert_allclose(gradient, [[0.5, 0], [0, 0], [1, 0]])
