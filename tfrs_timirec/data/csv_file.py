"""Looks into a CSV file line by line."""

from __future__ import annotations

import contextlib
import csv
import functools
import gzip
import io
import itertools
import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import IO, Any, cast

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
from etils import epath

from tfrs_timirec.data.log_files import (
    broken_file,
    check_content,
    empty_file,
)

_DELIMITERS = (",", "\t", ";", "|")
_MAX_VALUE_LENGTH = (1 << 31) - 1  # The most that `csv` takes everywhere.
_MAX_UTF8_BYTES = 4  # Of a character.
_CLOSE_QUOTE = (
    'Close it, or write a `"` that is part of a value as `""`, the value in'
    " quotes."
)


class CsvFile:
    """Finds lines in a CSV file; slow, and used for the header and errors.

    Args:
        path: the file.
        delimiter: between values; by default a tab for `.tsv` files with one
            in the header line, else the one of comma, tab, semicolon and bar
            that divides the header line into the most names.

    Raises:
        ValueError: if it is empty, or of another kind than its name says, or
            the delimiter is no single character.
    """

    def __init__(self, path: epath.Path, delimiter: str | None = None):
        if delimiter is not None and len(delimiter) != 1:
            raise ValueError(
                "`delimiter` must be one character. Received:"
                f" delimiter={delimiter!r}. Replace it in the file by one that"
                " no value holds."
            )
        self.path = path
        self._delimiter = delimiter
        check_content(path, compressed=self.compressed)

    @functools.cached_property
    def delimiter(self) -> str:
        """What stands between values."""
        if self._delimiter:
            return self._delimiter
        with self._text(errors="replace") as file:
            header = file.readline()
        if ".tsv" in self.path.name.lower() and "\t" in header:
            return "\t"
        with _values_of_any_length():
            return max(
                _DELIMITERS,
                key=lambda delimiter: len(
                    next(csv.reader([header], delimiter=delimiter), [])
                ),
            )

    @property
    def compressed(self) -> bool:
        """Whether the name ends in .gz."""
        return self.path.suffix.lower() == ".gz"

    def header(self) -> list[str]:
        """Returns the names of the columns.

        Raises:
            ValueError: if there is no line.
        """
        with self._text() as file, _values_of_any_length():
            names = next(csv.reader(file, delimiter=self.delimiter), [])
        if not names:
            raise ValueError(empty_file(self.path, "no header line"))
        return names

    def is_header_alone(self) -> bool:
        """Whether no row follows the header, and no quote in it is open."""
        rows = (values for _, values in self._records())
        next(rows)
        return next(rows, None) == [] and not any(rows)

    def locate(self, row: int) -> str:
        """Says on which line a row stands, the header being line 1.

        Args:
            row: the row's number, from 0; empty lines do not count.
        """
        lines = (line for line, values in self._records() if values)
        # The header is record 0.
        for line in itertools.islice(lines, row + 1, row + 2):
            return f"line {line} of {self.path}"
        return f"row {row + 1} of {self.path}"

    def check_line_breaks(
        self, frame: pd.DataFrame, columns: Iterable[str], first_row: int = 0
    ) -> None:
        """Checks that ids and times have no line breaks in them.

        Where they do, a `"` was not closed, and what follows it was read as
        one value.

        Args:
            frame: rows of the file, text or categories of text.
            columns: names of the columns to check, as far as they are there.
            first_row: the number of the first row in the file, from 0.

        Raises:
            ValueError: if a value has a line break in it.
        """
        for name in columns:
            row = _find_line_break(frame[name]) if name in frame else None
            if row is not None:
                raise ValueError(
                    f"Each value of the column {name!r} must be on one line."
                    f" Received: {frame[name].iloc[row][:40]!r}... at"
                    f" {self.locate(first_row + row)}, with a line break in"
                    f' it, as a `"` makes that nothing closes. {_CLOSE_QUOTE}'
                )

    def find_open_quote(self) -> str | None:
        """Says on which line a `"` opens a value that nothing closes.

        Then the value goes on to the next `"`, which may open another one, or
        to the file's end.
        """
        lines: list[str] = []
        for number, _ in self._records(lines):
            if len(lines) > 1 and not _is_well_quoted(lines, self.delimiter):
                return (
                    'Each `"` that opens a value must be closed. Received: one'
                    f" in the row on line {number} of {self.path} that nothing"
                    f" closes. {_CLOSE_QUOTE}"
                )
        return None

    def check_quotes(self, counter: QuoteCounter, num_rows: int) -> None:
        """Checks what was read for a `"` that nothing closes.

        Args:
            counter: what the file was read through, to its end.
            num_rows: how many rows were read.

        Raises:
            ValueError: if there is one.
        """
        is_odd = counter.num_quotes % 2
        has_more_lines = counter.num_lines > num_rows + 1  # The header.
        if is_odd or (counter.num_quotes and has_more_lines):
            open_quote = self.find_open_quote()
            if open_quote:
                raise ValueError(open_quote)

    def diagnose(self, block_bytes: int) -> str | None:
        """Says which line is no UTF-8, or wrong in its quotes or values.

        Args:
            block_bytes: how long a row the reader could take.
        """
        with self.open() as file:
            for line, text in enumerate(file, start=1):
                try:
                    text.decode("utf-8")
                except UnicodeDecodeError as error:
                    return (
                        f"`path` must be a UTF-8 file. Received: line {line} of"
                        f" {self.path}, which is not ({error}). Convert the"
                        " file, as with iconv."
                    )
        open_quote = self.find_open_quote()
        if open_quote:
            return open_quote
        expected = num_records = longest = longest_line = 0
        for line, values in self._records():
            if not values:
                continue
            num_records += 1
            expected = expected or len(values)
            if len(values) != expected:
                return (
                    "Each line must have as many values as the header."
                    f" Received: line {line} of {self.path} with"
                    f" {len(values)} instead of {expected}. Correct it; in"
                    " Python, another `delimiter` can be named."
                )
            length = sum(map(len, values))
            if length > longest:
                longest, longest_line = length, line
        if num_records == 1:
            return empty_file(self.path, "a header line and no rows")
        if longest * _MAX_UTF8_BYTES >= block_bytes:
            return (
                f"Each row must be shorter than {block_bytes:,} bytes."
                f" Received: the row at line {longest_line} of {self.path} with"
                f' {longest:,} characters, as with a `"` that nothing closes.'
                f" {_CLOSE_QUOTE}"
            )
        return None

    def arrow_options(
        self, types: Mapping[str, pa.DataType], block_bytes: int
    ) -> dict[str, Any]:
        """Returns how Arrow is to read the file.

        Args:
            types: the columns to read, and as what.
            block_bytes: what is read at once; a row must be shorter.
        """
        return {
            "read_options": pyarrow.csv.ReadOptions(block_size=block_bytes),
            "parse_options": pyarrow.csv.ParseOptions(
                delimiter=self.delimiter, newlines_in_values=True
            ),
            "convert_options": pyarrow.csv.ConvertOptions(
                include_columns=list(types),
                column_types=types,
                strings_can_be_null=False,
            ),
        }

    @contextlib.contextmanager
    def errors_explained(self, block_bytes: int) -> Iterator[None]:
        """Says what is wrong with the file where Arrow cannot read it.

        Args:
            block_bytes: as for `arrow_options`.

        Raises:
            ValueError: in place of an error of Arrow's or of reading.
        """
        try:
            yield
        except pa.ArrowInvalid as error:
            raise ValueError(
                self.diagnose(block_bytes) or broken_file(self.path, error)
            ) from error
        except UnicodeDecodeError as error:
            raise ValueError(self.diagnose(block_bytes)) from error
        except (OSError, EOFError, zlib.error) as error:
            raise ValueError(broken_file(self.path, error)) from error

    def open(self) -> IO[bytes]:
        """Opens the file for reading, decompressed."""
        file: IO[bytes] = self.path.open("rb")
        if self.compressed:
            return cast(IO[bytes], gzip.GzipFile(fileobj=file))
        return file

    def _text(self, errors: str = "strict") -> IO[str]:
        return io.TextIOWrapper(
            self.open(), encoding="utf-8-sig", errors=errors, newline=""
        )

    def _records(
        self, lines: list[str] | None = None
    ) -> Iterator[tuple[int, list[str]]]:
        """Yields the first line's number and the values of each record.

        An empty line has no values. One is added at the end, which belongs to
        the last record only if a quote in it is open.

        Args:
            lines: where to put the lines of the present record.
        """
        line = 1
        lines = [] if lines is None else lines
        with self._text(errors="replace") as file, _values_of_any_length():
            reader = csv.reader(
                _remember(itertools.chain(file, ("",)), lines),
                delimiter=self.delimiter,
            )
            try:
                for values in reader:
                    yield line, values
                    lines.clear()
                    line = reader.line_num + 1
            except csv.Error as error:
                raise ValueError(
                    "`path` must be a CSV file. Received: line"
                    f" {line} of {self.path}, which cannot be read ({error})."
                    " Correct it."
                ) from error


