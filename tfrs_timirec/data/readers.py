"""Reads CSV and Parquet logs; errors name the file and the line."""

import dataclasses
import os
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from etils import epath

from tfrs_timirec.data.csv_file import CsvFile, QuoteCounter
from tfrs_timirec.data.log_files import (
    CSV_SUFFIXES,
    broken_file,
    check_local,
    empty_file,
    existing_file,
    parquet_parts,
    present_columns,
)
from tfrs_timirec.data.raw_columns import Locator

_BLOCK_BYTES = 1 << 24
_TEXT_TYPES = {pa.string(), pa.large_string(), pa.binary()}
_TEXT_ID = pa.dictionary(pa.int32(), pa.string())


@dataclasses.dataclass(frozen=True, eq=False)
class RawTable:
    """A table as it stands in its source.

    Args:
        frame: the columns that were asked for, as far as they are there.
        column_names: the names of all columns of the source.
        locate: says where the row at a position of `frame` stands.
    """

    frame: pd.DataFrame
    column_names: tuple[str, ...]
    locate: Locator


def read_csv(
    path: str | os.PathLike[str],
    columns: Sequence[str] | None = None,
    delimiter: str | None = None,
    id_columns: Sequence[str] = (),
) -> RawTable:
    """Reads a CSV file with a header line, plain or gzip-compressed.

    Every value is read as text: a CSV has no types, so an id "007" stays
    "007", and one named "NA" is not missing. Empty lines below the header are
    skipped.

    Args:
        path: a UTF-8 file whose name ends in one of `CSV_SUFFIXES`.
        columns: the columns to read; all if None.
        delimiter: between values; see `CsvFile`.
        id_columns: the columns to return as categories of text: a repeated
            id is kept once. Other values may have line breaks in them.

    Returns:
        The table; `locate` gives line numbers, the header being line 1.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is a folder, not on this machine, of another kind,
            empty or broken, or a `"` in it is not closed.
    """
    check_local(path)
    path = existing_file(path, CSV_SUFFIXES)
    source = CsvFile(path, delimiter)
    with source.errors_explained(_BLOCK_BYTES):
        names = source.header()
        types = {
            name: _TEXT_ID if name in id_columns else pa.string()
            for name in present_columns(names, columns)
        }
        with pa.input_stream(
            os.fspath(path), compression="gzip" if source.compressed else None
        ) as raw:
            file = QuoteCounter(raw)
            table = pyarrow.csv.read_csv(
                file, **source.arrow_options(types, _BLOCK_BYTES)
            )
    frame = _to_frame(table)
    source.check_line_breaks(frame, id_columns)
    source.check_quotes(file, len(frame))
    if not len(frame):
        raise ValueError(empty_file(path, "a header line and no rows"))
    return RawTable(frame, tuple(names), source.locate)


def read_parquet(
    path: str | os.PathLike[str],
    columns: Sequence[str] | None = None,
    id_columns: Sequence[str] = (),
) -> RawTable:
    """Reads a Parquet file, or a folder of its parts.

    Columns keep their types, but integers of which some are missing become
    floats. A part without rows is passed over.

    Args:
        path: a file whose name ends in one of `PARQUET_SUFFIXES`, or a folder
            of such files, see `parquet_parts`.
        columns: the columns to read; all if None.
        id_columns: the columns to return as categories where they hold text:
            a repeated id is kept once.

    Returns:
        The table; `locate` counts the rows of each file from 1.

    Raises:
        FileNotFoundError: if there is nothing at `path`.
        ValueError: if it is not on this machine, of another kind, empty or
            broken, or parts differ in their columns.
    """
    check_local(path)
    parts: list[epath.Path] = []  # Those with rows.
    tables: list[pa.Table] = []
    for part in parquet_parts(path):
        table, part_names = _read_part(part, columns, id_columns)
        if not len(table):  # Its columns may have no types, either.
            continue
        if tables:
            table = _in_order(table, tables[0].column_names)
        if tables and not table.schema.equals(tables[0].schema):
            raise ValueError(
                "`path` must be a folder of Parquet files with the same"
                f" columns and types. Received: {os.path.relpath(part, path)}"
                f" with {_describe(table)}, {os.path.relpath(parts[0], path)}"
                f" with {_describe(tables[0])}, in path='{path}'."
            )
        parts.append(part)
        tables.append(table)
        names = tuple(part_names)
    if not tables:
        raise ValueError(empty_file(epath.Path(path), "no rows"))
    starts = np.cumsum([0] + [len(table) for table in tables])
    whole = pa.concat_tables(tables)
    del tables, table  # `_to_frame` frees what nothing else holds.

    def locate(row: int) -> str:
        number = int(np.searchsorted(starts, row, side="right")) - 1
        return f"row {row - starts[number] + 1} of {parts[number]}"

    return RawTable(_to_frame(whole), names, locate)


def _read_part(
    path: epath.Path,
    columns: Sequence[str] | None,
    id_columns: Sequence[str],
) -> tuple[pa.Table, list[str]]:
    """Returns the columns asked for, and the names of all."""
    try:
        schema = pyarrow.parquet.read_schema(path)
        text = [name for name in schema.names if _is_text(schema, name)]
        # Without `pre_buffer=False` the whole file is read into memory first.
        with pyarrow.parquet.ParquetFile(
            path,
            read_dictionary=present_columns(text, id_columns),
            pre_buffer=False,
        ) as file:
            names = present_columns(schema.names, columns)
            table = file.read(columns=names)
            return _with_equal_types(table), schema.names
    except (OSError, pa.ArrowInvalid) as error:
        raise ValueError(broken_file(path, error)) from error


def _in_order(table: pa.Table, names: list[str]) -> pa.Table:
    """Puts the columns in the order of another part's; its own come last."""
    places = [
        names.index(name) if name in names else len(names)
        for name in table.column_names
    ]
    return table.select(np.argsort(places, kind="stable").tolist())


def _with_equal_types(table: pa.Table) -> pa.Table:
    """Makes equal between parts what only their writers chose.

    A part may say of a column that none of its values is missing, and one with
    few categories may have numbered them with smaller integers.
    """
    table = table.cast(
        pa.schema([field.with_nullable(True) for field in table.schema])
    )
    for index, field in enumerate(table.schema):
        if not pa.types.is_dictionary(field.type) or field.type == _TEXT_ID:
            continue
        values = field.type.value_type
        values = pa.string() if values == pa.large_string() else values
        chunks = [
            pa.DictionaryArray.from_arrays(
                chunk.indices.cast(pa.int32()), chunk.dictionary.cast(values)
            )
            for chunk in table.column(index).chunks
        ]
        column = pa.chunked_array(chunks, pa.dictionary(pa.int32(), values))
        table = table.set_column(index, field.name, column)
    return table


def _describe(table: pa.Table) -> str:
    return ", ".join(f"{field.name}: {field.type}" for field in table.schema)


def _to_frame(table: pa.Table) -> pd.DataFrame:
    """Turns a table, which is gone afterwards, into a data frame.

    What pandas noted in a file, as which column was its index, is ignored.
    Arrow keeps what it frees for its own next table; NumPy cannot use it.
    """
    frame = table.to_pandas(self_destruct=True, ignore_metadata=True)
    pa.default_memory_pool().release_unused()
    return frame


def _is_text(schema: pa.Schema, name: str) -> bool:
    fields = [schema.field(i) for i in schema.get_all_field_indices(name)]
    return {field.type for field in fields} <= _TEXT_TYPES
