"""gRPC: TF Serving's services and their errors."""

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
)


def make_request(signature="", model="toy", version=None, **inputs):
    request = predict_pb2.PredictRequest()
    request.model_spec.name = model
    request.model_spec.signature_name = signature
    if version is not None:
        request.model_spec.version.value = version
    for name, value in inputs.items():
        proto = (
            value
            if isinstance(value, tensor_pb2.TensorProto)
            else tf.make_tensor_proto(value)
        )
        request.inputs[name].CopyFrom(proto)
    return request


def error_of(call, request):
    with pytest.raises(grpc.RpcError) as error:
        call(request, timeout=30)
    return error.value.code(), error.value.details()


def test_predict(stub):
    request = make_request(words=[["a", "four"]], k=2)

    response = stub.Predict(request, timeout=30)

    lengths = tf.make_ndarray(response.outputs["lengths"])
    np.testing.assert_array_equal(lengths, [[4, 1]])
    assert response.model_spec.name == "toy"
    assert response.model_spec.version.value == 3
    assert response.model_spec.signature_name == "serving_default"


def test_output_filter(stub):
    request = make_request(words=[["a"]], k=1)
    request.output_filter.append("version")
    assert set(stub.Predict(request, timeout=30).outputs) == {"version"}

    request.output_filter.append("x")
    code, details = error_of(stub.Predict, request)
    assert code == grpc.StatusCode.INVALID_ARGUMENT
    assert "output tensor alias not found in signature: x" in details


def tensor(shape=(), dtype=tf.int32, **values):
    proto = tensor_pb2.TensorProto(dtype=dtype.as_datatype_enum, **values)
    for size in shape:
        proto.tensor_shape.dim.add().size = size
    return proto


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"model": ""}, "INVALID_ARGUMENT", "no name"),
        ({"model": "x"}, "NOT_FOUND", "Latest(x)"),
        ({"version": 1}, "NOT_FOUND", "Specific(toy, 1)"),
        ({"signature": "x"}, "FAILED_PRECONDITION", '"x" not found'),
        ({"more": 1}, "INVALID_ARGUMENT", "Sent extra: {more}"),
        ({"k": 1.5}, "INVALID_ARGUMENT", "expects int32 but float32"),
        ({"k": [1]}, "INVALID_ARGUMENT", "Cannot feed value of shape [1]"),
        ({"k": -1}, "INVALID_ARGUMENT", "`k` must not be negative"),
        ({"words": [["a"]] * 9}, "INVALID_ARGUMENT", "maximum input batch"),
        # What only a hand-made tensor can be.
        (
            {"k": tensor((2**40,), int_val=[1])},
            "INVALID_ARGUMENT",
            "k [1099511",
        ),
        ({"k": tensor((-1,), int_val=[1])}, "INVALID_ARGUMENT", "not valid"),
        ({"k": tensor((3,), int_val=[1, 2] * 4)}, "INVALID_ARGUMENT", "valid"),
        ({"k": tensor(tensor_content=b"123")}, "INVALID_ARGUMENT", "not valid"),
        ({"k": tensor(dtype=tf.variant)}, "INVALID_ARGUMENT", "not valid"),
        ({"k": tensor_pb2.TensorProto()}, "INVALID_ARGUMENT", "not valid"),
    ],
)
def test_mistake_has_its_code_and_says_why(stub, changes, code, words):
    request = make_request(**{"words": [["a"]], "k": 1, **changes})

    got, details = error_of(stub.Predict, request)

    assert got == grpc.StatusCode[code]
    assert words in details
    stub.Predict(make_request(words=[["a"]], k=1), timeout=30)


@pytest.mark.parametrize(
    "changes",
    [
        {"words": tensor((1, 2**15), tf.string, string_val=[b"a"])},
        {"words": tensor((2**63 - 1,) * 3, tf.string, string_val=[b"a"])},
        # The size below 0 takes nothing off the other input's.
        {
            "words": tensor((2**40, 1), tf.string, string_val=[b"a"]),
            "k": tensor((-(2**40),), int_val=[1]),
        },
    ],
)
def test_elements_are_counted_before_there_are_any(stub, monkeypatch, changes):
    monkeypatch.setattr(tf, "make_ndarray", None)

    code, details = error_of(stub.Predict, make_request(**{"k": 1, **changes}))

    assert code == grpc.StatusCode.INVALID_ARGUMENT
    assert "no more elements together" in details
    assert "Send several requests" in details


def test_rank_is_bounded_before_sizes_are_multiplied(stub):
    words = tensor((2**62,) * 100_000, tf.string, string_val=[b"a"])

    code, details = error_of(stub.Predict, make_request(words=words, k=1))

    assert code == grpc.StatusCode.INVALID_ARGUMENT
    assert "'words' must have at most 32 dimensions" in details
    assert "Received: 100000 dimensions" in details


