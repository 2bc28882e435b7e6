"""A GRU that computes nothing for padding."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from tfrs_timirec._validation import check_positive_int
from tfrs_timirec.layers.packing import Packing, pack


@tf.keras.utils.register_keras_serializable(package="tfrs_timirec")
class PackedGRU(tf.keras.layers.Layer):
    r"""Returns the last state of a GRU over padded sequences, packed first.

    Sequences are ordered by length and aligned at their ends, so that at every
    step the rows still to come are a prefix: a step costs what its real items
    cost. With histories of 6 items in 20 places that is a third of the work.
    The gradient is written out: all of it that needs no order of the steps is
    computed for the items of all steps at once.

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
        kernel, recurrent_kernel, bias, recurrent_bias = (
            tf.cast(weight, self.compute_dtype)
            for weight in (
                self.kernel,
                self.recurrent_kernel,
                self.bias,
                self.recurrent_bias,
            )
        )
        # Those of the gates are added to the inputs, once for all steps.
        gate_bias, new_bias = tf.split(
            recurrent_bias, (2 * self.units, self.units)
        )
        bias = bias + tf.pad(gate_bias, [[0, self.units]])
        states = _recurrence(
            tf.nn.bias_add(tf.matmul(packed, kernel), bias),
            recurrent_kernel,
            new_bias,
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
    new_bias: tf.Tensor,
    counts: tf.Tensor,
) -> tuple[tf.Tensor, Any]:
    """Runs the steps over packed inputs.

    Args:
        projected: (num_items, 3 * units) inputs of all gates, step by step.
        recurrent_kernel: (units, 3 * units).
        new_bias: (units,), added to the product of the new state.
        counts: (length,) rows that take part in each step.

    Returns:
        (counts[-1], units) last states, and the gradient function.
    """
    length = counts.shape[0]
    units = recurrent_kernel.shape[0]
    # Both are cut by rows, which copies nothing, and added as they are.
    gate_inputs = tf.split(projected[:, : 2 * units], counts, num=length)
    new_inputs = tf.split(projected[:, 2 * units :], counts, num=length)
    # Rows that each step adds to those before, as `pad` takes them, and rows
    # that it has, as `slice` does: at once, not by small operations a step.
    added = counts - tf.concat([[0], counts[:-1]], axis=0)
    paddings = tf.unstack(
        tf.pad(added[:, tf.newaxis, tf.newaxis], [[0, 0], [0, 1], [1, 0]])
    )
    sizes = tf.unstack(
        tf.pad(counts[:, tf.newaxis], [[0, 0], [0, 1]], constant_values=-1)
    )
    state = tf.zeros((0, units), projected.dtype)
    steps = []
    for step in range(length):
        state = tf.pad(state, paddings[step])
        state.set_shape((None, units))
        recurrent_gates, recurrent_new = tf.split(
            tf.matmul(state, recurrent_kernel), (2 * units, units), axis=1
        )
        recurrent_new += new_bias
        gates = tf.sigmoid(gate_inputs[step] + recurrent_gates)
        reset, update = tf.split(gates, 2, axis=1)
        new = tf.tanh(new_inputs[step] + reset * recurrent_new)
        steps.append((state, gates, recurrent_new, new))
        state = new + update * (state - new)

    def gradient(
        d_state: tf.Tensor,
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, None]:
        # A state's gradient reaches what the step computed, and the state
        # before, by factors that it does not change.
        states, gates, recurrent_new, new = (
            tf.concat(parts, axis=0) for parts in zip(*steps, strict=True)
        )
        reset, update = tf.split(gates, 2, axis=1)
        to_new = tf.raw_ops.TanhGrad(y=new, dy=1 - update)
        to_gates = tf.raw_ops.SigmoidGrad(
            y=gates,
            dy=tf.concat([to_new * recurrent_new, states - new], axis=1),
        )
        slopes = tf.split(
            tf.concat([to_gates, to_new * reset], axis=1), counts, num=length
        )
        kept = tf.split(update, counts, num=length)
        d_states, d_parts = [], []
        for step in reversed(range(length)):
            d_part = tf.concat([d_state] * 3, axis=1) * slopes[step]
            d_states.append(d_state)
            d_parts.append(d_part)
            if step:  # Of the state before, kept in part and multiplied.
                d_before, d_kept = (
                    tf.slice(part, [0, 0], sizes[step - 1])
                    for part in (d_part, d_state * kept[step])
                )
                d_state = d_kept + tf.matmul(
                    d_before, recurrent_kernel, transpose_b=True
                )
        d_new = tf.concat(d_states[::-1], axis=0) * to_new
        d_recurrent = tf.concat(d_parts[::-1], axis=0)
        return (
            tf.concat([d_recurrent[:, : 2 * units], d_new], axis=1),
            tf.matmul(states, d_recurrent, transpose_a=True),
            tf.reduce_sum(d_recurrent, axis=0)[2 * units :],
            None,
        )

    return state, gradient
