"""REST: answers, and errors with TF Serving's words and codes."""

import gzip
import json
import socket
import threading
import time
import types
import zlib

import pytest
import tensorflow as tf

from tests.serving.server.toy_server import ask
from tfrs_timirec.serving.server import json_tensors, rest_handlers
from tfrs_timirec.serving.server.serving_error import ServingError


def test_columns_and_rows(toy):
    status, answer = toy.predict(ask([["a", "four", "é"]], k=2))

    assert status == 200
    assert answer == {"outputs": {"lengths": [[4, 1]], "version": [3]}}

    # `double` has one input and one output: neither needs its name.
    rows = {"signature_name": "double", "instances": [[1.5, 2], [0, -1]]}
    status, answer = toy.predict(rows)
    assert status == 200
    assert answer == {"predictions": [[3.0, 4.0], [0.0, -2.0]]}

    rows["instances"] = [{"numbers": [1, 2]}]
    assert toy.predict(rows) == (200, {"predictions": [[2.0, 4.0]]})


def test_base64_is_bytes(toy):
    words = [[{"b64": "Zm91cg=="}]]  # "four"

    assert toy.predict(ask(words))[1]["outputs"]["lengths"] == [[4]]


def test_version_in_the_path(toy):
    assert toy.predict(ask([["a"]]), "/versions/3")[0] == 200

    status, answer = toy.predict(ask([["a"]]), "/versions/2")
    assert status == 404
    assert answer == {
        "error": "Servable not found for request: Specific(toy, 2)"
    }


def test_status_and_metadata(toy):
    expected = {
        "model_version_status": [
            {
                "version": "3",
                "state": "AVAILABLE",
                "status": {"error_code": "OK", "error_message": ""},
            }
        ]
    }
    assert toy.get("/v1/models/toy") == (200, expected)
    assert toy.get("/v1/models/toy/versions/3") == (200, expected)

    status, metadata = toy.get("/v1/models/toy/metadata")
    assert status == 200
    assert metadata["model_spec"] == {
        "name": "toy",
        "signature_name": "",
        "version": "3",
    }
    signatures = metadata["metadata"]["signature_def"]["signature_def"]
    numbers = signatures["double"]["inputs"]["numbers"]
    assert numbers["dtype"] == "DT_FLOAT"
    sizes = [dim["size"] for dim in numbers["tensor_shape"]["dim"]]
    assert sizes == ["-1", "2"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "JSON Parse error: The document is empty"),
        (b"{", "JSON Parse error"),
        (b"\xff\xfe{", "JSON Parse error"),
        (b"[" * 100_000, "JSON Parse error"),
        (b"[]", "Is not object"),
        # So deep that it can just be read, and not be written.
        *((b"[" * n + b"]" * n, "JSON") for n in range(880, 1010, 16)),
        (b"{}", "Missing 'inputs' or 'instances' key"),
        ({"inputs": {}, "instances": []}, "only one of 'inputs' or"),
        ({"instances": []}, "No values in 'instances' array"),
        ({"instances": 3}, "Expecting 'instances' to be an list/array"),
        ({"instances": ["a"]}, "expecting list of objects"),
        ({"instances": [{"k": 1}]}, "keys must be equal to: k,words"),
        ({"inputs": ["a"]}, "expecting an object"),
        ({"inputs": {"k": 1}}, "Missing named input: words"),
        ({"signature_name": 3}, "'signature_name' key must be a string"),
        (
            {"signature_name": "x", "inputs": {}},
            'Serving signature name: "x" not found in signature def',
        ),
        # Half a surrogate pair, which no error can echo as UTF-8.
        (
            {"signature_name": "\ud800", "inputs": {}},
            'Serving signature name: "\\ud800" not found',
        ),
        (ask([["a"]], k=1.5), "is not of expected type: int32"),
        (ask([["a"]], k=True), "is not of expected type: int32"),
        (ask([["a"]], k=2**31), "is not of expected type: int32"),
        (ask([[1]]), "is not of expected type: string"),
        (ask([[None]]), "Type: Null is not of expected type"),
        (ask([[{"b64": "?"}]]), "Unable to base64 decode"),
        (ask([[{"b64": "é"}]]), "Unable to base64 decode"),
        (ask([["\ud800"]]), "is not of expected type: string"),
        (ask([["a"], ["a", "b"]]), "at unexpected size: 2"),
        (ask([["a"], "b"]), "found at incorrect level: 2"),
        (ask([["a"], [["b"]]]), "at unexpected level: 2"),
        (ask(["a"]), "Cannot feed value of shape [1]"),
        (ask([["a"]], k=-1), "`k` must not be negative"),
        (ask([["a"]] * 5), "larger than maximum input batch size 4"),
        (
            {"signature_name": "double", "instances": [[1, 2, 3]]},
            "Cannot feed value of shape [1, 3]",
        ),
        (
            {"signature_name": "double", "instances": [[1, 2], [3]]},
            "Expecting shape [2] but got: [1]",
        ),
    ],
)
def test_mistake_is_a_400_that_says_why(toy, body, message):
    status, answer = toy.predict(body)

    assert status == 400
    assert list(answer) == ["error"]
    assert message in answer["error"]
    assert toy.predict(ask([["a"]]))[0] == 200


