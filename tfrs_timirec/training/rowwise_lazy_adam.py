"""LazyAdam with one second moment a row."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from tfrs_timirec.training.adam_l2 import base_name
from tfrs_timirec.training.lazy_adam import LazyAdam


@tf.keras.utils.register_keras_serializable(package="tfrs_timirec")
class RowwiseLazyAdam(LazyAdam):
    """LazyAdam for tables that fill the memory: a third less of it.

    A row of an embedding table has one second moment, the mean over the
    squares of its entries' gradients, instead of one an entry. Table and
    moments of ten million items with 64 entries take 4.8 GiB instead of 7.2.
    All entries of a row then move at the same rate. Variables that are no
    embedding table ("embeddings" by name) are treated as in `LazyAdam`.

    Args:
        learning_rate: step size; a float or a `LearningRateSchedule`.
        l2: weight decay of what the batch touches.
        name: name of the optimizer.
        **kwargs: further arguments of `LazyAdam`.

    Raises:
        ValueError: if `l2` is negative or not a number.

    Example:
    >>> model.compile(optimizer=RowwiseLazyAdam(learning_rate=1e-3))

    Reference: "partial row-wise Adam" of FBGEMM, the embedding library of
    TorchRec; Kingma and Ba, *Adam: a method for stochastic optimization*, ICLR
    2015.
    """

    def __init__(
        self,
        learning_rate: Any = 1e-3,
        *,
        l2: float = 0.0,
        name: str = "RowwiseLazyAdam",
        **kwargs: Any,
    ):
        super().__init__(learning_rate, l2=l2, name=name, **kwargs)

    def second_moment_shape(self, variable: tf.Variable) -> tf.TensorShape:
        """Returns (rows, 1) for an embedding table."""
        if _is_table(variable):
            return tf.TensorShape((variable.shape[0], 1))
        return super().second_moment_shape(variable)

    def squares(self, gradient: tf.Tensor, variable: tf.Variable) -> tf.Tensor:
        """Returns the mean of a row's squares, (rows, 1), for a table."""
        if not _is_table(variable):
            return super().squares(gradient, variable)
        return tf.reduce_mean(tf.square(gradient), axis=1, keepdims=True)

    def update_step(self, gradient: Any, variable: tf.Variable) -> None:
        """Updates one variable; a table by its rows."""
        if _is_table(variable) and not isinstance(gradient, tf.IndexedSlices):
            gradient = tf.IndexedSlices(gradient, tf.range(variable.shape[0]))
        super().update_step(gradient, variable)


def _is_table(variable: tf.Variable) -> bool:
    return "embeddings" in base_name(variable) and variable.shape.rank == 2
