"""RowwiseLazyAdam: one second moment a row, the rest as LazyAdam."""

import numpy as np
import pytest
import tensorflow as tf

from tfrs_timirec.training import LazyAdam, RowwiseLazyAdam


def slices(row, values, rows=2):
    gradient = tf.constant([values], tf.float32)
    return tf.IndexedSlices(gradient, tf.constant([row]), (rows, len(values)))


def make_table(rows=2, dim=2):
    return tf.Variable(tf.ones((rows, dim)), name="item/embeddings")


def test_a_row_moves_by_the_mean_of_its_squares():
    # One step: the first moment is the gradient (3, 1) once corrected, the
    # second the mean of 9 and 1: the row moves by 0.1 * (3, 1) / sqrt(5).
    table = make_table()
    optimizer = RowwiseLazyAdam(learning_rate=0.1)

    optimizer.apply_gradients([(slices(0, [3.0, 1.0]), table)])

    moved = 1 - 0.1 * np.array([3.0, 1.0]) / np.sqrt(5)
    np.testing.assert_allclose(table.numpy(), [moved, [1.0, 1.0]], rtol=1e-5)


def test_second_moment_has_one_entry_a_row():
    table, kernel = (
        make_table(5, 4),
        tf.Variable(tf.ones((3, 4)), name="kernel"),
    )
    optimizer = RowwiseLazyAdam()
    optimizer.build([table, kernel])

    shapes = [tuple(variable.shape) for variable in optimizer.variables[-4:]]

    assert shapes == [(5, 4), (3, 4), (5, 1), (3, 4)]


def test_part_of_a_divided_table_is_a_table():
    part = tf.Variable(tf.ones((5, 4)), name="item/embeddings/part_1")
    optimizer = RowwiseLazyAdam()
    optimizer.build([part])

    assert optimizer.variables[-1].shape == (5, 1)


def test_other_sparse_gradients_are_those_of_lazy_adam():
    weights = []
    for optimizer_class in (LazyAdam, RowwiseLazyAdam):
        kernel = tf.Variable(tf.ones((2, 2)), name="kernel")
        optimizer = optimizer_class(learning_rate=0.1)
        optimizer.apply_gradients([(slices(0, [3.0, 1.0]), kernel)])
        weights.append(kernel.numpy())

    np.testing.assert_array_equal(*weights)


@pytest.mark.parametrize("l2", [0.0, 0.1])
def test_a_table_of_one_column_moves_as_with_lazy_adam(l2):
    # The mean of one square is that square.
    tables = []
    for optimizer_class in (LazyAdam, RowwiseLazyAdam):
        table = make_table(dim=1)
        optimizer = optimizer_class(learning_rate=0.1, l2=l2)
        for step in range(4):
            gradient = slices(step % 2, [1.0 + step])
            optimizer.apply_gradients([(gradient, table)])
        tables.append(table.numpy())

    np.testing.assert_allclose(*tables, rtol=1e-6)
    assert (tables[0] != 1).all()


def test_dense_gradient_of_a_table_moves_all_its_rows():
    gradient = [[3.0, 1.0], [-2.0, 4.0]]
    results = []
    for dense in (True, False):
        table = make_table()
        optimizer = RowwiseLazyAdam(learning_rate=0.1)
        if dense:
            optimizer.apply_gradients([(tf.constant(gradient), table)])
        else:
            rows = tf.IndexedSlices(tf.constant(gradient), tf.constant([0, 1]))
            optimizer.apply_gradients([(rows, table)])
        results.append(table.numpy())

    np.testing.assert_array_equal(*results)
    assert (results[0] != 1).all()


def test_other_weights_take_the_step_of_lazy_adam():
    kernels = []
    for optimizer_class in (LazyAdam, RowwiseLazyAdam):
        kernel = tf.Variable([[1.0, 2.0]], name="kernel")
        optimizer = optimizer_class(learning_rate=0.1)
        optimizer.apply_gradients([(tf.constant([[3.0, 1.0]]), kernel)])
        kernels.append(kernel.numpy())

    np.testing.assert_array_equal(*kernels)


def test_config_round_trip():
    optimizer = RowwiseLazyAdam(learning_rate=0.3, l2=0.2, beta_1=0.8)
    copy = tf.keras.optimizers.deserialize(
        tf.keras.optimizers.serialize(optimizer)
    )

    assert isinstance(copy, RowwiseLazyAdam)
    assert copy.get_config() == optimizer.get_config()


def test_layer_named_like_a_table_is_none():
    bias = tf.Variable(tf.ones(3), name="text_embeddings/bias")
    optimizer = RowwiseLazyAdam(learning_rate=0.1)

    optimizer.apply_gradients([(tf.ones(3), bias)])

    np.testing.assert_allclose(bias.numpy(), 0.9, rtol=1e-5)
