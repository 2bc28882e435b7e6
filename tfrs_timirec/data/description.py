"""Statistics of a log of interactions, for machines and for people."""

import dataclasses
import datetime
from typing import TYPE_CHECKING

import numpy as np

from tfrs_timirec.data.cleaning import CleaningReport, repeated_pairs

if TYPE_CHECKING:
    from tfrs_timirec.data.interactions import Interactions

# One item is held out for validation, one for the test, one is left to learn.
MIN_HOLD_OUT_LENGTH = 3


@dataclasses.dataclass(frozen=True, kw_only=True)
class Spread:
    """How a count is spread over users or items.

    Args:
        minimum: the least count.
        median: the median count.
        mean: the mean count.
        maximum: the greatest count.
    """

    minimum: int
    median: float
    mean: float
    maximum: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class InteractionStatistics:
    """Sizes of a log.

    Args:
        num_users: number of users.
        num_items: number of items.
        num_interactions: number of interactions.
        density: interactions per (user, item) pair, between 0 and 1.
        interactions_per_user: spread over users.
        interactions_per_item: spread over items.
        first_timestamp: least time, Unix seconds.
        last_timestamp: greatest time, Unix seconds.
        users_with_one_interaction: users with a single interaction.
        users_too_short_to_hold_out: users with fewer than 3 interactions.
        users_with_tied_last_times: users whose last two times are equal, so
            that the tie rule decides which item is the test target.
        repeated_pairs: interactions whose user met the same item before.
    """

    num_users: int
    num_items: int
    num_interactions: int
    density: float
    interactions_per_user: Spread
    interactions_per_item: Spread
    first_timestamp: int
    last_timestamp: int
    users_with_one_interaction: int
    users_too_short_to_hold_out: int
    users_with_tied_last_times: int
    repeated_pairs: int


def compute_statistics(interactions: "Interactions") -> InteractionStatistics:
    """Computes the sizes of a log.

    Args:
        interactions: the log.
    """
    lengths = np.diff(interactions.row_splits)
    item_counts = np.bincount(interactions.item_ids)
    # Rows of the last and the second last interaction of users with two.
    last = interactions.row_splits[1:][lengths > 1] - 1
    times = interactions.timestamps
    return InteractionStatistics(
        num_users=interactions.num_users,
        num_items=interactions.num_items,
        num_interactions=interactions.num_interactions,
        density=interactions.density,
        interactions_per_user=_spread(lengths),
        interactions_per_item=_spread(item_counts[item_counts > 0]),
        first_timestamp=int(times.min()),
        last_timestamp=int(times.max()),
        users_with_one_interaction=int(np.count_nonzero(lengths == 1)),
        users_too_short_to_hold_out=int(
            np.count_nonzero(lengths < MIN_HOLD_OUT_LENGTH)
        ),
        users_with_tied_last_times=int(
            np.count_nonzero(times[last] == times[last - 1])
        ),
        repeated_pairs=int(
            np.count_nonzero(
                repeated_pairs(interactions.user_indices, interactions.item_ids)
            )
        ),
    )


def describe(interactions: "Interactions") -> str:
    """Describes a log in a short table for people.

    Args:
        interactions: the log.

    Returns:
        Several lines: sizes, the tie rule, and what cleaning did.
    """
    statistics = compute_statistics(interactions)
    report = interactions.report
    tied = statistics.users_with_tied_last_times / statistics.num_users
    rows = [
        ("users", f"{statistics.num_users:,}"),
        ("items", f"{statistics.num_items:,}"),
        ("interactions", f"{statistics.num_interactions:,}"),
        ("density", f"{statistics.density:.2%}".replace("%", " %")),
        (
            "interactions per user",
            _spread_text(statistics.interactions_per_user),
        ),
        (
            "interactions per item",
            _spread_text(statistics.interactions_per_item),
        ),
        (
            "time span",
            f"{_date(statistics.first_timestamp)} to"
            f" {_date(statistics.last_timestamp)} (UTC)",
        ),
        (
            "order of equal times",
            f"{report.options.ties.replace('_', ' ')}; it decides the last"
            f" item of {tied:.1%} of users".replace("%", " %"),
        ),
        (
            "too short to hold out",
            f"{statistics.users_too_short_to_hold_out:,} users with fewer than"
            f" {MIN_HOLD_OUT_LENGTH} interactions"
            f" ({statistics.users_with_one_interaction:,} with one)",
        ),
        ("repeated user-item pairs", f"{statistics.repeated_pairs:,} kept"),
        *_cleaning_rows(report),
    ]
    width = max(len(label) for label, _ in rows)
    lines = [f"  {label:<{width}}  {value}" for label, value in rows]
    return "\n".join([interactions.name, *lines])


def _cleaning_rows(report: CleaningReport) -> list[tuple[str, str]]:
    """Says what a preparation did, if there was one, and then the reading."""
    headings = {"rows read": report}
    if report.preparation:
        headings = {"rows before preparation": report.preparation, **headings}
    rows = [
        row
        for heading, part in headings.items()
        for row in _counted_rows(heading, part)
    ]
    if len(rows) == len(headings):
        rows.append(("changed or removed", "nothing"))
    return rows


def _counted_rows(
    heading: str, report: CleaningReport
) -> list[tuple[str, str]]:
    options = report.options
    rows = [
        (heading, report.rows_read, ""),
        ("sorted", report.rows_out_of_order, "rows were out of time order"),
        (
            "rounded down",
            report.fractional_times,
            "times had a fraction of a second",
        ),
        (
            "ids kept as they are",
            report.ids_with_outer_spaces,
            "begin or end with white space",
        ),
        (
            "duplicates removed",
            report.duplicates_removed,
            f"rows (the {options.duplicates} of each user-item pair is kept)",
        ),
        (
            "k-core removed",
            report.interactions_below_minimum,
            f"rows, {report.users_below_minimum:,} users,"
            f" {report.items_below_minimum:,} items (at least"
            f" {options.min_user_interactions} a user,"
            f" {options.min_item_interactions} an item)",
        ),
        ("users left out", report.users_without_interactions, "had no items"),
        (
            "items left out",
            report.items_without_interactions,
            "of the item table have no interactions",
        ),
        (
            "items not described",
            report.items_without_metadata,
            "are missing from the item table",
        ),
    ]
    return [
        (label, f"{count:,} {text}".rstrip())
        for label, count, text in rows
        if count
    ]


def _spread(counts: np.ndarray) -> Spread:
    return Spread(
        minimum=int(counts.min()),
        median=float(np.median(counts)),
        mean=float(counts.mean()),
        maximum=int(counts.max()),
    )


def _spread_text(spread: Spread) -> str:
    return (
        f"min {spread.minimum:,}, median {spread.median:g}, mean"
        f" {spread.mean:.1f}, max {spread.maximum:,}"
    )


def _date(seconds: int) -> str:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime(
        "%Y-%m-%d"
    )
