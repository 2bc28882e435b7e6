"""Markdown tables of experiments: measured, and the paper's beside it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from tfrs_timirec.evaluation.significance import paired_t_test
from tfrs_timirec.evaluation.summary import gains
from tfrs_timirec.experiments.experiment import Plan
from tfrs_timirec.experiments.paper_numbers import (
    METRICS,
    PAPER_DATA,
    paper_value,
)
from tfrs_timirec.experiments.result_store import (
    Results,
    ResultStore,
    decode_ranks,
)

_Rows = list[list[str]]


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


def _metric_columns(candidates: str, *headings: str) -> tuple[Column, ...]:
    return tuple(
        Column(heading, ("test", candidates, METRICS[heading]))
        for heading in headings
    )


_AT_10 = ("H@10", "N@10")
_DISTANCE = Column("interest distance", ("interests", "interest_distance"))
_JS_PREDICTED = Column("JS of prediction", ("interests", "js_predicted"))
_JS_RECOMMENDED = Column("JS of best item", ("interests", "js_recommended"))
_FULL = ("Whole catalogue", _metric_columns("full", *METRICS))

_TABLES: dict[str, tuple[tuple[str, tuple[Column, ...]], ...]] = {
    "table2": (
        (
            "Hit rate, sampled negatives",
            _metric_columns("sampled", "H@5", "H@10", "H@20"),
        ),
        (
            "NDCG, sampled negatives",
            _metric_columns("sampled", "N@5", "N@10", "N@20"),
        ),
        _FULL,
    ),
    "table4": (
        (
            "Sampled negatives",
            (*_metric_columns("sampled", *_AT_10), _DISTANCE, _JS_PREDICTED),
        ),
        _FULL,
    ),
}
_OTHERS = (
    (
        "Sampled negatives",
        (*_metric_columns("sampled", *_AT_10), _JS_RECOMMENDED, _JS_PREDICTED),
    ),
    _FULL,
)

_LEGEND = """\
Test cases; mean and standard deviation over the seeds. ▼ and ▲: the mean lies
more than two standard deviations below or above the paper's, which stands
beside it; only where the data is the paper's and there are two seeds or more.
An empty cell was not run. JS: mean Jensen-Shannon divergence in nats from the
target's interest distribution.
"""


def render_tables(plan: Plan, dataset: str, store: ResultStore) -> str:
    """Returns the tables of an experiment on a data set as Markdown.

    Args:
        plan: the experiment and its seeds.
        dataset: one of its data sets.
        store: where the results are.

    Raises:
        ValueError: if a result cannot be read.
    """
    results = store.results(plan, dataset)
    parts = [
        f"# {plan.experiment.title} ({dataset})",
        _LEGEND.strip(),
        _describe(dataset, results),
    ]
    for heading, columns in _TABLES.get(plan.experiment.name, _OTHERS):
        table = _table(plan, dataset, results, columns)
        parts += [f"## {heading}", table]
    if plan.experiment.tested:
        parts += [*_significance(plan, results)]
    return "\n\n".join(parts) + "\n"


def is_papers_data(dataset: str, result: dict[str, Any]) -> bool:
    """Whether a result is of the data that the paper used.

    Args:
        dataset: name of the data set.
        result: the result.
    """
    paper, size = PAPER_DATA.get(dataset), result["data_size"]
    return paper is not None and (
        (paper.num_users, paper.num_items, paper.num_interactions)
        == (size["users"], size["items"], size["interactions"])
    )


def markdown_table(headings: Sequence[str], rows: _Rows) -> str:
    """Returns a table; all but the first column are numbers.

    Args:
        headings: one a column.
        rows: the cells.
    """
    line = ["---", *["---:"] * (len(headings) - 1)]
    return "\n".join(
        f"| {' | '.join(cells)} |" for cells in (headings, line, *rows)
    )


def _describe(dataset: str, results: Results) -> str:
    every = [result for row in results.values() for result in row.values()]
    if not every:
        return "Nothing was run yet."
    size = every[0]["data_size"]
    text = (
        f"{size['users']:,} users, {size['items']:,} items,"
        f" {size['interactions']:,} interactions;"
        f" {every[0]['settings']['num_evaluation_negatives']:,} sampled"
        " negatives a case."
    )
    if dataset.startswith("household_tv"):
        text += " **Simulated data.**"
    if dataset in PAPER_DATA and not is_papers_data(dataset, every[0]):
        text += (
            f" The paper's {PAPER_DATA[dataset].name} is another log; its"
            " numbers are for orientation only."
        )
    commands = sorted({result["command"] for result in every})
    dates = sorted({result["finished_at"][:10] for result in every})
    period = " to ".join(dates[:1] + dates[1:][-1:])
    versions = sorted(
        {
            f"{name} {version}"
            for result in every
            for name, version in result["libraries"].items()
        }
    )
    return (
        text
        + "\n\n"
        + "\n".join(f"    {command}" for command in commands)
        + f"\n\nMeasured {period} with {', '.join(versions)}."
    )


def _table(
    plan: Plan, dataset: str, results: Results, columns: Sequence[Column]
) -> str:
    shows_paper = {
        column: any(
            _paper(plan, dataset, title, column) is not None
            for title in results
        )
        for column in columns
    }
    headings = ["system", "seeds"]
    for column in columns:
        headings += [column.heading, *["paper"] * shows_paper[column]]
    rows = []
    for title, row in results.items():
        cells = [title, str(len(row)) if row else ""]
        for column in columns:
            paper = _paper(plan, dataset, title, column)
            values = column.values(row)
            comparable = bool(values) and is_papers_data(
                dataset, next(iter(row.values()))
            )
            cells.append(_show(values, paper if comparable else None))
            if shows_paper[column]:
                cells.append("" if paper is None else f"{paper:.4f}")
        rows.append(cells)
    return markdown_table(headings, rows)


def _paper(
    plan: Plan, dataset: str, title: str, column: Column
) -> float | None:
    if "full" in column.place:  # The paper ranks among sampled negatives.
        return None
    return paper_value(plan.experiment.name, dataset, title, column.place[-1])


def _show(values: Sequence[float], paper: float | None) -> str:
    if not values:
        return ""
    mean = float(np.mean(values))
    if len(values) == 1:
        return f"{mean:.4f}"
    deviation = float(np.std(values, ddof=1))
    text = f"{mean:.4f} ± {deviation:.4f}"
    if paper is not None and abs(mean - paper) > 2 * deviation:
        text += " ▼" if mean < paper else " ▲"
    return text


def _significance(plan: Plan, results: Results) -> list[str]:
    """Compares the tested system of each group with the best other one."""
    groups: dict[str, list[str]] = {}
    for system in plan.experiment.systems:
        groups.setdefault(system.group, []).append(system.title)
    rows = []
    for group, titles in groups.items():
        tested = next(
            (
                title
                for title in titles
                if title.startswith(plan.experiment.tested or "")
            ),
            None,
        )
        if tested is None or not results[tested]:
            continue
        for heading in METRICS:
            row = _compare(heading, tested, titles, results)
            if row:
                rows.append([group, *row])
    if not rows:
        return []
    return [
        "## Paired t-test against the best other system of the set",
        markdown_table(
            [
                *("set", "metric", "system", "best other", "difference"),
                *("seeds", "p over seeds", "p over users"),
            ],
            rows,
        ),
        "The best other system by the mean over the common seeds, of those"
        " that have most seeds in common. p over seeds: one pair a seed, the"
        " metric of both systems. p over users: one pair a user, the user's"
        " gain in the metric, averaged over the common seeds. Two-sided;"
        " sampled negatives.",
    ]


def _compare(
    heading: str, tested: str, titles: Sequence[str], results: Results
) -> list[str] | None:
    metric = METRICS[heading]
    (column,) = _metric_columns("sampled", heading)
    common = {
        title: sorted(set(results[title]) & set(results[tested]))
        for title in titles
        if title != tested
    }
    # The most seeds first, lest a lucky one decide who is the best.
    most = max((len(seeds) for seeds in common.values()), default=0)
    if not most:
        return None
    pairs_of = {
        title: [
            column.values({seed: results[one][seed] for seed in seeds})
            for one in (tested, title)
        ]
        for title, seeds in common.items()
        if len(seeds) == most
    }
    best = max(pairs_of, key=lambda title: np.mean(pairs_of[title][1]))
    seeds, pairs = common[best], pairs_of[best]
    by_user = [
        np.mean(
            [
                gains(decode_ranks(results[title][seed]["test_ranks"]), metric)
                for seed in seeds
            ],
            axis=0,
        )
        for title in (tested, best)
    ]
    return [
        heading,
        tested,
        best,
        f"{np.mean(pairs[0]) - np.mean(pairs[1]):+.4f}",
        str(len(seeds)),
        _show_p(paired_t_test(*pairs)),
        _show_p(paired_t_test(*by_user)),
    ]


def _show_p(value: float | None) -> str:
    if value is None:
        return ""
    return "< 0.0001" if value < 1e-4 else f"{value:.4f}"
