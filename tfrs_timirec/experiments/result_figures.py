"""Figures 2 to 4 of the paper, and the one of the temperature."""

from __future__ import annotations

import pathlib
from collections.abc import Sequence

import matplotlib.axes
import matplotlib.figure
import numpy as np

from tfrs_timirec.evaluation.case_figure import draw_case_study
from tfrs_timirec.evaluation.case_study import CaseStudy
from tfrs_timirec.evaluation.figure_style import (
    GREEDY_COLOUR,
    INTEREST_COLOURS,
    TEXT_COLOUR,
    TIMIREC_COLOUR,
    new_figure,
    save_figure,
    tidy,
)
from tfrs_timirec.evaluation.interest_agreement import DIVERGENCE_EDGES
from tfrs_timirec.experiments.experiment import Plan
from tfrs_timirec.experiments.result_store import Results, ResultStore

_COLOURS = (GREEDY_COLOUR, INTEREST_COLOURS[1], TIMIREC_COLOUR)


def draw_figure(
    plan: Plan, dataset: str, store: ResultStore, path: pathlib.Path
) -> list[pathlib.Path]:
    """Draws an experiment's figure, as PNG and as SVG.

    Nothing is drawn if there is no result, or no figure of the experiment.

    Args:
        plan: the experiment and its seeds.
        dataset: one of its data sets.
        store: where the results are.
        path: the files without their ending.

    Returns:
        The files.
    """
    draw = _FIGURES.get(plan.experiment.name)
    results = store.results(plan, dataset)
    if draw is None or not any(results.values()):
        return []
    figure = draw(plan, dataset, results)
    if figure is None:
        return []
    return [
        save_figure(figure, path.with_name(f"{path.name}.{suffix}"))
        for suffix in ("png", "svg")
    ]


def _draw_divergences(
    plan: Plan, dataset: str, results: Results
) -> matplotlib.figure.Figure:
    """Figure 2: how far the best item's interests are from the target's."""
    figure = new_figure(8.4, 4.2)
    axes = figure.subplots()
    shown = {title: row for title, row in results.items() if row}
    width = 0.8 / len(shown)
    for number, (title, row) in enumerate(shown.items()):
        shares = np.array(
            [
                result["interests"]["js_recommended_shares"]
                for result in row.values()
            ]
        )
        xs = np.arange(shares.shape[1]) + width * (
            number - (len(shown) - 1) / 2
        )
        bars = axes.bar(
            xs,
            100 * shares.mean(axis=0),
            0.92 * width,
            yerr=100 * shares.std(axis=0, ddof=1) if len(shares) > 1 else None,
            color=_COLOURS[number % len(_COLOURS)],
            ecolor=TEXT_COLOUR,
            label=f"{title} ({_seeds(len(row))})",
        )
        axes.bar_label(
            bars, fmt="%.1f", padding=2, fontsize=8, color=TEXT_COLOUR
        )
    axes.margins(y=0.1)  # Room for the highest number.
    axes.set_xticks(range(len(DIVERGENCE_EDGES) + 1), _range_names())
    axes.set_ylabel("share of test cases, %", color=TEXT_COLOUR)
    temperatures = {
        result["interests"]["temperature"]
        for row in shown.values()
        for result in row.values()
    }
    axes.set_xlabel(
        "Jensen-Shannon divergence between the interest distributions of the"
        " target and of the best item, nats\n"
        f"T = {', '.join(f'{value:g}' for value in sorted(temperatures))}",
        color=TEXT_COLOUR,
    )
    _finish(axes, plan, dataset)
    return figure


