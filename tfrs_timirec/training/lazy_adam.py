"""Adam that touches only the rows of a batch."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from tfrs_timirec.training.adam_l2 import AdamL2


@tf.keras.utils.register_keras_serializable(package="tfrs_timirec")
class LazyAdam(AdamL2):
    """Adam whose step costs what the batch costs, not what the catalogue does.

    The gradient of an embedding table knows only the rows that a batch looked
    up. This optimizer reads and writes those rows of the table and of both
    moments, and no others: with ten million items a step takes little longer
    than with ten thousand. It differs from `AdamL2`, and from Adam as the
    paper's experiments ran it, in what happens to a row that is *not* in the
    batch:

    - its moments rest, where dense Adam lets them fade at every step;
    - the row rests, where dense Adam moves it on by what is left of its first
      moment;
    - `l2` does not reach it. A row is decayed each time that it is looked up,
      popular items more often than rare ones, and by `l2` through the moments,
      not more to make up for the steps between.

    The bias correction goes by the optimizer's step, as in dense Adam, so that
    a row in every batch moves exactly as there. A gradient that is a tensor,
    as that of every other weight, takes `AdamL2`'s step.

    Args:
        learning_rate: step size; a float or a `LearningRateSchedule`.
        l2: weight decay of what the batch touches.
        beta_1: decay of the first moment.
        beta_2: decay of the second moment.
        epsilon: added to the denominator.
        name: name of the optimizer.
        **kwargs: `clipvalue`, … of `tf.keras.optimizers.Optimizer`.

    Raises:
        ValueError: if `l2` is negative or not a number.

    Example:
    >>> model.compile(optimizer=LazyAdam(learning_rate=1e-3, l2=1e-6))

    Reference: the class of the same name in TensorFlow Addons, which has no
    `l2`; Kingma and Ba, *Adam: a method for stochastic optimization*, ICLR
    2015.
    """

    def __init__(
        self,
        learning_rate: Any = 1e-3,
        *,
        l2: float = 0.0,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        name: str = "LazyAdam",
        **kwargs: Any,
    ):
        super().__init__(
            learning_rate,
            l2=l2,
            beta_1=beta_1,
            beta_2=beta_2,
            epsilon=epsilon,
            name=name,
            **kwargs,
        )

    def squares(self, gradient: tf.Tensor, variable: tf.Variable) -> tf.Tensor:
        """Returns what the second moment averages of rows' gradients."""
        return tf.square(gradient)

    def update_step(self, gradient: Any, variable: tf.Variable) -> None:
        """Updates one variable, or the rows of it that have a gradient."""
        if not isinstance(gradient, tf.IndexedSlices):
            super().update_step(gradient, variable)
            return
        dtype = variable.dtype
        index = self._index_dict[self._var_key(variable)]
        tables = (
            variable.handle,
            self._first_moments[index].handle,
            self._second_moments[index].handle,
        )
        # A row that comes twice is updated once, with the sum.
        rows, places = tf.unique(gradient.indices)
        gradient = tf.math.unsorted_segment_sum(
            gradient.values, places, tf.size(rows)
        )
        weights, first, second = (
            tf.raw_ops.ResourceGather(resource=table, indices=rows, dtype=dtype)
            for table in tables
        )
        if self.l2:  # No table is a bias.
            gradient += self.l2 * weights
        beta_1 = tf.cast(self.beta_1, dtype)
        beta_2 = tf.cast(self.beta_2, dtype)
        step = tf.cast(self.iterations + 1, dtype)
        first += (1 - beta_1) * (gradient - first)
        second += (1 - beta_2) * (self.squares(gradient, variable) - second)
        corrected = tf.sqrt(second / (1 - tf.pow(beta_2, step)))
        rate = tf.cast(self.learning_rate, dtype) / (1 - tf.pow(beta_1, step))
        weights -= rate * first / (corrected + self.epsilon)
        for table, updates in zip(
            tables, (weights, first, second), strict=True
        ):
            tf.raw_ops.ResourceScatterUpdate(
                resource=table, indices=rows, updates=updates
            )
