"""Reads a prepared TFDS data set of user sequences into flat arrays."""

import dataclasses
import math
from typing import Any

import numpy as np
import pandas as pd
import tensorflow as tf
import tensorflow_datasets as tfds

from tfrs_timirec.data.encoded_log import EncodedLog
from tfrs_timirec.data.raw_columns import encode_ids, parse_timestamps

PREPARED_NAME = "user_sequences"  # What `timirec data prepare` writes.

# Data sets made from logs of any kind, whose times may have had parts of a
# second. Those of the others are whole seconds in the raw files already.
_SORTED_BY_EXACT_TIME = ("interaction_log", PREPARED_NAME)
_BATCH_SIZE = 4096


@dataclasses.dataclass(frozen=True, eq=False)
class TfdsLog:
    """What a TFDS data set of user sequences holds.

    Args:
        log: the interactions.
        item_metadata: one row an item of the split `items`, indexed by raw id.
        user_metadata: the same for the split `users`; None if it has none.
        users_without_interactions: how many users have an empty sequence.
    """

    log: EncodedLog
    item_metadata: pd.DataFrame
    user_metadata: pd.DataFrame | None
    users_without_interactions: int


def read_tfds(builder: tfds.core.DatasetBuilder) -> TfdsLog:
    """Reads the splits `users` and `items` of a prepared builder.

    Sequences of the split `users` as long as `item_ids` become columns; its
    other features become user metadata, those of the split `items` become item
    metadata. Numbers, text and sequences of them (or of fixed shapes of them)
    are read; nested sequences are not.

    Args:
        builder: a builder after `download_and_prepare()`.

    Raises:
        TypeError: if `builder` is no builder, such as a name.
        ValueError: if the data set is not prepared, lacks a split or feature,
            or holds a bad id or time.
    """
    _check(builder)
    users = _read_split(builder, "users")
    lengths = np.diff(users["item_ids"].splits)
    owner = np.repeat(np.arange(len(lengths)), lengths)
    sequences: dict[str, Any] = {
        name: feature.values
        for name, feature in users.items()
        if isinstance(feature, _Ragged)
        and len(feature.values)
        and np.array_equal(np.diff(feature.splits), lengths)
    }
    raw_users = users["user_id"]
    profile = {
        name: feature
        for name, feature in users.items()
        if name not in sequences
    }

    def locate(row: int) -> str:
        user = owner[row]
        step = row - users["item_ids"].splits[user]
        return f"step {step} of user {_plain(raw_users[user])!r}"

    user_codes, user_ids = encode_ids(
        pd.Series(raw_users, name="user_id"),
        "user_id",
        lambda row: f"example {row} of the split users",
    )
    used = lengths > 0
    item_codes, items = encode_ids(
        pd.Series(sequences.pop("item_ids", []), name="item_ids"),
        "item_ids",
        locate,
    )
    exact_times, timestamps = parse_timestamps(
        pd.Series(sequences.pop("timestamps", []), name="timestamps"),
        "timestamps",
        locate,
    )
    log = EncodedLog(
        user_codes=user_codes[owner],
        item_codes=item_codes,
        exact_times=exact_times,
        timestamps=timestamps,
        users=user_ids,
        items=items,
        columns=sequences,
        has_final_order=builder.name in _SORTED_BY_EXACT_TIME,
    ).without_unused_ids()
    raw_items = _read_split(builder, "items")
    user_metadata = _table("user_id", profile, raw_items)
    return TfdsLog(
        log=log,
        item_metadata=_table("item_id", raw_items, users),
        user_metadata=None if user_metadata.empty else user_metadata,
        users_without_interactions=int(np.count_nonzero(~used)),
    )


@dataclasses.dataclass(eq=False)
class _Ragged:
    values: Any  # (total, ...) array; categorical for text item_ids
    splits: np.ndarray  # (num_examples + 1,) int64


def _check(builder: tfds.core.DatasetBuilder) -> None:
    if not isinstance(builder, tfds.core.DatasetBuilder):
        raise TypeError(
            "`builder` must be a TFDS dataset builder. Received:"
            f" builder={builder!r}. Make one with tfds.builder(name)."
        )
    features = set(builder.info.features or {})
    missing = {"user_id", "item_ids", "timestamps", "item_id"} - features
    if missing:
        raise ValueError(
            "`builder` must have the features user_id, item_ids, timestamps"
            f" and item_id. Received: builder={builder.info.full_name!r}"
            f" without {', '.join(sorted(missing))}."
        )
    splits = set(builder.info.splits)
    if not {"users", "items"} <= splits:
        raise ValueError(
            "`builder` must have the prepared splits users and items."
            f" Received: builder={builder.info.full_name!r} with splits"
            f" {sorted(splits)}. Call builder.download_and_prepare() first."
        )
    if builder.info.file_format.value != "tfrecord":
        raise ValueError(
            "`builder` must keep its data as TFRecord. Received:"
            f" file_format={builder.info.file_format.value!r}. Make the builder"
            " with file_format='tfrecord'."
        )


