"""Reads CSV and Parquet logs; errors name the file and the line."""

import csv
import dataclasses
import gzip
import os
import pathlib
from collections.abc import Sequence

import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from tfrs_timirec.data.raw_columns import Locator

_CSV_SUFFIXES = (".csv", ".tsv", ".txt")
_PARQUET_SUFFIXES = (".parquet", ".pq")


@dataclasses.dataclass(frozen=True)
class RawTable:
    """A table as it stands in a file.

    Args:
        frame: the columns that were asked for (those that are there), or all.
        locate: says where the row at a position of `frame` stands in the file.
    """

    frame: pd.DataFrame
    locate: Locator


def read_csv(
    path: str | os.PathLike[str],
    columns: Sequence[str] | None = None,
    delimiter: str | None = None,
) -> RawTable:
    """Reads a CSV file with a header line, plain or gzip-compressed.

    Every value is read as text: a CSV has no types, so an id "007" stays
    "007", and one named "NA" is not missing. Blank lines are skipped.

    Args:
        path: a file `*.csv`, `*.tsv` or `*.txt`, or one of these with `.gz`.
        columns: the columns to read; all if None.
        delimiter: between values; by default a tab for `.tsv`, else a comma.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is a folder, of another kind, empty or broken.
    """
    path = _existing_file(path)
    suffixes = [suffix.lower() for suffix in path.suffixes]
    compressed = suffixes[-1:] == [".gz"]
    kind = "".join((suffixes[:-1] if compressed else suffixes)[-1:])
    if kind not in _CSV_SUFFIXES:
        raise _wrong_suffix(
            path, (*_CSV_SUFFIXES, *(s + ".gz" for s in _CSV_SUFFIXES))
        )
    if delimiter is None:
        delimiter = "\t" if kind == ".tsv" else ","
    try:
        names = _header(path, compressed, delimiter)
        wanted = [n for n in names if columns is None or n in columns]
        table = pyarrow.csv.read_csv(
            path,
            parse_options=pyarrow.csv.ParseOptions(
                delimiter=delimiter, newlines_in_values=True
            ),
            convert_options=pyarrow.csv.ConvertOptions(
                include_columns=wanted,
                column_types={name: pa.string() for name in wanted},
                strings_can_be_null=False,
            ),
        )
    except (OSError, EOFError, UnicodeDecodeError, pa.ArrowInvalid) as error:
        raise ValueError(f"Cannot read {path}: {error}") from error
    return RawTable(table.to_pandas(), lambda row: f"row {row + 1} of {path}")


def read_parquet(
    path: str | os.PathLike[str], columns: Sequence[str] | None = None
) -> RawTable:
    """Reads a Parquet file. Columns keep their types.

    Args:
        path: a file `*.parquet` or `*.pq`.
        columns: the columns to read; all if None.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is a folder, of another kind or broken.
    """
    path = _existing_file(path)
    if path.suffix.lower() not in _PARQUET_SUFFIXES:
        raise _wrong_suffix(path, _PARQUET_SUFFIXES)
    try:
        names = pyarrow.parquet.read_schema(path).names
        wanted = [n for n in names if columns is None or n in columns]
        table = pyarrow.parquet.ParquetFile(path).read(columns=wanted)
    except (OSError, pa.ArrowInvalid) as error:
        raise ValueError(f"Cannot read {path}: {error}") from error
    return RawTable(table.to_pandas(), lambda row: f"row {row + 1} of {path}")


def _header(path: pathlib.Path, compressed: bool, delimiter: str) -> list[str]:
    opener = gzip.open if compressed else open
    with opener(path, "rt", encoding="utf-8-sig", newline="") as file:
        return next(csv.reader(file, delimiter=delimiter), [])


def _existing_file(path: str | os.PathLike[str]) -> pathlib.Path:
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
    return path


def _wrong_suffix(path: pathlib.Path, suffixes: Sequence[str]) -> ValueError:
    return ValueError(
        f"`path` must end in one of {', '.join(suffixes)}. Received:"
        f" path='{path}'. Rename the file, or use the reader of its kind"
        " (`from_csv` or `from_parquet`)."
    )
