"""LayerNormalization against Keras's: outputs and gradients."""

import numpy as np
import pytest
import tensorflow as tf

from tfrs_timirec.layers import LayerNormalization

DIM = 6


def make_pair(shape, **kwargs):
    """Returns this layer and Keras's, of the same weights."""
    pair = (
        LayerNormalization(**kwargs),
        tf.keras.layers.LayerNormalization(**kwargs),
    )
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(2, DIM)).astype(np.float32)
    for layer in pair:
        layer.build(shape)
        layer.set_weights(list(weights))
    return pair


@pytest.mark.parametrize("shape", [(3, DIM), (4, 5, DIM), (2, 0, DIM)])
def test_outputs_and_gradients_are_keras_s(shape):
    rng = np.random.default_rng(1)
    inputs = tf.constant(rng.normal(2.0, 3.0, size=shape), tf.float32)
    weighting = tf.constant(rng.normal(size=shape), tf.float32)
    results = []
    for layer in make_pair(shape, epsilon=1e-3):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = layer(inputs)
            total = tf.reduce_sum(weighting * tf.square(outputs))
        gradients = tape.gradient(total, [inputs, *layer.trainable_weights])
        results.append([outputs, *gradients])
    for ours, keras in zip(*results, strict=True):
        np.testing.assert_allclose(ours, keras, rtol=1e-4, atol=1e-4)


def test_half_precision_is_computed_in_full():
    ours, keras = make_pair((1, DIM), dtype="mixed_float16")
    inputs = tf.constant([[300.0, -300.0, 1.0, 2.0, 3.0, 4.0]], tf.float16)
    outputs = ours(inputs)
    assert outputs.dtype == tf.float16
    assert np.all(np.isfinite(outputs))
    np.testing.assert_allclose(outputs, keras(inputs), rtol=1e-2, atol=1e-2)


def test_double_precision_is_computed_as_such():
    ours, keras = make_pair((9, DIM), dtype="float64")
    inputs = tf.random.normal((9, DIM), dtype=tf.float64)
    for layer in (ours, tf.function(ours)):
        np.testing.assert_allclose(layer(inputs), keras(inputs), rtol=1e-12)


@pytest.mark.parametrize(
    "options", [{"axis": 1}, {"center": False}, {"scale": False}]
)
def test_other_arguments_of_keras_s_are_refused(options):
    with pytest.raises(ValueError, match="`axis` must be the last one"):
        LayerNormalization(**options).build((4, 5, DIM))
