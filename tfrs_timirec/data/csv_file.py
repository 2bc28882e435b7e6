"""Looks into a CSV file line by line."""

import csv
import functools
import gzip
import io
from collections.abc import Iterator
from typing import IO, cast

from etils import epath

from tfrs_timirec.data.log_files import check_content, empty_file

_DELIMITERS = (",", "\t", ";", "|")


class CsvFile:
    """Finds lines in a CSV file; slow, and used for the header and errors.

    Args:
        path: the file.
        delimiter: between values; by default the one of comma, tab, semicolon
            and bar that divides the header line into the most names.

    Raises:
        ValueError: if it is empty, or of another kind than its name says.
    """

    def __init__(self, path: epath.Path, delimiter: str | None = None):
        self.path = path
        self._delimiter = delimiter
        check_content(path, compressed=self.compressed)

    @functools.cached_property
    def delimiter(self) -> str:
        """What stands between values."""
        if self._delimiter:
            return self._delimiter
        with self.open() as file:
            header = file.readline().decode("utf-8", errors="replace")
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
        with self._text() as file:
            names = next(csv.reader(file, delimiter=self.delimiter), [])
        if not names:
            raise ValueError(empty_file(self.path, "no header line"))
        return names

    def locate(self, row: int) -> str:
        """Says on which line a row stands, the header being line 1.

        Args:
            row: the row's number, from 0; empty lines do not count.
        """
        for index, (line, _) in enumerate(self._records()):
            if index == row + 1:  # The header is record 0.
                return f"line {line} of {self.path}"
        return f"row {row + 1} of {self.path}"

    def diagnose(self) -> str | None:
        """Says which line is no UTF-8 or has too few or many values."""
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
            return empty_file(self.path, "a header line and no rows")
        return None

    def open(self) -> IO[bytes]:
        """Opens the file for reading, decompressed."""
        file: IO[bytes] = self.path.open("rb")
        if self.compressed:
            return cast(IO[bytes], gzip.GzipFile(fileobj=file))
        return file

    def _text(self) -> IO[str]:
        return io.TextIOWrapper(self.open(), encoding="utf-8-sig", newline="")

    def _records(self) -> Iterator[tuple[int, list[str]]]:
        """Yields the first line's number and the values of each record."""
        with self._text() as file:
            reader = csv.reader(file, delimiter=self.delimiter)
            line = 1
            for values in reader:
                if values:
                    yield line, values
                line = reader.line_num + 1
