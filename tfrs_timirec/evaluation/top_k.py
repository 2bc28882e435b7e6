"""The best items of a catalogue of any size, in bounded memory."""

from __future__ import annotations

from typing import Protocol

import tensorflow as tf

from tfrs_timirec.data.interactions import NUM_RESERVED_IDS


class TableOfBlocks(Protocol):
    """A table, (vocabulary_size, dim), that is read a block of rows at a time.

    `tfrs_timirec.serving.CompactTable` is one.
    """

    dtype: tf.DType
    shape: tf.TensorShape

    def __getitem__(self, rows: slice) -> tf.Tensor:
        """Returns the rows of a slice."""


def top_k_by_blocks(
    user_vectors: tf.Tensor,
    item_embeddings: tf.Tensor | TableOfBlocks,
    k: int | tf.Tensor,
    *,
    excluded: tf.Tensor | tf.RaggedTensor | None = None,
    block_size: int = 8192,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Finds each user's k best items exactly, scoring a block at a time.

    An item's score is the largest of its inner products with the user's
    vectors. Of all scores only a block's exist at once, `batch * num_vectors *
    block_size` floats, so memory does not grow with the catalogue. The answer,
    the order of equal scores (lower ids first) included, is that of
    `tf.math.top_k` over the scores of all items.

    Runs eagerly and inside a `tf.function`.

    Args:
        user_vectors: (batch, num_vectors, dim).
        item_embeddings: (vocabulary_size, dim), row i for id i; the reserved
            ids 0 and 1 are never recommended. A `tf.Module` that gives rows
            by slices, as `tfrs_timirec.serving.CompactTable` does, is read a
            block at a time.
        k: length of the lists.
        excluded: (batch, num_excluded) int32 ids that are not recommended to
            the user of that row, dense or ragged; ids without an item, as
            padding, are ignored.
        block_size: items scored at once.

    Returns:
        scores: (batch, k) float32, descending. Where fewer than k items are
            left, the rest is the lowest float32.
        item_ids: (batch, k) int32; 0 where no item is left.

    Raises:
        ValueError: if `block_size` is not positive.

    Example:
    >>> vectors = model.user_vectors(features)
    >>> scores, item_ids = top_k_by_blocks(
    ...     vectors, model.item_embeddings, 10, excluded=features["item_ids"])
    """
    if block_size < 1:
        raise ValueError(
            f"`block_size` must be at least 1. Received: {block_size=}"
        )
    items = (
        item_embeddings
        if isinstance(item_embeddings, tf.Module)
        else tf.convert_to_tensor(item_embeddings)
    )
    user_vectors = tf.cast(user_vectors, items.dtype)
    batch_size, num_vectors, dim = tf.unstack(tf.shape(user_vectors))
    flat = tf.reshape(user_vectors, (batch_size * num_vectors, dim))
    lowest = tf.float32.min
    vocabulary_size = items.shape[0] or tf.shape(items)[0]
    if excluded is not None:
        excluded_rows, excluded_ids = _sorted_by_id(excluded)

    def merge_block(
        start: tf.Tensor, best_scores: tf.Tensor, best_ids: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        block = items[start : start + block_size]
        size = tf.shape(block)[0]
        scores = tf.matmul(flat, block, transpose_b=True)
        scores = tf.reshape(scores, (batch_size, num_vectors, size))
        scores = tf.cast(tf.reduce_max(scores, axis=1), tf.float32)
        if excluded is not None:
            first, last = tf.unstack(
                tf.searchsorted(excluded_ids, [start, start + size])
            )
            columns = excluded_ids[first:last] - start
            scores = tf.tensor_scatter_nd_update(
                scores,
                tf.stack([excluded_rows[first:last], columns], axis=1),
                tf.fill(tf.shape(columns), lowest),
            )
        block_best = tf.math.top_k(scores, tf.minimum(k, size))
        # What was found before stands first: lower ids win a tie.
        all_scores = tf.concat([best_scores, block_best.values], axis=1)
        all_ids = tf.concat([best_ids, block_best.indices + start], axis=1)
        best = tf.math.top_k(all_scores, k)
        best_ids = tf.gather(all_ids, best.indices, batch_dims=1)
        return start + block_size, best.values, best_ids

    matrix = tf.TensorShape((user_vectors.shape[0], None))
    _, scores, item_ids = tf.while_loop(
        lambda start, *_: start < vocabulary_size,
        merge_block,
        (
            tf.constant(NUM_RESERVED_IDS),
            tf.fill((batch_size, k), lowest),
            tf.zeros((batch_size, k), tf.int32),
        ),
        shape_invariants=(tf.TensorShape(()), matrix, matrix),
        parallel_iterations=1,
    )
    return scores, tf.where(scores > lowest, item_ids, 0)


def _sorted_by_id(
    excluded: tf.Tensor | tf.RaggedTensor,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns row and id of every entry, so that a block's are neighbours."""
    if not isinstance(excluded, tf.RaggedTensor):
        excluded = tf.RaggedTensor.from_tensor(excluded)
    ids = tf.cast(excluded.flat_values, tf.int32)
    order = tf.argsort(ids)
    rows = tf.cast(excluded.value_rowids(), tf.int32)
    return tf.gather(rows, order), tf.gather(ids, order)
