"""Scores and cosines of items, and means over a batch that replicas share."""

from __future__ import annotations

import functools
from collections.abc import Mapping

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
