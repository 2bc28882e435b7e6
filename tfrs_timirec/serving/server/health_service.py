"""gRPC's own health service, `grpc.health.v1.Health`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable

import grpc
import grpc.aio
from grpc_health.v1 import health_pb2, health_pb2_grpc

_Status = health_pb2.HealthCheckResponse
OVERALL = ""  # The protocol's name for the server as a whole.


class HealthService(health_pb2_grpc.HealthServicer):
    """Says SERVING until `stop`, then NOT_SERVING.

    The server opens its ports when a version is loaded, and the last version
    stays in memory: until it stops, there is always one that answers.

    The library's own servicer is not used, for its `Watch` never ends: every
    client that watches would hold up the server's stop.

    Args:
        models: names of models that a client may ask for; besides, the empty
            name stands for the server.

    Reference: [GRPC Health Checking
    Protocol](https://grpc.github.io/grpc/core/md_doc_health-checking.html).
    """

    def __init__(self, models: Iterable[str]):
        self._services = {OVERALL, *models}
        self._stopped = asyncio.Event()

    def stop(self) -> None:
        """Tells all who ask or watch that the server takes no requests."""
        self._stopped.set()

    async def Check(  # noqa: N802
        self,
        request: health_pb2.HealthCheckRequest,
        context: grpc.aio.ServicerContext,
    ) -> health_pb2.HealthCheckResponse:
        """Returns the status now."""
        if request.service not in self._services:
            await context.abort(
                grpc.StatusCode.NOT_FOUND,
                f"Unknown service: {request.service[:200]}",
            )
        return _Status(status=self._status(request.service))

    async def Watch(  # noqa: N802
        self,
        request: health_pb2.HealthCheckRequest,
        context: grpc.aio.ServicerContext,
    ) -> AsyncIterator[health_pb2.HealthCheckResponse]:
        """Yields the status now, and that at the stop, with which it ends."""
        yield _Status(status=self._status(request.service))
        await self._stopped.wait()
        yield _Status(status=self._status(request.service))

    def _status(self, service: str) -> int:
        if service not in self._services:
            return _Status.SERVICE_UNKNOWN
        stopped = self._stopped.is_set()
        return _Status.NOT_SERVING if stopped else _Status.SERVING
