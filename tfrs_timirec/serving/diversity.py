"""Lists that trade score against variety."""

from __future__ import annotations

import tensorflow as tf


def choose_diverse(
    scores: tf.Tensor,
    categories: tf.Tensor,
    diversity: tf.Tensor,
    k: tf.Tensor,
) -> tf.Tensor:
    r"""Chooses k candidates one by one, in the order of the list.

    ComiRec's controllable aggregation: each place takes the candidate i with
    the largest

    $$f(u, i) + \lambda \sum_{j \in S} [c(i) \ne c(j)],$$

    where f is the score, S what was chosen before, c the category and
    $\lambda$ the diversity. With $\lambda = 0$ that is the order of the scores.

    The sum is $|S|$ less the number of chosen items of i's category, and each
    category gives its items in the order of their scores. So the list is the
    order of $f(u, i) - \lambda r(i)$, r being the number of candidates of i's
    category that come before i: one sort, however long the list.

    Args:
        scores: (batch, num_candidates) float32; candidates with the lowest
            float32 are chosen last.
        categories: (batch, num_candidates) int32.
        diversity: (batch,) float32, what a chosen item of another category is
            worth, in units of the score; not negative.
        k: how many to choose, a scalar; at most `num_candidates`.

    Returns:
        (batch, k) int32 columns of `scores`.

    Example:
    >>> choose_diverse([[3.0, 2.0, 1.0]], [[7, 7, 8]], [1.5], 3).numpy()
    array([[0, 2, 1]], dtype=int32)

    Reference: Cen et al., *Controllable multi-interest framework for
    recommendation*, KDD 2020, Section 3.3 and Algorithm 1.
    """
    scores = tf.convert_to_tensor(scores, tf.float32)
    categories = tf.convert_to_tensor(categories, tf.int32)
    diversity = tf.convert_to_tensor(diversity, tf.float32)
    # Where keys are equal, the score decides.
    by_score = tf.argsort(scores, axis=1, direction="DESCENDING", stable=True)
    scores = tf.gather(scores, by_score, batch_dims=1)
    categories = tf.gather(categories, by_score, batch_dims=1)
    places = tf.cast(_places_in_category(categories), tf.float32)
    lowest = tf.float32.min
    keys = tf.where(
        scores > lowest,
        tf.maximum(scores - diversity[:, tf.newaxis] * places, lowest / 2),
        lowest,
    )
    return tf.gather(by_score, tf.math.top_k(keys, k).indices, batch_dims=1)


def _places_in_category(categories: tf.Tensor) -> tf.Tensor:
    """Counts, for each entry, the equal ones before it in its row."""
    order = tf.argsort(categories, axis=1, stable=True)
    ordered = tf.gather(categories, order, batch_dims=1)
    places = tf.range(tf.shape(ordered)[1]) - tf.searchsorted(ordered, ordered)
    return tf.gather(places, tf.argsort(order, axis=1), batch_dims=1)


def first_occurrences(values: tf.Tensor) -> tf.Tensor:
    """Says which entries have no equal one before them in their row.

    Args:
        values: (batch, length) integers.

    Returns:
        (batch, length) boolean.

    Example:
    >>> first_occurrences(tf.constant([[5, 3, 5]])).numpy()
    array([[ True,  True, False]])
    """
    order = tf.argsort(values, axis=1, stable=True)
    ordered = tf.gather(values, order, batch_dims=1)
    is_first = tf.concat(
        [
            tf.ones_like(ordered[:, :1], tf.bool),
            ordered[:, 1:] != ordered[:, :-1],
        ],
        axis=1,
    )
    return tf.gather(is_first, tf.argsort(order, axis=1), batch_dims=1)
