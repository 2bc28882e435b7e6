"""REST bodies that are read beside the loop: swaps, and how many may wait."""

import asyncio
import concurrent.futures
import gzip
import json
import threading

import pytest

from tests.serving.server.test_versions import (
    PATIENCE,
    answering,
    states,
    wait_for,
)
from tests.serving.server.toy_server import RunningServer, ask, export_toy
from tfrs_timirec.serving.server import rest_handlers

LONG = ask([["four"] * 20_000])  # Above 64 KiB.


class HeldReading:
    """Holds what reads the inputs of a request until it is opened."""

    def __init__(self, monkeypatch):
        self._opened = threading.Event()
        self._entered = threading.Semaphore(0)
        self._read = rest_handlers.read_inputs
        monkeypatch.setattr(rest_handlers, "read_inputs", self)

    def __call__(self, *args):
        self._entered.release()
        assert self._opened.wait(PATIENCE)
        return self._read(*args)

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self.open()

    def wait_for_request(self):
        assert self._entered.acquire(timeout=PATIENCE)

    def open(self):
        self._opened.set()


async def is_in_use(servable):
    try:
        await asyncio.wait_for(servable.wait_idle(), 0.2)
    except TimeoutError:
        return True
    return False


def test_swap_waits_for_a_request_that_is_being_read(tmp_path, monkeypatch):
    export_toy(tmp_path, 1)
    with (
        RunningServer(tmp_path) as server,
        concurrent.futures.ThreadPoolExecutor() as clients,
        HeldReading(monkeypatch) as reading,
    ):
        old = server.server.versions.current
        request = clients.submit(server.predict, LONG)
        reading.wait_for_request()
        export_toy(tmp_path, 2)
        wait_for(lambda: answering(server) == 2)
        assert server.call(is_in_use(old))

        reading.open()

        status, answer = request.result(PATIENCE)
        assert status == 200
        assert answer["outputs"] == {"lengths": [[4]], "version": [1]}
        wait_for(lambda: states(server) == {1: "END", 2: "AVAILABLE"})


@pytest.mark.parametrize("body", [b"{" + b" " * 2**17, LONG])
def test_version_is_free_after_a_mistake(tmp_path, monkeypatch, body):
    export_toy(tmp_path, 1)
    if body == LONG:
        monkeypatch.setattr(rest_handlers, "read_inputs", None)
    with RunningServer(tmp_path) as server:
        assert server.predict(body)[0] == (500 if body == LONG else 400)

        assert not server.call(is_in_use(server.server.versions.current))


def test_more_than_may_wait_to_be_read_are_refused(tmp_path, monkeypatch):
    export_toy(tmp_path, 1)
    with (
        RunningServer(tmp_path, max_queued=2) as server,
        concurrent.futures.ThreadPoolExecutor() as clients,
        HeldReading(monkeypatch) as reading,
    ):
        requests = [clients.submit(server.predict, LONG) for _ in range(2)]
        for _ in requests:
            reading.wait_for_request()

        packed = gzip.compress(json.dumps(ask([["four"]])).encode())
        for status, answer in (
            server.predict(LONG),
            server.predict_compressed(packed, "gzip"),
        ):
            assert status == 503
            assert "Too many long requests wait to be read" in answer["error"]
        reading.open()
        for request in requests:
            assert request.result(PATIENCE)[0] == 200
        assert server.predict(LONG)[0] == 200
