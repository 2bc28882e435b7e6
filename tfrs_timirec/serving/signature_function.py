"""A graph function with the arguments of a signature."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping

import tensorflow as tf


def signature_function(
    answer: Callable[..., dict[str, tf.Tensor]],
    inputs: Mapping[str, tf.TensorSpec],
    defaults: Mapping[str, tf.Tensor],
) -> Callable[..., dict[str, tf.Tensor]]:
    """Returns a `tf.function` of exactly these inputs.

    Args:
        answer: takes the inputs by name.
        inputs: shape and type of each input; those with a default come last.
        defaults: tensors, so that TensorFlow writes them into a signature.
    """
    signature = inspect.Signature(
        [
            inspect.Parameter(
                name,
                inspect.Parameter.POSITIONAL_OR_KEYWORD,
                default=defaults.get(name, inspect.Parameter.empty),
            )
            for name in inputs
        ]
    )

    def call(*args: tf.Tensor, **kwargs: tf.Tensor) -> dict[str, tf.Tensor]:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        return answer(**bound.arguments)

    call.__name__ = answer.__name__.strip("_")
    # What TensorFlow takes for the function's arguments.
    call.__signature__ = signature  # type: ignore[attr-defined]
    specs = [
        tf.TensorSpec(spec.shape, spec.dtype, name=name)
        for name, spec in inputs.items()
    ]
    return tf.function(call, input_signature=specs)
