"""A tiny SavedModel, and a server of it in a thread of this process."""

import asyncio
import contextlib
import functools
import http.client
import json
import pathlib
import shutil
import tempfile
import threading

import tensorflow as tf

from tfrs_timirec.serving.server import ModelServer, ServerSettings


class ToyModule(tf.Module):
    """Weighs words by their number of letters; `version` tells exports apart.

    `serving_default` gives each row's k longest lengths, longest first, and
    refuses a negative k. "" is padding. `double` takes numbers; `endless` ends
    when it is cancelled.
    """

    def __init__(self, version: int):
        super().__init__()
        self.version = tf.Variable(version, dtype=tf.int64)

    @tf.function(
        input_signature=[
            tf.TensorSpec((None, None), tf.string, name="words"),
            tf.TensorSpec((), tf.int32, name="k"),
        ]
    )
    def longest(self, words, k):
        check = tf.debugging.Assert(k >= 0, ["`k` must not be negative:", k])
        with tf.control_dependencies([check]):
            lengths = tf.strings.length(words, "UTF8_CHAR")
        lengths = tf.pad(lengths, [[0, 0], [0, k]])
        return {
            "lengths": tf.math.top_k(lengths, k).values,
            "version": tf.fill(tf.shape(words)[:1], self.version),
        }

    @tf.function(
        input_signature=[
            tf.TensorSpec((None, 2), tf.float32, name="numbers"),
        ]
    )
    def double(self, numbers):
        return {"doubled": 2 * numbers}

    @tf.function(
        input_signature=[tf.TensorSpec((None, 1), tf.float32, name="numbers")]
    )
    def endless(self, numbers):
        return {
            "sum": tf.while_loop(
                lambda total: tf.reduce_all(total < float("inf")),
                lambda total: (tf.minimum(total + 1, 1e30),),
                (numbers,),
            )[0]
        }


@functools.cache
def make_toy(version: int) -> tempfile.TemporaryDirectory:
    """Exports a version once a process; `double` is joined without padding."""
    folder = tempfile.TemporaryDirectory(prefix="timirec-toy-")
    module = ToyModule(version)
    tf.saved_model.save(
        module,
        folder.name,
        signatures={
            "serving_default": module.longest,
            "double": module.double,
            "endless": module.endless,
        },
    )
    extra = pathlib.Path(folder.name) / "assets.extra"
    extra.mkdir()
    (extra / "batch_padding.json").write_text(
        json.dumps({"serving_default": {"words": ""}, "double": {}})
    )
    return folder


def export_toy(models: pathlib.Path, version: int) -> pathlib.Path:
    """Publishes a version at once, as an export does."""
    draft = models / f".draft-{version}"
    shutil.copytree(make_toy(version).name, draft)
    return draft.rename(models / str(version))


class RunningServer:
    """A server on free ports, in an event loop of its own thread."""

    def __init__(self, folder: pathlib.Path, **settings):
        self._settings = ServerSettings(
            grpc_port=0, rest_port=0, **{"poll_seconds": 0.05, **settings}
        )
        self._folder = folder
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)

    def __enter__(self) -> "RunningServer":
        self.thread.start()
        self.server = ModelServer(self._folder, "toy", self._settings)
        self.call(self.server.start())
        self.grpc_address = f"127.0.0.1:{self.server.grpc_port}"
        return self

    def __exit__(self, *_error: object) -> None:
        self.call(self.server.close())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()

    def call(self, coroutine):
        """Runs a coroutine in the server's loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(60)

    def count(self, method: str, status: int) -> float:
        """Returns how many such REST requests were counted."""
        requests = self.server.metrics.requests
        return requests.labels("rest", method, str(status))._value.get()

    def get(self, path: str) -> tuple[int, dict]:
        """Returns status and JSON."""
        return self.request("GET", path)

    def predict(self, content: object, place: str = "") -> tuple[int, dict]:
        """Returns status and JSON of `:predict`."""
        body = content if isinstance(content, bytes) else json.dumps(content)
        return self.request("POST", f"/v1/models/toy{place}:predict", body)

    def predict_compressed(
        self, body: bytes, encoding: str
    ) -> tuple[int, dict]:
        """Returns status and JSON of `:predict` with a `Content-Encoding`."""
        status, text = self.request_text(
            "POST",
            "/v1/models/toy:predict",
            body,
            {"Content-Encoding": encoding},
        )
        return status, json.loads(text)

    def request(self, method: str, path: str, body=None) -> tuple[int, dict]:
        """Returns status and JSON; `path` goes out as it is."""
        status, text = self.request_text(method, path, body)
        return status, json.loads(text)

    def request_text(
        self, method, path, body=None, headers=()
    ) -> tuple[int, str]:
        """Returns status and text."""
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.server.rest_port, timeout=30
        )
        with contextlib.closing(connection):
            connection.request(method, path, body, dict(headers))
            response = connection.getresponse()
            return response.status, response.read().decode()


def ask(words: list[list[str]], k: int = 1) -> dict:
    """Returns the body of a columnar request."""
    return {"inputs": {"words": words, "k": k}}