@pytest.mark.parametrize("letter", ["x", "\U0001f600"])
@pytest.mark.parametrize(
    ("place", "code"),
    [
        ("model", "NOT_FOUND"),
        ("label", "INVALID_ARGUMENT"),
        ("signature", "FAILED_PRECONDITION"),
        ("input", "INVALID_ARGUMENT"),
        ("output", "INVALID_ARGUMENT"),
    ],
)
def test_name_of_any_length_leaves_the_error_its_code(
    stub, place, code, letter
):
    # An error travels as metadata, of which gRPC takes some KiB.
    name = letter * 20_000
    request = make_request(words=[["a"]], k=1)
    if place == "model":
        request.model_spec.name = name
    elif place == "label":
        request.model_spec.version_label = name
    elif place == "signature":
        request.model_spec.signature_name = name
    elif place == "input":
        request.inputs[name].CopyFrom(request.inputs["k"])
    else:
        request.output_filter.append(name)

    got, details = error_of(stub.Predict, request)

    assert got == grpc.StatusCode[code]
    assert letter * 100 in details


def test_as_many_elements_as_bytes_are_no_mistake(stub):
    broadcast = tensor((1, 2**15 - 1), tf.string, string_val=[b"four"])
    sent = tensor((1, 2**20 + 1), tf.string, string_val=[b""] * (2**20 + 1))

    for words in (broadcast, sent):
        response = stub.Predict(make_request(words=words, k=1), timeout=30)

        (lengths,) = tf.make_ndarray(response.outputs["lengths"])
        assert lengths.tolist() == [4 if words is broadcast else 0]


def test_missing_input(stub):
    code, details = error_of(stub.Predict, make_request(k=1))

    assert code == grpc.StatusCode.INVALID_ARGUMENT
    assert "Missing but required: {words}" in details


def test_huge_message_is_refused(stub):
    request = make_request(words=[["a" * (5 * 2**20)]], k=1)

    assert error_of(stub.Predict, request)[0] == (
        grpc.StatusCode.RESOURCE_EXHAUSTED
    )


SERVICES = {
    "Classify": "PredictionService",
    "Regress": "PredictionService",
    "MultiInference": "PredictionService",
    "HandleReloadConfigRequest": "ModelService",
}


def call_raw(toy, path, body):
    """Sends bytes to a method that answers once; returns the error."""
    with grpc.insecure_channel(toy.grpc_address) as channel:
        return error_of(channel.unary_unary(path), body)


def count(toy, method, code):
    """Returns how many such requests the server has counted."""
    return toy.server.metrics.requests.labels("grpc", method, code)._value.get()


@pytest.mark.parametrize("method", SERVICES)
def test_other_methods_name_what_there_is(toy, caplog, method):
    before = count(toy, method, "UNIMPLEMENTED")

    path = f"/tensorflow.serving.{SERVICES[method]}/{method}"
    code, details = call_raw(toy, path, b"")

    assert code == grpc.StatusCode.UNIMPLEMENTED
    assert f"{method} is not supported" in details
    assert "Predict" in details or "the command line" in details
    assert count(toy, method, "UNIMPLEMENTED") == before + 1
    assert not caplog.records


@pytest.mark.parametrize(
    "path",
    [
        "tensorflow.serving.PredictionService/Predict",
        "tensorflow.serving.ModelService/GetModelStatus",
        "grpc.health.v1.Health/Check",
        "grpc.health.v1.Health/Watch",
    ],
)
def test_body_that_is_no_message_is_the_clients_fault(toy, caplog, path):
    method = path.rpartition("/")[2]
    before = count(toy, method, "INVALID_ARGUMENT")

    code, details = call_raw(toy, f"/{path}", b"\xff\xff\xff")

    assert code == grpc.StatusCode.INVALID_ARGUMENT
    assert details == f"The body is no request of {method}"
    assert count(toy, method, "INVALID_ARGUMENT") == before + 1
    assert not caplog.records


def test_method_that_nobody_knows_is_unimplemented(toy):
    code, _ = call_raw(toy, "/tensorflow.serving.PredictionService/X", b"")

    assert code == grpc.StatusCode.UNIMPLEMENTED


def test_metadata(stub):
    request = get_model_metadata_pb2.GetModelMetadataRequest(
        metadata_field=["signature_def"]
    )
    request.model_spec.name = "toy"

    response = stub.GetModelMetadata(request, timeout=30)

    signatures = get_model_metadata_pb2.SignatureDefMap()
    assert response.metadata["signature_def"].Unpack(signatures)
    assert {"serving_default", "double"} <= set(signatures.signature_def)

    request.metadata_field.append("x")
    code, details = error_of(stub.GetModelMetadata, request)
    assert code == grpc.StatusCode.INVALID_ARGUMENT
    assert "Metadata field x is not supported" in details
    del request.metadata_field[:]
    assert "at least one" in error_of(stub.GetModelMetadata, request)[1]


def test_status(toy):
    request = get_model_status_pb2.GetModelStatusRequest()
    with grpc.insecure_channel(toy.grpc_address) as channel:
        service = model_service_pb2_grpc.ModelServiceStub(channel)
        code, details = error_of(service.GetModelStatus, request)
        assert (code, details) == (
            grpc.StatusCode.INVALID_ARGUMENT,
            "Missing ModelSpec",
        )
        request.model_spec.name = "toy"
        (status,) = service.GetModelStatus(request).model_version_status

    assert status.version == 3
    assert status.state == get_model_status_pb2.ModelVersionStatus.AVAILABLE
