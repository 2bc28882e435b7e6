"""Cleaning rules: order, ties, repeated pairs, k-core; all of it counted."""

import dataclasses

import numpy as np

from tfrs_timirec._validation import check_non_negative_int
from tfrs_timirec.data.sorting import stable_argsort

DUPLICATE_RULES = ("keep", "first", "last")
TIE_RULES = ("file_order", "reverse_file_order")


@dataclasses.dataclass(frozen=True, kw_only=True)
class CleaningOptions:
    """What to do with the rows of a raw log. By default nothing is removed.

    The rules apply in this order: sort by time, `ties`, `duplicates`, then the
    k-core.

    Args:
        min_user_interactions: users with fewer interactions are removed; 0
            keeps all.
        min_item_interactions: items with fewer interactions are removed; 0
            keeps all. Both minima hold in the result: the removal is repeated
            until nothing changes (the k-core).
        duplicates: what to do when one user met the same item several times:
            "keep" all of them, or only the "first" or the "last" in time.
        ties: how to order one user's interactions of equal time: in
            "file_order" (a stable sort, as in the literature) or in
            "reverse_file_order". Where the last two times are equal, this
            rule decides which item is held out for the test.

    Raises:
        ValueError: if a minimum is no integer or negative, or a rule is
            unknown.

    Example:
        >>> CleaningOptions(min_user_interactions=5, min_item_interactions=5)
        ... # doctest: +ELLIPSIS
        CleaningOptions(min_user_interactions=5, min_item_interactions=5, ...)
    """

    min_user_interactions: int = 0
    min_item_interactions: int = 0
    duplicates: str = "keep"
    ties: str = "file_order"

    def __post_init__(self) -> None:
        check_non_negative_int(
            "CleaningOptions",
            min_user_interactions=self.min_user_interactions,
            min_item_interactions=self.min_item_interactions,
        )
        for name, rules in (
            ("duplicates", DUPLICATE_RULES),
            ("ties", TIE_RULES),
        ):
            value = getattr(self, name)
            if value not in rules:
                raise ValueError(
                    f"`{name}` must be one of {', '.join(map(repr, rules))}."
                    f" Received: {name}={value!r}."
                )


@dataclasses.dataclass(frozen=True, kw_only=True)
class CleaningReport:
    """Counts of everything that reading and cleaning met, changed or removed.

    Args:
        options: the rules that were applied.
        rows_read: interactions in the source.
        rows_out_of_order: rows older than the same user's row before them;
            they were sorted.
        fractional_times: times with a part below one second; they were sorted
            by the exact time and stored as whole seconds, rounded down.
        duplicates_removed: rows removed by the rule `duplicates`.
        interactions_below_minimum: rows removed by the k-core.
        users_below_minimum: users removed by the k-core.
        items_below_minimum: items removed by the k-core.
        users_without_interactions: users of the source with an empty sequence.
        items_without_interactions: items of the source's item table that no
            kept interaction names.
        items_without_metadata: items with interactions that the item table
            lacks (0 if there is no item table).
        ids_with_outer_spaces: user and item ids that begin or end with white
            space; they are kept as they are, so " a" and "a" differ.
        preparation: the same of the preparation that wrote what was read here;
            None if there was none.
    """

    options: CleaningOptions = CleaningOptions()
    rows_read: int = 0
    rows_out_of_order: int = 0
    fractional_times: int = 0
    duplicates_removed: int = 0
    interactions_below_minimum: int = 0
    users_below_minimum: int = 0
    items_below_minimum: int = 0
    users_without_interactions: int = 0
    items_without_interactions: int = 0
    items_without_metadata: int = 0
    ids_with_outer_spaces: int = 0
    preparation: "CleaningReport | None" = None


def nothing_left(
    options: CleaningOptions, num_rows: int, num_users: int, num_items: int
) -> ValueError:
    """Returns the error for minima that no interaction reaches.

    Args:
        options: the rules.
        num_rows: interactions before the cleaning.
        num_users: users before it.
        num_items: items before it.
    """
    return ValueError(
        "No interaction is left after cleaning. Received:"
        f" min_user_interactions={options.min_user_interactions},"
        f" min_item_interactions={options.min_item_interactions} on"
        f" {num_rows:,} interactions of {num_users:,} users and"
        f" {num_items:,} items. Lower the minima."
    )


