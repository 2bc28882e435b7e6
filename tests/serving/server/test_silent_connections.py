"""REST connections whose clients say nothing, or not enough."""

import asyncio
import http.client
import socket
import time

import pytest

from tests.serving.server.toy_server import RunningServer, ask
from tfrs_timirec.serving.server import model_server

IDLE_SECONDS = 0.5
POST = b"POST /v1/models/toy:predict HTTP/1.1\r\nHost: x\r\n"


@pytest.fixture
def impatient(toy_version, monkeypatch):
    monkeypatch.setattr(model_server, "_IDLE_SECONDS", IDLE_SECONDS)
    with RunningServer(toy_version.parent) as server:
        yield server


def connect(server):
    address = ("127.0.0.1", server.server.rest_port)
    return socket.create_connection(address, timeout=30)


@pytest.mark.parametrize("start", [b"", b"GET", POST + b"Content-Le"])
def test_connection_without_a_request_is_closed(impatient, start):
    with connect(impatient) as connection:
        begin = time.monotonic()
        connection.sendall(start)

        assert connection.recv(1) == b""
        assert time.monotonic() - begin >= 0.9 * IDLE_SECONDS


def test_body_that_does_not_come_is_answered(impatient):
    with connect(impatient) as connection:
        connection.sendall(POST + b'Content-Length: 100\r\n\r\n{"inputs')
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        text = answer.read().decode()

    assert answer.status == 408
    assert "The body must come within 0.5 seconds." in text
    page = impatient.request_text("GET", "/monitoring/prometheus/metrics")[1]
    assert 'code="408",interface="rest",method="predict"' in page


def test_connection_stays_while_it_asks(impatient):
    connection = http.client.HTTPConnection(
        "127.0.0.1", impatient.server.rest_port, timeout=30
    )
    connection.connect()
    first_socket = connection.sock
    for _ in range(4):
        connection.request("GET", "/healthz")
        assert connection.getresponse().read()
        time.sleep(0.6 * IDLE_SECONDS)

    assert connection.sock is first_socket
    connection.close()


def test_slow_answer_is_waited_for(impatient, monkeypatch):
    predictor = model_server.Predictor
    predict = predictor.predict

    async def slow(*args):
        await asyncio.sleep(3 * IDLE_SECONDS)
        return await predict(*args)

    monkeypatch.setattr(predictor, "predict", slow)

    assert impatient.predict(ask([["four"]]))[0] == 200
