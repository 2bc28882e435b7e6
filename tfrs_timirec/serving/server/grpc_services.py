"""TF Serving's gRPC services."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import grpc
import grpc.aio
import numpy as np
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from tfrs_timirec.serving.server.metadata import signature_map
from tfrs_timirec.serving.server.metrics import Metrics
from tfrs_timirec.serving.server.predictor import Predictor, Target
from tfrs_timirec.serving.server.serving_error import (
    ServingError,
    invalid_argument,
)
from tfrs_timirec.serving.server.signature import MAX_RANK

_SIGNATURES = "signature_def"  # The one metadata field there is.
# 128 rows of 256 equal values, as of times that nobody knows. Not more: such a
# request of a few bytes holds 8 bytes an element as long as it waits.
_MAX_BROADCAST_ELEMENTS = 2**15
_MAX_SHOWN = 500
_NO_EXAMPLES = (
    "is not supported, for a recommender reads no tf.Example. Use Predict"
)

Response = TypeVar("Response")

_log = logging.getLogger(__name__)


def _refusal(method: str, words: str) -> Callable[..., Awaitable[None]]:
    """Returns a method that says why it is UNIMPLEMENTED, and is counted."""

    async def refuse(request: object) -> None:
        raise ServingError(grpc.StatusCode.UNIMPLEMENTED, f"{method} {words}")

    async def answer(
        self: PredictionService | ModelService,
        request: object,
        context: grpc.aio.ServicerContext,
    ) -> None:
        await _answer(method, refuse, request, context, self._metrics)

    return answer


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """`Predict` and `GetModelMetadata`; other methods are UNIMPLEMENTED.

    Args:
        predictor: answers.
        metrics: where requests are counted.
    """

    Classify = _refusal("Classify", _NO_EXAMPLES)
    Regress = _refusal("Regress", _NO_EXAMPLES)
    MultiInference = _refusal("MultiInference", _NO_EXAMPLES)

    def __init__(self, predictor: Predictor, metrics: Metrics):
        self._predictor = predictor
        self._metrics = metrics

    async def Predict(  # noqa: N802
        self,
        request: predict_pb2.PredictRequest,
        context: grpc.aio.ServicerContext,
    ) -> predict_pb2.PredictResponse:
        """Runs a signature."""
        return await _answer(
            "Predict", self._predict, request, context, self._metrics
        )

    async def GetModelMetadata(  # noqa: N802
        self,
        request: get_model_metadata_pb2.GetModelMetadataRequest,
        context: grpc.aio.ServicerContext,
    ) -> get_model_metadata_pb2.GetModelMetadataResponse:
        """Returns the signatures of a version."""
        return await _answer(
            "GetModelMetadata", self._metadata, request, context, self._metrics
        )

    async def _predict(
        self, request: predict_pb2.PredictRequest
    ) -> predict_pb2.PredictResponse:
        target = _target(request.model_spec)
        servable = self._predictor.find(target)
        signature = self._predictor.find_signature(servable, target.signature)
        _check_size(request)
        inputs = {
            name: _to_array(name, proto)
            for name, proto in request.inputs.items()
        }
        outputs = await self._predictor.predict(
            servable, signature, inputs, request.output_filter
        )
        response = predict_pb2.PredictResponse()
        response.model_spec.name = target.model
        response.model_spec.version.value = servable.version
        response.model_spec.signature_name = signature.name
        for name, array in outputs.items():
            response.outputs[name].CopyFrom(_to_proto(array))
        return response

    async def _metadata(
        self, request: get_model_metadata_pb2.GetModelMetadataRequest
    ) -> get_model_metadata_pb2.GetModelMetadataResponse:
        if not request.metadata_field:
            raise invalid_argument(
                "GetModelMetadataRequest must specify at least one"
                " metadata_field"
            )
        for field in request.metadata_field:
            if field != _SIGNATURES:
                raise invalid_argument(
                    f"Metadata field {field} is not supported"
                )
        target = _target(request.model_spec)
        servable = self._predictor.find(target)
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        response.model_spec.name = target.model
        response.model_spec.version.value = servable.version
        response.metadata[_SIGNATURES].Pack(signature_map(servable))
        return response


class ModelService(model_service_pb2_grpc.ModelServiceServicer):
    """`GetModelStatus`; models are configured by the command line alone.

    Args:
        predictor: knows the versions.
        metrics: where requests are counted.
    """

    HandleReloadConfigRequest = _refusal(
        "HandleReloadConfigRequest",
        "is not supported: `timirec serve` takes its model from the command"
        " line, and new versions from the model's folder by itself",
    )

    def __init__(self, predictor: Predictor, metrics: Metrics):
        self._predictor = predictor
        self._metrics = metrics

    async def GetModelStatus(  # noqa: N802
        self,
        request: get_model_status_pb2.GetModelStatusRequest,
        context: grpc.aio.ServicerContext,
    ) -> get_model_status_pb2.GetModelStatusResponse:
        """Returns the state of one version or of all."""
        return await _answer(
            "GetModelStatus", self._status, request, context, self._metrics
        )

    async def _status(
        self, request: get_model_status_pb2.GetModelStatusRequest
    ) -> get_model_status_pb2.GetModelStatusResponse:
        if not request.HasField("model_spec"):
            raise invalid_argument("Missing ModelSpec")
        return self._predictor.status(_target(request.model_spec))


async def _answer(
    method: str,
    handle: Callable[..., Awaitable[Response]],
    request: object,
    context: grpc.aio.ServicerContext,
    metrics: Metrics,
) -> Response:
    """Returns the answer, or ends the call with the error's status."""
    start = time.perf_counter()
    code, message = grpc.StatusCode.OK, ""
    try:
        return await handle(request)
    except asyncio.CancelledError:
        code = grpc.StatusCode.CANCELLED
        raise
    except ServingError as error:
        code, message = error.code, error.message
    except Exception:  # noqa: BLE001
        _log.exception("A request failed: %s", method)
        code, message = grpc.StatusCode.INTERNAL, "Internal error"
    finally:
        metrics.requests.labels("grpc", method, code.name).inc()
        metrics.latency.labels("grpc", method).observe(
            time.perf_counter() - start
        )
    await context.abort(code, message)
    raise AssertionError("abort does not return")


