"""The masked softmax that attention rests on."""

import numpy as np
import pytest
import tensorflow as tf

from tfrs_timirec.layers.masking import masked_softmax


def test_by_hand():
    logits = tf.constant([[0.0, np.log(3.0), 50.0], [1.0, 2.0, 3.0]])
    mask = tf.constant([[True, True, False], [False, False, False]])

    # 1 / (1 + 3) and 3 / (1 + 3); nothing in an empty row.
    np.testing.assert_allclose(
        masked_softmax(logits, mask), [[0.25, 0.75, 0], [0, 0, 0]], atol=1e-6
    )


@pytest.mark.parametrize("dtype", [tf.float16, tf.bfloat16, tf.float32])
def test_keeps_the_type_and_does_not_overflow(dtype):
    logits = tf.constant([[-6e4, 6e4, 6e4]], dtype)

    weights = masked_softmax(logits, tf.constant([[True, True, True]]))

    assert weights.dtype == dtype
    np.testing.assert_array_equal(tf.cast(weights, tf.float32), [[0, 0.5, 0.5]])


def test_other_axis():
    weights = masked_softmax(
        tf.zeros((2, 2)), tf.constant([[True, True], [True, False]]), axis=0
    )

    np.testing.assert_allclose(weights, [[0.5, 1], [0.5, 0]])
