"""One loaded version of a model."""

from __future__ import annotations

import asyncio
import gc
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import prediction_log_pb2

from tfrs_timirec._files import read_json
from tfrs_timirec.serving.batch_padding import BATCH_PADDING_FILE
from tfrs_timirec.serving.server.serving_error import from_tensorflow
from tfrs_timirec.serving.server.signature import Signature
from tfrs_timirec.serving.warmup import WARMUP_FILE

_MAX_WARMUP_REQUESTS = 1000  # As many as TF Serving takes.


class Servable:
    """A version in memory: a SavedModel in a TF 1 session, as in TF Serving.

    A session needs no Python code of the model and frees its memory when it is
    closed. Construction loads and warms up: it takes seconds and belongs into a
    thread. `run` may be called from several threads; the other methods belong
    to the event loop.

    Args:
        folder: the SavedModel.
        version: its number.

    Raises:
        OSError: if there is no SavedModel, or it cannot be read.
        tf.errors.OpError: if it is corrupt.
        ValueError: if it has nothing to serve, or its `batch_padding.json` or
            warm-up requests are no such files.
    """

    def __init__(self, folder: pathlib.Path, version: int):
        self.version = version
        graph = tf.Graph()
        self._session = tf.compat.v1.Session(graph=graph)
        try:
            with graph.as_default():
                meta_graph = tf.compat.v1.saved_model.load(
                    self._session, [tf.saved_model.SERVING], str(folder)
                )
            self.signature_defs: Mapping[str, meta_graph_pb2.SignatureDef] = (
                meta_graph.signature_def
            )
            self.signatures = _read_signatures(meta_graph, folder)
            for name, inputs in _warmup_requests(folder):
                if name not in self.signatures:
                    raise ValueError(
                        f"{folder / WARMUP_FILE} must ask for signatures that"
                        f" the model has. Received: {name!r}. Export the model"
                        " again."
                    )
                self.signatures[name].check(inputs)
                self.run(self.signatures[name], inputs)
        except BaseException:
            self._session.close()
            raise
        self._num_users = 0
        self._idle = asyncio.Event()
        self._idle.set()

    def run(
        self, signature: Signature, inputs: Mapping[str, np.ndarray]
    ) -> dict[str, np.ndarray]:
        """Computes the outputs.

        Args:
            signature: one of `signatures`.
            inputs: arrays by name that `signature.check` let pass.

        Returns:
            Arrays by name; strings are objects of bytes.

        Raises:
            ServingError: if the graph refuses the inputs.
        """
        names = [tensor.name for tensor in signature.inputs.values()]
        feeds = dict(zip(names, signature.complete(inputs), strict=True))
        fetches = {name: out.name for name, out in signature.outputs.items()}
        try:
            outputs = self._session.run(fetches, feeds)
        except tf.errors.OpError as error:
            raise from_tensorflow(error) from error
        return {name: np.asarray(value) for name, value in outputs.items()}

    def acquire(self) -> None:
        """Counts a user; the version is not closed before its `release`."""
        self._num_users += 1
        self._idle.clear()

    def release(self) -> None:
        """Ends what `acquire` began."""
        self._num_users -= 1
        if not self._num_users:
            self._idle.set()

    async def wait_idle(self) -> None:
        """Waits until nobody uses the version, or `abandon`."""
        await self._idle.wait()

    def abandon(self) -> int:
        """Waits no longer for users; returns how many there still are."""
        self._idle.set()
        return self._num_users

    def cancel(self) -> None:
        """Breaks off every `run`; none can follow."""
        self._session.close()

    def close(self) -> None:
        """Frees the version's memory."""
        self.cancel()
        del self._session
        gc.collect()  # A graph is full of reference cycles.


def _read_signatures(
    meta_graph: meta_graph_pb2.MetaGraphDef, folder: pathlib.Path
) -> dict[str, Signature]:
    path = folder / BATCH_PADDING_FILE
    padding: dict[str, dict[str, Any]] = {}
    if path.exists():
        padding = read_json(path, "Export the model again.")
        if not isinstance(padding, dict) or not all(
            isinstance(values, dict) for values in padding.values()
        ):
            raise ValueError(
                f"{path} must hold padding values by signature and input, as"
                f' {{"serving_default": {{"item_ids": ""}}}}.'
            )
    found = {
        name: Signature.from_proto(name, proto, padding.get(name))
        for name, proto in meta_graph.signature_def.items()
    }
    signatures = {
        name: signature for name, signature in found.items() if signature
    }
    if not signatures:
        raise ValueError(
            f"{folder} has no signature to serve. Export it with"
            " tf.saved_model.save(..., signatures=...)."
        )
    return signatures


def _warmup_requests(
    folder: pathlib.Path,
) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
    """Yields signature and inputs of each request that the export recorded."""
    path = folder / WARMUP_FILE
    if not path.exists():
        return
    records = tf.data.TFRecordDataset(str(path)).take(_MAX_WARMUP_REQUESTS)
    for record in records.as_numpy_iterator():
        log = prediction_log_pb2.PredictionLog.FromString(record)
        request = log.predict_log.request
        if request.inputs:
            name = request.model_spec.signature_name or "serving_default"
            yield (
                name,
                {
                    input_name: tf.make_ndarray(value)
                    for input_name, value in request.inputs.items()
                },
            )