class QuoteCounter:
    """Passes a file's bytes on to a reader and counts its quotes and lines.

    Args:
        file: the file, decompressed.
    """

    def __init__(self, file: IO[bytes]):
        self._file = file
        self.num_quotes = 0
        self._num_ends = {b"\n": 0, b"\r": 0}
        self._last = b"\n"

    @property
    def num_lines(self) -> int:
        """How many lines were read."""
        return max(self._num_ends.values()) + (self._last not in self._num_ends)

    @property
    def closed(self) -> bool:
        """Whether the file is closed."""
        return self._file.closed

    def read(self, size: int = -1) -> bytes:
        """Returns the next bytes.

        Args:
            size: how many at most; all if -1.
        """
        data = self._file.read(size)
        self.num_quotes += data.count(b'"')
        for end in self._num_ends:
            self._num_ends[end] += data.count(end)
        self._last = data[-1:] or self._last
        return data

    def close(self) -> None:
        """Closes the file."""
        self._file.close()


def _remember(lines: Iterable[str], seen: list[str]) -> Iterator[str]:
    """Yields lines, and puts each into a list."""
    for line in lines:
        seen.append(line)
        yield line


def _is_well_quoted(lines: list[str], delimiter: str) -> bool:
    """Whether each quoted value of a record ends with its closing `"`."""
    try:
        list(csv.reader(lines, delimiter=delimiter, strict=True))
    except csv.Error:
        return False
    return True


def _find_line_break(column: pd.Series) -> int | None:
    """Returns the position of the first value with a line break."""
    is_categorical = isinstance(column.dtype, pd.CategoricalDtype)
    values = column.cat.categories if is_categorical else column
    broken = np.asarray(values.str.contains("[\r\n]"), dtype=bool)
    if not broken.any():
        return None
    if is_categorical:
        broken = broken[column.cat.codes]
    return int(np.argmax(broken))


@contextlib.contextmanager
def _values_of_any_length() -> Iterator[None]:
    """Lifts the limit of 131,072 characters that `csv` sets to a value."""
    before = csv.field_size_limit(_MAX_VALUE_LENGTH)
    try:
        yield
    finally:
        csv.field_size_limit(before)
