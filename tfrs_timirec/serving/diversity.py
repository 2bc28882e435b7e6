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
    batch_size = tf.shape(scores)[0]
    rows = tf.range(batch_size)

    # `argmax` cannot tell the lowest float32 from what is lower.
    lowest = tf.float32.min
    values = tf.maximum(scores, lowest / 2)

    def choose(
        place: tf.Tensor,
        values: tf.Tensor,
        is_left: tf.Tensor,
        chosen: tf.Tensor,
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
        best = tf.argmax(
            tf.where(is_left, values, lowest), axis=1, output_type=tf.int32
        )
        category = tf.gather(categories, best, batch_dims=1)
        differs = tf.cast(categories != category[:, tf.newaxis], tf.float32)
        values += diversity[:, tf.newaxis] * differs
        is_left = tf.tensor_scatter_nd_update(
            is_left,
            tf.stack([rows, best], axis=1),
            tf.zeros((batch_size,), tf.bool),
        )
        chosen = tf.concat([chosen, best[:, tf.newaxis]], axis=1)
        return place + 1, values, is_left, chosen

    *_, chosen = tf.while_loop(
        lambda place, *_: place < k,
        choose,
        (
            0,
            values,
            tf.ones(tf.shape(scores), tf.bool),
            tf.zeros((batch_size, 0), tf.int32),
        ),
        shape_invariants=(
            tf.TensorShape(()),
            scores.shape,
            scores.shape,
            tf.TensorShape((scores.shape[0], None)),
        ),
        parallel_iterations=1,
    )
    return chosen


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
