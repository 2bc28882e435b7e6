"""TF Serving's REST interface, with metrics and health beside it."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import time
import urllib.parse
import zlib
from collections.abc import Mapping

import grpc
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from google.protobuf import json_format
from google.protobuf.message import Message

from tfrs_timirec.serving.server.json_tensors import (
    Format,
    parse_body,
    read_inputs,
    write_outputs,
)
from tfrs_timirec.serving.server.metadata import signature_map
from tfrs_timirec.serving.server.metrics import CONTENT_TYPE, Metrics
from tfrs_timirec.serving.server.micro_batches import Arrays
from tfrs_timirec.serving.server.predictor import (
    DEFAULT_SIGNATURE,
    Predictor,
    Target,
)
from tfrs_timirec.serving.server.serving_error import (
    ServingError,
    invalid_argument,
)
from tfrs_timirec.serving.server.signature import Signature

METRICS_PATH = "/monitoring/prometheus/metrics"  # TF Serving's default.
HEALTH_PATH = "/healthz"
READY_PATH = "/readyz"

# The paths of tensorflow/serving: model_servers/http_rest_api_util.cc.
_PLACE = (
    r"/v1/models/(?P<name>[^/:]+)"
    r"(?:/versions/(?P<version>[0-9]+)|/labels/(?P<label>[^/:]+))?"
)
_POST = re.compile(_PLACE + r":(?P<method>classify|regress|predict)", re.I)
_GET = re.compile(_PLACE + r"(?:/(?P<method>metadata))?", re.I)
_ORIGIN = re.compile(r"^https?://[^/?]*", re.I)  # As proxies are asked.
_MAX_VERSION = 2**63 - 1
# JSON of so many bytes is read within some milliseconds; more would hold up
# other requests, and is read and written in a thread.
_MAX_BYTES_IN_LOOP = 2**16

_log = logging.getLogger(__name__)


class ClientFaults(logging.Filter):
    """Says in one line, without a traceback, what no HTTP client may send."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Returns True, for nothing is left out.

        Args:
            record: what aiohttp logs.
        """
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, HttpProcessingError | web.RequestPayloadError):
            record.msg = f"{record.getMessage()}: {one_line(error)}"
            record.args = record.exc_info = None
            record.levelno, record.levelname = logging.WARNING, "WARNING"
        return True


class RestHandlers:
    """Answers HTTP requests.

    Args:
        predictor: answers.
        metrics: where requests are counted, and what the metrics page shows.
        max_body_bytes: of a request; a longer one is refused with 413.
        max_queued: long bodies that are read or wait for it; more are refused
            with 503.
        body_seconds: how long a body may take; a slower one is refused with
            408.
    """

    def __init__(
        self,
        predictor: Predictor,
        metrics: Metrics,
        max_body_bytes: int,
        max_queued: int,
        body_seconds: float,
    ):
        self._predictor = predictor
        self._metrics = metrics
        self._max_body_bytes = max_body_bytes
        self._max_queued = max_queued
        self._body_seconds = body_seconds
        self._num_long = 0  # Bodies that are read or wait for it.
        self._is_stopping = False

    def application(self) -> web.Application:
        """Returns the web application."""
        application = web.Application(client_max_size=self._max_body_bytes)
        application.router.add_get(METRICS_PATH, self._show_metrics)
        application.router.add_get(HEALTH_PATH, self._show_health)
        application.router.add_get(READY_PATH, self._show_ready)
        application.router.add_route("*", "/{path:.*}", self._answer)
        application.on_shutdown.append(self._stop)
        application.on_response_prepare.append(self._add_headers)
        return application

    async def _stop(self, application: web.Application) -> None:
        self._is_stopping = True

    async def _add_headers(
        self, request: web.Request, response: web.StreamResponse
    ) -> None:
        """Tells clients whose connection will close to take another."""
        if self._is_stopping:
            response.headers["Connection"] = "close"

    async def _show_metrics(self, request: web.Request) -> web.Response:
        return web.Response(
            body=self._metrics.page(), headers={"Content-Type": CONTENT_TYPE}
        )

    async def _show_health(self, request: web.Request) -> web.Response:
        return _json_response(200, {"status": "alive"})

    async def _show_ready(self, request: web.Request) -> web.Response:
        current = self._predictor.versions.current
        if current is None:
            return _json_response(503, {"status": "no version is loaded"})
        return _json_response(
            200, {"status": "ready", "version": current.version}
        )

    async def _answer(self, request: web.Request) -> web.Response:
        """Finds the method, and turns errors into TF Serving's."""
        start = time.perf_counter()
        path = _ORIGIN.sub("", request.raw_path).split("?", 1)[0]
        match = (_POST if request.method == "POST" else _GET).fullmatch(path)
        method = "unknown"
        # As long as there is no answer: the client has gone, or the end came.
        status, body = 499, b""
        try:
            if match is None or request.method not in ("GET", "POST"):
                raise _no_such_path(request.method, path)
            method = (match["method"] or "status").lower()
            status, body = 200, await self._run(method, match, request)
        except ServingError as error:
            status = error.http_status
            if match is None and not path.lower().startswith("/v1/"):
                status = 404
            body = _error_body(error.message)
        except web.HTTPRequestEntityTooLarge:
            status = 413
            body = _error_body(
                f"The body must be at most {self._max_body_bytes} bytes."
            )
        except web.HTTPRequestTimeout:
            status = 408
            body = _error_body(
                f"The body must come within {self._body_seconds:g} seconds."
            )
        except web.HTTPException as error:
            status = error.status
            raise
        except web.RequestPayloadError as error:
            status, body = (
                400,
                _error_body(f"The body cannot be read: {one_line(error)}"),
            )
            # aiohttp would read on, and log the same as a fault of its own.
            request.content.feed_eof()
        except ConnectionError:
            pass  # Nobody reads the answer.
        except Exception:  # noqa: BLE001
            _log.exception("A request failed: %s %s", request.method, path)
            status, body = 500, _error_body("Internal error")
        finally:
            self._metrics.requests.labels("rest", method, str(status)).inc()
            self._metrics.latency.labels("rest", method).observe(
                time.perf_counter() - start
            )
        return web.Response(
            status=status, body=body, content_type="application/json"
        )

    async def _run(
        self, method: str, match: re.Match[str], request: web.Request
    ) -> bytes:
        target = _target(match)
        if method == "status":
            return _to_json(self._predictor.status(target), False)
        if method == "metadata":
            return self._describe(target)
        if method == "predict":
            body = await self._receive(request)
            encoding = request.headers.get("Content-Encoding", "identity")
            return await self._predict(target, body, encoding.lower())
        self._predictor.find(target)
        # A recommender has no signature for these.
        raise invalid_argument(
            f"Expected {method} signature method_name to be"
            f" tensorflow/serving/{method}. Was: tensorflow/serving/predict"
        )

    async def _receive(self, request: web.Request) -> bytes:
        """Returns the body, unless its client sends it too slowly."""
        try:
            async with asyncio.timeout(self._body_seconds):
                return await request.read()
        except TimeoutError:
            raise web.HTTPRequestTimeout from None

    async def _predict(
        self, target: Target, body: bytes, encoding: str
    ) -> bytes:
        servable = self._predictor.find(target)
        servable.acquire()  # A swap may fall into the reading.
        try:
            signature, inputs, body_format = await self._read(
                body, encoding, servable.signatures
            )
            outputs = await self._predictor.predict(servable, signature, inputs)
        finally:
            servable.release()
        num_bytes = sum(array.nbytes for array in outputs.values())
        if num_bytes <= _MAX_BYTES_IN_LOOP:
            return write_outputs(outputs, body_format)
        return await asyncio.to_thread(write_outputs, outputs, body_format)

    async def _read(
        self, body: bytes, encoding: str, signatures: Mapping[str, Signature]
    ) -> tuple[Signature, Arrays, Format]:
        if encoding == "identity" and len(body) <= _MAX_BYTES_IN_LOOP:
            return _read_body(body, signatures)
        if self._num_long >= self._max_queued:
            raise ServingError(
                grpc.StatusCode.UNAVAILABLE,
                "Too many long requests wait to be read. Send it again later.",
            )
        self._num_long += 1
        try:
            return await asyncio.to_thread(
                self._read_long, body, encoding, signatures
            )
        finally:
            self._num_long -= 1

    def _read_long(
        self, body: bytes, encoding: str, signatures: Mapping[str, Signature]
    ) -> tuple[Signature, Arrays, Format]:
        if encoding != "identity":
            body = _decompress(body, encoding, self._max_body_bytes)
        return _read_body(body, signatures)

    def _describe(self, target: Target) -> bytes:
        servable = self._predictor.find(target)
        signatures = json.loads(_to_json(signature_map(servable), True))
        return _dump(
            {
                "model_spec": {
                    "name": target.model,
                    "signature_name": "",
                    "version": str(servable.version),
                },
                "metadata": {"signature_def": signatures},
            }
        )


