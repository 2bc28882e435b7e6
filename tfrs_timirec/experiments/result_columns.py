"""Columns of result tables, and how a table is written."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from tfrs_timirec.experiments.paper_numbers import METRICS


@dataclasses.dataclass(frozen=True)
class Column:
    """A column of numbers.

    Args:
        heading: what stands above it.
        place: where the number is in a result, key by key.
    """

    heading: str
    place: tuple[str, ...]

    def values(self, results: dict[int, dict[str, Any]]) -> list[float]:
        """Returns the numbers of a system, one a seed that has it.

        Args:
            results: the system's results by seed.
        """
        found = []
        for result in results.values():
            value: Any = result
            for key in self.place:
                value = None if value is None else value.get(key)
            if value is not None:
                found.append(value)
        return found


def metric_columns(candidates: str, *headings: str) -> tuple[Column, ...]:
    """Returns columns of metrics of the test cases.

    Args:
        candidates: "sampled" or "full".
        *headings: the paper's names of the metrics, as "H@10".
    """
    return tuple(
        Column(heading, ("test", candidates, METRICS[heading]))
        for heading in headings
    )


def markdown_table(headings: Sequence[str], rows: list[list[str]]) -> str:
    """Returns a table; all but the first column are numbers.

    Args:
        headings: one a column.
        rows: the cells.
    """
    line = ["---", *["---:"] * (len(headings) - 1)]
    return "\n".join(
        f"| {' | '.join(cells)} |" for cells in (headings, line, *rows)
    )
