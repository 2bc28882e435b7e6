"""Dropout: how much, when, and again after a checkpoint."""

import numpy as np
import pytest
import tensorflow as tf

from tfrs_timirec.layers import (
    ResumableDropout,
    SelfAttentiveExtractor,
    TransformerBlock,
)

ONES = tf.ones((100, 100))


def test_a_share_is_zero_and_the_rest_keeps_the_mean():
    output = ResumableDropout(0.25)(ONES, training=True).numpy()

    # 10,000 draws: a standard deviation of the share is 0.0043.
    assert (output == 0).mean() == pytest.approx(0.25, abs=0.02)
    np.testing.assert_allclose(output[output != 0], 1 / 0.75)


@pytest.mark.parametrize("training", [False, None])
def test_nothing_is_dropped_without_training(training):
    output = ResumableDropout(0.25)(ONES, training=training)

    np.testing.assert_array_equal(output, ONES)


def test_a_checkpoint_resumes_the_draws(tmp_path):
    layer, other = ResumableDropout(0.5), ResumableDropout(0.5)
    layer(ONES, training=True)
    path = tf.train.Checkpoint(layer).write(str(tmp_path / "checkpoint"))
    expected = layer(ONES, training=True)

    tf.train.Checkpoint(other).read(path).assert_consumed()

    np.testing.assert_array_equal(other(ONES, training=True), expected)
    assert np.any(other(ONES, training=True) != expected)


def test_without_a_rate_there_is_no_random_state():
    assert ResumableDropout(0.0).random_generator is None


@pytest.mark.parametrize(
    ("make", "inputs"),
    [
        (lambda: TransformerBlock(4, dropout=0.5), tf.ones((2, 3, 4))),
        (
            lambda: SelfAttentiveExtractor(9, transformer=True, dropout=0.5),
            tf.constant([[0, 3, 4], [5, 6, 7]]),
        ),
    ],
)
def test_layers_drop_in_training_alone(make, inputs):
    layer = make()

    first, second = (layer(inputs, training=True) for _ in range(2))

    assert np.any(first != second)
    np.testing.assert_array_equal(layer(inputs), layer(inputs, training=False))


@pytest.mark.parametrize("rate", [-0.1, 1.0])
def test_a_rate_outside_its_range_is_refused(rate):
    with pytest.raises(ValueError, match=r"`rate` must lie in \[0, 1\)"):
        ResumableDropout(rate)
    with pytest.raises(ValueError, match=r"`dropout` must lie in \[0, 1\)"):
        TransformerBlock(dropout=rate)
