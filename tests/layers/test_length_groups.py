"""Work by length groups: every row comes back to its place."""

import numpy as np
import pytest
import tensorflow as tf

from tfrs_timirec.layers.length_groups import align_right, map_by_length

IDS = [[0, 0, 0, 5], [1, 2, 3, 4], [0, 7, 0, 8], [9, 0, 0, 0], [0, 0, 0, 0]]
TIMES = [[0, 0, 0, 50], [1, 2, 3, 4], [0, 70, 0, 80], [90, 0, 0, 0], [0] * 4]


@pytest.mark.parametrize(
    ("shares", "lengths"),
    [
        ((), [4]),
        ((0.25,), [1, 4]),
        ((0.25, 0.5), [1, 2, 4]),
        ((0.1, 0.5, 0.75, 1.0), [2, 3, 4]),
    ],
)
def test_rows_come_back_in_order_with_what_belongs_to_them(shares, lengths):
    seen = []

    def newest_and_count(item_ids, times):
        seen.append(item_ids.shape[1])
        count = tf.math.count_nonzero(item_ids, axis=1, dtype=tf.int32)
        return tf.stack([item_ids[:, -1], times[:, -1], count], axis=1)

    output = map_by_length(
        newest_and_count, tf.constant(IDS), tf.constant(TIMES), shares=shares
    )

    assert output.numpy().tolist() == [
        [5, 50, 1],
        [4, 4, 4],
        [8, 80, 2],
        [9, 90, 1],
        [0, 0, 0],
    ]
    assert seen == lengths


def test_unknown_length_is_an_error():
    ids = tf.keras.Input((None,), dtype=tf.int32)

    with pytest.raises(ValueError, match="`item_ids` must have a known length"):
        map_by_length(lambda group: group, ids)


def test_align_right_moves_one_by_the_other():
    ids = tf.constant([[5, 0, 7, 0]])

    assert align_right(ids).numpy().tolist() == [[0, 0, 5, 7]]
    np.testing.assert_array_equal(
        align_right(tf.constant([[1, 2, 3, 4]]), ids), [[2, 4, 1, 3]]
    )
