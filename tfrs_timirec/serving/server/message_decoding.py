"""Bodies of gRPC requests that are no such message."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
import grpc.aio
from google.protobuf.message import DecodeError

from tfrs_timirec.serving.server.metrics import Metrics


class UndecodableRequests(grpc.aio.ServerInterceptor):
    """Answers INVALID_ARGUMENT, where gRPC alone would log a traceback.

    Args:
        metrics: where they are counted.
    """

    def __init__(self, metrics: Metrics):
        self._metrics = metrics

    async def intercept_service(
        self,
        continuation: Callable[..., Awaitable[grpc.RpcMethodHandler | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler | None:
        """Returns the method's handler, to which no such body comes.

        Args:
            continuation: finds the handler.
            handler_call_details: names the method.
        """
        handler = await continuation(handler_call_details)
        if handler is None:
            return None  # There is no such method; gRPC says so.
        method = handler_call_details.method.rpartition("/")[2]

        def decode(body: bytes) -> Any:
            try:
                return handler.request_deserializer(body)
            except DecodeError:
                return None

        async def check(
            request: Any, context: grpc.aio.ServicerContext
        ) -> None:
            if request is not None:
                return
            code = grpc.StatusCode.INVALID_ARGUMENT
            self._metrics.requests.labels("grpc", method, code.name).inc()
            await context.abort(code, f"The body is no request of {method}")

        async def answer(
            request: Any, context: grpc.aio.ServicerContext
        ) -> Any:
            await check(request, context)
            return await handler.unary_unary(request, context)

        async def stream(
            request: Any, context: grpc.aio.ServicerContext
        ) -> AsyncIterator[Any]:
            await check(request, context)
            async for response in handler.unary_stream(request, context):
                yield response

        if handler.response_streaming:
            return grpc.unary_stream_rpc_method_handler(
                stream, decode, handler.response_serializer
            )
        return grpc.unary_unary_rpc_method_handler(
            answer, decode, handler.response_serializer
        )
