"""Work on short histories as short ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import tensorflow as tf

from tfrs_timirec._validation import known_length


def map_by_length(
    function: Callable[..., tf.Tensor],
    item_ids: tf.Tensor,
    *others: tf.Tensor,
    shares: Sequence[float] = (0.2, 0.4),
) -> tf.Tensor:
    """Applies a function to the rows of each length group, trimmed.

    Most histories are far shorter than the longest one that a model reads, and
    what is computed for padding is thrown away. Here the rows are put into
    groups by their number of items, the groups are trimmed to their lengths,
    and the outputs are put back in order. The result is that of
    `function(item_ids)`, if the function does not depend on padding.

    Args:
        function: takes (rows, length) ids with padding in front, and `others`
            alike, and returns a tensor with one entry a row.
        item_ids: (batch, length) ids, 0 pads on either side.
        *others: (batch, length) tensors that say more of the items.
        shares: the longest history of each group as a share of `length`,
            ascending; what is longer than the last makes one more group.

    Returns:
        (batch, …), what the function returns for each row.

    Raises:
        ValueError: if the length is unknown.

    Example:
    >>> map_by_length(lambda ids: tf.reduce_sum(ids, axis=1),
    ...               tf.constant([[0, 0, 5], [1, 2, 3]])).numpy()
    array([5, 6], dtype=int32)
    """
    longest = known_length("item_ids", item_ids.shape)
    others = tuple(align_right(other, item_ids) for other in others)
    item_ids = align_right(item_ids)
    lengths = [round(share * longest) for share in shares]
    lengths = [*(length for length in lengths if 0 < length < longest), longest]
    num_items = tf.math.count_nonzero(item_ids, axis=1, dtype=tf.int32)
    numbers = tf.searchsorted(tf.constant(lengths), num_items)
    order = tf.argsort(numbers, stable=True)
    sizes = tf.math.bincount(numbers, minlength=len(lengths))
    groups = zip(
        *(
            tf.split(tf.gather(values, order), sizes, num=len(lengths))
            for values in (item_ids, *others)
        ),
        strict=True,
    )
    outputs = [
        function(*(values[:, longest - length :] for values in group))
        for group, length in zip(groups, lengths, strict=True)
    ]
    return tf.gather(
        tf.concat(outputs, axis=0), tf.math.invert_permutation(order)
    )


def align_right(
    values: tf.Tensor, item_ids: tf.Tensor | None = None
) -> tf.Tensor:
    """Moves the padding of every row to the front, the items keep their order.

    Args:
        values: (batch, length) what is moved.
        item_ids: (batch, length) ids, 0 pads anywhere; `values` by default.

    Returns:
        (batch, length) `values` in their new places.

    Example:
    >>> align_right(tf.constant([[5, 0, 7, 0]])).numpy()
    array([[0, 0, 5, 7]], dtype=int32)
    """
    item_ids = values if item_ids is None else item_ids
    is_item = tf.cast(tf.not_equal(item_ids, 0), tf.int32)
    places = tf.argsort(is_item, axis=1, stable=True)
    return tf.gather(values, places, batch_dims=1)