def test_numbers_that_no_float_holds(toy):
    body = {"signature_name": "double", "instances": [[10**400, 1]]}

    assert toy.predict(body)[0] == 400

    # Infinity and NaN are read and written, as TF Serving does.
    text = '{"signature_name": "double", "instances": [[NaN, -Infinity]]}'
    status, answer = toy.request_text(
        "POST", "/v1/models/toy:predict", text.encode()
    )
    assert (status, answer) == (200, '{"predictions": [[NaN, -Infinity]]}')


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/v1/models/other:predict", 404),
        ("GET", "/v1/models/other", 404),
        ("GET", "/v1/models/other/metadata", 404),
        ("GET", "/v1/models/toy/versions/9", 404),
        ("GET", "/v1/models/toy/versions/" + "9" * 5000, 400),
        ("GET", "/v1/models/toy/labels/stable", 400),
        ("GET", "/v1/models/toy/versions/x", 400),
        ("GET", "/v1/models/toy/nothing", 400),
        ("GET", "/v1/models/toy:predict", 400),
        ("DELETE", "/v1/models/toy", 400),
        ("POST", "/v1/models/toy:classify", 400),
        ("POST", "/v1/models/other:classify", 404),
        ("GET", "http://host/v1/models/other", 404),
        ("GET", "http://host/v1/models/toy/nothing", 400),
        ("POST", "/v1/models/toy:explode", 400),
        ("GET", "/v1/models/../../etc/passwd", 400),
        ("GET", "/v1/models/..%2f..%2fetc%2fpasswd", 404),
        ("POST", "/v1/models/%00%ff:predict", 404),
        ("GET", "/etc/passwd", 404),
        ("GET", "/", 404),
    ],
)
def test_wrong_place_is_an_error_in_json(toy, method, path, status):
    body = json.dumps(ask([["a"]])) if method == "POST" else None

    got, answer = toy.request(method, path, body)

    assert got == status
    assert set(answer) == {"error"}


def test_paths_ignore_case_and_query_and_host(toy):
    assert toy.get("/V1/Models/toy?x=1")[0] == 200
    assert toy.get("HTTP://host:1/v1/models/toy?x=1")[0] == 200
    assert toy.get("http://host/readyz")[0] == 200


def test_shape_is_refused_before_a_value_is_read(toy, monkeypatch):
    monkeypatch.setattr(json_tensors, "_to_scalar", None)

    rows = {"signature_name": "double", "instances": [[1, 2, 3]]}
    for body in (ask([["a"]], k=[0] * 9), rows):
        status, answer = toy.predict(body)

        assert status == 400
        assert "Cannot feed value of shape" in answer["error"]


def test_bounds_of_integers_are_asked_for_once(monkeypatch):
    asked = []
    bound = property(lambda dtype: asked.append(dtype) or 2**31 - 1)
    monkeypatch.setattr(tf.DType, "max", bound)

    array = json_tensors._to_array([1, 2, 3], [3], tf.int32)

    assert array.tolist() == [1, 2, 3]
    assert len(asked) == 1


@pytest.mark.parametrize("num_words", [1, 20_000])
def test_long_json_is_read_and_written_beside_the_loop(
    toy, monkeypatch, num_words
):
    threads = set()

    def watched(function):
        def call(*args):
            threads.add(threading.current_thread())
            return function(*args)

        return call

    for name in ("parse_body", "read_inputs", "write_outputs"):
        function = watched(getattr(rest_handlers, name))
        monkeypatch.setattr(rest_handlers, name, function)

    status, answer = toy.predict(ask([["a"] * num_words], k=num_words))

    assert status == 200
    assert answer["outputs"]["lengths"] == [[1] * num_words]
    assert (toy.thread in threads) == (num_words == 1)