def _target(spec: model_pb2.ModelSpec) -> Target:
    return Target(
        spec.name,
        spec.version.value if spec.HasField("version") else None,
        spec.signature_name,
        spec.version_label,
    )


def _check_size(request: predict_pb2.PredictRequest) -> None:
    """Counts the elements before there are any.

    A tensor's last value stands for all that follow, so that a few bytes may
    announce any number of elements. Those that are sent are a byte at least.
    """
    # First: the product of a hundred thousand sizes takes a minute.
    for name, proto in request.inputs.items():
        if (rank := len(proto.tensor_shape.dim)) > MAX_RANK:
            raise invalid_argument(
                f"Input {name!r} must have at most {MAX_RANK} dimensions."
                f" Received: {rank} dimensions. Send it in the shape that the"
                " signature names."
            )
    shapes = {
        name: [dimension.size for dimension in proto.tensor_shape.dim]
        for name, proto in request.inputs.items()
    }
    # A negative size is refused later, and takes nothing off here.
    num_elements = sum(abs(math.prod(sizes)) for sizes in shapes.values())
    if num_elements > max(_MAX_BROADCAST_ELEMENTS, request.ByteSize()):
        received = ", ".join(
            f"{name} {sizes}" for name, sizes in sorted(shapes.items())
        )
        raise invalid_argument(
            "The inputs must have no more elements together than the request"
            f" has bytes, or than {_MAX_BROADCAST_ELEMENTS}. Received:"
            f" {received[:_MAX_SHOWN]}. Send several requests."
        )


def _to_array(name: str, proto: tensor_pb2.TensorProto) -> np.ndarray:
    sizes = [dimension.size for dimension in proto.tensor_shape.dim]
    try:
        if proto.tensor_shape.unknown_rank or any(size < 0 for size in sizes):
            raise ValueError("shape")
        array = tf.make_ndarray(proto)
        if list(array.shape) != sizes:
            raise ValueError("shape")
        return array
    except (KeyError, OverflowError, TypeError, ValueError) as error:
        raise invalid_argument(
            f"Tensor proto of input {name!r} is not valid: its type, its"
            f" shape {sizes} and its values do not belong together"
        ) from error


def _to_proto(array: np.ndarray) -> tensor_pb2.TensorProto:
    """Returns the tensor; strings as objects of bytes, as sessions give them.

    `tf.make_tensor_proto` would look at every string for its type.
    """
    if array.dtype != object:
        return tf.make_tensor_proto(array)
    proto = tensor_pb2.TensorProto(
        dtype=tf.string.as_datatype_enum, string_val=array.ravel().tolist()
    )
    for size in array.shape:
        proto.tensor_shape.dim.add().size = size
    return proto
