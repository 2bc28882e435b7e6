"""Checks a raw log's columns and turns them into integers."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

# Says where the row at a position stands, as "line 4 of log.csv".
Locator = Callable[[int], str]

_MAX_SECONDS = 253_402_300_799  # 9999-12-31T23:59:59
_UTC_SUFFIX = " UTC"
# ISO 8601 without dashes, as 20240131. As seconds, these are days of 1970.
_BASIC_DATE = re.compile(r"(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])")
# What pandas calls values that it would take for numbers.
_NO_TIMES = {"boolean", "timedelta", "timedelta64", "period", "complex"}
_WORDS_FOR_NOW = ["now", "today"]  # pandas takes them for the present time.
_MAX_SHOWN = 80  # Characters of a value in an error.


def check_columns(found: Sequence[str], wanted: dict[str, str]) -> None:
    """Checks that a table has the columns that are asked for.

    Args:
        found: names of the table's columns.
        wanted: column name by the argument that gave it.

    Raises:
        ValueError: if a column is missing, or is there twice, or two arguments
            name the same one.
    """
    for argument, column in wanted.items():
        if found.count(column) != 1:
            problem = (
                "is there several times" if column in found else "is missing"
            )
            raise ValueError(
                f"`{argument}` must name one column of the log. Received:"
                f" {argument}={column!r}, which {problem}; the columns are"
                f" {list(found)}. Name another with `{argument}=...`."
            )
    names = list(wanted.values())
    for argument, column in wanted.items():
        if names.count(column) > 1:
            raise ValueError(
                f"`{argument}` must name a column of its own. Received:"
                f" {argument}={column!r}, which another argument names too."
            )


def encode_ids(
    column: pd.Series, argument: str, locate: Locator
) -> tuple[np.ndarray, np.ndarray]:
    """Numbers the ids of a column in ascending order of the id.

    Integer columns stay integers; text stays text, unchanged: "007" is not
    "7", and spaces and letter case count.

    Args:
        column: (num_rows,) ids, integers or text; many times as fast if it
            is categorical.
        argument: the argument that named the column, for errors.
        locate: says where a row stands, for errors.

    Returns:
        codes: (num_rows,) int32 indices into `ids`.
        ids: the distinct ids, ascending; int64, or an object array of str.

    Raises:
        ValueError: if an id is missing or is neither an integer nor text.
    """
    missing = column.isna().to_numpy()
    if missing.any():
        raise _missing_id(argument, missing, locate)
    dtype = column.dtype
    if isinstance(dtype, pd.ArrowDtype) and pa.types.is_dictionary(
        dtype.pyarrow_dtype
    ):
        column = column.astype("category")
    kind = _infer_kind(column)
    if kind not in {"integer", "string", "bytes", "empty"}:
        raise ValueError(
            f"`{argument}` must name a column of integers or of text."
            f" Received: {argument}={column.name!r} of dtype {column.dtype}"
            f" holding {kind} values. Convert the column to one type, as with"
            f" frame[{column.name!r}].astype(str)."
        )
    codes, distinct = _factorize(column)
    if kind == "integer":
        check_int64(argument, distinct)
        ids = np.asarray(distinct, dtype=np.int64)
    else:
        ids = np.empty(len(distinct), dtype=object)
        ids[:] = [_text(value, argument) for value in distinct]
    order = np.argsort(ids, kind="stable")
    rank = np.empty(len(ids), dtype=np.int32)
    rank[order] = np.arange(len(ids), dtype=np.int32)
    codes, ids = np.asarray(rank[codes]), ids[order]
    if kind != "integer" and len(ids) and ids[0] == "":
        raise _missing_id(argument, codes == 0, locate)
    return codes, ids


def check_int64(name: str, values: pd.Series | pd.Index) -> None:
    """Raises a ValueError unless integers fit into 64 bits.

    Args:
        name: what to call the values in the message.
        values: integers of any type; floats too, where others are missing.

    Raises:
        ValueError: naming the smallest or largest value.
    """
    extremes = (values.min(), values.max()) if len(values) else ()
    for value in extremes:
        if not -(2**63) <= int(value) < 2**63:
            raise ValueError(
                f"`{name}` must hold integers that fit into 64 bits. Received:"
                f" {value}. Convert them to text."
            )


def _infer_kind(column: pd.Series) -> str:
    """Returns what pandas calls the values, as "integer" or "mixed"."""
    is_categorical = isinstance(column.dtype, pd.CategoricalDtype)
    values = column.cat.categories if is_categorical else column
    # Only objects can differ in kind; looking at millions takes seconds.
    sample = values if values.dtype == object else values[:1]
    return pd.api.types.infer_dtype(sample, skipna=False)


def _factorize(column: pd.Series) -> tuple[np.ndarray, pd.Index]:
    """Returns (num_rows,) codes without a gap, and the distinct values."""
    if not isinstance(column.dtype, pd.CategoricalDtype):
        codes, distinct = pd.factorize(column)
        return codes, pd.Index(distinct)
    codes = np.asarray(column.cat.codes)
    distinct = column.cat.categories
    used = np.bincount(codes, minlength=len(distinct)) > 0
    if used.all():
        return codes, distinct
    return (np.cumsum(used) - 1)[codes], distinct[used]


def parse_timestamps(
    column: pd.Series,
    argument: str,
    locate: Locator,
    text_is_numbers: bool | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Reads times as Unix seconds.

    Accepts numbers (Unix seconds), datetimes, and text that holds either
    numbers or ISO 8601 dates, also with " UTC" behind, as BigQuery writes
    them. Times without a zone are taken as UTC. Text
    counts as numbers if its first value is a number, unless that is a date of
    1900 to 2099 without dashes: text "20240131" is a date as "2024-01-31" is,
    while the integer 20240131 is a number.

    Args:
        column: (num_rows,) times.
        argument: the argument that named the column, for errors.
        locate: says where a row stands, for errors.
        text_is_numbers: whether text counts as numbers, where the column is a
            part of a longer one; by default its first value tells.

    Returns:
        exact: (num_rows,) times as they stand, to sort by: numbers or
            datetime64.
        seconds: (num_rows,) int64 Unix seconds, rounded down.

    Raises:
        ValueError: if a time is missing, unreadable, negative, infinite, after
            the year 9999 (as milliseconds would be) or too large for whole
            seconds of its type, as float32, or the column holds durations,
            periods or booleans.
    """
    dtype = column.dtype
    if isinstance(dtype, pd.ArrowDtype) and (
        dtype.kind == "O" or pa.types.is_date(dtype.pyarrow_dtype)
    ):
        column = column.astype(object)  # As pandas has decimals and dates.
    missing = column.isna().to_numpy()
    if not pd.api.types.is_numeric_dtype(column):
        missing = missing | (column == "").fillna(False).to_numpy(dtype=bool)
    _require(~missing, column, argument, "must not be missing", locate)
    kind = pd.api.types.infer_dtype(column.iloc[:1], skipna=False)
    if kind in _NO_TIMES or pd.api.types.is_bool_dtype(column):
        raise ValueError(
            f"`{argument}` must name a column of times. Received:"
            f" {argument}={column.name!r} of dtype {column.dtype} holding"
            f" {kind} values. Convert them to datetimes or Unix seconds."
        )
    if pd.api.types.is_numeric_dtype(column):
        exact = column.to_numpy()
    elif pd.api.types.is_datetime64_any_dtype(column):
        exact = _utc(column)
    else:
        exact = _parse_text(column, argument, locate, text_is_numbers)
    if exact.dtype.kind == "M":
        seconds = exact.astype("datetime64[s]").astype(np.int64)
    else:
        _require(np.isfinite(exact), column, argument, "must be finite", locate)
        if exact.dtype.kind == "f":
            # Of Unix seconds, float32 holds each 128th.
            _require(
                np.spacing(np.abs(exact)) <= 1,
                column,
                argument,
                f"must be exact to a second, which {exact.dtype} is not (read"
                " the column as integers or float64)",
                locate,
            )
        with np.errstate(invalid="ignore"):
            seconds = np.floor(exact) if exact.dtype.kind == "f" else exact
    _require(
        seconds <= _MAX_SECONDS,
        column,
        argument,
        "must be before the year 10000 (divide milliseconds by 1000)",
        locate,
    )
    seconds = seconds.astype(np.int64, copy=False)
    _require(seconds >= 0, column, argument, "must not be before 1970", locate)
    return exact, seconds


