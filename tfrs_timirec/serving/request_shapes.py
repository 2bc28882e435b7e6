"""One value for a whole request, or one for each of its rows."""

from __future__ import annotations

import tensorflow as tf


def one_a_row(value: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
    """Returns (batch,) values from a scalar, one value, or one a row."""
    return tf.broadcast_to(tf.reshape(value, [-1]), tf.shape(rows)[:1])


def to_rows(values: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
    """Returns (batch, n) values from such, or from one row for all."""
    return tf.broadcast_to(values, [tf.shape(rows)[0], tf.shape(values)[1]])


def longest(lengths: tf.Tensor) -> tf.Tensor:
    """Returns the largest of the lengths; 0 of none."""
    return tf.reduce_max(tf.concat([[0], lengths], axis=0))
