"""The rank of a target among candidates."""

from __future__ import annotations

import tensorflow as tf


def target_ranks(
    target_scores: tf.Tensor,
    candidate_scores: tf.Tensor,
    rounding: tf.Tensor | float = 0.0,
) -> tf.Tensor:
    """Ranks each target among its candidates; 1 is best.

    Candidates with the target's score count half, which is the mean rank over
    all orders of the tied: a model that scores everything alike ranks its
    target in the middle, not on top. A target whose score is not a number
    ranks last, a candidate whose score is not a number ranks behind.

    Args:
        target_scores: (batch,) scores of the targets.
        candidate_scores: (batch, num_candidates) scores of the others.
        rounding: a number or (batch,) numbers, none negative: scores that
            differ from the target's by no more than that are the same, and
            differ only because they were rounded in another order; see
            `score_rounding`.

    Returns:
        (batch,) float32 between 1 and num_candidates + 1.

    Example:
    >>> target_ranks(tf.constant([2.0]), tf.constant([[3.0, 2.0, 1.0]])).numpy()
    array([2.5], dtype=float32)
    """
    rounding = tf.cast(rounding, target_scores.dtype)
    least = (target_scores - rounding)[:, tf.newaxis]
    most = (target_scores + rounding)[:, tf.newaxis]
    above = _count(candidate_scores > most)
    not_below = _count(candidate_scores >= least)
    last = tf.cast(tf.shape(candidate_scores)[1] + 1, tf.float32)
    ranks = 1.0 + 0.5 * (above + not_below)
    return tf.where(tf.math.is_nan(target_scores), last, ranks)


def _count(places: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(tf.cast(places, tf.float32), axis=1)
