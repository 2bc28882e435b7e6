"""PackedGRU against Keras's GRU: states and gradients."""

import numpy as np
import pytest
import tensorflow as tf

from tfrs_timirec.layers import PackedGRU

UNITS = 5
DIM = 3

# Empty, full, padded in front, behind and in the middle; of unlike lengths.
MASK = np.array(
    [
        [0, 0, 0, 0],
        [1, 1, 1, 1],
        [0, 0, 1, 1],
        [1, 1, 0, 0],
        [1, 0, 0, 1],
        [0, 0, 0, 1],
    ],
    bool,
)


def swap_gates(weights):
    """Turns reset, update, new into Keras's update, reset, new."""
    reset, update, new = np.split(weights, 3, axis=-1)
    return np.concatenate([update, reset, new], axis=-1)


def make_pair():
    """Returns a PackedGRU and a Keras GRU of the same weights."""
    packed = PackedGRU(UNITS)
    packed(tf.zeros((1, 2, DIM)))
    rng = np.random.default_rng(0)
    weights = [
        rng.normal(size=weight.shape).astype(np.float32)
        for weight in packed.weights
    ]
    packed.set_weights(weights)
    keras = tf.keras.layers.GRU(UNITS, reset_after=True)
    keras(tf.zeros((1, 2, DIM)))
    kernel, recurrent_kernel, bias, recurrent_bias = weights
    keras.set_weights(
        [
            swap_gates(kernel),
            swap_gates(recurrent_kernel),
            np.stack([swap_gates(bias), swap_gates(recurrent_bias)]),
        ]
    )
    return packed, keras


def run(layer, inputs, mask, targets):
    """Returns the states and the gradients of inputs and weights."""
    inputs = tf.constant(inputs)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        states = layer(inputs, mask=tf.constant(mask))
        loss = tf.reduce_sum(states * targets)
    return states.numpy(), [
        gradient.numpy()
        for gradient in tape.gradient(loss, [inputs, *layer.trainable_weights])
    ]


@pytest.mark.parametrize(
    "mask", [MASK, MASK[1:2], MASK[2:4], MASK[:1], np.ones((3, 4), bool)]
)
def test_states_and_gradients_equal_those_of_keras(mask):
    packed, keras = make_pair()
    rng = np.random.default_rng(1)
    inputs = rng.normal(size=(*mask.shape, DIM)).astype(np.float32)
    targets = rng.normal(size=(len(mask), UNITS)).astype(np.float32)

    states, gradients = run(packed, inputs, mask, targets)
    expected_states, expected = run(keras, inputs, mask, targets)

    np.testing.assert_allclose(states, expected_states, atol=1e-5)
    d_inputs, d_kernel, d_recurrent_kernel, d_bias, d_recurrent_bias = gradients
    np.testing.assert_allclose(d_inputs, expected[0], atol=1e-4)
    for actual, wanted in (
        (d_kernel, expected[1]),
        (d_recurrent_kernel, expected[2]),
        (d_bias, expected[3][0]),
        (d_recurrent_bias, expected[3][1]),
    ):
        np.testing.assert_allclose(swap_gates(actual), wanted, atol=1e-4)


def test_gradients_inside_a_graph_equal_those_outside():
    packed, _ = make_pair()
    inputs = tf.random.normal((*MASK.shape, DIM))

    def gradients():
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(packed(inputs, mask=tf.constant(MASK)) ** 2)
        return tape.gradient(loss, packed.trainable_weights)

    for eager, graph in zip(gradients(), tf.function(gradients)(), strict=True):
        np.testing.assert_allclose(eager, graph, atol=1e-4)


def test_one_step_by_hand():
    layer = PackedGRU(1)
    layer.build((1, 1, 1))
    # Reset and update gates have logits 0 and ln 3: r = 1/2, z = 3/4. From the
    # zero state, n = tanh(2 x + r * c) with x = 1/2 and c = -2 is tanh(0) = 0
    # for the kernel 2; with the bias artanh(0.8) it is 0.8.
    layer.set_weights(
        [
            np.array([[0.0, 0.0, 2.0]]),
            np.array([[0.0, 0.0, 0.0]]),
            np.array([0.0, np.log(3.0), np.arctanh(0.8)]),
            np.array([0.0, 0.0, -2.0]),
        ]
    )

    state = layer(tf.constant([[[0.5]]]))

    # h = (1 - z) n + z * 0 = 0.8 / 4.
    np.testing.assert_allclose(state, [[0.2]], atol=1e-6)
    # A second step: h = 0.2 + 3/4 * 0.2.
    state = layer(tf.constant([[[0.5], [0.5]]]))
    np.testing.assert_allclose(state, [[0.35]], atol=1e-6)


def test_weights_start_as_pytorch_starts_them():
    layer = PackedGRU(units=16)
    layer.build((1, 2, 200))
    kernel = layer.kernel.numpy()

    # Uniform within 1/sqrt(16) = 1/4; of 9,600 values some come near.
    assert 0.24 < kernel.max() <= 0.25
    assert -0.25 <= kernel.min() < -0.24
    assert np.unique(layer.bias.numpy()).size > 40  # Not zeros.
    assert (layer.bias.numpy() != layer.recurrent_bias.numpy()).all()


def test_takes_the_mask_of_an_embedding():
    layer = PackedGRU(UNITS)
    embedding = tf.keras.layers.Embedding(5, DIM, mask_zero=True)

    np.testing.assert_allclose(
        layer(embedding(tf.constant([[0, 3, 4]]))),
        layer(embedding(tf.constant([[3, 4]]))),
        atol=1e-6,
    )


def test_unknown_length_is_an_error():
    with pytest.raises(ValueError, match="`mask` must have a known length"):
        PackedGRU(UNITS)(tf.keras.Input((None, DIM)))


@pytest.mark.parametrize("units", [0, -3, 1.5, "4"])
def test_units_must_be_a_positive_integer(units):
    with pytest.raises(ValueError, match="`units`.*Received: units="):
        PackedGRU(units)
