"""InterestDistillationLoss by hand."""

import math

import numpy as np
import pytest
import tensorflow as tf

from tfrs_timirec.losses import InterestDistillationLoss

LN3 = math.log(3.0)


@pytest.mark.parametrize("temperature", [0.1, 1.0, 5.0])
def test_by_hand(temperature):
    loss = InterestDistillationLoss(temperature=temperature)
    # Over T: p = softmax(0, ln 3) = (1/4, 3/4), q = softmax(0, 0).
    similarities = tf.constant([[0.0, LN3 * temperature]])
    logits = tf.zeros((1, 2))

    # The cross-entropy is ln 2 whatever p is; T**2 times that.
    assert loss(similarities, logits).numpy() == pytest.approx(
        temperature**2 * math.log(2), rel=1e-5
    )


def test_both_distributions_take_the_temperature():
    loss = InterestDistillationLoss(temperature=2.0)
    # Over T = 2 the logits are (0, ln 3): p = q = (1/4, 3/4).
    logits = tf.constant([[0.0, 2 * LN3]])

    entropy = 0.25 * math.log(4) + 0.75 * math.log(4 / 3)
    assert loss(logits, logits).numpy() == pytest.approx(4 * entropy, rel=1e-6)


def test_batch_is_averaged():
    loss = InterestDistillationLoss(temperature=1.0)
    # p = (1/2, 1/2). Row 0: q = (1/2, 1/2), ln 2. Row 1: q = (1/4, 3/4),
    # (ln 4 + ln(4/3)) / 2.
    logits = tf.constant([[0.0, 0.0], [0.0, LN3]])

    expected = (math.log(2) + (math.log(4) + math.log(4 / 3)) / 2) / 2
    assert loss(tf.zeros((2, 2)), logits).numpy() == pytest.approx(expected)


def gradients(loss, similarities, logits):
    variables = [tf.Variable(similarities), tf.Variable(logits)]
    with tf.GradientTape() as tape:
        value = loss(*variables)
    return tape.gradient(value, variables)


@pytest.mark.parametrize("temperature", [0.5, 2.0])
def test_gradient_of_the_logits_is_q_minus_p_times_t(temperature):
    loss = InterestDistillationLoss(temperature=temperature)
    # p = (1/4, 3/4), q = (1/2, 1/2): d CE / d z = (q - p) / T, times T**2.
    _, gradient = gradients(loss, [[0.0, LN3 * temperature]], [[0.0, 0.0]])

    np.testing.assert_allclose(
        gradient, [[0.25 * temperature, -0.25 * temperature]], rtol=1e-5
    )


def test_stop_gradient_holds_the_target_fixed():
    gradient, _ = gradients(
        InterestDistillationLoss(), [[0.2, 0.1]], [[0.3, 0.0]]
    )
    assert gradient is None


def test_without_stop_gradient_the_target_moves_to_the_prediction():
    loss = InterestDistillationLoss(temperature=1.0, stop_gradient=False)
    # p = (1/2, 1/2), log q = (ln 1/4, ln 3/4). d CE / d z_k =
    # -p_k (log q_k - sum_j p_j log q_j) = -(1/2) * (-+ (1/2) ln 3).
    gradient, _ = gradients(loss, [[0.0, 0.0]], [[0.0, LN3]])

    np.testing.assert_allclose(gradient, [[LN3 / 4, -LN3 / 4]], rtol=1e-5)


@pytest.mark.parametrize("size", [1e4, -1e4])
def test_large_logits_do_not_overflow(size):
    loss = InterestDistillationLoss(temperature=0.1)
    gradient, _ = gradients(loss, [[1.0, -1.0]], [[size, 0.0]])
    value = loss(tf.constant([[1.0, -1.0]]), tf.constant([[size, 0.0]]))

    assert gradient is None
    # With logits of 1e5 over T, log q is (0, -1e5) or (-1e5, 0). p is
    # softmax(10, -10), so (1, e**-20) but for rounding: T**2 p log q is
    # 1e3 * e**-20 or 1e3.
    expected = 1e3 * (math.exp(-20) if size > 0 else 1.0)
    assert value.numpy() == pytest.approx(expected, rel=1e-4)


def test_half_precision_is_computed_in_single():
    loss = InterestDistillationLoss(temperature=0.01)
    value = loss(
        tf.constant([[1.0, -1.0]], tf.float16),
        tf.constant([[0.0, 2000.0]], tf.float16),
    )

    # Over T the logit is 200,000, above float16's 65,504. 1e-4 * 2e5 = 20.
    assert value.numpy() == pytest.approx(20.0)


@pytest.mark.parametrize("temperature", [0, -1.0, float("nan")])
def test_temperature_must_be_above_zero(temperature):
    with pytest.raises(ValueError, match="`temperature`.*Received"):
        InterestDistillationLoss(temperature=temperature)


def test_config_round_trip():
    loss = InterestDistillationLoss(temperature=0.7, stop_gradient=False)
    copy = tf.keras.losses.deserialize(tf.keras.losses.serialize(loss))

    assert isinstance(copy, InterestDistillationLoss)
    assert (copy.temperature, copy.stop_gradient) == (0.7, False)
    assert copy.get_config() == loss.get_config()
