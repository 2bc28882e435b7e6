"""The rank of a target among candidates."""

from __future__ import annotations

import tensorflow as tf


def target_ranks(
    target_scores: tf.Tensor, candidate_scores: tf.Tensor
) -> tf.Tensor:
    """Ranks each target among its candidates; 1 is best.

    Candidates with the target's score count half, which is the mean rank over
    all orders of the tied: a model that scores everything alike ranks its
    target in the middle, not on top. A target whose score is not a number
    ranks last, a candidate whose score is not a number ranks behind.

    Args:
        target_scores: (batch,) scores of the targets.
        candidate_scores: (batch, num_candidates) scores of the others.

    Returns:
        (batch,) float32 between 1 and num_candidates + 1.

    Example:
    >>> target_ranks(tf.constant([2.0]), tf.constant([[3.0, 2.0, 1.0]])).numpy()
    array([2.5], dtype=float32)
    """
    target = target_scores[:, tf.newaxis]
    above = _count(candidate_scores > target)
    tied = _count(tf.equal(candidate_scores, target))
    last = tf.cast(tf.shape(candidate_scores)[1] + 1, tf.float32)
    ranks = 1.0 + above + 0.5 * tied
    return tf.where(tf.math.is_nan(target_scores), last, ranks)


def _count(places: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(tf.cast(places, tf.float32), axis=1)