def _read_split(
    builder: tfds.core.DatasetBuilder, split: str
) -> dict[str, Any]:
    """Reads a split into NumPy arrays and _Ragged sequences.

    `builder.as_dataset` decodes one example at a time; parsing thousands at
    once reads the same records many times faster.
    """
    features = builder.info.features
    specs = {
        name: spec
        for name, spec in features.tf_example_spec.items()
        if name in features
    }
    parsers = {
        name: tf.io.RaggedFeature(spec.dtype) if _is_sequence(spec) else spec
        for name, spec in specs.items()
    }
    files = [str(path) for path in builder.info.splits[split].filepaths]
    parts: dict[str, list] = {name: [] for name in specs}
    item_codes = _TextCodes()
    for records in tf.data.TFRecordDataset(files).batch(_BATCH_SIZE):
        for name, value in tf.io.parse_example(records, parsers).items():
            is_text_id = name == "item_ids" and value.dtype == tf.string
            parts[name].append(
                item_codes.number(value) if is_text_id else value
            )
    if not parts["item_id"]:
        raise ValueError(
            f"`builder` must have examples in the split {split}. Received:"
            f" builder={builder.info.full_name!r}, where it is empty."
        )
    arrays: dict[str, Any] = {}
    for name, spec in specs.items():
        dtype = features[name].np_dtype
        if _is_sequence(spec):
            joined = _join_sequences(parts[name], spec.shape)
            if name == "item_ids" and spec.dtype == tf.string:
                joined.values = item_codes.decode(joined.values)
            else:
                joined.values = joined.values.astype(dtype)
            arrays[name] = joined
        else:
            values = np.concatenate([part.numpy() for part in parts[name]])
            arrays[name] = values.astype(dtype)
    return arrays


class _TextCodes:
    """Numbers texts in the order they come; a repeated one is kept once."""

    def __init__(self) -> None:
        self._codes: dict[bytes, int] = {}

    def number(self, texts: tf.RaggedTensor) -> tf.RaggedTensor:
        """Returns int32 codes in place of the texts."""
        places, distinct = pd.factorize(texts.values.numpy())
        known = [
            self._codes.setdefault(text, len(self._codes)) for text in distinct
        ]
        codes = np.array(known, np.int32)[places]
        return texts.with_values(tf.constant(codes, tf.int32))

    def decode(self, codes: np.ndarray) -> pd.Categorical:
        """Returns the texts as categories."""
        texts = pd.Index(list(self._codes), dtype=object)
        return pd.Categorical.from_codes(codes, texts)


def _is_sequence(spec: Any) -> bool:
    return isinstance(spec, tf.io.FixedLenSequenceFeature)


def _join_sequences(
    parts: list[tf.RaggedTensor], step_shape: tuple[int, ...]
) -> _Ragged:
    """Joins batches of flat sequences of steps of `step_shape`."""
    values = np.concatenate([part.values.numpy() for part in parts])
    lengths = np.concatenate([part.row_lengths().numpy() for part in parts])
    return _Ragged(
        values=values.reshape(-1, *step_shape),
        splits=np.append(0, np.cumsum(lengths // math.prod(step_shape))),
    )


def _table(
    key: str, split: dict[str, Any], other: dict[str, Any]
) -> pd.DataFrame:
    """Returns the features that are a split's own, indexed by raw id."""
    columns: dict[str, Any] = {}
    for name, feature in split.items():
        if name in {"item_id", "user_id"} or _is_foreign(feature, other[name]):
            continue
        if isinstance(feature, _Ragged):
            rows = np.split(feature.values, feature.splits[1:-1])
            columns[name] = [_plain_all(row).tolist() for row in rows]
        else:
            columns[name] = _plain_all(feature)
    return pd.DataFrame(columns, index=pd.Index(_plain_all(split[key])))


def _is_foreign(
    here: np.ndarray | _Ragged, there: np.ndarray | _Ragged
) -> bool:
    """Whether a feature is filled in the other split only, or in none.

    Numbers that are all 0 in both splits may be meant, in either.
    """
    if isinstance(here, _Ragged):
        return not len(here.values)
    is_text = here.dtype == object
    return not np.any(here) and (is_text or bool(np.any(there)))  # type: ignore[arg-type]


def _plain(value: Any) -> Any:
    return value.decode("utf-8") if isinstance(value, bytes) else value


def _plain_all(values: np.ndarray) -> np.ndarray:
    if values.dtype != object:
        return values
    plain = np.empty(len(values), dtype=object)
    plain[:] = [_plain(value) for value in values]
    return plain
