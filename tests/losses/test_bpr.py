"""BPRLoss by hand."""

import math

import numpy as np
import pytest
import tensorflow as tf

from tfrs_timirec.losses import BPRLoss

NO_REDUCTION = tf.keras.losses.Reduction.NONE


def test_each_instance_by_hand():
    loss = BPRLoss(reduction=NO_REDUCTION)
    # Margins 0, ln 3 and -ln 3: sigmoids 1/2, 3/4 and 1/4.
    positive = tf.constant([[1.0], [math.log(3.0)], [0.0]])
    negative = tf.constant([[1.0], [0.0], [math.log(3.0)]])

    np.testing.assert_allclose(
        loss(positive, negative),
        [math.log(2), math.log(4 / 3), math.log(4)],
        rtol=1e-6,
    )


def test_several_negatives_and_a_batch_are_averaged():
    positive = tf.constant([[0.0], [0.0]])
    negative = tf.constant([[0.0, math.log(3.0)], [0.0, 0.0]])

    # (ln 2 + ln 4) / 2 = 3/2 ln 2 and ln 2; their mean is 5/4 ln 2.
    assert BPRLoss()(positive, negative).numpy() == pytest.approx(
        1.25 * math.log(2)
    )


@pytest.mark.parametrize("dtype", [tf.float16, tf.float32])
def test_large_scores_do_not_overflow(dtype):
    positive = tf.constant([[1e4], [-1e4]], dtype)
    with tf.GradientTape() as tape:
        tape.watch(positive)
        losses = BPRLoss(reduction=NO_REDUCTION)(positive, -positive)
    gradient = tape.gradient(losses, positive)

    # Margins 20,000 and -20,000: softplus is 0 and the margin; its slope is
    # 0 and -1.
    np.testing.assert_array_equal(losses, [0, 2e4])
    assert losses.dtype == tf.float32
    # The negative score depends on the positive one, which doubles the slope.
    np.testing.assert_array_equal(gradient, [[0], [-2]])


def test_weights_of_instances():
    loss = BPRLoss(reduction=tf.keras.losses.Reduction.SUM)
    scores = tf.zeros((3, 1))

    # ln 2 each, weighted 1, 2 and 0.
    assert loss(
        scores, scores, sample_weight=[1.0, 2.0, 0.0]
    ).numpy() == pytest.approx(3 * math.log(2))


def test_config_round_trip():
    loss = BPRLoss(reduction=NO_REDUCTION, name="mine")
    copy = tf.keras.losses.deserialize(tf.keras.losses.serialize(loss))

    assert isinstance(copy, BPRLoss)
    assert copy.get_config() == loss.get_config()
