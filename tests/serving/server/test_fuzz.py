"""Whatever comes in, the answer is an error or an answer, and it goes on."""

import json
import socket

import grpc
import hypothesis
from hypothesis import strategies as st
from tensorflow.core.framework import tensor_pb2

from tests.serving.server.test_grpc import make_request
from tests.serving.server.toy_server import ask

SETTINGS = hypothesis.settings(
    max_examples=30,
    deadline=None,
    derandomize=True,  # The same requests in every run.
    suppress_health_check=list(hypothesis.HealthCheck),
)

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["words", "k", "serving_default", "double", "b64"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "inputs",
                    "instances",
                    "signature_name",
                    "words",
                    "k",
                    "b64",
                    "x",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


def check_alive(toy):
    assert toy.predict(ask([["four"]]))[1]["outputs"]["lengths"] == [[4]]


@SETTINGS
@hypothesis.given(
    content=st.fixed_dictionaries(
        {},
        optional={
            "inputs": JSON,
            "instances": JSON,
            "signature_name": st.sampled_from(["double", "", "x"]) | JSON,
        },
    )
    | JSON
)
def test_any_json(toy, content):
    status, answer = toy.predict(json.dumps(content).encode())

    # No JSON of this kind is the server's own fault: 5xx would be a crash.
    assert status in (200, 400), (content, answer)
    assert set(answer) == ({"error"} if status != 200 else set(answer))
    check_alive(toy)


@SETTINGS
@hypothesis.given(body=st.binary(max_size=200))
def test_any_body(toy, body):
    assert toy.predict(body)[0] == 400
    check_alive(toy)


@SETTINGS
@hypothesis.given(
    name=st.text(
        st.characters(codec="ascii", exclude_characters=" ?#"), max_size=30
    ),
    end=st.sampled_from(["", ":predict", "/metadata", "/versions/1"]),
)
def test_any_path(toy, name, end):
    path = f"/v1/models/{name}{end}"
    # As it is: a client would tidy it up.
    with socket.create_connection(
        ("127.0.0.1", toy.server.rest_port), timeout=30
    ) as connection:
        head = f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        connection.sendall(head.encode())
        reply = connection.makefile("rb").read()

    status = int(reply.split(b" ", 2)[1])
    assert status in (200, 400, 404), (path, reply)
    check_alive(toy)


@SETTINGS
@hypothesis.given(data=st.binary(max_size=300))
def test_any_bytes_on_either_port(toy, data):
    for port in (toy.server.rest_port, toy.server.grpc_port):
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(data)
    check_alive(toy)


TENSORS = st.builds(
    lambda dtype, sizes, numbers, texts, content: tensor_pb2.TensorProto(
        dtype=dtype,
        tensor_shape={"dim": [{"size": size} for size in sizes]},
        int_val=numbers,
        string_val=texts,
        tensor_content=content,
    ),
    dtype=st.integers(0, 30),
    sizes=st.lists(st.integers(-2, 3) | st.just(2**40), max_size=3),
    numbers=st.lists(st.integers(-3, 3), max_size=4),
    texts=st.lists(st.binary(max_size=3), max_size=4),
    content=st.just(b"") | st.binary(max_size=8),
)


@SETTINGS
@hypothesis.given(words=TENSORS, k=TENSORS)
def test_any_tensor(toy, stub, words, k):
    request = make_request(words=words, k=k)

    error = stub.Predict.future(request, timeout=30).exception()

    if error is not None:
        assert error.code() == grpc.StatusCode.INVALID_ARGUMENT, (words, k)
    check_alive(toy)
