"""Recommendations for every user of a log, written part by part."""

from __future__ import annotations

import dataclasses
import functools
import os
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import tensorflow as tf

from tfrs_timirec._claim import claim
from tfrs_timirec._files import read_json, write_json, write_whole
from tfrs_timirec._validation import check_positive_int
from tfrs_timirec.data.context_features import ContextFeatures
from tfrs_timirec.data.interactions import NUM_RESERVED_IDS, Interactions
from tfrs_timirec.data.ranges import expand_ranges
from tfrs_timirec.evaluation.top_k import top_k_by_blocks
from tfrs_timirec.models import SequentialRecommender
from tfrs_timirec.models.feature_specs import length_to_read
from tfrs_timirec.serving.model_view import (
    ModelView,
    check_weights,
    fingerprint_weights,
)

# Readers of Parquet folders skip names that begin so.
_SETTINGS_NAME = "_settings.json"
_LOCK_NAME = ".lock"


@dataclasses.dataclass(frozen=True, kw_only=True)
class BatchSettings:
    """What is recommended to whom.

    Args:
        k: length of the lists; a longer one than there are items holds all.
        exclude_seen: leave out what the user met before.
        max_history_length: the newest items of a history that the model reads;
            by default as many as it can, 20 if it can any number.
        request_timestamp: Unix seconds of the moment that is recommended for,
            for models that read it; the log's newest time by default.
        users_per_part: users per file; a run that breaks off loses one part.
        batch_size: users scored at once.
        block_size: items scored at once; `batch_size * num_vectors *
            block_size` floats are the largest array.

    Raises:
        ValueError: if a number is not positive.

    Example:
    >>> BatchSettings(k=20, exclude_seen=False)
    """

    k: int = 10
    exclude_seen: bool = True
    max_history_length: int | None = None
    request_timestamp: int | None = None
    users_per_part: int = 65_536
    batch_size: int = 256
    block_size: int = 8192

    def __post_init__(self) -> None:
        check_positive_int(
            "BatchSettings",
            k=self.k,
            users_per_part=self.users_per_part,
            batch_size=self.batch_size,
            block_size=self.block_size,
        )


def recommend_all(
    model: SequentialRecommender,
    interactions: Interactions,
    output: str | os.PathLike[str],
    settings: BatchSettings | None = None,
    *,
    on_progress: Callable[[int], Any] = lambda num_users: None,
) -> int:
    """Writes the best items of every user into a folder of Parquet files.

    A row holds `user_id`, `item_ids` (best first) and `scores` (float32, of
    the same length); ids are raw. Lists are shorter than `k` where a user has
    met almost everything. All of a user's interactions are the history.

    A file appears when it is whole. Killed at any moment, the same call goes
    on behind the last whole file; a folder that other weights began, as those
    of a model that was trained anew, is refused. One process writes at a time.
    Memory holds one part's lists and scores of one block of items for one
    batch of users, however large the catalogue.

    Args:
        model: a trained model, in the stage that is to answer.
        interactions: the log it was trained on.
        output: the folder; made if it is missing.
        settings: what is recommended to whom.
        on_progress: is told how many users are done, found ones included.

    Returns:
        How many users were recommended to by this call.

    Raises:
        ValueError: if the folder holds recommendations of another model, log
            or other settings, another process writes into it, the model's
            vocabulary is not that of the log, it cannot read such long
            histories, or a weight is no number.

    Example:
    >>> recommend_all(model, interactions, "recommendations")
    >>> pd.read_parquet("recommendations").item_ids[0]
    """
    settings = settings or BatchSettings()
    vocabulary_size = model.item_embeddings.shape[0]
    if vocabulary_size != interactions.vocabulary_size:
        raise ValueError(
            "`interactions` must be the log that `model` was trained on."
            f" Received: {interactions.vocabulary_size} ids in the log,"
            f" {vocabulary_size} in the model."
        )
    length = length_to_read("recommend_all", model, settings.max_history_length)
    settings = dataclasses.replace(settings, max_history_length=length)
    check_weights(model)
    folder = pathlib.Path(output)
    with claim(folder / _LOCK_NAME) as mine:
        if not mine:
            raise ValueError(
                "`output` must be written by one process at a time. Received:"
                f" output='{folder}', into which another one writes. Wait for"
                " its end, or choose another folder."
            )
        _check_folder(folder, settings, interactions, model)
        return _write_parts(model, interactions, folder, settings, on_progress)


