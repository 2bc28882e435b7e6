"""Packing by hand."""

import numpy as np
import pytest
import tensorflow as tf

from tfrs_timirec.layers import Packing, pack

IDS = tf.constant([[0, 7, 0], [1, 2, 3], [0, 0, 0], [4, 0, 5]])


def test_steps_list_the_longest_rows_first():
    packing = pack(IDS != 0)

    assert isinstance(packing, Packing)
    # Lengths 1, 3, 0, 2: rows by length, and aligned at their ends
    #   row 1:  1 2 3
    #   row 3:    4 5
    #   row 0:      7
    np.testing.assert_array_equal(packing.order, [1, 3, 0, 2])
    np.testing.assert_array_equal(packing.counts, [1, 2, 3])
    np.testing.assert_array_equal(packing.gather(IDS), [1, 2, 4, 3, 5, 7])


def test_rows_come_back_in_order_and_empty_ones_as_zeros():
    packing = pack(IDS != 0)

    # The last step's states belong to rows 1, 3 and 0; row 2 has none.
    np.testing.assert_array_equal(
        packing.restore_rows(tf.constant([[10.0], [30.0], [1.0]])),
        [[1.0], [10.0], [0.0], [30.0]],
    )


def test_unknown_length_is_an_error():
    with pytest.raises(ValueError, match="`mask` must have a known length"):
        pack(tf.keras.Input((None,), dtype=tf.bool))