def chronological_order(
    users: np.ndarray, times: np.ndarray, ties: str = "file_order"
) -> tuple[np.ndarray, int]:
    """Orders rows by user, then time, then the tie rule.

    Args:
        users: (num_rows,) integer user codes, in the order of the file.
        times: (num_rows,) times of any numeric type.
        ties: a rule of `CleaningOptions.ties`.

    Returns:
        order: (num_rows,) int64 positions, so that `users[order]` ascends and
            `times[order]` ascends within a user.
        out_of_order: how many rows were older than the same user's row before
            them in the file.
    """
    order = stable_argsort(users)
    sorted_users = users[order]
    same_user = sorted_users[1:] == sorted_users[:-1]
    sorted_times = times[order]
    out_of_order = int(
        np.count_nonzero(same_user & (sorted_times[1:] < sorted_times[:-1]))
    )
    if out_of_order:
        order = stable_argsort(times)
        order = order[stable_argsort(users[order])]
        sorted_times = times[order]
    if ties == "reverse_file_order":
        tied = same_user & (sorted_times[1:] == sorted_times[:-1])
        starts = np.flatnonzero(np.concatenate(([True], ~tied)))
        ends = np.append(starts[1:], len(order))
        lengths = ends - starts
        # Position p of a run [start, end) takes the row at start + end - 1 - p.
        mirror = np.repeat(starts + ends - 1, lengths) - np.arange(len(order))
        order = order[mirror]
    return order, out_of_order


def repeated_pairs(users: np.ndarray, items: np.ndarray) -> np.ndarray:
    """Marks interactions whose user met the same item before.

    Args:
        users: (num_rows,) integer user codes.
        items: (num_rows,) integer item codes.

    Returns:
        (num_rows,) bool, False at the first row of each (user, item) pair.
    """
    repeated = np.zeros(len(users), dtype=bool)
    if len(users):
        pairs = users.astype(np.int64) * (int(items.max()) + 1) + items
        order = stable_argsort(pairs)
        sorted_pairs = pairs[order]
        repeated[order[1:]] = sorted_pairs[1:] == sorted_pairs[:-1]
    return repeated


def keep_by_duplicate_rule(
    users: np.ndarray, items: np.ndarray, rule: str
) -> np.ndarray:
    """Marks the interactions that the rule for repeated pairs keeps.

    Args:
        users: (num_rows,) integer user codes, rows in chronological order.
        items: (num_rows,) integer item codes.
        rule: a rule of `CleaningOptions.duplicates`.

    Returns:
        (num_rows,) bool, True for the rows to keep.
    """
    if rule == "first":
        return ~repeated_pairs(users, items)
    if rule == "last":
        return ~repeated_pairs(users[::-1], items[::-1])[::-1]
    return np.ones(len(users), dtype=bool)


def keep_k_core(
    users: np.ndarray,
    items: np.ndarray,
    min_user_interactions: int,
    min_item_interactions: int,
) -> np.ndarray:
    """Marks the interactions inside the k-core.

    Users and items below their minimum are removed in turn until none is left:
    the result is the largest log in which both minima hold.

    Args:
        users: (num_rows,) integer user codes.
        items: (num_rows,) integer item codes.
        min_user_interactions: least interactions of a kept user.
        min_item_interactions: least interactions of a kept item.

    Returns:
        (num_rows,) bool, True for the rows to keep.
    """
    rows = np.arange(len(users))
    while rows.size:
        user_counts = np.bincount(users[rows])
        item_counts = np.bincount(items[rows])
        kept = (user_counts[users[rows]] >= min_user_interactions) & (
            item_counts[items[rows]] >= min_item_interactions
        )
        if kept.all():
            break
        rows = rows[kept]
    keep = np.zeros(len(users), dtype=bool)
    keep[rows] = True
    return keep
