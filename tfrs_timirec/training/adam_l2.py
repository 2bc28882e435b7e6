"""Adam with L2 regularization, as PyTorch does it."""

from __future__ import annotations

import math
import re
from typing import Any

import tensorflow as tf


@tf.keras.utils.register_keras_serializable(package="tfrs_timirec")
class AdamL2(tf.keras.optimizers.Optimizer):
    """Adam whose weight decay adds `l2 * w` to every gradient.

    What the paper's experiments ran on: PyTorch's Adam. It differs from
    Keras's in three ways, and a run differs with it:

    - `l2` goes through the moments, it is not decoupled as AdamW's;
    - it reaches every row of an embedding table at every step, also rows that
      are not in the batch, and so do the moments;
    - `epsilon` is 1e-8 and is added after the bias correction.

    Biases (variables named "bias" or LayerNorm's "beta") are not decayed. One
    fused kernel updates a variable.

    Args:
        learning_rate: step size; a float or a `LearningRateSchedule`.
        l2: weight decay.
        beta_1: decay of the first moment.
        beta_2: decay of the second moment.
        epsilon: added to the denominator.
        name: name of the optimizer.
        **kwargs: `clipnorm`, `global_clipnorm`, … of
            `tf.keras.optimizers.Optimizer`.

    Raises:
        ValueError: if `l2` is negative or not a number, or a `weight_decay`
            is given.

    Example:
    >>> model.compile(optimizer=AdamL2(learning_rate=1e-3, l2=1e-6))

    Reference: Kingma and Ba, *Adam: a method for stochastic optimization*,
    ICLR 2015.
    """

    def __init__(
        self,
        learning_rate: Any = 1e-3,
        *,
        l2: float = 0.0,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        name: str = "AdamL2",
        **kwargs: Any,
    ):
        if math.isnan(l2) or l2 < 0:
            raise ValueError(
                f"{type(self).__name__}: `l2` must not be negative."
                f" Received: l2={l2!r}"
            )
        if kwargs.pop("weight_decay", None):
            raise ValueError(
                f"{type(self).__name__}: `weight_decay` is Keras's decoupled"
                " one, which this optimizer has not. Give `l2` instead."
            )
        # On a GPU Keras would compile the update, for whose fused and in-place
        # kernels XLA has no counterparts.
        kwargs.setdefault("jit_compile", False)
        # Keras's own weight decay is another one; even 0 would cost a pass.
        super().__init__(name=name, weight_decay=None, **kwargs)
        self._learning_rate = self._build_learning_rate(learning_rate)
        self.l2 = l2
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon

    def build(self, var_list: list[tf.Variable]) -> None:
        """Creates both moments of every variable."""
        super().build(var_list)
        if getattr(self, "_built", False):
            return
        self._built = True
        self._first_moments = [
            self.add_variable_from_reference(variable, "m")
            for variable in var_list
        ]
        self._second_moments = [
            self.add_variable_from_reference(
                variable, "v", shape=self.second_moment_shape(variable)
            )
            for variable in var_list
        ]

    def second_moment_shape(self, variable: tf.Variable) -> tf.TensorShape:
        """Returns the shape of a variable's second moment, here its own."""
        return variable.shape

    def update_step(self, gradient: Any, variable: tf.Variable) -> None:
        """Updates one variable."""
        dtype = variable.dtype
        index = self._index_dict[self._var_key(variable)]
        step = tf.cast(self.iterations + 1, dtype)
        beta_1_power = tf.pow(tf.cast(self.beta_1, dtype), step)
        beta_2_power = tf.pow(tf.cast(self.beta_2, dtype), step)
        if self.l2 and not _is_bias(variable):
            gradient = _decayed(gradient, variable, self.l2)
        else:  # Sums rows that come twice.
            gradient = tf.convert_to_tensor(gradient)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._first_moments[index].handle,
            v=self._second_moments[index].handle,
            beta1_power=beta_1_power,
            beta2_power=beta_2_power,
            lr=tf.cast(self.learning_rate, dtype),
            beta1=tf.cast(self.beta_1, dtype),
            beta2=tf.cast(self.beta_2, dtype),
            # The kernel adds epsilon before the bias correction.
            epsilon=self.epsilon * tf.sqrt(1 - beta_2_power),
            grad=gradient,
        )

    def _deduplicate_sparse_grad(self, grads: list[Any]) -> list[Any]:
        """Returns `grads`: the dense update sums what comes twice."""
        return grads

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        config = super().get_config()
        del config["weight_decay"]
        return {
            **config,
            "learning_rate": self._serialize_hyperparameter(
                self._learning_rate
            ),
            "l2": self.l2,
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
        }


def base_name(variable: tf.Variable) -> str:
    """Returns what a variable is called in its layer.

    A copy on another device and a part on a server, of which each ends in its
    number, are called like the whole.

    Args:
        variable: any variable.

    Example:
    >>> base_name(tf.Variable(0.0, name="predictor/bias/replica_1"))
    'bias:0'
    """
    return re.sub(r"/(part|replica)_\d+", "", variable.name).split("/")[-1]


def _decayed(
    gradient: tf.Tensor | tf.IndexedSlices, variable: tf.Variable, l2: float
) -> tf.Tensor:
    """Returns the gradient, whose rows may come twice, plus `l2 * variable`."""
    # A lookup of rows makes every later read copy the whole variable.
    tf.raw_ops.DisableCopyOnRead(resource=variable.handle)
    decay = l2 * variable
    if not isinstance(gradient, tf.IndexedSlices):
        return decay + gradient
    # In place, while a dense gradient would cost two passes over a table.
    if "CPU" in variable.device:
        # Half the time of the other, but on a GPU it would lose rows that come
        # twice.
        return tf.raw_ops.InplaceAdd(
            x=decay, i=tf.cast(gradient.indices, tf.int32), v=gradient.values
        )
    return tf.tensor_scatter_nd_add(
        decay, gradient.indices[:, tf.newaxis], gradient.values
    )


def _is_bias(variable: tf.Variable) -> bool:
    name = base_name(variable)
    return "bias" in name or name.startswith("beta")