def test_huge_body_is_refused(toy):
    status, answer = toy.predict(b" " * (5 * 2**20))

    assert status == 413
    assert "at most 4194304 bytes" in answer["error"]
    assert toy.predict(ask([["a"]]))[0] == 200


@pytest.mark.parametrize(
    ("head", "pause"),
    [
        (b"Content-Encoding: gzip\r\nContent-Length: 5", 0),
        (b"Content-Encoding: gzip\r\nContent-Length: 5", 0.05),
        (b"Content-Encoding: deflate\r\nContent-Length: 5", 0),
        (b"Content-Encoding: br\r\nContent-Length: 5", 0),
        (b"Transfer-Encoding: chunked", 0),
    ],
)
def test_broken_body_is_the_clients_fault(toy, caplog, head, pause):
    """No 500, no traceback, and the log has at most one line of it."""
    head = b"POST /v1/models/toy:predict HTTP/1.1\r\nHost: x\r\n" + head
    pieces = [head + b"\r\n\r\n", b"junk\n"]
    with socket.create_connection(
        ("127.0.0.1", toy.server.rest_port), timeout=30
    ) as connection:
        for piece in pieces if pause else [b"".join(pieces)]:
            connection.sendall(piece)
            time.sleep(pause)
        status_line = connection.makefile("rb").readline()

    assert status_line.split(b" ", 2)[1] == b"400", status_line
    assert len(caplog.records) <= 1
    assert not any(record.exc_info for record in caplog.records)
    assert toy.predict(ask([["a"]]))[0] == 200


def test_row_for_a_signature_without_inputs():
    signature = types.SimpleNamespace(inputs={})

    with pytest.raises(ServingError, match="instances is a plain list"):
        json_tensors.read_inputs({"instances": [1]}, signature)


@pytest.mark.parametrize("compress", [gzip.compress, zlib.compress])
def test_compressed_body_is_read(toy, compress):
    encoding = "gzip" if compress is gzip.compress else "deflate"
    body = compress(json.dumps(ask([["four"]])).encode())

    status, answer = toy.predict_compressed(body, encoding)

    assert (status, answer["outputs"]["lengths"]) == (200, [[4]])


@pytest.mark.parametrize(
    ("body", "encoding", "reason"),
    [
        (b"junk", "gzip", "no gzip"),
        (gzip.compress(b"{}")[:-4], "gzip", "not one whole gzip stream"),
        (gzip.compress(b"{}") + b"junk", "gzip", "not one whole gzip stream"),
        (b"{}", "br", "must be gzip or deflate. Was: br"),
    ],
)
def test_body_that_cannot_be_decompressed(toy, body, encoding, reason):
    status, answer = toy.predict_compressed(body, encoding)

    assert status == 400
    assert reason in answer["error"]


def test_body_that_is_huge_when_decompressed(toy):
    """It is refused where it is read, and not looked at elsewhere."""
    bomb = gzip.compress(b" " * 2**26)
    headers = {"Content-Encoding": "gzip"}

    status, answer = toy.predict_compressed(bomb, "gzip")
    assert status == 413
    assert "at most 4194304 bytes" in answer["error"]
    for path, expected in (
        ("/nowhere", 404),
        ("/v1/models/toy:regress", 400),
    ):
        status, text = toy.request_text("POST", path, bomb, headers)
        assert status == expected
        assert "body" not in text
    assert toy.predict(ask([["a"]]))[0] == 200


def test_client_that_leaves_within_its_body_is_no_error(toy, caplog):
    with socket.create_connection(
        ("127.0.0.1", toy.server.rest_port), timeout=30
    ) as connection:
        connection.sendall(
            b"POST /v1/models/toy:predict HTTP/1.1\r\nHost: x\r\n"
            b"Content-Length: 100\r\n\r\n{"
        )
        time.sleep(0.05)
    deadline = time.monotonic() + 30
    while 'code="499"' not in page_of(toy) and time.monotonic() < deadline:
        time.sleep(0.05)

    assert 'code="499",interface="rest",method="predict"' in page_of(toy)
    assert not caplog.records


def page_of(toy):
    return toy.request_text("GET", "/monitoring/prometheus/metrics")[1]


def test_health_and_metrics(toy):
    assert toy.get("/healthz") == (200, {"status": "alive"})
    assert toy.get("/readyz") == (200, {"status": "ready", "version": 3})
    toy.predict(ask([["a"]]))

    status, page = toy.request_text("GET", "/monitoring/prometheus/metrics")
    assert status == 200
    assert 'code="200",interface="rest",method="predict"' in page
    assert 'timirec_served_version{model="toy"} 3.0' in page
