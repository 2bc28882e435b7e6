"""Helpers of the tests of data sets made from raw files."""

import contextlib
import functools
import http.server
import pathlib
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import tensorflow_datasets as tfds


def prepare(
    name: str, manual_dir: Any, tmp_path_factory: pytest.TempPathFactory
) -> tfds.core.DatasetBuilder:
    """Prepares a data set from raw files in a folder."""
    builder = tfds.builder(name, data_dir=tmp_path_factory.mktemp("tfds"))
    builder.download_and_prepare(
        download_config=tfds.download.DownloadConfig(
            manual_dir=manual_dir, try_download_gcs=False
        )
    )
    return builder


def read_examples(
    builder: tfds.core.DatasetBuilder, split: str, key: str
) -> dict[Any, dict[str, Any]]:
    """Returns the examples of a split by the value of a feature."""
    examples = tfds.as_numpy(builder.as_dataset(split=split))
    return {example[key]: example for example in examples}


@contextlib.contextmanager
def serve(folder: pathlib.Path) -> Iterator[str]:
    """Serves the files of a folder over HTTP; gives the URL."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args: Any) -> None:
            pass

    handler = functools.partial(Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
