"""Health by gRPC, and a stop that loses no request."""

import concurrent.futures
import contextlib
import http.client
import json
import threading
import time

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tensorflow_serving.apis import prediction_service_pb2_grpc

from tests.serving.server.test_grpc import make_request
from tests.serving.server.toy_server import RunningServer, ask
from tfrs_timirec.serving.server.model_versions import State

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
UNKNOWN = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
PATIENCE = 30  # Seconds.


def test_health_of_server_and_model(toy):
    with grpc.insecure_channel(toy.grpc_address) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        for service in ("", "toy"):
            request = health_pb2.HealthCheckRequest(service=service)
            assert stub.Check(request, timeout=PATIENCE).status == SERVING
        request = health_pb2.HealthCheckRequest(service="other")
        with pytest.raises(grpc.RpcError) as error:
            stub.Check(request, timeout=PATIENCE)
        assert error.value.code() == grpc.StatusCode.NOT_FOUND
        # By the protocol, who watches is told instead.
        watch = stub.Watch(request, timeout=PATIENCE)
        assert next(watch).status == UNKNOWN
        watch.cancel()


class Gate:
    """Holds the runs of a server's version until it is opened."""

    def __init__(self, server):
        self._opened = threading.Event()
        self._entered = threading.Semaphore(0)
        servable = server.server.versions.current
        run = servable.run

        def held_run(*args):
            self._entered.release()
            assert self._opened.wait(PATIENCE)
            return run(*args)

        servable.run = held_run

    def wait_for_runs(self, number):
        for _ in range(number):
            assert self._entered.acquire(timeout=PATIENCE)

    def open(self):
        self._opened.set()


def test_stop_finishes_what_runs_and_refuses_what_comes(toy_version):
    with (
        RunningServer(
            toy_version.parent, grace_seconds=PATIENCE, num_threads=2
        ) as server,
        grpc.insecure_channel(server.grpc_address) as channel,
        concurrent.futures.ThreadPoolExecutor() as clients,
    ):
        gate = Gate(server)
        predict = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        watch = health_pb2_grpc.HealthStub(channel).Watch(
            health_pb2.HealthCheckRequest(service="toy"), timeout=PATIENCE
        )
        assert next(watch).status == SERVING
        # Of different k, they are no batch: both threads are busy.
        by_rest = clients.submit(predict_and_stay, server, ask([["four"]], k=1))
        by_grpc = clients.submit(
            predict.Predict, make_request(words=[["four"]], k=2)
        )
        gate.wait_for_runs(2)
        waits = clients.submit(server.predict, ask([["three"]], k=3))
        while server.call(num_queued(server)) < 1:
            pass

        stop = clients.submit(server.call, server.server.close())
        # Also the end of the stream: it does not hold up the stop.
        assert [answer.status for answer in watch] == [NOT_SERVING]
        assert not stop.done()
        with pytest.raises(grpc.RpcError) as error:
            predict.Predict(make_request(words=[["a"]], k=1), timeout=PATIENCE)
        assert error.value.code() == grpc.StatusCode.UNAVAILABLE
        with pytest.raises(ConnectionError):
            server.predict(ask([["a"]]))

        gate.open()
        lengths, connection = by_rest.result(PATIENCE)
        assert lengths == [[4]]
        assert connection == "close"
        assert by_grpc.result(PATIENCE).model_spec.version.value == 3
        assert waits.result(PATIENCE)[0] == 200
        stop.result(PATIENCE)


def predict_and_stay(server, content):
    """Asks as a client that keeps its connection; returns what it is told."""
    client = http.client.HTTPConnection(
        "127.0.0.1", server.server.rest_port, timeout=PATIENCE
    )
    with contextlib.closing(client):
        client.request("GET", "/healthz")
        with client.getresponse() as response:
            assert response.getheader("Connection") is None
            response.read()
        client.request("POST", "/v1/models/toy:predict", json.dumps(content))
        response = client.getresponse()
        answer = json.load(response)
        return answer["outputs"]["lengths"], response.getheader("Connection")


async def num_queued(server):
    return server.server.metrics.queued._value.get()


def test_client_that_leaves_makes_room_in_the_queue(toy_version):
    with RunningServer(
        toy_version.parent, num_threads=1, max_queued=1
    ) as server:
        gate = Gate(server)
        clients = []
        for k in (1, 2):  # The first runs, the second waits.
            client = http.client.HTTPConnection(
                "127.0.0.1", server.server.rest_port, timeout=PATIENCE
            )
            content = json.dumps(ask([["four"]], k=k))
            client.request("POST", "/v1/models/toy:predict", content)
            clients.append(client)
            if k == 1:
                gate.wait_for_runs(1)
        while server.call(num_queued(server)) < 1:
            pass

        clients[1].close()

        while server.call(num_queued(server)):
            pass
        assert server.count("predict", 499) == 1
        gate.open()
        assert clients[0].getresponse().status == 200
        assert server.predict(ask([["a"]]))[0] == 200
        assert server.count("predict", 200) == 2
        clients[0].close()


def test_slow_client_holds_the_stop_up_no_longer_than_the_grace(toy_version):
    with RunningServer(toy_version.parent, grace_seconds=0) as server:
        connection = http.client.HTTPConnection(
            "127.0.0.1", server.server.rest_port, timeout=PATIENCE
        )
        connection.putrequest("POST", "/v1/models/toy:predict")
        connection.putheader("Content-Length", "1000")
        connection.endheaders(json.dumps(ask([["a"]])).encode())

        start = time.monotonic()
        server.call(server.server.close())

        assert time.monotonic() - start < PATIENCE / 2
        connection.close()


def test_endless_request_holds_the_stop_up_no_longer_than_the_grace(
    toy_version, caplog
):
    with (
        RunningServer(toy_version.parent, grace_seconds=0.2) as server,
        concurrent.futures.ThreadPoolExecutor() as clients,
    ):
        gate = Gate(server)
        gate.open()
        endless = clients.submit(
            server.predict,
            {"signature_name": "endless", "inputs": {"numbers": [[0.0]]}},
        )
        gate.wait_for_runs(1)

        server.call(server.server.close())

        with pytest.raises((ConnectionError, http.client.HTTPException)):
            endless.result(PATIENCE)
        assert server.count("predict", 499) == 1
    assert "A request failed" not in caplog.text


@pytest.mark.parametrize("grace_seconds", [0.0, 0.2])
def test_use_that_never_ends_holds_the_stop_up_no_longer_than_the_grace(
    toy_version, caplog, grace_seconds
):
    with RunningServer(
        toy_version.parent, grace_seconds=grace_seconds
    ) as server:
        server.server.versions.current.acquire()  # And no release.

        start = time.monotonic()
        server.call(server.server.close())

        assert time.monotonic() - start < PATIENCE / 2
        assert server.server.versions.statuses[3].state == State.END
    assert "still in use (requests: 1)" in caplog.text
