"""The server: one process, one event loop, gRPC and REST."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import functools
import logging
import os
import pathlib
import signal
from collections.abc import Awaitable, Callable

import grpc.aio
from aiohttp import web
from grpc_health.v1 import health_pb2_grpc
from tensorflow_serving.apis import (
    model_service_pb2_grpc,
    prediction_service_pb2_grpc,
)

from tfrs_timirec._validation import check_positive_int
from tfrs_timirec.serving.server.descriptors import (
    ConnectionShortage,
    raise_descriptor_limit,
)
from tfrs_timirec.serving.server.grpc_services import (
    ModelService,
    PredictionService,
)
from tfrs_timirec.serving.server.health_service import HealthService
from tfrs_timirec.serving.server.message_decoding import UndecodableRequests
from tfrs_timirec.serving.server.metrics import Metrics
from tfrs_timirec.serving.server.micro_batcher import MicroBatcher
from tfrs_timirec.serving.server.model_versions import ModelVersions
from tfrs_timirec.serving.server.predictor import Predictor
from tfrs_timirec.serving.server.rest_handlers import (
    ClientFaults,
    RestHandlers,
)

_log = logging.getLogger(__name__)
_http_log = logging.getLogger(f"{__name__}.http")
_http_log.addFilter(ClientFaults())
_MAX_PORT = 65535
_MAX_BODY_MIB = 2047  # gRPC holds the bytes in a C int.
# How long a connection may be idle, and a body take. Longer than proxies keep
# theirs, or they would send into closed ones.
_IDLE_SECONDS = 75.0


@dataclasses.dataclass(frozen=True)
class ServerSettings:
    """How to serve.

    Args:
        host: address to listen on; by default no other machine can connect.
        grpc_port: TCP port of gRPC; 0 takes a free one.
        rest_port: TCP port of REST, metrics and health; 0 takes a free one.
        batching: whether requests that wait are run as one batch.
        max_batch_size: rows of a batch, and of a request.
        max_queued: requests that may wait for a thread, and long ones by REST
            that may wait to be read; more are refused as UNAVAILABLE.
        max_body_mib: size of a request, by gRPC or REST; at most 2047.
        num_threads: batches that run at the same time; by default one fewer
            than there are cores, for one takes and sends requests. More make
            the batches smaller.
        poll_seconds: pause between two looks for new versions.
        grace_seconds: how long running requests have at the end.

    Raises:
        ValueError: if a number is out of its range, or `host` is empty.
    """

    host: str = "127.0.0.1"
    grpc_port: int = 8500
    rest_port: int = 8501
    batching: bool = True
    max_batch_size: int = 128
    max_queued: int = 1000
    max_body_mib: int = 4
    num_threads: int | None = None
    poll_seconds: float = 1.0
    grace_seconds: float = 10.0

    def __post_init__(self) -> None:
        if not self.host:
            raise ValueError(
                "ServerSettings: `host` must be an address of this machine."
                " Received: host=''. 127.0.0.1 is for this machine alone,"
                " 0.0.0.0 for all that can reach it."
            )
        check_positive_int(
            "ServerSettings",
            max_batch_size=self.max_batch_size,
            max_queued=self.max_queued,
            max_body_mib=self.max_body_mib,
            num_threads=self.batch_threads,
        )
        if self.max_body_mib > _MAX_BODY_MIB:
            raise ValueError(
                "ServerSettings: `max_body_mib` must be at most"
                f" {_MAX_BODY_MIB}, for gRPC takes no longer messages."
                f" Received: max_body_mib={self.max_body_mib}"
            )
        for name in ("grpc_port", "rest_port"):
            port = getattr(self, name)
            if not 0 <= port <= _MAX_PORT:
                raise ValueError(
                    f"ServerSettings: `{name}` must lie between 0 and"
                    f" {_MAX_PORT}. Received: {name}={port}"
                )
        if self.grpc_port == self.rest_port != 0:
            raise ValueError(
                "ServerSettings: `grpc_port` and `rest_port` must differ."
                f" Received: grpc_port=rest_port={self.grpc_port}"
            )
        if not self.poll_seconds > 0:
            raise ValueError(
                "ServerSettings: `poll_seconds` must be above 0. Received:"
                f" poll_seconds={self.poll_seconds}"
            )
        if not self.grace_seconds >= 0:
            raise ValueError(
                "ServerSettings: `grace_seconds` must not be negative."
                f" Received: grace_seconds={self.grace_seconds}"
            )

    @property
    def address(self) -> str:
        """`host` as it stands in a URL."""
        return f"[{self.host}]" if ":" in self.host else self.host

    @property
    def batch_threads(self) -> int:
        """`num_threads`, or its default on this machine."""
        if self.num_threads is None:
            return max(1, len(os.sched_getaffinity(0)) - 1)
        return self.num_threads


class ModelServer:
    """Serves a folder of versions by gRPC and REST until it is stopped.

    Args:
        model_dir: the folder that holds the versions, as
            `tfrs_timirec.serving.export` writes it.
        name: of the model in requests; the folder's name by default.
        settings: how to serve.

    Raises:
        ValueError: if `model_dir` is no folder of versions, or `name` cannot
            stand in a path.

    Example:
    >>> server = ModelServer("saved_models/household_tv")
    >>> asyncio.run(server.run())  # Until SIGTERM or Ctrl-C.
    """

    def __init__(
        self,
        model_dir: str | pathlib.Path,
        name: str | None = None,
        settings: ServerSettings | None = None,
    ):
        self.settings = settings or ServerSettings()
        folder = pathlib.Path(model_dir)
        self.name = folder.absolute().name if name is None else name
        if not self.name or set(self.name) & set("/:"):
            raise ValueError(
                "ModelServer: `name` must not be empty, and without / and :."
                f" Received: name={self.name!r}"
            )
        self.metrics = Metrics()
        self.health = HealthService([self.name])
        self.versions = ModelVersions(self.name, folder, self.metrics)
        self.grpc_port = self.rest_port = 0
        self._grace_ends = 0.0  # By the loop's clock, once it has begun.
        self._stopped = asyncio.Event()
        self._ends_process = False
        self._opened = contextlib.AsyncExitStack()
        self._close_ports: list[Callable[[], Awaitable[None]]] = []

    async def run(self) -> None:
        """Serves until `stop`, SIGTERM or SIGINT; then finishes what runs.

        Nothing can break off a load. Before the model is loaded, these signals
        end the process at once; while a new version loads, when it has finished
        what runs.

        Raises:
            ValueError: if no version can be loaded.
            OSError: if a port cannot be had.
        """
        loop = asyncio.get_running_loop()
        limit = raise_descriptor_limit()
        loop.set_exception_handler(ConnectionShortage(_log, limit))
        signals = (signal.SIGTERM, signal.SIGINT)
        for number in signals:
            loop.add_signal_handler(number, _end_process, number)
        try:
            await self.start()
            for number in signals:
                loop.add_signal_handler(number, self._stop_process)
            await self._stopped.wait()
        finally:
            for number in signals:
                loop.remove_signal_handler(number)
            await self.close()
        if self._ends_process and self.versions.is_loading:
            _log.info("Ends before the new version is loaded")
            os._exit(0)  # Python would wait for the thread that loads.

    def stop(self) -> None:
        """Lets `run` end."""
        self._stopped.set()

    def _stop_process(self) -> None:
        self._ends_process = True
        self.stop()

    async def start(self) -> None:
        """Loads the model, then opens the ports.

        Raises:
            ValueError: if no version can be loaded.
            OSError: if a port cannot be had.
        """
        await self.versions.update()
        self._opened.push_async_callback(self._close_versions)
        if self.versions.current is None:
            raise ValueError(self._why_nothing_loads())
        settings = self.settings
        batcher = MicroBatcher(
            num_threads=settings.batch_threads,
            max_batch_size=settings.max_batch_size,
            max_queued=settings.max_queued,
            merges=settings.batching,
            metrics=self.metrics,
        )
        self._opened.push_async_callback(batcher.close)
        self._opened.push_async_callback(self._finish_requests)
        predictor = Predictor(self.versions, batcher)
        max_bytes = settings.max_body_mib * 2**20
        try:
            await self._start_rest(predictor, max_bytes)
            await self._start_grpc(predictor, max_bytes)
        except BaseException:
            await self.close()
            raise
        watcher = asyncio.create_task(
            self.versions.watch(settings.poll_seconds)
        )
        self._opened.callback(watcher.cancel)
        _log.info(
            "Ready: gRPC %s:%d, REST http://%s:%d/v1/models/%s (Ctrl-C ends)",
            *(settings.address, self.grpc_port),
            *(settings.address, self.rest_port, self.name),
        )

    async def close(self) -> None:
        """Refuses new requests, finishes those that run, frees the model."""
        await self._opened.aclose()

    async def _close_versions(self) -> None:
        now = asyncio.get_running_loop().time()
        await self.versions.close(max(0.0, self._grace_ends - now))

    async def _finish_requests(self) -> None:
        self._grace_ends = (
            asyncio.get_running_loop().time() + self.settings.grace_seconds
        )
        self.health.stop()
        # Both refuse new requests at once, and share the grace.
        await asyncio.gather(*(close() for close in self._close_ports))

    async def _start_rest(self, predictor: Predictor, max_bytes: int) -> None:
        handlers = RestHandlers(
            predictor,
            self.metrics,
            max_bytes,
            self.settings.max_queued,
            _IDLE_SECONDS,
        )
        runner = web.AppRunner(
            handlers.application(),
            access_log=None,
            logger=_http_log,
            keepalive_timeout=_IDLE_SECONDS,
            # aiohttp would do so in the loop, and without an end.
            auto_decompress=False,
            handler_cancellation=True,  # Of a client that has gone.
            # It takes 0 for no limit.
            shutdown_timeout=max(self.settings.grace_seconds, 1e-3),
        )
        await runner.setup()
        self._close_ports.append(runner.cleanup)
        site = web.TCPSite(runner, self.settings.host, self.settings.rest_port)
        try:
            await site.start()
        except OSError as error:
            raise OSError(
                f"REST cannot listen on {self.settings.host}:"
                f"{self.settings.rest_port} ({error.strerror}). Choose another"
                " port with --rest-port, or another --host."
            ) from error
        self.rest_port = runner.addresses[0][1]

    async def _start_grpc(self, predictor: Predictor, max_bytes: int) -> None:
        server = grpc.aio.server(
            interceptors=[UndecodableRequests(self.metrics)],
            options=[
                ("grpc.max_receive_message_length", max_bytes),
                # Two servers on one port would share its requests unseen.
                ("grpc.so_reuseport", 0),
            ],
        )
        prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
            PredictionService(predictor, self.metrics), server
        )
        model_service_pb2_grpc.add_ModelServiceServicer_to_server(
            ModelService(predictor, self.metrics), server
        )
        health_pb2_grpc.add_HealthServicer_to_server(self.health, server)
        address = f"{self.settings.address}:{self.settings.grpc_port}"
        try:
            self.grpc_port = server.add_insecure_port(address)
        except RuntimeError as error:
            raise OSError(
                f"gRPC cannot listen on {address}; is the port in use? Choose"
                " another with --grpc-port, or another --host."
            ) from error
        await server.start()
        self._close_ports.append(
            functools.partial(server.stop, self.settings.grace_seconds)
        )

    def _why_nothing_loads(self) -> str:
        folder = str(self.versions.folder)
        if not self.versions.statuses:
            return (
                "`model_dir` must hold a version, a folder named by a number."
                f" Received: model_dir={folder!r}. Make one with"
                " tfrs_timirec.serving.export or 'timirec demo'."
            )
        version, status = max(self.versions.statuses.items())
        return (
            "No version of `model_dir` can be loaded. Received:"
            f" model_dir={folder!r}; of version {version}: {status.message}"
        )


def _end_process(number: signal.Signals) -> None:
    _log.info("%s: ends before the model is loaded", number.name)
    os._exit(128 + number)  # What a shell reports of a signal.