def _draw_interest_numbers(
    plan: Plan, dataset: str, results: Results
) -> matplotlib.figure.Figure:
    """Figure 3: HR@10 by the number of interests."""
    figure = new_figure(6.4, 4.0)
    axes = figure.subplots()
    both = {
        model: {
            system.changes["num_interests"]: _hit_rates(results, system.title)
            for system in plan.experiment.systems
            if system.model == model and results[system.title]
        }
        for model in ("comirec", "timirec")
    }
    if 1 in both["comirec"]:  # With one interest they are the same.
        both["timirec"] = {1: both["comirec"][1]} | both["timirec"]
    for (model, title), colour in zip(
        (("comirec", "ComiRec"), ("timirec", "TiMiRec")),
        (GREEDY_COLOUR, TIMIREC_COLOUR),
        strict=True,
    ):
        _draw_line(axes, both[model], title, colour)
    axes.set_xticks(range(1, 9))
    axes.set_xlabel("number of interests K", color=TEXT_COLOUR)
    axes.set_ylabel("HR@10, sampled negatives", color=TEXT_COLOUR)
    _finish(axes, plan, dataset)
    return figure


def _draw_temperatures(
    plan: Plan, dataset: str, results: Results
) -> matplotlib.figure.Figure:
    """HR@10 by the distillation temperature."""
    figure = new_figure(6.4, 4.0)
    axes = figure.subplots()
    points = {
        system.changes["temperature"]: _hit_rates(results, system.title)
        for system in plan.experiment.systems
        if results[system.title]
    }
    _draw_line(axes, points, "TiMiRec", TIMIREC_COLOUR)
    axes.set_xscale("log")
    ticks = [
        system.changes["temperature"] for system in plan.experiment.systems
    ]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.set_xlabel("distillation temperature T", color=TEXT_COLOUR)
    axes.set_ylabel("HR@10, sampled negatives", color=TEXT_COLOUR)
    _finish(axes, plan, dataset)
    return figure


def _draw_case(
    plan: Plan, dataset: str, results: Results
) -> matplotlib.figure.Figure | None:
    """Figure 4: the case of the first seed that has one."""
    cases = [
        result["case_study"]
        for row in results.values()
        for result in row.values()
        if "case_study" in result
    ]
    return draw_case_study(CaseStudy.from_json(cases[0])) if cases else None


_FIGURES = {
    "figure2": _draw_divergences,
    "figure3": _draw_interest_numbers,
    "figure4": _draw_case,
    "temperature": _draw_temperatures,
}


def _hit_rates(results: Results, title: str) -> list[float]:
    return [
        result["test"]["sampled"]["hit_rate_at_10"]
        for result in results[title].values()
    ]


def _draw_line(
    axes: matplotlib.axes.Axes,
    points: dict[float, list[float]],
    title: str,
    colour: str,
) -> None:
    """Draws means with their standard deviations."""
    if not points:
        return
    xs = sorted(points)
    numbers = {len(points[x]) for x in xs}
    axes.errorbar(
        xs,
        [float(np.mean(points[x])) for x in xs],
        [
            float(np.std(points[x], ddof=1)) if len(points[x]) > 1 else 0.0
            for x in xs
        ],
        color=colour,
        marker="o",
        ms=5,
        lw=1.8,
        capsize=3,
        label=f"{title} ({_seeds(*sorted(numbers))})",
    )


def _finish(axes: matplotlib.axes.Axes, plan: Plan, dataset: str) -> None:
    tidy(axes)
    simulated = ", simulated data" if dataset.startswith("household_tv") else ""
    axes.set_title(
        f"{plan.experiment.title} ({dataset}{simulated})",
        loc="left",
        fontsize=11,
        color=TEXT_COLOUR,
    )
    axes.figure.legend(
        loc="outside lower center",
        ncols=3,
        frameon=False,
        fontsize=9,
        labelcolor=TEXT_COLOUR,
    )


def _range_names() -> list[str]:
    edges: Sequence[float] = DIVERGENCE_EDGES
    between = [
        f"({low:g}, {high:g}]"
        for low, high in zip(edges, edges[1:], strict=False)
    ]
    return [f"= {edges[0]:g}", *between, f"> {edges[-1]:g}"]


def _seeds(*numbers: int) -> str:
    text = " to ".join(
        str(number) for number in dict.fromkeys((min(numbers), max(numbers)))
    )
    return f"{text} seed{'s' * (numbers != (1,))}"
