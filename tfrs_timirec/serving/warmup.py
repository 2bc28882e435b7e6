"""The requests with which TF Serving warms a new version up."""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Mapping

import tensorflow as tf

# What TF Serving looks for in the folder of a version.
WARMUP_FILE = pathlib.PurePath("assets.extra", "tf_serving_warmup_requests")


def write_warmup_requests(
    folder: pathlib.Path,
    signatures: Mapping[str, Callable[..., dict[str, tf.Tensor]]],
    inputs: Mapping[str, tf.Tensor],
) -> None:
    """Writes one request for each signature.

    A version is served after it has answered them, so that no user waits for
    what TensorFlow does at the first run of a graph.

    Args:
        folder: the version's folder.
        signatures: graph functions with one input signature, by name.
        inputs: a value for every input, of one row each.
    """
    path = folder / WARMUP_FILE
    path.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for name, function in signatures.items():
            specs = function.input_signature  # type: ignore[attr-defined]
            tensors = {spec.name: inputs[spec.name] for spec in specs}
            writer.write(predict_log(name, tensors))


def predict_log(signature: str, inputs: Mapping[str, tf.Tensor]) -> bytes:
    """Returns a serialized `tensorflow.serving.PredictionLog` of a request.

    Of TF Serving's messages only five fields are needed, so they are written
    here, and an export does not ask for the package with their definitions.

    Args:
        signature: name of the signature.
        inputs: its inputs by name.

    Reference: `prediction_log.proto`, `predict.proto` and `model.proto` of
    [TF Serving](https://github.com/tensorflow/serving), whose field numbers
    stand below.
    """
    model_spec = _field(3, signature.encode())  # signature_name
    request = _field(1, model_spec)
    for name, value in inputs.items():
        proto = tf.make_tensor_proto(value).SerializeToString()
        request += _field(2, _field(1, name.encode()) + _field(2, proto))
    predict_log_request = _field(1, request)
    return _field(6, predict_log_request)


def _field(number: int, content: bytes) -> bytes:
    """Returns a length-delimited field of a protocol buffer."""
    length_delimited = 2
    return (
        _varint(number << 3 | length_delimited)
        + _varint(len(content))
        + content
    )


def _varint(value: int) -> bytes:
    """Returns an unsigned integer, seven bits a byte, the lowest first."""
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])
