"""Markdown tables of experiments: measured, and the paper's beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfrs_timirec.data.cleaning import TIE_RULES
from tfrs_timirec.experiments.experiment import Cell, Plan, System
from tfrs_timirec.experiments.paper_numbers import (
    METRICS,
    PAPER_DATA,
    is_misprint,
    paper_value,
)
from tfrs_timirec.experiments.result_columns import (
    Column,
    markdown_table,
    metric_columns,
)
from tfrs_timirec.experiments.result_store import (
    Results,
    ResultStore,
    settings_of,
    ties_of,
)
from tfrs_timirec.experiments.significance_table import render_significance

_AT_10 = ("H@10", "N@10")
_DISTANCE = Column("interest distance", ("interests", "interest_distance"))
_JS_PREDICTED = Column("JS of prediction", ("interests", "js_predicted"))
_JS_RECOMMENDED = Column("JS of best item", ("interests", "js_recommended"))
_FULL = ("Whole catalogue", metric_columns("full", *METRICS))

_TABLES: dict[str, tuple[tuple[str, tuple[Column, ...]], ...]] = {
    "table2": (
        (
            "Hit rate, sampled negatives",
            metric_columns("sampled", "H@5", "H@10", "H@20"),
        ),
        (
            "NDCG, sampled negatives",
            metric_columns("sampled", "N@5", "N@10", "N@20"),
        ),
        _FULL,
    ),
    "table4": (
        (
            "Sampled negatives",
            (*metric_columns("sampled", *_AT_10), _DISTANCE, _JS_PREDICTED),
        ),
        _FULL,
    ),
}
_OTHERS = (
    (
        "Sampled negatives",
        (*metric_columns("sampled", *_AT_10), _JS_RECOMMENDED, _JS_PREDICTED),
    ),
    _FULL,
)

_LEGEND = """\
Test cases; mean and standard deviation over the seeds. ▼ and ▲: the mean lies
more than two standard deviations below or above the paper's, which stands
beside it; only where data and settings are the paper's and there are three
seeds or more. An empty cell was not run. JS: mean Jensen-Shannon divergence in
nats from the target's interest distribution.
"""
_FEWEST_SEEDS_OF_A_FLAG = 3
_MISPRINT = "†"
_MISPRINT_NOTE = (
    f"{_MISPRINT} A misprint: by the paper's hit rates and its NDCG@5 it must"
    " lie between 0.1170 and 0.1209. Nothing is compared with it."
)


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
        _describe(plan, dataset, results),
    ]
    for heading, columns in _TABLES.get(plan.experiment.name, _OTHERS):
        table = _table(plan, dataset, results, columns)
        parts += [f"## {heading}", table]
    if any(_MISPRINT in part for part in parts):
        parts.append(_MISPRINT_NOTE)
    if plan.experiment.tested:
        parts += render_significance(plan.experiment, results)
    return "\n\n".join(parts) + "\n"


def is_papers_data(dataset: str, result: dict[str, Any]) -> bool:
    """Whether a result is of the data that the paper used.

    Args:
        dataset: name of the data set.
        result: the result.
    """
    paper, size = PAPER_DATA.get(dataset), result["data_size"]
    if paper is None or paper.is_simulated or ties_of(result) != TIE_RULES[0]:
        return False
    return (paper.num_users, paper.num_items, paper.num_interactions) == (
        size["users"],
        size["items"],
        size["interactions"],
    )


def _describe(plan: Plan, dataset: str, results: Results) -> str:
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
    if (ties := ties_of(every[0])) != TIE_RULES[0]:
        text += (
            f" Equal times are in {ties.replace('_', ' ')}: other items than"
            " the paper's are held out."
        )
    elif dataset in PAPER_DATA and not is_papers_data(dataset, every[0]):
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
        + _describe_settings(plan, dataset, results)
        + "\n\n"
        + "\n".join(f"    {command}" for command in commands)
        + f"\n\nMeasured {period} with {', '.join(versions)}."
    )


def _describe_settings(plan: Plan, dataset: str, results: Results) -> str:
    """Says how the systems' settings differ from the paper's."""
    lines = []
    for system in plan.experiment.systems:
        for result in list(results[system.title].values())[:1]:
            if others := _other_settings(system, dataset, result):
                lines.append(f"- {system.title}: {', '.join(others)}")
    if not lines:
        return "In the paper's setting (`--preset paper`)."
    return "\n".join(["In the paper's setting but for", "", *lines])


def _other_settings(
    system: System, dataset: str, result: dict[str, Any]
) -> list[str]:
    """Returns the settings of a result that are not the paper's."""
    cell = Cell.of(system, dataset, result["seed"], preset_name="paper")
    settings = settings_of(result)
    return [
        f"{name}={getattr(settings, name)}"
        for name in settings.names_of_differences(cell.settings)
    ]


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
    for system in plan.experiment.systems:
        title, row = system.title, results[system.title]
        cells = [title, str(len(row)) if row else ""]
        is_papers = all(
            is_papers_data(dataset, result)
            and not _other_settings(system, dataset, result)
            for result in row.values()
        )
        for column in columns:
            paper = _paper(plan, dataset, title, column)
            doubted = is_misprint(dataset, title, column.place[-1])
            comparable = is_papers and not doubted
            cells.append(
                _show(column.values(row), paper if comparable else None)
            )
            if shows_paper[column]:
                mark = _MISPRINT if doubted else ""
                cells.append("" if paper is None else f"{paper:.4f}{mark}")
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
    enough = len(values) >= _FEWEST_SEEDS_OF_A_FLAG
    if enough and paper is not None and abs(mean - paper) > 2 * deviation:
        text += " ▼" if mean < paper else " ▲"
    return text
