"""TransformerBlock against NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from tfrs_timirec.layers import TransformerBlock

DIM = 8


def normalize(vectors, gamma, beta):
    mean = vectors.mean(-1, keepdims=True)
    variance = ((vectors - mean) ** 2).mean(-1, keepdims=True)
    return gamma * (vectors - mean) / np.sqrt(variance + 1e-5) + beta


def transform(items, weights):
    """One head, post-norm, of a single history (length, dim)."""
    queries, keys, values = (
        items @ weights["attention_projection/kernel"][:, part]
        + weights["attention_projection/bias"][part]
        for part in (slice(DIM), slice(DIM, 2 * DIM), slice(2 * DIM, 3 * DIM))
    )
    attention = np.exp(queries @ keys.T / np.sqrt(DIM))
    attention /= attention.sum(axis=1, keepdims=True)
    hidden = normalize(
        items + attention @ values,
        weights["attention_norm/gamma"],
        weights["attention_norm/beta"],
    )
    output = (
        np.maximum(
            hidden @ weights["feed_forward_hidden/kernel"]
            + weights["feed_forward_hidden/bias"],
            0,
        )
        @ weights["feed_forward_output/kernel"]
        + weights["feed_forward_output/bias"]
    )
    return normalize(
        hidden + output,
        weights["feed_forward_norm/gamma"],
        weights["feed_forward_norm/beta"],
    )


@pytest.fixture
def block():
    layer = TransformerBlock(feed_forward_dim=6)
    layer(tf.zeros((1, 2, DIM)))
    rng = np.random.default_rng(1)
    for weight in layer.weights:
        weight.assign(rng.normal(scale=0.7, size=weight.shape))
    return layer


def test_equals_numpy(block):
    rng = np.random.default_rng(0)
    items = rng.normal(size=(3, 5, DIM)).astype(np.float32)
    mask = np.array([[1, 1, 1, 1, 1], [0, 0, 1, 1, 1], [0, 0, 0, 0, 1]], bool)
    weights = {
        "/".join(weight.name.split(":")[0].split("/")[-2:]): weight.numpy()
        for weight in block.weights
    }

    output = block(items, mask=tf.constant(mask)).numpy()

    for row, kept in enumerate(mask):
        np.testing.assert_allclose(
            output[row, kept], transform(items[row, kept], weights), atol=1e-4
        )


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


@pytest.mark.parametrize("value", [0, 2.5, None])
def test_size_must_be_a_positive_integer(value):
    with pytest.raises(ValueError, match="`feed_forward_dim`.*Received"):
        TransformerBlock(feed_forward_dim=value)
