"""ItemEmbedding and RecencyEmbedding by hand."""

import numpy as np
import pytest
import tensorflow as tf

from tfrs_timirec.layers import ItemEmbedding, RecencyEmbedding


def test_items_are_rows_of_the_table():
    layer = ItemEmbedding(vocabulary_size=4, embedding_dim=2)
    layer.build(None)
    layer.set_weights([np.arange(8).reshape(4, 2)])

    vectors = layer(tf.constant([[3, 0], [1, 3]]))

    assert vectors.numpy().tolist() == [[[6, 7], [0, 1]], [[2, 3], [6, 7]]]
    assert vectors._keras_mask.numpy().tolist() == [[1, 0], [1, 1]]


def test_table_starts_small_and_afresh():
    first = ItemEmbedding(vocabulary_size=100, embedding_dim=64)
    second = ItemEmbedding(vocabulary_size=100, embedding_dim=64)
    first.build(None)
    second.build(None)

    # 6,400 draws of N(0, 0.01): their deviation is within 4 / sqrt(2 * 6400)
    # of 0.01, some 4 %.
    assert first.embeddings.numpy().std() == pytest.approx(0.01, rel=0.04)
    assert (first.embeddings.numpy() != second.embeddings.numpy()).any()


def test_gradient_of_items_is_sparse():
    layer = ItemEmbedding(vocabulary_size=1000, embedding_dim=2)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(tf.constant([5, 5, 7])))
    gradient = tape.gradient(loss, layer.embeddings)

    assert gradient.indices.numpy().tolist() == [5, 5, 7]


@pytest.mark.parametrize(
    ("mask", "positions"),
    [
        ([1, 1, 1], [3, 2, 1]),
        ([0, 1, 1], [0, 2, 1]),
        ([1, 1, 0], [2, 1, 0]),
        ([1, 0, 1], [2, 0, 1]),
        ([0, 0, 0], [0, 0, 0]),
    ],
)
def test_recency_counts_from_the_newest(mask, positions):
    layer = RecencyEmbedding(max_history_length=4, embedding_dim=2)
    layer.build((1, 3))
    table = np.arange(10.0).reshape(5, 2)  # Rows 0 to 4.
    layer.set_weights([table])

    vectors = layer(tf.constant([mask]) == 1)

    assert vectors.numpy()[0].tolist() == table[positions].tolist()


def test_history_that_is_too_long_is_an_error():
    layer = RecencyEmbedding(max_history_length=2, embedding_dim=4)

    with pytest.raises(ValueError, match=r"`max_history_length` \(2\).*of 3 p"):
        layer(tf.ones((1, 3), tf.bool))


def test_length_that_is_not_known_before_is_checked_then():
    layer = RecencyEmbedding(max_history_length=2, embedding_dim=4)
    call = tf.function(layer, input_signature=[tf.TensorSpec((1, None), bool)])

    assert call(tf.ones((1, 2), tf.bool)).shape == (1, 2, 4)
    with pytest.raises(
        tf.errors.InvalidArgumentError, match="must not be long"
    ):
        call(tf.ones((1, 3), tf.bool))


@pytest.mark.parametrize(
    ("layer_class", "name"),
    [
        (ItemEmbedding, "vocabulary_size"),
        (ItemEmbedding, "embedding_dim"),
        (RecencyEmbedding, "max_history_length"),
        (RecencyEmbedding, "embedding_dim"),
    ],
)
def test_sizes_must_be_positive_integers(layer_class, name):
    sizes = {"vocabulary_size": 5} if layer_class is ItemEmbedding else {}

    with pytest.raises(ValueError, match=f"`{name}`.*Received: {name}=0"):
        layer_class(**{**sizes, name: 0})
