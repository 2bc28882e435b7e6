"""Interactions: who met which item when, as flat integer arrays."""

import dataclasses
import functools
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from tfrs_timirec.data.cleaning import CleaningOptions, CleaningReport
from tfrs_timirec.data.description import (
    InteractionStatistics,
    compute_statistics,
    describe,
)
from tfrs_timirec.data.encoded_log import EncodedLog, clean_log, encode_table
from tfrs_timirec.data.fingerprint import fingerprint_arrays
from tfrs_timirec.data.metadata import align_table
from tfrs_timirec.data.readers import RawTable, read_csv, read_parquet
from tfrs_timirec.data.row_order import check_row_order
from tfrs_timirec.data.tfds_reader import read_tfds
from tfrs_timirec.data.vocabulary import NUM_RESERVED_IDS, ItemVocabulary

if TYPE_CHECKING:
    import tensorflow_datasets as tfds


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
        user_metadata: the same for `users`.
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
    user_metadata: pd.DataFrame | None = None
    report: CleaningReport = CleaningReport()

    def __post_init__(self) -> None:
        check_row_order(
            self.user_indices,
            self.timestamps,
            {"item_ids": self.item_ids, **self.columns},
        )

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
        user_metadata: pd.DataFrame | None = None,
        cleaning: CleaningOptions | None = None,
    ) -> "Interactions":
        """Builds the interactions from a table, one interaction a row.

        Args:
            frame: the table.
            name: what to call the data.
            user_column: name of the column of user ids, integers or text.
            item_column: name of the column of item ids, integers or text.
            timestamp_column: name of the column of times: Unix seconds,
                datetimes, or ISO 8601 text, "20240131" too (UTC by default).
            extra_columns: names of further columns to keep in `columns`.
            item_metadata: a row an item, indexed by raw item id.
            user_metadata: a row a user, indexed by raw user id.
            cleaning: the cleaning rules; by default nothing is removed.

        Raises:
            ValueError: if a column is missing, a value is bad, or nothing is
                left. The error names the row.
        """
        return cls._from_table(
            RawTable(
                frame, tuple(frame.columns), lambda row: f"frame.iloc[{row}]"
            ),
            name=name,
            user_column=user_column,
            item_column=item_column,
            timestamp_column=timestamp_column,
            extra_columns=extra_columns,
            item_metadata=item_metadata,
            user_metadata=user_metadata,
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
        user_metadata: pd.DataFrame | None = None,
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
            user_metadata: see `from_dataframe`.
            cleaning: see `from_dataframe`.
            delimiter: between values; by default a tab for `.tsv`, else what of
                comma, tab, semicolon and bar finds most names in the header.

        Raises:
            FileNotFoundError: if there is no such file.
            ValueError: if the file is empty, broken or of another kind, a
                column is missing, or a value is bad. The error names the line.
        """
        wanted = (user_column, item_column, timestamp_column, *extra_columns)
        return cls._from_table(
            read_csv(
                path, wanted, delimiter, id_columns=(user_column, item_column)
            ),
            name=name or _stem(path),
            user_column=user_column,
            item_column=item_column,
            timestamp_column=timestamp_column,
            extra_columns=extra_columns,
            item_metadata=item_metadata,
            user_metadata=user_metadata,
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
        user_metadata: pd.DataFrame | None = None,
        cleaning: CleaningOptions | None = None,
    ) -> "Interactions":
        """Builds the interactions from a Parquet file or a folder of parts.

        Args:
            path: a file `*.parquet` or `*.pq`, or a folder of such parts.
            name: what to call the data; by default the file's name.
            user_column: see `from_dataframe`.
            item_column: see `from_dataframe`.
            timestamp_column: see `from_dataframe`.
            extra_columns: see `from_dataframe`.
            item_metadata: see `from_dataframe`.
            user_metadata: see `from_dataframe`.
            cleaning: see `from_dataframe`.

        Raises:
            FileNotFoundError: if there is no such file or folder.
            ValueError: if a file is broken or of another kind, a column is
                missing, or a value is bad. The error names file and row.
        """
        wanted = (user_column, item_column, timestamp_column, *extra_columns)
        return cls._from_table(
            read_parquet(path, wanted, id_columns=(user_column, item_column)),
            name=name or _stem(path),
            user_column=user_column,
            item_column=item_column,
            timestamp_column=timestamp_column,
            extra_columns=extra_columns,
            item_metadata=item_metadata,
            user_metadata=user_metadata,
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

        The data set has a split `users` (user_id, item_ids, timestamps, any
        further sequences of that length, which become `columns`, and metadata)
        and a split `items` (item_id and its metadata).

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
            user_metadata=source.user_metadata,
            cleaning=cleaning,
            users_without_interactions=source.users_without_interactions,
        )

    @classmethod
    def _from_table(
        cls,
        table: RawTable,
        *,
        user_column: str,
        item_column: str,
        timestamp_column: str,
        extra_columns: Sequence[str],
        **kwargs: Any,
    ) -> "Interactions":
        log = encode_table(
            table,
            user_column=user_column,
            item_column=item_column,
            timestamp_column=timestamp_column,
            extra_columns=extra_columns,
        )
        return cls._from_log(log, **kwargs)

    @classmethod
    def _from_log(
        cls,
        log: EncodedLog,
        *,
        name: str,
        item_metadata: pd.DataFrame | None,
        user_metadata: pd.DataFrame | None,
        cleaning: CleaningOptions | None,
        **counts: Any,
    ) -> "Interactions":
        log, report = clean_log(log, cleaning or CleaningOptions())
        if item_metadata is not None:
            aligned = align_table("item_metadata", item_metadata, log.items)
            item_metadata = aligned.rows
            counts["items_without_metadata"] = aligned.num_missing
            counts["items_without_interactions"] = aligned.num_unused
        if user_metadata is not None:
            aligned = align_table("user_metadata", user_metadata, log.users)
            user_metadata = aligned.rows
        return cls(
            name=name,
            user_indices=log.user_codes.astype(np.int32, copy=False),
            item_ids=(log.item_codes + NUM_RESERVED_IDS).astype(np.int32),
            timestamps=log.timestamps,
            users=log.users,
            items=log.items,
            columns=log.columns,
            item_metadata=item_metadata,
            user_metadata=user_metadata,
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
        return fingerprint_arrays(
            self.users,
            self.items,
            self.row_splits,
            self.item_ids,
            self.timestamps,
        )

    def statistics(self) -> InteractionStatistics:
        """Returns the sizes of the log, for machines."""
        return compute_statistics(self)

    def describe(self) -> str:
        """Returns a short table of sizes and of what cleaning did."""
        return describe(self)

    def encode_items(self, raw_ids: Sequence[Any] | np.ndarray) -> np.ndarray:
        """Turns raw item ids into vocabulary ids; unknown ones become 1.

        Args:
            raw_ids: raw ids of the type of `items`, any shape.

        Returns:
            int32 array of the same shape.

        Raises:
            TypeError: if text is given for integer ids or the other way round.
        """
        return self._vocabulary.encode(raw_ids)

    def decode_items(self, item_ids: Sequence[int] | np.ndarray) -> np.ndarray:
        """Turns vocabulary ids back into raw item ids.

        Args:
            item_ids: ids from 2 to vocabulary_size - 1, any shape.

        Returns:
            Raw ids, an array of the same shape.

        Raises:
            TypeError: if the ids are no integers.
            ValueError: if an id is padding, unknown, or out of range.
        """
        return self._vocabulary.decode(item_ids)

    @functools.cached_property
    def _vocabulary(self) -> ItemVocabulary:
        return ItemVocabulary(self.items)


def _stem(path: str | os.PathLike[str]) -> str:
    return pathlib.Path(path).name.split(".")[0]