def _utc(column: pd.Series) -> np.ndarray:
    if getattr(column.dt, "tz", None) is not None:
        column = column.dt.tz_convert("UTC").dt.tz_localize(None)
    return column.to_numpy(dtype=f"datetime64[{column.dt.unit}]")


def _parse_text(
    column: pd.Series,
    argument: str,
    locate: Locator,
    text_is_numbers: bool | None,
) -> np.ndarray:
    if not len(column):
        return np.zeros(0, dtype=np.int64)
    if text_is_numbers is None or not isinstance(column.iloc[0], str):
        first = pd.to_numeric(column.iloc[:1], errors="coerce").iloc[0]
        text_is_numbers = not (pd.isna(first) or _is_basic_date(column.iloc[0]))
    if text_is_numbers:
        numbers = pd.to_numeric(column, errors="coerce")
        _require(
            numbers.notna().to_numpy(),
            column,
            argument,
            "must be a number, as the first time is",
            locate,
        )
        return numbers.to_numpy()
    text = column
    if str(column.iloc[0]).endswith(_UTC_SUFFIX):
        text = column.astype(str).str.removesuffix(_UTC_SUFFIX)
    dates = pd.to_datetime(text, errors="coerce", utc=True, format="ISO8601")
    dates = dates.mask(column.isin(_WORDS_FOR_NOW))
    _require(
        dates.notna().to_numpy(),
        column,
        argument,
        "must be Unix seconds or a date as 2024-01-31 22:13:20 (ISO 8601)",
        locate,
    )
    return _utc(dates)


def _is_basic_date(value: Any) -> bool:
    return isinstance(value, str) and bool(_BASIC_DATE.fullmatch(value.strip()))


def _require(
    good: np.ndarray,
    column: pd.Series,
    argument: str,
    rule: str,
    locate: Locator,
) -> None:
    if good.all():
        return
    first = int(np.argmin(good))
    value = column.iloc[first]
    if isinstance(value, str):
        shown = repr(value[:_MAX_SHOWN])
        value = shown + "..." if len(value) > _MAX_SHOWN else shown
    raise ValueError(
        f"`{argument}`: each time {rule}. Received:"
        f" {column.name}={value} at {locate(first)}"
        f" ({np.count_nonzero(~good):,} such rows). Correct or remove them."
    )


def _missing_id(
    argument: str, missing: np.ndarray, locate: Locator
) -> ValueError:
    return ValueError(
        f"`{argument}` must name a column without missing ids. Received: no id"
        f" at {locate(int(np.argmax(missing)))} ({np.count_nonzero(missing):,}"
        " such rows). Correct or remove them."
    )


def _text(value: str | bytes, argument: str) -> str:
    if isinstance(value, str):
        return value
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"`{argument}` must name a column of UTF-8 text. Received:"
            f" {value!r}. Decode the column first."
        ) from error
