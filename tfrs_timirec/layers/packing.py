"""Padded sequences as one list of real items, step by step."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from tfrs_timirec._validation import known_length


class Packing(NamedTuple):
    """Where the real items of a batch of padded sequences are.

    Sequences are ordered by length, the longest first, and aligned at their
    ends: at every step the rows that have an item are the first ones.

    Args:
        places: (num_items, 2) row and column of each item, ordered by step.
        counts: (length,) how many rows have an item at each step, ascending.
        order: (batch,) the rows in the order of a step.

    Example:
    >>> packing = pack(tf.constant([[False, True], [True, True]]))
    >>> packing.places.numpy().tolist()
    [[1, 0], [1, 1], [0, 1]]
    """

    places: tf.Tensor
    counts: tf.Tensor
    order: tf.Tensor

    def gather(self, sequences: tf.Tensor) -> tf.Tensor:
        """Returns the (num_items, …) items of (batch, length, …) sequences."""
        return tf.gather_nd(sequences, self.places)

    def restore_rows(self, states: tf.Tensor) -> tf.Tensor:
        """Puts the (counts[-1], dim) states of the last step back in order.

        Returns:
            (batch, dim), zeros for a row without an item.
        """
        num_empty = tf.size(self.order) - tf.shape(states)[0]
        states = tf.pad(states, [[0, num_empty], [0, 0]])
        return tf.gather(states, tf.math.invert_permutation(self.order))


def pack(mask: tf.Tensor) -> Packing:
    """Finds the real items of a batch of padded sequences.

    Args:
        mask: (batch, length) boolean, True for a real item, which may lie
            anywhere; the length must be known.

    Raises:
        ValueError: if the length is unknown.

    Example:
    >>> pack(tf.constant([[False, True], [True, True]])).counts.numpy()
    array([1, 2], dtype=int32)
    """
    length = known_length("mask", mask.shape)
    lengths = tf.math.count_nonzero(mask, axis=1, dtype=tf.int32)
    order = tf.argsort(lengths, direction="DESCENDING", stable=True)
    # Sorting moves the padding to the front and keeps the order of the rest.
    columns = tf.argsort(tf.cast(mask, tf.int32), axis=1, stable=True)
    columns = tf.transpose(tf.gather(columns, order))  # (length, batch)
    first_steps = length - tf.gather(lengths, order)
    has_item = tf.range(length)[:, tf.newaxis] >= first_steps
    rows = tf.broadcast_to(order, tf.shape(columns))
    places = tf.boolean_mask(tf.stack([rows, columns], axis=-1), has_item)
    counts = tf.math.count_nonzero(has_item, axis=1, dtype=tf.int32)
    counts.set_shape((length,))
    return Packing(places, counts, order)
