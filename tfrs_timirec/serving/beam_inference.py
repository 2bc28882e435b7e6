"""Recommendations for every user by an exported model, with Apache Beam."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterator, Sequence
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import tensorflow as tf
import tensorflow_datasets as tfds
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.utils.shared import Shared
from etils import epath

from tfrs_timirec._validation import check_positive_int
from tfrs_timirec.serving.batch_padding import BATCH_PADDING_FILE
from tfrs_timirec.serving.graph_message import graph_message
from tfrs_timirec.serving.publishing import load_saved_model

_SIGNATURE = "serving_default"
_MAX_BATCH_SIZE = 256

Row = dict[str, Any]


def recommend_all_with_beam(
    model_dir: str | os.PathLike[str],
    histories: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    k: int = 10,
    pipeline_options: Sequence[str] = (),
) -> int:
    """Writes the best items of every user into a folder of Parquet files.

    A row holds `user_id`, `item_ids` (best first) and `scores`, as those of
    `recommend_all`. What the users met, the whole of their sequences, is left
    out by the model itself. Users without a sequence are left out.

    Args:
        model_dir: an exported model, the folder of one version.
        histories: a folder that `prepare_sequences` made; other TFDS folders
            with its features will do.
        output: the folder; it must not exist yet.
        k: length of the lists.
        pipeline_options: Beam's, as "--runner=FlinkRunner"; by default all
            runs in this process. On a cluster all folders must lie where all
            workers reach them.

    Returns:
        The number of users.

    Raises:
        FileExistsError: if `output` exists.
        FileNotFoundError: if the model or the histories do not exist.
        ValueError: if the ids of the histories are not of the model's type,
            the model reads more than item ids, or refuses `k`.

    Example:
    >>> recommend_all_with_beam("saved_models/mine/1", "prepared", "best")
    """
    check_positive_int("recommend_all_with_beam", k=k)
    target = epath.Path(output)
    for name, path in {
        "model_dir": epath.Path(model_dir) / "saved_model.pb",
        "histories": epath.Path(histories) / "features.json",
    }.items():
        if not path.exists():
            raise FileNotFoundError(
                f"`{name}` must be a folder with a {path.name} in it."
                f" Received: {name}='{path.parent}'."
            )
    if target.exists():
        raise FileExistsError(
            f"`output` must not exist yet. Received: output='{target}'."
            " Choose another folder, or delete this one."
        )
    builder = tfds.builder_from_directory(histories)
    features = builder.info.features
    users = builder.info.splits["users"]
    draft = target.parent / f".draft-{target.name}"
    if draft.exists():  # Of a run that broke off.
        draft.rmtree()
    with beam.Pipeline(options=PipelineOptions(list(pipeline_options))) as p:
        (
            p
            | "Files" >> beam.Create([str(path) for path in users.filepaths])
            | "SpreadFiles" >> beam.Reshuffle()
            | "Read" >> beam.FlatMap(_read_users)
            | "SpreadUsers" >> beam.Reshuffle()
            | "HasHistory" >> beam.Filter(_has_history)
            | "Batch"
            >> beam.BatchElements(
                min_batch_size=1, max_batch_size=_MAX_BATCH_SIZE
            )
            | "Recommend" >> beam.ParDo(_Recommend(str(model_dir), k))
            | "Write"
            >> beam.io.WriteToParquet(
                str(draft / "part"),
                _schema(features),
                file_name_suffix=".parquet",
            )
        )
    draft.rename(target)
    return users.num_examples


class _Recommend(beam.DoFn):
    """Answers batches of users; a worker loads the model once."""

    def __init__(self, model_dir: str, k: int):
        super().__init__()
        self.model_dir = model_dir
        self.k = k
        self.shared = Shared()

    def setup(self) -> None:
        self.model = self.shared.acquire(self._load, tag=self.model_dir)
        path = epath.Path(self.model_dir) / BATCH_PADDING_FILE
        inputs = json.loads(path.read_text()) if path.exists() else {}
        self.padding = inputs.get(_SIGNATURE, {}).get("item_ids")

    def process(self, users: list[Row]) -> Iterator[Row]:
        if self.padding is not None:
            yield from self._recommend(users)
            return
        # Every value may be an item: only histories of one length fit together.
        users = sorted(users, key=_length)
        for _, alike in itertools.groupby(users, key=_length):
            yield from self._recommend(list(alike))

    def _recommend(self, users: list[Row]) -> Iterator[Row]:
        answer = self._answer([user["item_ids"] for user in users])
        lowest = np.finfo(np.float32).min
        for user, ids, scores in zip(
            users,
            answer["item_ids"].numpy().tolist(),
            answer["scores"].numpy(),
            strict=True,
        ):
            found = int(np.count_nonzero(scores > lowest))
            yield {
                "user_id": _plain(user["user_id"]),
                "item_ids": [_plain(item) for item in ids[:found]],
                "scores": scores[:found].tolist(),
            }

    def _answer(self, histories: list[list[Any]]) -> dict[str, tf.Tensor]:
        signature = self.model.signatures[_SIGNATURE]
        specs = signature.structured_input_signature[1]
        spec = specs["item_ids"]
        is_text = isinstance(histories[0][0], bytes)
        if is_text != (spec.dtype == tf.string):
            raise ValueError(
                "`histories` must hold ids of the model's type,"
                f" {spec.dtype.name}. Received:"
                f" {'text' if is_text else 'integers'}. Export the model from"
                " the same data."
            )
        length = max(map(len, histories))
        item_ids = np.array(
            [[self.padding] * (length - len(ids)) + ids for ids in histories],
            object if is_text else np.int64,
        )
        request = {
            "item_ids": tf.constant(item_ids, spec.dtype),
            "k": tf.constant(self.k, tf.int32),
            "exclude_ids": tf.zeros((1, 0), spec.dtype),
            "exclude_seen": tf.constant(True),
        }
        if unknown := sorted(set(specs) - set(request)):
            raise ValueError(
                "`model_dir` must hold a model that reads histories of item"
                f" ids and nothing else. Received: one that reads {unknown},"
                " too. Use `recommend_all` with its run."
            )
        try:
            return signature(**{name: request[name] for name in specs})
        except tf.errors.InvalidArgumentError as error:
            raise ValueError(
                f"The model refuses the request: {graph_message(error)}"
            ) from None

    def _load(self) -> Any:
        return load_saved_model(self.model_dir)


def _read_users(path: str) -> Iterator[Row]:
    """Yields user and history of each example of a TFRecord file."""
    for record in tf.data.TFRecordDataset(path).as_numpy_iterator():
        feature = tf.train.Example.FromString(record).features.feature
        yield {
            "user_id": _values(feature["user_id"])[0],
            "item_ids": _values(feature["item_ids"]),
        }


def _values(feature: tf.train.Feature) -> list[Any]:
    kind = feature.WhichOneof("kind")
    return list(getattr(feature, kind).value) if kind else []


def _has_history(user: Row) -> bool:
    return bool(user["item_ids"])


def _length(user: Row) -> int:
    return len(user["item_ids"])


def _plain(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value


def _schema(features: tfds.features.FeaturesDict) -> pa.Schema:
    def kind(name: str) -> pa.DataType:
        is_number = np.issubdtype(features[name].np_dtype, np.integer)
        return pa.int64() if is_number else pa.string()

    return pa.schema(
        [
            ("user_id", kind("user_id")),
            ("item_ids", pa.list_(kind("item_id"))),
            ("scores", pa.list_(pa.float32())),
        ]
    )
