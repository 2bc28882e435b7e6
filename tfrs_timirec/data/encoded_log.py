"""A raw log with its ids numbered, and the cleaning of it."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from tfrs_timirec._validation import check_no_text
from tfrs_timirec.data.cleaning import (
    TIE_RULES,
    CleaningOptions,
    CleaningReport,
    chronological_order,
    keep_by_duplicate_rule,
    keep_k_core,
    nothing_left,
)
from tfrs_timirec.data.raw_columns import (
    check_columns,
    encode_ids,
    parse_timestamps,
)
from tfrs_timirec.data.readers import RawTable


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class EncodedLog:
    """A log as arrays, one entry a row, in any order.

    Args:
        user_codes: (num_rows,) indices into `users`.
        item_codes: (num_rows,) indices into `items`.
        exact_times: (num_rows,) numbers or datetime64, to sort by.
        timestamps: (num_rows,) int64 Unix seconds.
        users: the distinct raw user ids, ascending.
        items: the distinct raw item ids, ascending.
        columns: further arrays by name, first axis num_rows.
        has_final_order: whether rows of equal time may have had different
            ones once, which only their order tells.
    """

    user_codes: np.ndarray
    item_codes: np.ndarray
    exact_times: np.ndarray
    timestamps: np.ndarray
    users: np.ndarray
    items: np.ndarray
    columns: Mapping[str, np.ndarray]
    has_final_order: bool = False

    def take(self, rows: np.ndarray) -> "EncodedLog":
        """Returns the log of these rows, positions or a mask."""
        exact_times = self.exact_times[rows]
        timestamps = (
            exact_times
            if self.timestamps is self.exact_times
            else self.timestamps[rows]
        )
        return dataclasses.replace(
            self,
            user_codes=self.user_codes[rows],
            item_codes=self.item_codes[rows],
            exact_times=exact_times,
            timestamps=timestamps,
            columns={
                name: values[rows] for name, values in self.columns.items()
            },
        )

    def without_unused_ids(self) -> "EncodedLog":
        """Returns the same log, its vocabularies cut to the ids it uses."""
        users, user_codes = _compact(self.users, self.user_codes)
        items, item_codes = _compact(self.items, self.item_codes)
        return dataclasses.replace(
            self,
            user_codes=user_codes,
            item_codes=item_codes,
            users=users,
            items=items,
        )


def encode_table(
    table: RawTable,
    *,
    user_column: str,
    item_column: str,
    timestamp_column: str,
    extra_columns: Sequence[str],
    text_is_numbers: bool | None = None,
) -> EncodedLog:
    """Numbers the ids of a table and reads its times.

    Args:
        table: the table, one interaction a row.
        user_column: name of the column of user ids.
        item_column: name of the column of item ids.
        timestamp_column: name of the column of times.
        extra_columns: names of further columns to keep.
        text_is_numbers: as for `parse_timestamps`.

    Raises:
        ValueError: if a column is missing or holds a bad value, or
            `extra_columns` is one text.
    """
    check_no_text("Interactions", extra_columns=extra_columns)
    wanted = {
        "user_column": user_column,
        "item_column": item_column,
        "timestamp_column": timestamp_column,
    }
    check_columns(table.column_names, wanted)
    for column in extra_columns:
        check_columns(table.column_names, {"extra_columns": column})
    frame, locate = table.frame, table.locate
    _require_rows(len(frame))
    user_codes, users = encode_ids(frame[user_column], "user_column", locate)
    item_codes, items = encode_ids(frame[item_column], "item_column", locate)
    exact_times, timestamps = parse_timestamps(
        frame[timestamp_column], "timestamp_column", locate, text_is_numbers
    )
    return EncodedLog(
        user_codes=user_codes,
        item_codes=item_codes,
        exact_times=exact_times,
        timestamps=timestamps,
        users=users,
        items=items,
        columns={name: frame[name].to_numpy() for name in extra_columns},
    )


def clean_log(
    log: EncodedLog, options: CleaningOptions
) -> tuple[EncodedLog, CleaningReport]:
    """Sorts a log by user and time and applies the cleaning rules.

    Args:
        log: the log, in the order of its source.
        options: the rules.

    Returns:
        The cleaned log, its vocabularies cut to the ids in use, and the counts.

    Raises:
        ValueError: if the log is empty, or becomes so, or if `ties` would
            reverse rows whose order is final.
    """
    rows_read = len(log.user_codes)
    _require_rows(rows_read)
    if log.has_final_order and options.ties != TIE_RULES[0]:
        _require_kept_order(log, options.ties)
    fractional_times = _count_fractions(log.exact_times)
    order, out_of_order = chronological_order(
        log.user_codes, log.exact_times, options.ties
    )
    log = log.take(order)
    if options.duplicates != "keep":
        log = log.take(
            keep_by_duplicate_rule(
                log.user_codes, log.item_codes, options.duplicates
            )
        )
    after_duplicates = len(log.user_codes)
    num_users, num_items = len(log.users), len(log.items)
    if max(options.min_user_interactions, options.min_item_interactions) > 1:
        log = log.take(
            keep_k_core(
                log.user_codes,
                log.item_codes,
                options.min_user_interactions,
                options.min_item_interactions,
            )
        ).without_unused_ids()
    kept = len(log.user_codes)
    if not kept:
        raise nothing_left(options, rows_read, num_users, num_items)
    return log, CleaningReport(
        options=options,
        rows_read=rows_read,
        rows_out_of_order=out_of_order,
        fractional_times=fractional_times,
        duplicates_removed=rows_read - after_duplicates,
        interactions_below_minimum=after_duplicates - kept,
        users_below_minimum=num_users - len(log.users),
        items_below_minimum=num_items - len(log.items),
        ids_with_outer_spaces=_count_outer_spaces(log.users)
        + _count_outer_spaces(log.items),
    )


def _require_rows(num_rows: int) -> None:
    if not num_rows:
        raise ValueError(
            "The log must hold at least one interaction. Received: 0 rows."
            " Check that the file or table is the right one."
        )


def _require_kept_order(log: EncodedLog, ties: str) -> None:
    """Refuses a tie rule that moves a row."""
    kept, _ = chronological_order(log.user_codes, log.exact_times)
    order, _ = chronological_order(log.user_codes, log.exact_times, ties)
    if moved := np.count_nonzero(order != kept):
        raise ValueError(
            "`ties` must be 'file_order' for a data set whose times were cut to"
            " whole seconds after its rows were sorted: what has the same"
            f" second keeps the order it has. Received: ties={ties!r}, which"
            f" would move {moved:,} of {len(order):,} rows. Leave it out, or"
            " read the log's own file with Interactions.from_csv or"
            " from_parquet (--interactions FILE)."
        )


def _count_fractions(times: np.ndarray) -> int:
    """Counts the times that are not whole seconds."""
    if times.dtype.kind == "M":
        return int(np.count_nonzero(times != times.astype("datetime64[s]")))
    return int(np.count_nonzero(times % 1)) if times.dtype.kind == "f" else 0


def _compact(
    ids: np.ndarray, codes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    used = np.bincount(codes, minlength=len(ids)) > 0
    if used.all():
        return ids, codes
    new_codes = np.cumsum(used, dtype=np.int32) - np.int32(1)
    return ids[used], new_codes[codes]


def _count_outer_spaces(ids: np.ndarray) -> int:
    if ids.dtype != object:
        return 0
    return sum(text != text.strip() for text in ids)
