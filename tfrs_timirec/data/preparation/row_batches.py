"""Reads a file of a log of any size, some ten thousand rows at a time."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from etils import epath

from tfrs_timirec.data.csv_file import CsvFile, QuoteCounter
from tfrs_timirec.data.log_files import (
    CSV_SUFFIXES,
    PARQUET_SUFFIXES,
    broken_file,
    existing_file,
    present_columns,
)
from tfrs_timirec.data.readers import RawTable

JSON_SUFFIXES = (".json", ".jsonl", ".json.gz", ".jsonl.gz")
LOG_SUFFIXES = (*CSV_SUFFIXES, *PARQUET_SUFFIXES, *JSON_SUFFIXES)

_BLOCK_BYTES = 1 << 22
_ROWS_PER_BATCH = 1 << 16


def list_row_groups(path: str) -> list[int | None]:
    """Returns the parts of a file that can be read each for itself.

    Args:
        path: the file.

    Returns:
        The numbers of a Parquet file's row groups; [None] for any other file,
        which is read as a whole.
    """
    if not path.lower().endswith(PARQUET_SUFFIXES):
        return [None]
    file = existing_file(path, PARQUET_SUFFIXES)
    try:
        with file.open("rb") as source:
            groups = pyarrow.parquet.ParquetFile(source).num_row_groups
    except (OSError, pa.ArrowInvalid) as error:
        raise ValueError(broken_file(file, error)) from error
    return list(range(groups))


def read_row_batches(
    path: str, columns: Sequence[str], row_group: int | None = None
) -> Iterator[tuple[int, RawTable]]:
    """Yields a file's rows in their order.

    CSV and Parquet are read as `read_csv` and `read_parquet` read them; of
    JSON lines, each is an object whose keys are the columns.

    Args:
        path: a file whose name ends in one of `LOG_SUFFIXES`, on any file
            system that TensorFlow knows.
        columns: the columns to read.
        row_group: the row group of a Parquet file to read; all if None.

    Yields:
        The number of a batch's first row in the file, from 0, and the batch;
        its `locate` counts from the file's beginning. Nothing for a file
        without rows, which may be one part of many.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is of another kind or broken, or a CSV file
            without a header line or with a line break in one of the columns.
    """
    file = existing_file(path, LOG_SUFFIXES)
    name = path.lower()
    if name.endswith(PARQUET_SUFFIXES):
        yield from _parquet_batches(file, columns, row_group)
    elif name.endswith(JSON_SUFFIXES):
        yield from _json_batches(file, columns)
    else:
        yield from _csv_batches(file, columns)


def _csv_batches(
    path: epath.Path, columns: Sequence[str]
) -> Iterator[tuple[int, RawTable]]:
    source = CsvFile(path)
    first_row = 0
    with source.errors_explained(_BLOCK_BYTES):
        names = tuple(source.header())
        if source.is_header_alone():  # Arrow needs a line end, at least.
            return
        types = dict.fromkeys(present_columns(names, columns), pa.string())
        with source.open() as raw:
            file = QuoteCounter(raw)
            reader = pyarrow.csv.open_csv(
                file, **source.arrow_options(types, _BLOCK_BYTES)
            )
            for batch in reader:
                if batch.num_rows:
                    frame = batch.to_pandas()
                    source.check_line_breaks(frame, columns, first_row)
                    yield first_row, _table(frame, names, source, first_row)
                    first_row += batch.num_rows
        source.check_quotes(file, first_row)


def _table(
    frame: pd.DataFrame,
    names: tuple[str, ...],
    source: CsvFile,
    first_row: int,
) -> RawTable:
    return RawTable(frame, names, lambda row: source.locate(first_row + row))


def _parquet_batches(
    path: epath.Path, columns: Sequence[str], row_group: int | None
) -> Iterator[tuple[int, RawTable]]:
    try:
        with path.open("rb") as source:
            file = pyarrow.parquet.ParquetFile(source)
            names = tuple(file.schema_arrow.names)
            groups = range(file.num_row_groups)
            if row_group is not None:
                groups = groups[row_group : row_group + 1]
            first_row = sum(
                file.metadata.row_group(number).num_rows
                for number in range(groups.start)
            )
            for batch in file.iter_batches(
                _ROWS_PER_BATCH, groups, present_columns(names, columns)
            ):
                # What pandas noted, as which column was its index, is ignored.
                frame = batch.to_pandas(ignore_metadata=True)
                yield first_row, _numbered(frame, names, path, first_row)
                first_row += batch.num_rows
    except (OSError, pa.ArrowInvalid) as error:
        raise ValueError(broken_file(path, error)) from error


def _numbered(
    frame: pd.DataFrame, names: tuple[str, ...], path: epath.Path, first: int
) -> RawTable:
    return RawTable(
        frame, names, lambda row: f"row {first + row + 1} of {path}"
    )


def _json_batches(
    path: epath.Path, columns: Sequence[str]
) -> Iterator[tuple[int, RawTable]]:
    rows: list[dict[str, Any]] = []
    lines: list[int] = []
    num_rows = 0

    def batch() -> tuple[int, RawTable]:
        here = list(lines)
        # Objects: pandas would turn integers beside a gap into floats.
        frame = pd.DataFrame(rows, columns=list(columns), dtype=object)
        return num_rows, RawTable(
            frame.infer_objects(),
            tuple(dict.fromkeys(key for row in rows for key in row)),
            lambda row: f"line {here[row]} of {path}",
        )

    try:
        with path.open("rb") as raw:
            is_gzip = path.name.lower().endswith(".gz")
            texts = gzip.GzipFile(fileobj=raw) if is_gzip else raw
            for line, text in enumerate(texts, start=1):
                if text.isspace():
                    continue
                rows.append(_parse_object(text, line, path))
                lines.append(line)
                if len(rows) == _ROWS_PER_BATCH:
                    yield batch()
                    num_rows += len(rows)
                    rows, lines = [], []
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(broken_file(path, error)) from error
    if rows:
        yield batch()


def _parse_object(text: bytes, line: int, path: epath.Path) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:  # Neither JSON nor UTF-8.
        value = None
    if not isinstance(value, dict):
        raise ValueError(
            f"Each line of {path} must be one JSON object. Received: line"
            f" {line}: {text[:80]!r}. Correct it."
        )
    return value
