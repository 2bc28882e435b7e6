"""Times between the items of a history, in units of its own pace."""

from __future__ import annotations

import tensorflow as tf


def time_intervals(
    timestamps: tf.Tensor, mask: tf.Tensor, last_only: bool = False
) -> tf.Tensor:
    r"""Returns the times between items, over the history's smallest gap.

    $$r_{ij} = \lfloor |t_i - t_j| / t_{\min} \rfloor,$$

    where t_min is the smallest gap above zero between two neighbours among the
    real items: a user who watches daily and one who buys monthly are described
    alike. Without such a gap all intervals are 0. No time outside the history
    is looked at.

    Args:
        timestamps: (batch, length) integers, oldest first.
        mask: (batch, length) boolean, True for a real item; padding only in
            front.
        last_only: give the intervals from the last item alone.

    Returns:
        (batch, num_queries, length) of the type of `timestamps`, where
        `num_queries` is the length, or 1 with `last_only`; 0 for padding.

    Example:
    >>> time_intervals(tf.constant([[0, 100, 160, 190]]),
    ...                tf.constant([[False, True, True, True]]),
    ...                last_only=True).numpy()
    array([[[0, 3, 1, 0]]], dtype=int32)

    Reference: Li et al., *Time interval aware self-attention for sequential
    recommendation*, WSDM 2020, Section 3.2.
    """
    largest = timestamps.dtype.max
    gaps = tf.abs(timestamps[:, 1:] - timestamps[:, :-1])
    counts = (gaps > 0) & mask[:, :-1]
    gaps = tf.where(counts, gaps, largest)
    units = tf.reduce_min(gaps, axis=1)[:, tf.newaxis, tf.newaxis]
    queries = timestamps[:, -1:] if last_only else timestamps
    intervals = tf.abs(queries[:, :, tf.newaxis] - timestamps[:, tf.newaxis])
    return tf.where(mask[:, tf.newaxis], intervals // units, 0)
