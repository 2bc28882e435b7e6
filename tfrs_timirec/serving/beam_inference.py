"""Recommendations for every user by an exported model, with Apache Beam."""

from __future__ import annotations

import functools
import os
import uuid
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

from tfrs_timirec._files import check_beam_path, read_json
from tfrs_timirec._validation import check_positive_int
from tfrs_timirec.serving.batch_padding import BATCH_PADDING_FILE
from tfrs_timirec.serving.graph_message import graph_message
from tfrs_timirec.serving.publishing import (
    load_saved_model,
    newest_version,
    no_version,
)

_SIGNATURE = "serving_default"
_INPUTS = ("item_ids", "k", "exclude_ids", "exclude_seen")
_FEATURES = ("user_id", "item_ids", "item_id")  # Of the histories.
_MAX_BATCH_SIZE = 256
_MAX_BATCH_ITEMS = 2**18  # Of histories, padded to the longest.

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
        model_dir: an exported model: the folder of one version, or of all, of
            which the newest is taken.
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
        ValueError: if `output` holds a wildcard, the histories lack a feature
            or the split `users`, are not kept as TFRecord, or have ids that are
            not of the model's type, or the model is none that `export` wrote,
            reads more than item ids, or refuses `k`.

    Example:
    >>> recommend_all_with_beam("saved_models/mine/1", "prepared", "best")
    """
    check_positive_int("recommend_all_with_beam", k=k)
    target = epath.Path(output)
    check_beam_path("output", target)
    version = newest_version(epath.Path(model_dir))
    if version is None:
        raise no_version("model_dir", model_dir)
    if not (epath.Path(histories) / "features.json").exists():
        raise FileNotFoundError(
            "`histories` must be a folder with a features.json in it."
            f" Received: histories='{histories}'. `timirec data prepare` makes"
            " one."
        )
    if target.exists():
        raise FileExistsError(
            f"`output` must not exist yet. Received: output='{target}'."
            " Choose another folder, or delete this one."
        )
    info = tfds.builder_from_directory(histories).info
    _check_histories(histories, info)
    features, users = info.features, info.splits["users"]
    recommend = _Recommend(str(version), k)
    # An error in a worker is a page of the runner's; these come before. A
    # runner in this process takes the same model, as long as it is held.
    model = recommend.load()
    model.check(has_text=not _is_integer(features, "item_id"))
    draft = target.parent / f".draft-{target.name}-{uuid.uuid4().hex[:8]}"
    try:
        with beam.Pipeline(
            options=PipelineOptions(list(pipeline_options))
        ) as p:
            (
                p
                | "Files"
                >> beam.Create([str(path) for path in users.filepaths])
                | "SpreadFiles" >> beam.Reshuffle()
                | "Read" >> beam.FlatMap(_read_users)
                | "SpreadUsers" >> beam.Reshuffle()
                | "HasHistory" >> beam.Filter(_has_history)
                | "Batch"
                >> beam.BatchElements(
                    min_batch_size=1, max_batch_size=_MAX_BATCH_SIZE
                )
                | "Recommend" >> beam.ParDo(recommend)
                | "Write"
                >> beam.io.WriteToParquet(
                    str(draft / "part"),
                    _schema(features),
                    file_name_suffix=".parquet",
                )
            )
        draft.rename(target)
    finally:
        draft.rmtree(missing_ok=True)
    return users.num_examples


def _check_histories(
    histories: str | os.PathLike[str], info: tfds.core.DatasetInfo
) -> None:
    """Raises a ValueError unless a data set holds what the pipeline reads."""
    missing = [
        *(f"feature {name}" for name in _FEATURES if name not in info.features),
        *(["split users"] if "users" not in info.splits else []),
    ]
    file_format = info.file_format.value
    if missing or file_format != "tfrecord":
        raise ValueError(
            f"`histories` must have the features {', '.join(_FEATURES)} and the"
            f" split users, kept as TFRecord. Received: histories='{histories}'"
            f" ({info.full_name}) "
            + (
                f"without the {', the '.join(missing)}."
                if missing
                else f"with file_format={file_format!r}."
            )
            + " `timirec data prepare` makes such a folder."
        )


class _Recommender:
    """An exported model that is asked for lists of one length."""

    def __init__(self, model_dir: str, k: int):
        self._model = load_saved_model(model_dir)
        self._k = k
        signatures = getattr(self._model, "signatures", {})
        if _SIGNATURE not in signatures:
            raise ValueError(
                "`model_dir` must be a model that `timirec export` wrote."
                f" Received: model_dir='{model_dir}' with the signatures"
                f" {', '.join(signatures) or 'none'}."
            )
        self._signature = signatures[_SIGNATURE]
        self._specs = self._signature.structured_input_signature[1]
        path = epath.Path(model_dir) / BATCH_PADDING_FILE
        inputs = (
            read_json(path, "Export the model again.") if path.exists() else {}
        )
        self.padding = inputs.get(_SIGNATURE, {}).get("item_ids")

    def check(self, has_text: bool) -> None:
        """Raises a ValueError unless the model reads such ids, and `k`."""
        if unknown := sorted(set(self._specs) - set(_INPUTS)):
            raise ValueError(
                "`model_dir` must hold a model that reads histories of item"
                f" ids and nothing else. Received: one that reads {unknown},"
                " too. Use `recommend_all` with its run."
            )
        dtype = self._specs["item_ids"].dtype
        if has_text != (dtype == tf.string):
            raise ValueError(
                "`histories` must hold ids of the model's type,"
                f" {dtype.name}. Received:"
                f" {'text' if has_text else 'integers'}. Export the model from"
                " the same data."
            )
        self.answer([["" if has_text else 0]])

    def answer(self, histories: list[list[Any]]) -> dict[str, tf.Tensor]:
        """Returns the lists after histories, which are padded on the left."""
        dtype = self._specs["item_ids"].dtype
        length = max(map(len, histories))
        item_ids = np.array(
            [[self.padding] * (length - len(ids)) + ids for ids in histories],
            object if dtype == tf.string else np.int64,
        )
        request = {
            "item_ids": tf.constant(item_ids, dtype),
            "k": tf.constant(min(self._k, tf.int32.max), tf.int32),
            "exclude_ids": tf.zeros((1, 0), dtype),
            "exclude_seen": tf.constant(True),
        }
        try:
            return self._signature(
                **{name: request[name] for name in self._specs}
            )
        except tf.errors.InvalidArgumentError as error:
            raise ValueError(
                f"The model refuses the request: {graph_message(error)}"
            ) from None


class _Recommend(beam.DoFn):
    """Answers batches of users; a worker loads the model once."""

    def __init__(self, model_dir: str, k: int):
        super().__init__()
        self.model_dir = model_dir
        self.k = k
        self.shared = Shared()

    def load(self) -> _Recommender:
        """Returns the model, which this process loads once."""
        return self.shared.acquire(
            functools.partial(_Recommender, self.model_dir, self.k),
            tag=self.model_dir,
        )

    def setup(self) -> None:
        self.model = self.load()

    def process(self, users: list[Row]) -> Iterator[Row]:
        for alike in _batches(users, self.model.padding is not None):
            yield from self._recommend(alike)

    def _recommend(self, users: list[Row]) -> Iterator[Row]:
        answer = self.model.answer([user["item_ids"] for user in users])
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


def _batches(users: list[Row], has_padding: bool) -> Iterator[list[Row]]:
    """Yields users with histories of about one length.

    Where every value may be an item, only those of one length fit together.
    """
    batch: list[Row] = []
    for user in sorted(users, key=_length):
        length = _length(user)
        if batch and (
            (len(batch) + 1) * length > _MAX_BATCH_ITEMS
            or (not has_padding and length > _length(batch[0]))
        ):
            yield batch
            batch = []
        batch.append(user)
    if batch:
        yield batch


def _has_history(user: Row) -> bool:
    return bool(user["item_ids"])


def _length(user: Row) -> int:
    return len(user["item_ids"])


def _plain(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value


def _is_integer(features: tfds.features.FeaturesDict, name: str) -> bool:
    return np.issubdtype(features[name].np_dtype, np.integer)


def _schema(features: tfds.features.FeaturesDict) -> pa.Schema:
    def kind(name: str) -> pa.DataType:
        return pa.int64() if _is_integer(features, name) else pa.string()

    return pa.schema(
        [
            ("user_id", kind("user_id")),
            ("item_ids", pa.list_(kind("item_id"))),
            ("scores", pa.list_(pa.float32())),
        ]
    )
