"""What makes the numbers of a log other than they seem."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import rich.console

from tfrs_timirec.data import Interactions
from tfrs_timirec.data.description import (
    InteractionStatistics,
    compute_statistics,
)
from tfrs_timirec.data.interactions import NUM_RESERVED_IDS
from tfrs_timirec.data.negatives import has_unseen_items
from tfrs_timirec.experiments import TrainingSettings

_SECONDS_A_YEAR = 365 * 86400
_YEAR_2100 = 4_102_444_800  # Unix seconds.
_WORDS_FOR_NO_ID = [
    *("NULL", "Null", "null", "None", "none", "NaN", "nan", "NA", "N/A", "n/a"),
    *("<NA>", r"\N", "undefined"),
]


def print_notes(
    console: rich.console.Console,
    interactions: Interactions,
    settings: TrainingSettings | None = None,
) -> None:
    """Prints a line for each thing of a log that one should know.

    Args:
        console: where to print.
        interactions: the log.
        settings: what is going to be trained on it, if anything is.
    """
    for note in (
        *_notes(compute_statistics(interactions), settings),
        *_notes_on_ids(interactions),
        *_notes_on_users(interactions),
    ):
        console.print(f"Note: {note}", soft_wrap=True, markup=False)


def _notes(
    statistics: InteractionStatistics, settings: TrainingSettings | None
) -> Iterator[str]:
    if 0 < statistics.last_timestamp < _SECONDS_A_YEAR:
        yield (
            "all times lie in 1970. They are read as Unix seconds; dates as"
            " 20231114 or days must be converted first."
        )
    if statistics.last_timestamp > _YEAR_2100:
        yield (
            "the last time lies after the year 2100. Numbers are read as Unix"
            " seconds; dates as 202311142213 must be converted first."
        )
    if statistics.repeated_pairs:
        yield (
            f"{statistics.repeated_pairs:,} interactions are of a user and an"
            " item that the user had met before. A held-out item that stands"
            " in its history is easy to foresee; --duplicates first"
            " keeps the first of each."
        )
    if settings and statistics.num_items == settings.num_evaluation_negatives:
        yield (
            f"{statistics.num_items:,} negatives a case are drawn, as many as"
            " there are items, and some come twice: ranks in the whole"
            " catalogue say more."
        )
    if settings and statistics.num_items < settings.num_evaluation_negatives:
        yield (
            f"{settings.num_evaluation_negatives:,} negatives a case are drawn"
            f" out of {statistics.num_items:,} items, so they repeat, and ranks"
            " among them, by which the best epoch is chosen, are worse than in"
            f" the whole catalogue. --num-evaluation-negatives"
            f" {statistics.num_items} draws fewer."
        )


def _notes_on_users(interactions: Interactions) -> Iterator[str]:
    """Yields a line if users cannot be trained on."""
    if sated := np.count_nonzero(~has_unseen_items(interactions)):
        yield (
            f"{sated:,} of {interactions.num_users:,} users met all"
            f" {interactions.num_items:,} items. Nothing is left to draw"
            " negatives from: leave them out of the log before training."
        )


def _notes_on_ids(interactions: Interactions) -> Iterator[str]:
    """Yields a line for each id that looks as if there were none."""
    for kind, ids, rows in (
        ("user", interactions.users, interactions.user_indices),
        ("item", interactions.items, interactions.item_ids - NUM_RESERVED_IDS),
    ):
        for index in np.flatnonzero(pd.Series(ids).isin(_WORDS_FOR_NO_ID)):
            yield (
                f"{np.count_nonzero(rows == index):,} interactions are of the"
                f" {kind} {ids[index]!r}, taken as any other one. Remove those"
                f" rows if it means that the {kind} is not known."
            )
