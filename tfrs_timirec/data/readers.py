"""Reads CSV and Parquet logs; errors name the file and the line."""

import csv
import dataclasses
import gzip
import os
import pathlib
import zlib
from collections.abc import Iterator, Sequence
from typing import IO

import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from tfrs_timirec.data.raw_columns import Locator

CSV_SUFFIXES = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz")
PARQUET_SUFFIXES = (".parquet", ".pq")

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
    "007", and one named "NA" is not missing. Empty lines are skipped.

    Args:
        path: a UTF-8 file whose name ends in one of `CSV_SUFFIXES`.
        columns: the columns to read; all if None.
        delimiter: between values; by default a tab for `.tsv`, else a comma.
        id_columns: the columns to return as categories of text: a repeated
            id is kept once.

    Returns:
        The table; `locate` gives line numbers, the header being line 1.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is a folder, of another kind, empty or broken.
    """
    path = _existing_file(path, CSV_SUFFIXES)
    source = _CsvFile(
        path, delimiter or ("\t" if ".tsv" in path.name.lower() else ",")
    )
    _check_content(path, compressed=source.compressed)
    try:
        names = source.header()
        wanted = _present(names, columns)
        table = pyarrow.csv.read_csv(
            path,
            read_options=pyarrow.csv.ReadOptions(block_size=_BLOCK_BYTES),
            parse_options=pyarrow.csv.ParseOptions(
                delimiter=source.delimiter, newlines_in_values=True
            ),
            convert_options=pyarrow.csv.ConvertOptions(
                include_columns=wanted,
                column_types={
                    name: _TEXT_ID if name in id_columns else pa.string()
                    for name in wanted
                },
                strings_can_be_null=False,
            ),
        )
    except pa.ArrowInvalid as error:
        raise ValueError(source.diagnose() or _broken(path, error)) from error
    except UnicodeDecodeError as error:
        raise ValueError(source.diagnose()) from error
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(_broken(path, error)) from error
    if not table.num_rows:
        raise ValueError(_empty(path, "a header line and no rows"))
    return RawTable(table.to_pandas(), tuple(names), source.locate)


def read_parquet(
    path: str | os.PathLike[str],
    columns: Sequence[str] | None = None,
    id_columns: Sequence[str] = (),
) -> RawTable:
    """Reads a Parquet file. Columns keep their types.

    Args:
        path: a file whose name ends in one of `PARQUET_SUFFIXES`.
        columns: the columns to read; all if None.
        id_columns: the columns to return as categories where they hold text:
            a repeated id is kept once.

    Returns:
        The table; `locate` counts its rows from 1.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is a folder, of another kind, empty or broken.
    """
    path = _existing_file(path, PARQUET_SUFFIXES)
    try:
        schema = pyarrow.parquet.read_schema(path)
        names = schema.names
        text = [name for name in names if _is_text(schema, name)]
        with pyarrow.parquet.ParquetFile(
            path, read_dictionary=_present(text, id_columns)
        ) as file:
            table = file.read(columns=_present(names, columns))
    except (OSError, pa.ArrowInvalid) as error:
        raise ValueError(_broken(path, error)) from error
    if not table.num_rows:
        raise ValueError(_empty(path, "no rows"))
    return RawTable(
        table.to_pandas(),
        tuple(names),
        lambda row: f"row {row + 1} of {path}",
    )


@dataclasses.dataclass(frozen=True)
class _CsvFile:
    """Finds lines in a CSV file; slow, and used for the header and errors."""

    path: pathlib.Path
    delimiter: str

    @property
    def compressed(self) -> bool:
        return self.path.suffix.lower() == ".gz"

    def header(self) -> list[str]:
        with self._open() as file:
            names = next(csv.reader(file, delimiter=self.delimiter), [])
        if not names:
            raise ValueError(_empty(self.path, "no header line"))
        return names

    def locate(self, row: int) -> str:
        for index, (line, _) in enumerate(self._records()):
            if index == row + 1:  # The header is record 0.
                return f"line {line} of {self.path}"
        return f"row {row + 1} of {self.path}"

    def diagnose(self) -> str | None:
        """Says which line is no UTF-8 or has too few or many values."""
        opener = gzip.open if self.compressed else open
        with opener(self.path, "rb") as file:
            for line, text in enumerate(file, start=1):
                try:
                    text.decode("utf-8")
                except UnicodeDecodeError as error:
                    return (
                        f"`path` must be a UTF-8 file. Received: line {line} of"
                        f" {self.path}, which is not ({error}). Convert the"
                        " file, as with iconv."
                    )
        expected = num_records = 0
        for line, values in self._records():
            num_records += 1
            expected = expected or len(values)
            if len(values) != expected:
                return (
                    "Each line must have as many values as the header."
                    f" Received: line {line} of {self.path} with"
                    f" {len(values)} instead of {expected}. Correct it, or"
                    " name another `delimiter`."
                )
        if num_records == 1:
            return _empty(self.path, "a header line and no rows")
        return None

    def _open(self) -> IO[str]:
        opener = gzip.open if self.compressed else open
        return opener(self.path, "rt", encoding="utf-8-sig", newline="")

    def _records(self) -> Iterator[tuple[int, list[str]]]:
        """Yields the first line's number and the values of each record."""
        with self._open() as file:
            reader = csv.reader(file, delimiter=self.delimiter)
            line = 1
            for values in reader:
                if values:
                    yield line, values
                line = reader.line_num + 1


def _present(names: Sequence[str], columns: Sequence[str] | None) -> list[str]:
    return [
        name
        for name in dict.fromkeys(names)
        if columns is None or name in columns
    ]


def _is_text(schema: pa.Schema, name: str) -> bool:
    fields = [schema.field(i) for i in schema.get_all_field_indices(name)]
    return {field.type for field in fields} <= _TEXT_TYPES


def _existing_file(
    path: str | os.PathLike[str], suffixes: tuple[str, ...]
) -> pathlib.Path:
    path = pathlib.Path(path)
    if path.is_dir():
        raise ValueError(
            f"`path` must be a file. Received: path='{path}', a folder. Give"
            " one file inside it."
        )
    if not path.exists():
        raise FileNotFoundError(
            f"`path` must be an existing file. Received: path='{path}'."
        )
    if not path.name.lower().endswith(suffixes):
        raise ValueError(
            f"`path` must end in one of {', '.join(suffixes)}. Received:"
            f" path='{path}'. Use `from_csv` for CSV and `from_parquet` for"
            " Parquet, or rename the file."
        )
    return path


def _check_content(path: pathlib.Path, *, compressed: bool) -> None:
    """Catches files of another kind than their name says."""
    with path.open("rb") as file:
        start = file.read(4)
    if start == b"PAR1":
        raise ValueError(
            f"`path` must be a CSV file. Received: path='{path}', a Parquet"
            " file. Rename it to *.parquet and use `from_parquet`."
        )
    if not start:
        raise ValueError(_empty(path, "0 bytes"))
    if (start[:2] == b"\x1f\x8b") != compressed:
        raise ValueError(
            "`path` must end in .gz if the file is gzip-compressed, and only"
            f" then. Received: path='{path}'. Rename it."
        )


def _broken(path: pathlib.Path, error: Exception) -> str:
    return (
        f"Cannot read path='{path}': the file is cut off or damaged ({error})."
        " Copy or download it again."
    )


def _empty(path: pathlib.Path, content: str) -> str:
    return (
        "`path` must be a file with at least one interaction. Received:"
        f" path='{path}' with {content}."
    )
