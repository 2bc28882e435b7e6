"""The steps of the preparation as Apache Beam transforms.

Between steps a user is a record: a list of the raw user id, the raw item ids
and the times (Unix seconds), both oldest first. Records are JSON, so that they
can lie in text files between two pipelines.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
import numpy as np

from tfrs_timirec.data.cleaning import CleaningOptions
from tfrs_timirec.data.encoded_log import EncodedLog, encode_table
from tfrs_timirec.data.preparation.row_batches import (
    list_row_groups,
    read_row_batches,
)

RawId = int | str
# Whole seconds, nanoseconds beyond them, number of the file, row, item.
Row = tuple[int, int, int, int, RawId]
Record = list[Any]


@dataclasses.dataclass(frozen=True, kw_only=True)
class LogColumns:
    """Names of the columns of a log.

    Args:
        user: of the user ids.
        item: of the item ids.
        timestamp: of the times.
    """

    user: str = "user_id"
    item: str = "item_id"
    timestamp: str = "timestamp"


class ReadRows(beam.PTransform):
    """Reads files into `(user, row)`; a Parquet file by its row groups.

    Args:
        paths: the files, in the order that breaks ties.
        columns: names of the columns.
        id_kinds: type of user ids and of item ids, int or str.
        text_is_numbers: whether times that are text are numbers.
    """

    def __init__(
        self,
        paths: list[str],
        columns: LogColumns,
        id_kinds: tuple[type, type],
        text_is_numbers: bool,
    ):
        super().__init__()
        self.paths = paths
        self.columns = columns
        self.id_kinds = id_kinds
        self.text_is_numbers = text_is_numbers

    def expand(self, pbegin: beam.pvalue.PBegin) -> beam.PCollection:
        """Returns a collection of `(user, row)`."""
        return (
            pbegin
            | "Files" >> beam.Create(list(enumerate(self.paths)))
            | "RowGroups" >> beam.FlatMap(_row_groups)
            | "Spread" >> beam.Reshuffle()
            | "Rows"
            >> beam.FlatMap(
                _rows, self.columns, self.id_kinds, self.text_is_numbers
            )
        )


class UserRecords(beam.PTransform):
    """Groups rows by user, sorts them and applies the rule for duplicates.

    Gives the records, and under the tag "counts" `(name, number)` of what was
    met: "rows_read", "rows_out_of_order", "fractional_times" and
    "duplicates_removed".

    Args:
        options: the rules.
    """

    def __init__(self, options: CleaningOptions):
        super().__init__()
        self.options = options

    def expand(self, rows: beam.PCollection) -> beam.pvalue.DoOutputsTuple:
        """Returns records and counts."""
        return (
            rows
            | "GroupByUser" >> beam.GroupByKey()
            | "Sort"
            >> beam.FlatMap(_sort_user, self.options).with_outputs(
                "counts", main="records"
            )
        )


class KCoreRound(beam.PTransform):
    """Removes users, then items, that are below their minimum.

    A worker holds the ids of the items to remove, nothing else of the whole.

    Args:
        options: the minima.
    """

    def __init__(self, options: CleaningOptions):
        super().__init__()
        self.options = options

    def expand(self, records: beam.PCollection) -> beam.PCollection:
        """Returns the records that are left; some may be below a minimum."""
        minimum = max(self.options.min_user_interactions, 1)
        kept = records | "LongEnough" >> beam.Filter(_is_long, minimum)
        rare = (
            kept
            | "Items" >> beam.FlatMap(_items)
            | "Count" >> beam.combiners.Count.PerElement()
            | "Rare"
            >> beam.Filter(_is_rare, self.options.min_item_interactions)
        )
        return (
            kept
            | "Remove" >> beam.Map(_without, beam.pvalue.AsDict(rare))
            | "NotEmpty" >> beam.Filter(_is_long, 1)
        )


class WriteRecords(beam.PTransform):
    """Writes records as text files.

    Args:
        prefix: how the paths of the files begin.
    """

    def __init__(self, prefix: str):
        super().__init__()
        self.prefix = prefix

    def expand(self, records: beam.PCollection) -> beam.PCollection:
        """Returns the paths of the files."""
        return (
            records
            | "ToJson" >> beam.Map(json.dumps)
            | "Write" >> beam.io.WriteToText(self.prefix)
        )


class ReadRecords(beam.PTransform):
    """Reads what `WriteRecords` wrote.

    Args:
        prefix: how the paths of the files begin.
    """

    def __init__(self, prefix: str):
        super().__init__()
        self.prefix = prefix

    def expand(self, pbegin: beam.pvalue.PBegin) -> beam.PCollection:
        """Returns the records."""
        return (
            pbegin
            | "Read" >> beam.io.ReadFromText(f"{self.prefix}-*")
            | "FromJson" >> beam.Map(json.loads)
        )


class WriteCounts(beam.PTransform):
    """Sums `(name, number)` by name and writes the sums into one text file.

    Args:
        path: the file.
    """

    def __init__(self, path: str):
        super().__init__()
        self.path = path

    def expand(self, counts: beam.PCollection) -> beam.PCollection:
        """Returns the path of the file."""
        return (
            counts
            | "Sum" >> beam.CombinePerKey(sum)
            | "ToJson" >> beam.Map(json.dumps)
            | "Write"
            >> beam.io.WriteToText(
                self.path, num_shards=1, shard_name_template=""
            )
        )


def count_record(record: Record) -> list[tuple[str, int]]:
    """Returns what a record adds to the numbers of users and interactions.

    Args:
        record: the record.
    """
    return [("users", 1), ("interactions", len(record[1]))]


def distinct_items(records: beam.PCollection) -> beam.PCollection:
    """Returns the raw ids of all items, each once.

    Args:
        records: the records.
    """
    return records | beam.FlatMap(_items) | beam.Distinct()


def read_table(
    path: str,
    columns: LogColumns,
    row_group: int | None = None,
    text_is_numbers: bool | None = None,
) -> Iterator[tuple[int, EncodedLog]]:
    """Yields the rows of a file as checked, numbered logs.

    Args:
        path: the file.
        columns: names of the columns.
        row_group: the row group of a Parquet file; all if None.
        text_is_numbers: as for `parse_timestamps`.

    Raises:
        ValueError: if a column is missing or holds a bad value; the error says
            where.
    """
    names = (columns.user, columns.item, columns.timestamp)
    for first_row, table in read_row_batches(path, names, row_group):
        yield (
            first_row,
            encode_table(
                table,
                user_column=columns.user,
                item_column=columns.item,
                timestamp_column=columns.timestamp,
                extra_columns=(),
                text_is_numbers=text_is_numbers,
            ),
        )


def id_kinds(log: EncodedLog) -> tuple[type, type]:
    """Returns the types of user ids and of item ids, int or str.

    Args:
        log: a log.
    """
    user, item = (
        str if ids.dtype == object else int for ids in (log.users, log.items)
    )
    return user, item


def _row_groups(
    numbered: tuple[int, str],
) -> list[tuple[int, str, int | None]]:
    number, path = numbered
    return [(number, path, group) for group in list_row_groups(path)]


def _rows(
    part: tuple[int, str, int | None],
    columns: LogColumns,
    expected: tuple[type, type],
    text_is_numbers: bool,
) -> Iterator[tuple[RawId, Row]]:
    number, path, row_group = part
    batches = read_table(path, columns, row_group, text_is_numbers)
    for first_row, log in batches:
        if id_kinds(log) != expected:
            raise ValueError(
                "All files of a log must hold ids of one type, users"
                f" {expected[0].__name__} and items {expected[1].__name__} as"
                f" in the first file. Received: path='{path}' with"
                f" {' and '.join(kind.__name__ for kind in id_kinds(log))}."
                " Convert it."
            )
        num_rows = len(log.user_codes)
        yield from zip(
            log.users[log.user_codes].tolist(),
            zip(
                log.timestamps.tolist(),
                _nanoseconds(log),
                [number] * num_rows,
                range(first_row, first_row + num_rows),
                log.items[log.item_codes].tolist(),
                strict=True,
            ),
            strict=True,
        )


def _nanoseconds(log: EncodedLog) -> list[int]:
    """Returns what the exact times have beyond whole seconds.

    In one unit for numbers and datetimes: a log may have files of both.
    """
    exact = log.exact_times
    if exact.dtype.kind == "M":
        rest = exact - exact.astype("datetime64[s]")
        return rest.astype("timedelta64[ns]").astype(np.int64).tolist()
    rest = np.rint((exact - log.timestamps) * 1e9)
    return rest.astype(np.int64).tolist()


def _sort_user(
    grouped: tuple[RawId, Iterable[Row]], options: CleaningOptions
) -> Iterator[Any]:
    user, unordered = grouped
    rows = sorted(unordered, key=_place)
    yield _count("rows_read", len(rows))
    yield _count(
        "rows_out_of_order",
        sum(a[:2] > b[:2] for a, b in zip(rows, rows[1:], strict=False)),
    )
    yield _count("fractional_times", sum(row[1] != 0 for row in rows))
    if options.ties == "reverse_file_order":
        rows.reverse()
    rows.sort(key=_time)  # Stable: ties keep the order from above.
    kept = _without_duplicates(rows, options.duplicates)
    yield _count("duplicates_removed", len(rows) - len(kept))
    yield [user, [row[4] for row in kept], [row[0] for row in kept]]


def _without_duplicates(rows: list[Row], rule: str) -> list[Row]:
    if rule == "keep":
        return rows
    if rule == "last":
        return _without_duplicates(rows[::-1], "first")[::-1]
    first: dict[RawId, Row] = {}
    for row in rows:
        first.setdefault(row[4], row)
    return list(first.values())


def _place(row: Row) -> tuple[int, int]:
    return row[2], row[3]


def _time(row: Row) -> tuple[int, int]:
    return row[0], row[1]


def _count(name: str, number: int) -> beam.pvalue.TaggedOutput:
    return beam.pvalue.TaggedOutput("counts", (name, number))


def _is_long(record: Record, minimum: int) -> bool:
    return len(record[1]) >= minimum


def _is_rare(counted: tuple[RawId, int], minimum: int) -> bool:
    return counted[1] < minimum


def _items(record: Record) -> list[RawId]:
    return record[1]


def _without(record: Record, rare: dict[RawId, int]) -> Record:
    user, items, times = record
    kept = [index for index, item in enumerate(items) if item not in rare]
    if len(kept) == len(items):
        return record
    return [user, [items[i] for i in kept], [times[i] for i in kept]]
