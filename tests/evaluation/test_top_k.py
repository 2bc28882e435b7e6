"""The best items by blocks are those of one large product."""

import numpy as np
import pytest
import tensorflow as tf

from tfrs_timirec.evaluation.top_k import top_k_by_blocks

LOWEST = np.finfo(np.float32).min


def expected_top_k(vectors, items, k, excluded=None):
    """Returns scores and ids by sorting all scores in NumPy."""
    scores = np.einsum("bvd,id->bvi", vectors, items).max(axis=1)
    scores[:, :2] = -np.inf
    if excluded is not None:
        for row, ids in enumerate(excluded):
            scores[row, ids] = -np.inf
    order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(scores, order, axis=1), order


@pytest.mark.parametrize("block_size", [1, 7, 50, 1000])
@pytest.mark.parametrize("num_vectors", [1, 3])
def test_equals_sorting_all_scores(block_size, num_vectors):
    rng = np.random.default_rng(0)
    # Small integers: sums are exact, and many scores are equal.
    vectors = rng.integers(-3, 4, (5, num_vectors, 4)).astype(np.float32)
    items = rng.integers(-3, 4, (52, 4)).astype(np.float32)
    excluded = rng.integers(0, 52, (5, 6)).astype(np.int32)
    expected_scores, expected_ids = expected_top_k(vectors, items, 8, excluded)

    scores, item_ids = top_k_by_blocks(
        vectors, items, 8, excluded=excluded, block_size=block_size
    )

    np.testing.assert_array_equal(item_ids, expected_ids)
    np.testing.assert_array_equal(scores, expected_scores)
    assert item_ids.dtype == tf.int32


def test_excluded_may_be_ragged():
    items = np.arange(8, dtype=np.float32)[:, np.newaxis]
    excluded = tf.ragged.constant([[7, 5], [], [6]], dtype=tf.int32)

    _, item_ids = top_k_by_blocks(
        tf.ones((3, 1, 1)), items, 2, excluded=excluded, block_size=3
    )

    assert item_ids.numpy().tolist() == [[6, 4], [7, 6], [7, 5]]


def test_end_is_filled_where_items_run_out():
    # Ids 2, 3 and 4 score 1, 2 and 3; the user has met 3.
    items = np.array([[9.0], [9.0], [1.0], [2.0], [3.0]], np.float32)

    scores, item_ids = top_k_by_blocks(
        np.ones((1, 1, 1), np.float32),
        items,
        4,
        excluded=np.array([[0, 3, 3, 1000]], np.int32),
        block_size=2,
    )

    assert item_ids.numpy().tolist() == [[4, 2, 0, 0]]
    assert scores.numpy().tolist() == [[3.0, 1.0, LOWEST, LOWEST]]


def test_inside_a_graph_with_k_as_an_input():
    rng = np.random.default_rng(1)
    items = tf.Variable(rng.normal(size=(30, 4)).astype(np.float32))

    @tf.function(
        input_signature=[
            tf.TensorSpec((None, 2, 4), tf.float32),
            tf.TensorSpec((), tf.int32),
        ]
    )
    def recommend(vectors, k):
        return top_k_by_blocks(vectors, items, k, block_size=8)

    vectors = rng.normal(size=(3, 2, 4)).astype(np.float32)
    for k in (1, 5, 40):
        scores, item_ids = recommend(vectors, k)
        _, expected = expected_top_k(vectors, items.numpy(), k)
        assert scores.shape == (3, k)
        kept = min(k, 28)  # 30 ids, 2 of them reserved.
        np.testing.assert_array_equal(item_ids[:, :kept], expected[:, :kept])
    assert recommend(vectors[:0], 3)[1].shape == (0, 3)


def test_half_precision_is_scored_as_the_items_are():
    vectors = tf.ones((2, 1, 4), tf.bfloat16)
    items = np.arange(40, dtype=np.float32).reshape(10, 4)

    _, item_ids = top_k_by_blocks(vectors, items, 2, block_size=3)

    assert item_ids.numpy().tolist() == [[9, 8], [9, 8]]


def test_block_size_must_be_positive():
    with pytest.raises(ValueError, match="`block_size`.*block_size=0"):
        top_k_by_blocks(tf.ones((1, 1, 1)), tf.ones((3, 1)), 1, block_size=0)
