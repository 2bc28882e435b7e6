"""TransformerBlock against NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from tests.layers.numpy_transformer import transform, weights_of
from tfrs_timirec.layers import TransformerBlock

DIM = 8


@pytest.fixture
def block():
    return make_block()


@pytest.fixture
def causal_block():
    return make_block(causal=True)


def make_block(**options):
    layer = TransformerBlock(feed_forward_dim=6, **options)
    layer(tf.zeros((1, 2, DIM)))
    rng = np.random.default_rng(1)
    for weight in layer.weights:
        weight.assign(rng.normal(scale=0.7, size=weight.shape))
    return layer


def test_equals_numpy(block):
    rng = np.random.default_rng(0)
    items = rng.normal(size=(3, 5, DIM)).astype(np.float32)
    mask = np.array([[1, 1, 1, 1, 1], [0, 0, 1, 1, 1], [0, 0, 0, 0, 1]], bool)
    output = block(items, mask=tf.constant(mask)).numpy()

    for row, kept in enumerate(mask):
        np.testing.assert_allclose(
            output[row, kept],
            transform(items[row, kept], weights_of(block)),
            atol=1e-4,
        )


def make_inputs():
    """One history of four real items behind one place of padding."""
    rng = np.random.default_rng(5)
    items = rng.normal(size=(1, 5, DIM)).astype(np.float32)
    pairs = rng.normal(size=(2, 1, 5, 5, DIM)).astype(np.float32)
    mask = tf.constant([[False, True, True, True, True]])
    return items, pairs[0], pairs[1], mask


def test_causal_equals_numpy(causal_block):
    items, _, _, mask = make_inputs()

    np.testing.assert_allclose(
        causal_block(items, mask=mask)[0, 1:],
        transform(items[0, 1:], weights_of(causal_block), causal=True),
        atol=1e-4,
    )


def test_causal_places_read_no_later_ones(causal_block):
    items, _, _, mask = make_inputs()
    changed = items.copy()
    changed[0, 3] += 1.0

    before = causal_block(items, mask=mask).numpy()[0]
    after = causal_block(changed, mask=mask).numpy()[0]

    np.testing.assert_array_equal(before[1:3], after[1:3])
    assert np.abs(before - after)[3:].max(axis=-1).min() > 1e-3


def test_pairs_equal_numpy(causal_block):
    items, pair_keys, pair_values, mask = make_inputs()

    output = causal_block(
        items, mask=mask, pair_keys=pair_keys, pair_values=pair_values
    )

    np.testing.assert_allclose(
        output[0, 1:],
        transform(
            items[0, 1:],
            weights_of(causal_block),
            pair_keys[0, 1:, 1:],
            pair_values[0, 1:, 1:],
            causal=True,
        ),
        atol=1e-4,
    )


@pytest.mark.parametrize("with_pairs", [False, True])
@pytest.mark.parametrize("kind", ["block", "causal_block"])
def test_last_only_is_the_last_row(kind, with_pairs, request):
    layer = request.getfixturevalue(kind)
    items, pair_keys, pair_values, mask = make_inputs()
    pairs = {"pair_keys": pair_keys, "pair_values": pair_values}
    last_pairs = {name: values[:, -1:] for name, values in pairs.items()}

    everything = layer(items, mask=mask, **pairs if with_pairs else {})
    last = layer(
        items, mask=mask, last_only=True, **last_pairs if with_pairs else {}
    )

    assert last.shape == (1, 1, DIM)
    np.testing.assert_allclose(last, everything[:, -1:], atol=1e-6)


def test_without_a_mask_all_items_count(block):
    items = tf.random.normal((2, 4, DIM))

    np.testing.assert_array_equal(
        block(items), block(items, mask=tf.ones((2, 4), tf.bool))
    )


def test_later_items_are_read_too(block):
    items = np.random.default_rng(0).normal(size=(1, 3, DIM))
    changed = items.copy()
    changed[0, 2] += 1.0

    assert np.abs(block(items) - block(changed))[0, 0].max() > 1e-3


def test_output_rows_are_normalized():
    layer = TransformerBlock()  # Gamma 1, beta 0 at the start.
    output = layer(tf.random.normal((2, 4, DIM))).numpy()

    np.testing.assert_allclose(output.mean(-1), 0, atol=1e-5)
    np.testing.assert_allclose(output.std(-1), 1, atol=1e-3)


def test_hands_its_mask_on():
    embedding = tf.keras.layers.Embedding(5, DIM, mask_zero=True)
    output = TransformerBlock()(embedding(tf.constant([[0, 3]])))

    assert output._keras_mask.numpy().tolist() == [[False, True]]


@pytest.mark.parametrize(("ids", "mask"), [([0, 3], True), ([3, 0], False)])
def test_hands_on_the_mask_of_the_last_place_alone(ids, mask):
    embedding = tf.keras.layers.Embedding(5, DIM, mask_zero=True)
    output = TransformerBlock()(embedding(tf.constant([ids])), last_only=True)

    assert output.shape == (1, 1, DIM)
    assert output._keras_mask.numpy().tolist() == [[mask]]


@pytest.mark.parametrize("value", [0, 2.5, None])
def test_size_must_be_a_positive_integer(value):
    with pytest.raises(ValueError, match="`feed_forward_dim`.*Received"):
        TransformerBlock(feed_forward_dim=value)
