"""Softmax over the real items of a history."""

from __future__ import annotations

import tensorflow as tf


def masked_softmax(
    logits: tf.Tensor, mask: tf.Tensor, axis: int = -1
) -> tf.Tensor:
    """Softmax that gives masked places zero, and empty rows zeros throughout.

    Args:
        logits: scores of any shape and floating type; the softmax itself is
            taken in float32.
        mask: boolean, broadcastable to `logits`; True where a place counts.
        axis: axis that sums to one (or to zero where `mask` has no True).

    Returns:
        A tensor of the shape and type of `logits`.

    Example:
    >>> masked_softmax(tf.constant([[1.0, 1.0, 9.0]]),
    ...                tf.constant([[True, True, False]])).numpy()
    array([[0.5, 0.5, 0. ]], dtype=float32)
    """
    dtype = logits.dtype
    logits = tf.cast(logits, tf.float32)
    masked = tf.where(mask, logits, tf.float32.min)
    weights = tf.nn.softmax(masked, axis=axis)
    return tf.cast(weights * tf.cast(mask, tf.float32), dtype)