def _write_parts(
    model: SequentialRecommender,
    interactions: Interactions,
    folder: pathlib.Path,
    settings: BatchSettings,
    on_progress: Callable[[int], Any],
) -> int:
    """Writes the parts that are not there; returns how many users they have."""
    recommender = _BatchRecommender(model, interactions, settings)
    num_users, size = interactions.num_users, settings.users_per_part
    num_parts = -(-num_users // size)
    num_new = 0
    for part in range(num_parts):
        path = folder / f"part-{part:05d}-of-{num_parts:05d}.parquet"
        users = np.arange(part * size, min((part + 1) * size, num_users))
        if path.exists():
            on_progress(int(users[-1]) + 1)
            continue
        batches = []
        for start in range(0, len(users), settings.batch_size):
            batch = users[start : start + settings.batch_size]
            batches.append(recommender(batch))
            on_progress(int(batch[-1]) + 1)
        write = functools.partial(
            pyarrow.parquet.write_table,
            pa.concat_tables(batches),
            row_group_size=1 << 14,
        )
        write_whole(path, write)
        num_new += len(users)
    return num_new


class _BatchRecommender:
    """Turns a batch of users into rows of the result."""

    def __init__(
        self,
        model: SequentialRecommender,
        interactions: Interactions,
        settings: BatchSettings,
    ):
        self.log = interactions
        self.settings = settings
        self.length = length_to_read(
            "recommend_all", model, settings.max_history_length
        )
        self.raw_items = pa.array(interactions.items)
        self.raw_users = pa.array(interactions.users)
        self.context = ContextFeatures(interactions, model.feature_names)
        now = settings.request_timestamp
        self.now = int(interactions.timestamps.max()) if now is None else now
        # The model itself would copy the whole table for every batch.
        view = ModelView(model)

        @tf.function(reduce_retracing=True)
        def best_items(
            features: dict[str, tf.Tensor], excluded: tf.RaggedTensor
        ) -> tuple[tf.Tensor, tf.Tensor]:
            return top_k_by_blocks(
                view.represent(features).user_vectors,
                view.items,
                min(settings.k, interactions.num_items),
                excluded=excluded,
                block_size=settings.block_size,
            )

        self.best_items = best_items

    def __call__(self, users: np.ndarray) -> pa.Table:
        """Returns the rows of users, (batch,) indices."""
        features = self.features(users)
        scores, item_ids = self.best_items(features, self.excluded(users))
        ids = item_ids.numpy()
        found = ids > 0
        best = self.raw_items.take(pa.array(ids[found] - NUM_RESERVED_IDS))
        offsets = np.append(0, np.cumsum(found.sum(axis=1))).astype(np.int32)
        return pa.table(
            {
                "user_id": self.raw_users.take(pa.array(users)),
                "item_ids": pa.ListArray.from_arrays(offsets, best),
                "scores": pa.ListArray.from_arrays(
                    offsets, pa.array(scores.numpy()[found])
                ),
            }
        )

    def features(self, users: np.ndarray) -> dict[str, tf.Tensor]:
        """Returns what the model reads of users whose next item is asked."""
        starts = self.log.row_splits[users][:, np.newaxis]
        ends = self.log.row_splits[users + 1]
        places = ends[:, np.newaxis] + np.arange(-self.length, 0)
        is_real = places >= starts
        places = np.maximum(places, 0)
        item_ids = np.where(is_real, self.log.item_ids[places], 0)
        features = {
            "item_ids": tf.constant(item_ids, tf.int32),
            **self.context(
                tf.constant(ends - 1), tf.constant(places), item_ids
            ),
        }
        if "request_timestamp" in features:
            features["request_timestamp"] = tf.fill(
                (len(users),), tf.constant(self.now, tf.int64)
            )
        return features

    def excluded(self, users: np.ndarray) -> tf.RaggedTensor:
        """Returns the ids that are not recommended to each user."""
        if not self.settings.exclude_seen:
            empty = np.zeros(len(users) + 1, np.int64)
            return tf.RaggedTensor.from_row_splits(
                tf.zeros((0,), tf.int32), empty
            )
        rows, places = expand_ranges(
            self.log.row_splits[users], self.log.row_splits[users + 1]
        )
        return tf.RaggedTensor.from_value_rowids(
            self.log.item_ids[places], rows, nrows=len(users)
        )


def _check_folder(
    folder: pathlib.Path,
    settings: BatchSettings,
    interactions: Interactions,
    model: SequentialRecommender,
) -> None:
    """Writes what the folder holds, or compares it with what was written."""
    record = {
        **dataclasses.asdict(settings),
        "data_fingerprint": interactions.fingerprint,
        "model": fingerprint_weights(model)[:16],
    }
    # They decide how long it takes, not what is found.
    del record["batch_size"], record["block_size"]
    path = folder / _SETTINGS_NAME
    # Without a part it is of a call that wrote nothing.
    if path.exists() and any(folder.glob("part-*")):
        known = read_json(
            path, "Delete the folder with all its parts, or choose another."
        )
        differences = [
            f"{name} ({known.get(name)!r} there, {value!r} now)"
            for name, value in record.items()
            if known.get(name) != value
        ]
        if differences:
            raise ValueError(
                "`output` must be new or hold recommendations of the same"
                f" model, data and settings. Received: output='{folder}',"
                f" which differs in {', '.join(differences)}. Choose another"
                " folder, or delete this one."
            )
        return
    # The lock, and what a process that was killed left of its first file.
    if any(
        found.name != _SETTINGS_NAME and not found.name.startswith(".")
        for found in folder.iterdir()
    ):
        raise ValueError(
            "`output` must be a new or empty folder, or one that"
            f" recommendations were written into. Received: output='{folder}'."
            " Choose another folder."
        )
    write_json(path, record)