def one_line(error: BaseException) -> str:
    """Returns what aiohttp says of a request that is no HTTP.

    Args:
        error: its exception, whose words it breaks into lines.
    """
    return " ".join(str(error).removeprefix("400, message:").split())


def _decompress(body: bytes, encoding: str, max_bytes: int) -> bytes:
    if encoding not in ("gzip", "deflate"):
        raise invalid_argument(
            "The body cannot be read: Content-Encoding must be gzip or"
            f" deflate. Was: {encoding[:64]}"
        )
    decoder = zlib.decompressobj(zlib.MAX_WBITS | 32)  # Either of them.
    try:
        plain = decoder.decompress(body, max_bytes + 1)
    except zlib.error as error:
        raise invalid_argument(
            f"The body cannot be read: it is no {encoding} ({error})"
        ) from error
    if len(plain) > max_bytes:
        raise web.HTTPRequestEntityTooLarge(max_bytes, len(plain))
    if not decoder.eof or decoder.unused_data:
        raise invalid_argument(
            f"The body cannot be read: it is not one whole {encoding} stream"
        )
    return plain


def _read_body(
    body: bytes, signatures: Mapping[str, Signature]
) -> tuple[Signature, Arrays, Format]:
    """Returns what is asked for, the inputs, and the format they came in."""
    document = parse_body(body)
    name = document.get("signature_name") or DEFAULT_SIGNATURE
    if name not in signatures:
        raise invalid_argument(
            f'Serving signature name: "{name}" not found in signature def'
        )
    return signatures[name], *read_inputs(document, signatures[name])


