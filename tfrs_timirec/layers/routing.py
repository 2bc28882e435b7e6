"""Dynamic routing between the items of a history and a user's interests."""

from __future__ import annotations

import tensorflow as tf

from tfrs_timirec.layers.masking import masked_softmax

_EPSILON = 1e-9


def squash(capsules: tf.Tensor) -> tf.Tensor:
    r"""Shrinks vectors to lengths below 1; long ones keep almost all.

    $$\mathrm{squash}(z) = \frac{|z|^2}{1 + |z|^2} \frac{z}{|z|}$$

    Args:
        capsules: (…, dim). A vector of zeros stays one.

    Returns:
        A tensor of the same shape.

    Example:
    >>> squash(tf.constant([3.0, 4.0])).numpy()  # Length 5 becomes 25 / 26.
    array([0.5769231, 0.7692308], dtype=float32)

    Reference: Sabour et al., *Dynamic routing between capsules*, NeurIPS 2017,
    Eq. 1.
    """
    squared = tf.reduce_sum(capsules**2, axis=-1, keepdims=True)
    return (
        capsules * squared / (1 + squared) * tf.math.rsqrt(squared + _EPSILON)
    )


def route(
    votes: tf.Tensor,
    logits: tf.Tensor,
    is_item: tf.Tensor,
    num_iterations: int,
    is_active: tf.Tensor | None = None,
) -> tf.Tensor:
    r"""Lets items and interests agree on who belongs to whom.

    With $\hat e_{ki}$ the vote of item i for interest k, an iteration is

    $$w_{ki} = \mathrm{softmax}_k(b_{ki}), \quad
      v_k = \mathrm{squash}(\sum_i w_{ki} \hat e_{ki}), \quad
      b_{ki} \leftarrow b_{ki} + v_k^\top \hat e_{ki}.$$

    Gradients flow through the last iteration only, as in ComiRec's code. It is
    computed in float32.

    Args:
        votes: (batch, length, num_interests, dim), or (batch, length, dim) if
            an item has one vote for all interests.
        logits: (length, num_interests) logits b to start from.
        is_item: (batch, length) True for a real item; others have no vote.
        num_iterations: number of iterations.
        is_active: (batch, num_interests) True for the interests that take
            part; the others become zeros. All by default.

    Returns:
        (batch, num_interests, dim) interests in the type of `votes`.

    Reference: Sabour et al., *Dynamic routing between capsules*, NeurIPS 2017,
    Procedure 1.
    """
    dtype = votes.dtype
    votes = tf.cast(votes, tf.float32)
    still = tf.stop_gradient(votes)
    # (batch, length, num_interests)
    is_part = tf.tile(is_item[..., tf.newaxis], [1, 1, logits.shape[1]])
    if is_active is not None:
        is_part &= is_active[:, tf.newaxis]
    logits = tf.broadcast_to(logits, tf.shape(is_part))
    for _ in range(num_iterations - 1):
        weights = masked_softmax(logits, is_part)
        logits += _agreement(squash(_sum(weights, still)), still)
    weights = masked_softmax(logits, is_part)
    return tf.cast(squash(_sum(weights, votes)), dtype)


def _sum(weights: tf.Tensor, votes: tf.Tensor) -> tf.Tensor:
    """Sums the votes of all items: (batch, num_interests, dim)."""
    if votes.shape.rank == 3:
        return tf.matmul(weights, votes, transpose_a=True)
    return tf.reduce_sum(weights[..., tf.newaxis] * votes, axis=1)


def _agreement(interests: tf.Tensor, votes: tf.Tensor) -> tf.Tensor:
    """Multiplies each vote by its interest: (batch, length, num_interests)."""
    if votes.shape.rank == 3:
        return tf.matmul(votes, interests, transpose_b=True)
    return tf.reduce_sum(interests[:, tf.newaxis] * votes, axis=-1)
