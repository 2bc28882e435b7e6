"""Errors that travel to a client, with the codes of TF Serving."""

from __future__ import annotations

import grpc
import tensorflow as tf

from tfrs_timirec.serving.graph_message import graph_message

# How TF Serving translates a status for its REST interface
# (tensorflow/serving: model_servers/http_server.cc).
_HTTP_STATUS = {
    grpc.StatusCode.OK: 200,
    grpc.StatusCode.CANCELLED: 499,
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.DEADLINE_EXCEEDED: 504,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.ALREADY_EXISTS: 409,
    grpc.StatusCode.PERMISSION_DENIED: 403,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.FAILED_PRECONDITION: 400,
    grpc.StatusCode.ABORTED: 409,
    grpc.StatusCode.OUT_OF_RANGE: 400,
    grpc.StatusCode.UNIMPLEMENTED: 501,
    grpc.StatusCode.UNAVAILABLE: 503,
    grpc.StatusCode.UNAUTHENTICATED: 401,
}
_CODES = {code.value[0]: code for code in grpc.StatusCode}
# gRPC escapes a byte by three, and may refuse more than 8 KiB of metadata: the
# client would see another error. A message may echo a name of any length.
_MAX_MESSAGE_BYTES = 2000


class ServingError(Exception):
    """What went wrong with a request.

    Args:
        code: the status that gRPC reports.
        message: what a client reads; cut after 2,000 bytes of UTF-8.
    """

    def __init__(self, code: grpc.StatusCode, message: str):
        # JSON may hold half a surrogate pair, which is no UTF-8.
        encoded = message.encode(errors="backslashreplace")
        message = encoded[:_MAX_MESSAGE_BYTES].decode(errors="ignore")
        super().__init__(message)
        self.code = code
        self.message = message

    @property
    def http_status(self) -> int:
        """The status of the same error by REST."""
        return _HTTP_STATUS.get(self.code, 500)

    @property
    def is_ours(self) -> bool:
        """Whether the server, and no client, is at fault."""
        memory = grpc.StatusCode.RESOURCE_EXHAUSTED
        return self.http_status >= 500 or self.code == memory


def invalid_argument(message: str) -> ServingError:
    """Returns the error of a request that can never be answered."""
    return ServingError(grpc.StatusCode.INVALID_ARGUMENT, message)


def from_tensorflow(error: tf.errors.OpError) -> ServingError:
    """Returns what a client is told of an error inside the graph.

    Args:
        error: what the session raised.
    """
    code = _CODES.get(error.error_code, grpc.StatusCode.UNKNOWN)
    return ServingError(code, graph_message(error))
