"""A GRU that computes nothing for padding."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from tfrs_timirec._validation import check_positive_int
from tfrs_timirec.layers.packing import Packing, append_zero_rows, pack


@tf.keras.utils.register_keras_serializable(package="tfrs_timirec")
class PackedGRU(tf.keras.layers.Layer):
    r"""Returns the last state of a GRU over padded sequences, packed first.

    Sequences are ordered by length and aligned at their ends, so that at every
    step the rows still to come are a prefix: a step costs what its real items
    cost. With histories of 6 items in 20 places that is a third of the work.
    The gradient is written out, which lets the kernels' gradients of all steps
    be one product.

    With $x_t$ an item and $h_{t-1}$ the state (PyTorch's convention, Keras's
    `reset_after=True`):

    $$r, z = \sigma(W_{r,z} x_t + U_{r,z} h_{t-1} + b), \quad
      n = \tanh(W_n x_t + b_n + r \circ (U_n h_{t-1} + c_n)), \quad
      h_t = (1 - z) \circ n + z \circ h_{t-1}.$$

    All weights start uniformly within 1/sqrt(units), as PyTorch's do.

    Args:
        units: size of the state.
        **kwargs: `name`, `dtype`, … of `tf.keras.layers.Layer`.

    Call arguments:
        inputs: `(batch, length, dim)`; the length must be known.
        mask: `(batch, length)` boolean, True for a real item; all by default.
            Masked places may lie anywhere and are passed over.

    Output shape: `(batch, units)`; zeros for a row without a real item.

    Raises:
        ValueError: if `units` is not a positive integer, or the length of the
            inputs is unknown.

    Example:
    >>> layer = PackedGRU(units=64)
    >>> layer(tf.random.normal((2, 20, 32))).shape
    TensorShape([2, 64])

    Reference: Cho et al., *Learning phrase representations using RNN
    encoder-decoder*, EMNLP 2014.
    """

    def __init__(self, units: int = 64, **kwargs: Any):
        check_positive_int("PackedGRU", units=units)
        super().__init__(**kwargs)
        self.units = units
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        """Creates kernels and biases of the reset, update and new gates."""
        limit = self.units**-0.5
        shapes = {
            "kernel": (input_shape[-1], 3 * self.units),
            "recurrent_kernel": (self.units, 3 * self.units),
            "bias": (3 * self.units,),
            "recurrent_bias": (3 * self.units,),
        }
        for name, shape in shapes.items():
            weight = self.add_weight(
                name=name,
                shape=shape,
                initializer=tf.keras.initializers.RandomUniform(-limit, limit),
            )
            setattr(self, name, weight)
        super().build(input_shape)

    def call(
        self, inputs: tf.Tensor, mask: tf.Tensor | None = None
    ) -> tf.Tensor:
        """Returns the last states."""
        if mask is None:
            mask = tf.ones_like(inputs[..., 0], tf.bool)
        packing = pack(mask)
        return self.run(packing.gather(inputs), packing)

    def run(self, packed: tf.Tensor, packing: Packing) -> tf.Tensor:
        """Returns the last states of inputs that are packed already.

        Args:
            packed: (num_items, dim) inputs in the order of `packing`.
            packing: where they come from.

        Returns:
            (batch, units).
        """
        projected = tf.nn.bias_add(
            tf.matmul(packed, tf.cast(self.kernel, self.compute_dtype)),
            tf.cast(self.bias, self.compute_dtype),
        )
        states = _recurrence(
            projected,
            tf.cast(self.recurrent_kernel, self.compute_dtype),
            tf.cast(self.recurrent_bias, self.compute_dtype),
            packing.counts,
        )
        return packing.restore_rows(states)

    def compute_mask(self, *args: Any, **kwargs: Any) -> None:
        """Returns None: a state is never padding."""

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "units": self.units}


@tf.custom_gradient
def _recurrence(
    projected: tf.Tensor,
    recurrent_kernel: tf.Tensor,
    recurrent_bias: tf.Tensor,
    counts: tf.Tensor,
) -> tuple[tf.Tensor, Any]:
    """Runs the steps over packed inputs.

    Args:
        projected: (num_items, 3 * units) inputs of all gates, step by step.
        recurrent_kernel: (units, 3 * units).
        recurrent_bias: (3 * units,).
        counts: (length,) rows that take part in each step.

    Returns:
        (counts[-1], units) last states, and the gradient function.
    """
    length = counts.shape[0]
    units = recurrent_kernel.shape[0]
    state = tf.zeros((0, units), projected.dtype)
    steps = []
    for step, inputs in enumerate(tf.split(projected, counts, num=length)):
        state = append_zero_rows(state, counts[step])
        recurrent = tf.nn.bias_add(
            tf.matmul(state, recurrent_kernel), recurrent_bias
        )
        gates = tf.sigmoid(inputs[:, : 2 * units] + recurrent[:, : 2 * units])
        reset, update = gates[:, :units], gates[:, units:]
        recurrent_new = recurrent[:, 2 * units :]
        new = tf.tanh(inputs[:, 2 * units :] + reset * recurrent_new)
        steps.append((state, gates, new, recurrent_new))
        state = new + update * (state - new)

    def gradient(
        d_state: tf.Tensor,
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, None]:
        d_inputs, d_recurrents = [], []
        for step in reversed(range(length)):
            previous, gates, new, recurrent_new = steps[step]
            reset, update = gates[:, :units], gates[:, units:]
            d_new = d_state * (1 - update) * (1 - new * new)
            d_gates = tf.concat(
                [d_new * recurrent_new, d_state * (previous - new)], axis=1
            )
            d_gates *= gates * (1 - gates)
            d_recurrent = tf.concat([d_gates, d_new * reset], axis=1)
            d_inputs.append(tf.concat([d_gates, d_new], axis=1))
            d_recurrents.append(d_recurrent)
            d_state = d_state * update + tf.matmul(
                d_recurrent, recurrent_kernel, transpose_b=True
            )
            if step:
                d_state = d_state[: counts[step - 1]]
        d_recurrent = tf.concat(d_recurrents[::-1], axis=0)
        states = tf.concat([previous for previous, *_ in steps], axis=0)
        return (
            tf.concat(d_inputs[::-1], axis=0),
            tf.matmul(states, d_recurrent, transpose_a=True),
            tf.reduce_sum(d_recurrent, axis=0),
            None,
        )

    return state, gradient
