"""Scores and cosines of items, and means over a batch that replicas share."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf


def best_scores(user_vectors: tf.Tensor, items: tf.Tensor) -> tf.Tensor:
    """Scores the same items for all users.

    Args:
        user_vectors: (batch, num_vectors, dim).
        items: (num_items, dim).

    Returns:
        (batch, num_items) largest inner product with a user vector.
    """
    # One large product for each of a user's vectors: the larger of two tables
    # takes half the time of a maximum over an axis.
    user_vectors = tf.cast(user_vectors, items.dtype)
    scores = [
        tf.matmul(vectors, items, transpose_b=True)
        for vectors in tf.unstack(user_vectors, axis=1)
    ]
    return functools.reduce(tf.maximum, scores)


def score_in_blocks(
    score: Callable[[tf.Tensor, tf.Tensor], tf.Tensor],
    user_vectors: tf.Tensor,
    item_ids: tf.Tensor,
    num_blocks: int = 16,
) -> tf.Tensor:
    """Scores other items for each user, a few users at a time.

    A thousand candidates for each of 256 users are 65 MB of item vectors. Those
    of a block stay in the processor's cache from the lookup to the product.

    Args:
        score: takes the vectors and item ids of some users, and returns
            (users, num_candidates) scores.
        user_vectors: (batch, num_vectors, dim).
        item_ids: (batch, num_candidates).
        num_blocks: how many parts to make of the batch.

    Returns:
        (batch, num_candidates) scores.
    """
    with tf.control_dependencies([user_vectors]):  # No lookup long before.
        item_ids = tf.identity(item_ids)
    bounds = tf.range(num_blocks + 1) * tf.shape(item_ids)[0] // num_blocks
    sizes = bounds[1:] - bounds[:-1]
    blocks = zip(
        tf.split(user_vectors, sizes, num=num_blocks),
        tf.split(item_ids, sizes, num=num_blocks),
        strict=True,
    )
    return tf.concat([score(*block) for block in blocks], axis=0)


def score_rounding(user_vectors: tf.Tensor, items: tf.Tensor) -> tf.Tensor:
    """Bounds by how much two scores of the same item may differ.

    Equal items need not get equal scores: a product adds up in an order that
    depends on its size, on the place of the item in it, and on the processor.
    The error of such a sum is all but surely within `sqrt(dim)` roundings of
    the product of the lengths (Higham and Mary, "A New Approach to
    Probabilistic Rounding Error Analysis", SIAM J. Sci. Comput. 41, 2019); two
    of them differ by at most twice that.

    Args:
        user_vectors: (batch, num_vectors, dim).
        items: (batch, dim), one item a user.

    Returns:
        (batch,) bounds, 0 where a vector is not finite.
    """
    longest = tf.reduce_max(tf.norm(user_vectors, axis=-1), axis=1)
    lengths = tf.cast(longest, items.dtype) * tf.norm(items, axis=-1)
    # The spacing at 1 is two roundings.
    bound = lengths * items.shape[-1] ** 0.5 * np.finfo(np.float32).eps
    return tf.where(tf.math.is_finite(bound), bound, tf.zeros_like(bound))


def cosines(user_vectors: tf.Tensor, items: tf.Tensor) -> tf.Tensor:
    """Returns how alike each user's vectors and item are (Eq. 5).

    Args:
        user_vectors: (batch, num_vectors, dim).
        items: (batch, dim), one item a user.

    Returns:
        (batch, num_vectors) cosines.
    """
    return tf.linalg.matvec(
        tf.math.l2_normalize(tf.cast(user_vectors, items.dtype), axis=-1),
        tf.math.l2_normalize(items, axis=-1),
    )


def batch_mean(losses: tf.Tensor) -> tf.Tensor:
    """Returns the mean of a batch's losses; 0 for a batch without instances.

    A replica has none where the last batch has fewer than there are replicas.

    Args:
        losses: (batch,).
    """
    size = tf.cast(tf.size(losses), losses.dtype)
    return tf.math.divide_no_nan(tf.reduce_sum(losses), size)


def batch_share(features: Mapping[str, tf.Tensor]) -> tf.Tensor | float:
    """Returns what part of a global batch the features are, 1 for all of it.

    Where the batch does not say so, replicas have equal parts.

    Args:
        features: a batch, or a replica's part of it.
    """
    if "batch_share" in features:
        return features["batch_share"]
    return 1 / tf.distribute.get_strategy().num_replicas_in_sync
