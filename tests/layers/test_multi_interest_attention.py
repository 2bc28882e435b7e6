"""MultiInterestAttention against NumPy and by hand."""

import numpy as np
import pytest
import tensorflow as tf

from tfrs_timirec.layers import MultiInterestAttention


def attend(item_vectors, values, mask, hidden_kernel, interest_kernel):
    """Eq. 12 and 13, one history and one interest at a time."""
    num_interests = interest_kernel.shape[1]
    interests = np.zeros((len(values), num_interests, values.shape[-1]))
    for row, items in enumerate(item_vectors):
        kept = np.flatnonzero(mask[row])
        hidden = np.tanh(items[kept] @ hidden_kernel)
        for interest in range(num_interests):
            weights = np.exp(hidden @ interest_kernel[:, interest])
            weights /= weights.sum()
            interests[row, interest] = weights @ values[row, kept]
    return interests


@pytest.mark.parametrize("value_dim", [None, 5])
def test_equals_numpy(value_dim):
    rng = np.random.default_rng(0)
    item_vectors = rng.normal(size=(4, 6, 8)).astype(np.float32)
    values = rng.normal(size=(4, 6, value_dim or 8)).astype(np.float32)
    mask = rng.random((4, 6)) < 0.6
    mask[:, 2] = True  # No empty history.
    layer = MultiInterestAttention(num_interests=3, attention_dim=5)
    layer.build((4, 6, 8))
    hidden_kernel, interest_kernel = (
        rng.normal(size=weight.shape) for weight in layer.weights
    )
    layer.set_weights([hidden_kernel, interest_kernel])

    if value_dim is None:
        values = item_vectors
        interests = layer(item_vectors, mask=tf.constant(mask))
    else:
        interests = layer(item_vectors, values=values, mask=tf.constant(mask))

    expected = attend(
        item_vectors, values, mask, hidden_kernel, interest_kernel
    )
    np.testing.assert_allclose(interests.numpy(), expected, atol=1e-5)


def test_weights_by_hand():
    layer = MultiInterestAttention(num_interests=2, attention_dim=1)
    layer.build((1, 3, 1))
    # Items 0, artanh(1/2), and padding: hidden values are 0 and 1/2.
    items = tf.constant([[[0.0], [np.arctanh(0.5)], [9.0]]])
    mask = tf.constant([[True, True, False]])
    # Interest 0 has logits 0 and ln 3, so weights 1/4 and 3/4; interest 1 has
    # logits 0 and 0, so 1/2 and 1/2.
    layer.set_weights([np.array([[1.0]]), np.array([[2 * np.log(3.0), 0.0]])])

    interests, attention = layer(items, mask=mask, return_attention=True)

    np.testing.assert_allclose(
        attention, [[[0.25, 0.75, 0], [0.5, 0.5, 0]]], atol=1e-6
    )
    np.testing.assert_allclose(
        interests[0, :, 0], np.array([0.75, 0.5]) * np.arctanh(0.5), atol=1e-6
    )


def test_takes_the_mask_of_an_embedding():
    layer = MultiInterestAttention(num_interests=2)
    embedding = tf.keras.layers.Embedding(5, 8, mask_zero=True)
    ids = tf.constant([[0, 3, 4]])

    _, attention = layer(embedding(ids), return_attention=True)

    assert not attention[0, :, 0].numpy().any()
    np.testing.assert_allclose(tf.reduce_sum(attention, -1), [[1, 1]], 1e-6)


def test_large_logits_do_not_overflow():
    layer = MultiInterestAttention(num_interests=1, attention_dim=1)
    items = tf.constant([[[50.0], [-50.0]]])  # tanh: 1 and -1.
    layer(items)
    layer.set_weights([np.array([[1.0]]), np.array([[1e4]])])

    interests = layer(items)

    np.testing.assert_array_equal(interests, [[[50.0]]])


@pytest.mark.parametrize("name", ["num_interests", "attention_dim"])
@pytest.mark.parametrize("value", [0, -1, 2.0, True])
def test_sizes_must_be_positive_integers(name, value):
    with pytest.raises(ValueError, match=f"`{name}`.*Received: {name}={value}"):
        MultiInterestAttention(**{name: value})
