"""A signature of a SavedModel, and the check of a request against it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import meta_graph_pb2

from tfrs_timirec.serving.server.serving_error import invalid_argument

# Of any tensor that is sent: far more than a recommender has, and NumPy's own
# limit before 2.0.
MAX_RANK = 32
_METHODS = {
    f"tensorflow/serving/{name}" for name in ("predict", "classify", "regress")
}


@dataclasses.dataclass(frozen=True)
class Tensor:
    """An input or output.

    Args:
        name: in the graph.
        dtype: its type.
        shape: its shape, perhaps of unknown rank or dimensions.
    """

    name: str
    dtype: tf.DType
    shape: tf.TensorShape


@dataclasses.dataclass(frozen=True)
class Signature:
    """What goes in and what comes out, by name.

    Args:
        name: of the signature.
        inputs: all inputs, sorted by name.
        outputs: all outputs, sorted by name.
        defaults: values of the inputs that a request may leave out.
        padding: by input, the value that may be appended to the rows without
            a change to any output; None unless the export says that rows do
            not depend on each other; see `micro_batches`.
    """

    name: str
    inputs: Mapping[str, Tensor]
    outputs: Mapping[str, Tensor]
    defaults: Mapping[str, np.ndarray]
    padding: Mapping[str, Any] | None

    @classmethod
    def from_proto(
        cls,
        name: str,
        proto: meta_graph_pb2.SignatureDef,
        padding: Mapping[str, Any] | None,
    ) -> Signature | None:
        """Returns the signature, or None if it cannot be served.

        What has a method of its own, as the initialization op of a SavedModel,
        or inputs that are not dense tensors, cannot.

        Args:
            name: of the signature.
            proto: as the SavedModel holds it.
            padding: padding values by input; None as in the class.
        """
        tensors = [*proto.inputs.values(), *proto.outputs.values()]
        if proto.method_name not in _METHODS or not all(
            tensor.name for tensor in tensors
        ):
            return None
        return cls(
            name,
            _read_tensors(proto.inputs),
            _read_tensors(proto.outputs),
            {
                input_name: tf.make_ndarray(value)
                for input_name, value in proto.defaults.items()
            },
            padding,
        )

    def check(self, inputs: Mapping[str, np.ndarray]) -> None:
        """Raises an INVALID_ARGUMENT unless the inputs fit.

        Args:
            inputs: arrays by name, strings as objects of bytes.

        Raises:
            ServingError: naming the first input that is missing, unknown, or
                of another type or shape.
        """
        unknown = sorted(set(inputs) - set(self.inputs))
        missing = sorted(set(self.inputs) - set(inputs) - set(self.defaults))
        if unknown or missing:
            raise invalid_argument(
                f"input size does not match signature: {len(inputs)}!="
                f"{len(self.inputs)} len({{{','.join(sorted(inputs))}}}) !="
                f" len({{{','.join(self.inputs)}}}). Sent extra:"
                f" {{{','.join(unknown)}}}. Missing but required:"
                f" {{{','.join(missing)}}}."
            )
        for name, array in inputs.items():
            tensor = self.inputs[name]
            dtype = tf.as_dtype(array.dtype)
            if dtype != tensor.dtype:
                raise invalid_argument(
                    f"Input {name!r} expects {tensor.dtype.name} but"
                    f" {dtype.name} is provided"
                )
            self.check_shape(name, array.shape)

    def check_shape(self, name: str, shape: Sequence[int]) -> None:
        """Raises an INVALID_ARGUMENT unless an input may have the shape.

        Args:
            name: of the input.
            shape: of its value.

        Raises:
            ServingError: naming both shapes.
        """
        allowed = self.inputs[name].shape
        if not allowed.is_compatible_with(shape):
            raise invalid_argument(
                f"Cannot feed value of shape {list(shape)} to input {name!r},"
                f" which has shape {allowed}"
            )

    def complete(self, inputs: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        """Returns the arrays in the order of `inputs`, defaults filled in."""
        return [
            inputs[name] if name in inputs else self.defaults[name]
            for name in self.inputs
        ]


def _read_tensors(
    protos: Mapping[str, meta_graph_pb2.TensorInfo],
) -> dict[str, Tensor]:
    return {
        name: Tensor(
            proto.name,
            tf.as_dtype(proto.dtype),
            tf.TensorShape(proto.tensor_shape),
        )
        for name, proto in sorted(protos.items())
    }
