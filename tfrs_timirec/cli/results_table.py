"""The table of a run's results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import rich.box
import rich.console
import rich.table

_COLUMNS = {
    "HR@5": "hit_rate_at_5",
    "HR@10": "hit_rate_at_10",
    "NDCG@5": "ndcg_at_5",
    "NDCG@10": "ndcg_at_10",
}
_CANDIDATES = {
    "sampled": "sampled negatives",
    "full": "whole catalogue",
}


def print_results(
    console: rich.console.Console,
    results: Mapping[str, Any],
    parts: Sequence[str] = ("validation", "test"),
) -> None:
    """Prints what a run's `metrics.json` says, a table a part.

    Args:
        console: where to print.
        results: the content of the file.
        parts: what of it to print.
    """
    for part in parts:
        if part not in results:
            continue
        table = rich.table.Table(title=f"{part} cases", box=rich.box.SIMPLE)
        table.add_column("ranked against")
        table.add_column("model")
        for column in _COLUMNS:
            table.add_column(column, justify="right")
        for row in _rows(results, part):
            table.add_row(*row)
        console.print(table)


def _rows(results: Mapping[str, Any], part: str) -> Iterator[list[str]]:
    for candidates, label in _CANDIDATES.items():
        models = {"final": results}
        if "stage_1" in results:
            models = {"stage 1, greedy": results["stage_1"], **models}
        for name, metrics in models.items():
            if part in metrics:
                values = metrics[part][candidates]
                yield [label, name] + [
                    f"{values[metric]:.4f}" for metric in _COLUMNS.values()
                ]
                label = ""  # noqa: PLW2901  Said once for both models.
