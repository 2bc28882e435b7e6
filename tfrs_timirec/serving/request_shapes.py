"""One value for a whole request, or one for each of its rows."""

from __future__ import annotations

import tensorflow as tf


def one_a_row(name: str, value: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
    """Returns (batch,) values from a scalar, one value, or one a row.

    Args:
        name: of the input.
        value: its value, of any shape.
        rows: (batch, ...), the histories.

    Raises:
        tf.errors.InvalidArgumentError: when the graph runs, if there are
            neither one value nor one a history.
    """
    num_values, num_histories = tf.size(value), tf.shape(rows)[0]
    check = tf.debugging.Assert(
        (num_values == 1) | (num_values == num_histories),
        [
            f"`{name}` must be one value, or one for each history. Received"
            " values and histories:",
            num_values,
            num_histories,
        ],
    )
    with tf.control_dependencies([check]):
        return tf.broadcast_to(tf.reshape(value, [-1]), [num_histories])


def to_rows(values: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
    """Returns (batch, n) values from such, or from one row for all."""
    return tf.broadcast_to(values, [tf.shape(rows)[0], tf.shape(values)[1]])


def check_pairs(
    name: str, raw_ids: tf.Tensor, rows: tf.Tensor, max_pairs: int
) -> tf.Tensor:
    """Returns the ids if they are no more than a request may cost.

    One row of ids for all histories is a short message, whatever it costs.

    Args:
        name: of the input.
        raw_ids: (batch, n), or (1, n) for all histories.
        rows: (batch, ...), the histories.
        max_pairs: the largest batch * n.

    Raises:
        tf.errors.InvalidArgumentError: when the graph runs, if there are more
            pairs, or neither one row of ids nor one a history.
    """
    num_histories = tf.shape(rows, tf.int64)[0]
    num_rows, num_ids = tf.unstack(tf.shape(raw_ids, tf.int64))
    checks = [
        tf.debugging.Assert(
            (num_rows == 1) | (num_rows == num_histories),
            [
                f"`{name}` must have one row, or one for each history."
                " Received rows and histories:",
                num_rows,
                num_histories,
            ],
        ),
        tf.debugging.Assert(
            num_histories * num_ids <= max_pairs,
            [
                f"`{name}` must be at most {max_pairs} pairs of a history and"
                " an id; send several requests. Received histories and ids:",
                num_histories,
                num_ids,
            ],
        ),
    ]
    with tf.control_dependencies(checks):
        return tf.identity(raw_ids)


def check_pool(
    pool: tf.Tensor,
    num_histories: tf.Tensor,
    num_vectors: tf.Tensor,
    length: tf.Tensor,
    max_pairs: int,
) -> tf.Tensor:
    """Returns the size of a pool if all pools are no more than may be scored.

    Args:
        pool: items that are found for each vector.
        num_histories: of the request.
        num_vectors: of each history.
        length: of the longest list.
        max_pairs: the most items in all pools.

    Raises:
        tf.errors.InvalidArgumentError: when the graph runs, if there are more.
    """
    num_pairs = tf.math.reduce_prod(
        tf.cast([pool, num_histories, num_vectors], tf.int64)
    )
    check = tf.debugging.Assert(
        num_pairs <= max_pairs,
        [
            "`k` must be smaller for so many histories: lists are chosen from"
            f" {max_pairs} items together at most. Send several requests."
            " Received k, histories and vectors of each:",
            length,
            num_histories,
            num_vectors,
        ],
    )
    with tf.control_dependencies([check]):
        return tf.identity(pool)


def longest(lengths: tf.Tensor) -> tf.Tensor:
    """Returns the largest of the lengths; 0 of none."""
    return tf.reduce_max(tf.concat([[0], lengths], axis=0))