def _target(match: re.Match[str]) -> Target:
    groups = match.groupdict()
    version = None
    if groups["version"]:
        version = int(groups["version"][:20])
        if len(groups["version"]) > 19 or version > _MAX_VERSION:
            raise invalid_argument(
                f"Failed to convert version: {groups['version'][:64]} to"
                " numeric."
            )
    return Target(
        urllib.parse.unquote(groups["name"]),
        version,
        label=urllib.parse.unquote(groups["label"] or ""),
    )


def _no_such_path(method: str, path: str) -> ServingError:
    return ServingError(
        grpc.StatusCode.INVALID_ARGUMENT,
        f"Malformed request: {method} {path[:200]}",
    )


def _to_json(message: Message, keep_names: bool) -> bytes:
    """Returns a message with all of its fields.

    Args:
        message: what is to be written.
        keep_names: as in the proto; otherwise in camelCase but for the first.
    """
    return json_format.MessageToJson(
        message,
        always_print_fields_with_no_presence=True,
        preserving_proto_field_name=keep_names,
    ).encode()


def _error_body(message: str) -> bytes:
    return _dump({"error": message})


def _dump(content: object) -> bytes:
    return json.dumps(content, indent=1).encode()


def _json_response(status: int, content: object) -> web.Response:
    return web.Response(
        status=status, body=_dump(content), content_type="application/json"
    )
