"""Interactions: who met which item when, as flat integer arrays."""

import dataclasses
import functools
import hashlib
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from tfrs_timirec.data.cleaning import CleaningOptions, CleaningReport
from tfrs_timirec.data.encoded_log import EncodedLog, clean_log, encode_table
from tfrs_timirec.data.readers import RawTable, read_csv, read_parquet
from tfrs_timirec.data.tfds_reader import read_tfds

if TYPE_CHECKING:
    import tensorflow_datasets as tfds

PADDING_ID = 0
UNKNOWN_ID = 1
NUM_RESERVED_IDS = 2


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Interactions:
    """A log of interactions, sorted by user and time, ids numbered.

    Build it with `from_dataframe`, `from_csv`, `from_parquet` or `from_tfds`.
    Both vocabularies ascend by raw id, so the numbering does not depend on the
    order of the rows. Integer ids stay integers; text ids stay text as they
    are ("007" is not "7"). A CSV has no types: its ids are text.

    Args:
        name: what to call the data.
        user_indices: (num_interactions,) int32, ascending, indexes `users`.
        item_ids: (num_interactions,) int32 vocabulary ids: 0 pads, 1 is the
            unknown item, `items[i]` has id i + 2.
        timestamps: (num_interactions,) int64 Unix seconds, ascending within a
            user.
        users: (num_users,) raw user ids, ascending: int64, or objects of str.
        items: (num_items,) raw item ids, ascending: int64, or objects of str.
        columns: further per-interaction arrays, first axis num_interactions.
        item_metadata: a row an item in the order of `items`, indexed by raw
            item id; None if there is none.
        report: what reading and cleaning met, changed or removed.

    Example:
        >>> log = pd.DataFrame(
        ...     {"user_id": ["u", "u"], "item_id": ["b", "a"],
        ...      "timestamp": [10, 20]})
        >>> Interactions.from_dataframe(log).item_ids
        array([3, 2], dtype=int32)
    """

    name: str
    user_indices: np.ndarray
    item_ids: np.ndarray
    timestamps: np.ndarray
    users: np.ndarray
    items: np.ndarray
    columns: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)
    item_metadata: pd.DataFrame | None = None
    report: CleaningReport = CleaningReport()

    @classmethod
    def from_dataframe(
        cls,
        frame: pd.DataFrame,
        *,
        name: str = "interactions",
        user_column: str = "user_id",
        item_column: str = "item_id",
        timestamp_column: str = "timestamp",
        extra_columns: Sequence[str] = (),
        item_metadata: pd.DataFrame | None = None,
        cleaning: CleaningOptions | None = None,
    ) -> "Interactions":
        """Builds the interactions from a table, one interaction a row.

        Args:
            frame: the table.
            name: what to call the data.
            user_column: name of the column of user ids, integers or text.
            item_column: name of the column of item ids, integers or text.
            timestamp_column: name of the column of times: Unix seconds,
                datetimes, or ISO 8601 text (UTC where no zone is given).
            extra_columns: names of further columns to keep in `columns`.
            item_metadata: a row an item, indexed by raw item id.
            cleaning: the cleaning rules; by default nothing is removed.

        Raises:
            ValueError: if a column is missing, a value is bad, or nothing is
                left. The error names the row.
        """
        return cls._from_table(
            RawTable(frame, lambda row: f"frame.iloc[{row}]"),
            name=name,
            user_column=user_column,
            item_column=item_column,
            timestamp_column=timestamp_column,
            extra_columns=extra_columns,
            item_metadata=item_metadata,
            cleaning=cleaning,
        )

    @classmethod
    def from_csv(
        cls,
        path: str | os.PathLike[str],
        *,
        name: str | None = None,
        user_column: str = "user_id",
        item_column: str = "item_id",
        timestamp_column: str = "timestamp",
        extra_columns: Sequence[str] = (),
        item_metadata: pd.DataFrame | None = None,
        cleaning: CleaningOptions | None = None,
        delimiter: str | None = None,
    ) -> "Interactions":
        """Builds the interactions from a CSV file with a header line.

        Args:
            path: a file `*.csv`, `*.tsv` or `*.txt`, or one of these with
                `.gz`. Ids are read as text.
            name: what to call the data; by default the file's name.
            user_column: see `from_dataframe`.
            item_column: see `from_dataframe`.
            timestamp_column: see `from_dataframe`.
            extra_columns: see `from_dataframe`; they are read as text.
            item_metadata: see `from_dataframe`.
            cleaning: see `from_dataframe`.
            delimiter: between values; by default a tab for `.tsv`, else a
                comma.

        Raises:
            FileNotFoundError: if there is no such file.
            ValueError: if the file is empty, broken or of another kind, a
                column is missing, or a value is bad. The error names the line.
        """
        wanted = (user_column, item_column, timestamp_column, *extra_columns)
        return cls._from_table(
            read_csv(path, wanted, delimiter),
            name=name or _stem(path),
            user_column=user_column,
            item_column=item_column,
            timestamp_column=timestamp_column,
            extra_columns=extra_columns,
            item_metadata=item_metadata,
            cleaning=cleaning,
        )

    @classmethod
    def from_parquet(
        cls,
        path: str | os.PathLike[str],
        *,
        name: str | None = None,
        user_column: str = "user_id",
        item_column: str = "item_id",
        timestamp_column: str = "timestamp",
        extra_columns: Sequence[str] = (),
        item_metadata: pd.DataFrame | None = None,
        cleaning: CleaningOptions | None = None,
    ) -> "Interactions":
        """Builds the interactions from a Parquet file.

        Args:
            path: a file `*.parquet` or `*.pq`.
            name: what to call the data; by default the file's name.
            user_column: see `from_dataframe`.
            item_column: see `from_dataframe`.
            timestamp_column: see `from_dataframe`.
            extra_columns: see `from_dataframe`.
            item_metadata: see `from_dataframe`.
            cleaning: see `from_dataframe`.

        Raises:
            FileNotFoundError: if there is no such file.
            ValueError: if the file is broken or of another kind, a column is
                missing, or a value is bad. The error names the row.
        """
        wanted = (user_column, item_column, timestamp_column, *extra_columns)
        return cls._from_table(
            read_parquet(path, wanted),
            name=name or _stem(path),
            user_column=user_column,
            item_column=item_column,
            timestamp_column=timestamp_column,
            extra_columns=extra_columns,
            item_metadata=item_metadata,
            cleaning=cleaning,
        )

    @classmethod
    def from_tfds(
        cls,
        builder: "tfds.core.DatasetBuilder",
        *,
        cleaning: CleaningOptions | None = None,
    ) -> "Interactions":
        """Builds the interactions from a prepared TFDS data set.

        The data set has a split `users` (user_id, item_ids, timestamps and any
        further sequences of that length, which become `columns`) and a split
        `items` (item_id and its metadata).

        Args:
            builder: a builder after `download_and_prepare()`.
            cleaning: see `from_dataframe`.

        Raises:
            ValueError: if the data set is not prepared, lacks a split or a
                feature, or holds a bad value.
        """
        source = read_tfds(builder)
        config = builder.builder_config
        return cls._from_log(
            source.log,
            name=f"{builder.name}/{config.name}" if config else builder.name,
            item_metadata=source.item_metadata,
            cleaning=cleaning,
            users_without_interactions=source.users_without_interactions,
        )

    @classmethod
    def _from_table(
        cls,
        table: RawTable,
        *,
        name: str,
        item_metadata: pd.DataFrame | None,
        cleaning: CleaningOptions | None,
        **columns: Any,
    ) -> "Interactions":
        columns["extra_columns"] = tuple(columns["extra_columns"])
        log = encode_table(table.frame, locate=table.locate, **columns)
        return cls._from_log(
            log, name=name, item_metadata=item_metadata, cleaning=cleaning
        )

    @classmethod
    def _from_log(
        cls,
        log: EncodedLog,
        *,
        name: str,
        item_metadata: pd.DataFrame | None,
        cleaning: CleaningOptions | None,
        **counts: Any,
    ) -> "Interactions":
        log, report = clean_log(log, cleaning or CleaningOptions())
        if item_metadata is not None:
            known = pd.Index(log.items).isin(item_metadata.index)
            counts["items_without_metadata"] = int(np.count_nonzero(~known))
            counts["items_without_interactions"] = len(item_metadata) - int(
                np.count_nonzero(known)
            )
            item_metadata = item_metadata.reindex(log.items)
        return cls(
            name=name,
            user_indices=log.user_codes.astype(np.int32),
            item_ids=(log.item_codes + NUM_RESERVED_IDS).astype(np.int32),
            timestamps=log.timestamps,
            users=log.users,
            items=log.items,
            columns=log.columns,
            item_metadata=item_metadata,
            report=dataclasses.replace(report, **counts),
        )

    @property
    def num_users(self) -> int:
        """Number of users."""
        return len(self.users)

    @property
    def num_items(self) -> int:
        """Number of real items, without padding and the unknown item."""
        return len(self.items)

    @property
    def num_interactions(self) -> int:
        """Number of interactions."""
        return len(self.item_ids)

    @property
    def vocabulary_size(self) -> int:
        """Number of item ids: the items, padding and the unknown item."""
        return self.num_items + NUM_RESERVED_IDS

    @property
    def density(self) -> float:
        """Interactions per (user, item) pair, between 0 and 1."""
        return self.num_interactions / (self.num_users * self.num_items)

    @functools.cached_property
    def row_splits(self) -> np.ndarray:
        """Where each user's interactions begin: (num_users + 1,) int64.

        Those of user u are at [row_splits[u], row_splits[u + 1]).
        """
        counts = np.bincount(self.user_indices, minlength=self.num_users)
        return np.concatenate(([0], np.cumsum(counts))).astype(np.int64)

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of users, items, sequences and times.

        Equal logs have equal fingerprints whatever their name, metadata and
        further columns.
        """
        digest = hashlib.sha256()
        for ids in (self.users, self.items):
            digest.update(_bytes(ids))
        for array in (self.row_splits, self.item_ids, self.timestamps):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()

    def encode_items(self, raw_ids: Sequence[Any] | np.ndarray) -> np.ndarray:
        """Turns raw item ids into vocabulary ids.

        Args:
            raw_ids: raw ids of the vocabulary's type, any shape.

        Returns:
            int32 array of the same shape; 1 for ids not in the vocabulary.

        Raises:
            TypeError: if text is given for integer ids or the other way round.
        """
        raw = np.asarray(raw_ids)
        if raw.dtype.kind == "S":
            raw = np.char.decode(raw, "utf-8")
        if raw.size == 0:
            return np.full(raw.shape, UNKNOWN_ID, dtype=np.int32)
        is_text = raw.dtype.kind in "UOT"
        if is_text != (self.items.dtype == object):
            held = "text" if self.items.dtype == object else "integers"
            raise TypeError(
                f"`raw_ids` must be {held}, as the item ids of {self.name!r}"
                f" are. Received: raw_ids of dtype {raw.dtype}."
            )
        wanted = pd.Index(raw.reshape(-1), dtype=self.items.dtype)
        found = self._item_index.get_indexer(wanted)
        ids = np.where(found < 0, UNKNOWN_ID, found + NUM_RESERVED_IDS)
        return ids.astype(np.int32).reshape(raw.shape)

    def decode_items(self, item_ids: Sequence[int] | np.ndarray) -> np.ndarray:
        """Turns vocabulary ids back into raw item ids.

        Args:
            item_ids: ids from 2 to vocabulary_size - 1, any shape.

        Returns:
            Raw ids, an array of the same shape.

        Raises:
            ValueError: if an id is padding, unknown, or out of range.
        """
        ids = np.asarray(item_ids, dtype=np.int64)
        bad = (ids < NUM_RESERVED_IDS) | (ids >= self.vocabulary_size)
        if bad.any():
            raise ValueError(
                f"`item_ids` must lie between {NUM_RESERVED_IDS} and"
                f" {self.vocabulary_size - 1}. Received: {ids[bad][0]}. Drop"
                " padding (0) and unknown items (1) first."
            )
        return self.items[ids - NUM_RESERVED_IDS]

    @functools.cached_property
    def _item_index(self) -> pd.Index:
        return pd.Index(self.items, dtype=self.items.dtype)


def _bytes(ids: np.ndarray) -> bytes:
    if ids.dtype != object:
        return b"integers" + ids.astype(np.int64).tobytes()
    encoded = [text.encode("utf-8") for text in ids]
    lengths = np.array([len(text) for text in encoded], dtype=np.int64)
    return b"text" + lengths.tobytes() + b"".join(encoded)


def _stem(path: str | os.PathLike[str]) -> str:
    return pathlib.Path(path).name.split(".")[0]
