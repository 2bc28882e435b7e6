"""Tables of users and items: put in order, and numbered for a model."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd

from tfrs_timirec.data.raw_columns import check_int64


@dataclasses.dataclass(frozen=True, eq=False)
class AlignedTable:
    """A table with a row for each id of a vocabulary, in its order.

    Args:
        rows: the table; a row of missing values for an id it did not have.
        num_missing: ids that the table did not have.
        num_unused: rows of the table that belong to no id.
    """

    rows: pd.DataFrame
    num_missing: int
    num_unused: int


def align_table(
    argument: str, table: pd.DataFrame, ids: np.ndarray
) -> AlignedTable:
    """Puts a table in the order of a vocabulary.

    Args:
        argument: the argument that the table came by, for the error.
        table: a row an id, indexed by raw id.
        ids: (num_ids,) raw ids.

    Raises:
        ValueError: if an id has several rows, two columns have one name, or no
            row's id is of the type
            that those of the vocabulary are.
    """
    if not table.index.is_unique:
        twice = table.index[table.index.duplicated()].tolist()
        raise ValueError(
            f"`{argument}` must have one row an id. Received: id"
            f" {twice[0]!r} several times. Remove the repeated rows."
        )
    if not table.columns.is_unique:
        twice = table.columns[table.columns.duplicated()].tolist()
        raise ValueError(
            f"`{argument}` must have columns of different names. Received:"
            f" {twice[0]!r} several times. Rename or drop them."
        )
    num_known = int(np.count_nonzero(pd.Index(ids).isin(table.index)))
    if not num_known and len(ids):
        _check_types(argument, table.index, ids)
    # Beside missing values, plain integers become floats, and ids of 64 bits
    # that differ become equal.
    integers = {
        name: "UInt64" if dtype.kind == "u" else "Int64"
        for name, dtype in table.dtypes.items()
        if isinstance(dtype, np.dtype) and dtype.kind in "iu"
    }
    if integers and num_known < len(ids):
        table = table.astype(integers)
    return AlignedTable(
        rows=table.reindex(ids),
        num_missing=len(ids) - num_known,
        num_unused=len(table) - num_known,
    )


def _check_types(argument: str, index: pd.Index, ids: np.ndarray) -> None:
    """Tells ids of the other type from those that only nobody met."""
    wanted = _kind(ids[0])
    if len(index) and all(_kind(value) != wanted for value in index):
        (here,), (there,) = index[:1].tolist(), ids[:1].tolist()
        raise ValueError(
            f"`{argument}` must be indexed by the log's raw ids, of the type"
            f" that they have there. Received: {_kind(here)} in the index, as"
            f" {here!r}, and {wanted} in the log, as {there!r}. Make the"
            " column of ids the index, of that type; those of a CSV log are"
            " text: pd.read_csv(..., index_col=COLUMN, dtype={COLUMN: str})."
        )


@dataclasses.dataclass(frozen=True, eq=False)
class Attribute:
    """One attribute of all users or items, its values numbered.

    Args:
        values: (num_values,) distinct raw values, ascending: int64, or objects
            of str. `values[i]` has the id i + 1; 0 is "none".
        ids: (num_rows, width) int32, the ids of each row's values. A row with
            fewer values than `width` ends in zeros.
    """

    values: np.ndarray
    ids: np.ndarray

    @property
    def size(self) -> int:
        """Number of ids, "none" included."""
        return len(self.values) + 1

    @classmethod
    def from_column(cls, name: str, column: pd.Series) -> Attribute:
        """Numbers the values of a column.

        Args:
            name: what to call the column in errors.
            column: integers, text, or lists of them. None, NaN, "" and an
                empty list are "none"; a value twice in a list counts once.

        Raises:
            ValueError: if there is no value at all, or values are fractions or
                partly text and partly numbers.

        Example:
            >>> genres = pd.Series([["war"], ["comedy", "war"], None])
            >>> Attribute.from_column("genres", genres).ids.tolist()
            [[2, 0], [1, 2], [0, 0]]
        """
        if isinstance(column.dtype, pd.CategoricalDtype):
            column = column.astype(object)
        each = column.reset_index(drop=True).explode()
        each = each[each.notna() & (each != "")]
        values = pd.Series(_plain_values(name, each), index=each.index)
        codes, distinct = pd.factorize(values, sort=True)
        pairs = pd.DataFrame({"row": each.index, "id": codes + 1})
        pairs = pairs.drop_duplicates()
        place = pairs.groupby("row").cumcount()
        ids = np.zeros((len(column), int(place.max()) + 1), np.int32)
        ids[pairs["row"], place] = pairs["id"]
        return cls(values=np.asarray(distinct), ids=ids)


def _plain_values(name: str, values: pd.Series) -> np.ndarray:
    """Returns int64 or objects of str."""
    kinds = {_kind(value) for value in values}
    if kinds == {"text"}:
        return values.to_numpy(dtype=object)
    if kinds == {"integer"}:  # As floats, where others are missing.
        check_int64(name, values)
        return values.to_numpy(dtype=np.int64)
    received = " and ".join(sorted(kinds)) or "no value at all"
    raise ValueError(
        f"`{name}` must hold integers or text, or lists of one of them."
        f" Received: {received}. Put numbers with fractions into bins, and"
        " give values that are both the same type."
    )


def _kind(value: Any) -> str:
    if isinstance(value, str):
        return "text"
    if isinstance(value, (int, np.integer, np.bool_)):
        return "integer"
    if isinstance(value, (float, np.floating)):
        return "integer" if float(value).is_integer() else "fractions"
    return f"values of type {type(value).__name__}"
