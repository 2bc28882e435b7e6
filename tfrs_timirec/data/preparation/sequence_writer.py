"""Writes records as a TFDS data set: shards of users, shards of items."""

from __future__ import annotations

from typing import Any

import apache_beam as beam
import numpy as np
import tensorflow_datasets as tfds

from tfrs_timirec.data.preparation.transforms import (
    RawId,
    ReadRecords,
    Record,
    WriteCounts,
    distinct_items,
)
from tfrs_timirec.data.tfds_reader import PREPARED_NAME

Example = tuple[str, dict[str, Any]]


class SequenceWriter(  # type: ignore[call-arg]
    tfds.core.GeneratorBasedBuilder, skip_registration=True
):
    """Writes the splits `users` and `items` by TFDS's own Beam writer.

    The features are those of the package's data sets, so that
    `Interactions.from_tfds` reads them: `user_id`, `item_ids` and `timestamps`
    in the split `users`, `item_id` in the split `items`, which is the
    vocabulary. How many ids are "ids_with_outer_spaces" is counted by the way.

    Args:
        prefix: how the paths of the records begin; see `WriteRecords`.
        kinds: type of user ids and of item ids, int or str.
        counts_path: the file to write the count into; see `WriteCounts`.
        **kwargs: those of a TFDS builder.
    """

    VERSION = tfds.core.Version("1.0.0")
    name = PREPARED_NAME

    def __init__(
        self,
        prefix: str,
        kinds: tuple[type, type],
        counts_path: str,
        **kwargs: Any,
    ):
        self.prefix = prefix
        self.kinds = kinds
        self.counts_path = counts_path
        super().__init__(file_format="tfrecord", **kwargs)

    def _info(self) -> tfds.core.DatasetInfo:
        user_dtype, item_dtype = map(_dtype, self.kinds)
        return tfds.core.DatasetInfo(
            builder=self,
            description="Who met which items when, one example a user.",
            features=tfds.features.FeaturesDict(
                {
                    "user_id": user_dtype,
                    "item_ids": tfds.features.Tensor(
                        shape=(None,), dtype=item_dtype
                    ),
                    "timestamps": tfds.features.Tensor(
                        shape=(None,), dtype=np.int64
                    ),
                    "item_id": item_dtype,
                }
            ),
        )

    def _split_generators(
        self,
        dl_manager: tfds.download.DownloadManager,
        pipeline: beam.Pipeline,
    ) -> dict[str, beam.PCollection]:
        del dl_manager  # There is nothing to download.
        records = pipeline | ReadRecords(self.prefix)
        users = records | "UserExamples" >> beam.Map(_user_example, self.kinds)
        items = distinct_items(records)
        ids = (records | "UserIds" >> beam.Map(_user_id), items)
        (
            ids
            | "Ids" >> beam.Flatten()
            | "OuterSpaces" >> beam.Map(_count_outer_spaces)
            | WriteCounts(self.counts_path)
        )
        return {
            "users": users,
            "items": items
            | "ItemExamples" >> beam.Map(_item_example, self.kinds),
        }

    def _generate_examples(self) -> Any:
        raise NotImplementedError("The splits bring their own collections.")


def _dtype(kind: type) -> type:
    return np.int64 if kind is int else np.str_


def _user_id(record: Record) -> RawId:
    return record[0]


def _count_outer_spaces(raw_id: RawId) -> tuple[str, int]:
    has_some = isinstance(raw_id, str) and raw_id != raw_id.strip()
    return "ids_with_outer_spaces", int(has_some)


def _user_example(record: Record, kinds: tuple[type, type]) -> Example:
    user, items, times = record
    _, item_kind = kinds
    return str(user), {
        "user_id": user,
        "item_ids": np.array(items, np.int64 if item_kind is int else object),
        "timestamps": np.array(times, np.int64),
        "item_id": item_kind(),
    }


def _item_example(item: RawId, kinds: tuple[type, type]) -> Example:
    user_kind, item_kind = kinds
    return str(item), {
        "user_id": user_kind(),
        "item_ids": np.zeros(0, np.int64 if item_kind is int else object),
        "timestamps": np.zeros(0, np.int64),
        "item_id": item,
    }
