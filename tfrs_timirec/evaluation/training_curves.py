"""The figure of how both stages learned."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence

import matplotlib.axes
import matplotlib.figure
import matplotlib.ticker

from tfrs_timirec.evaluation.figure_style import (
    GREEDY_COLOUR,
    TEXT_COLOUR,
    TIMIREC_COLOUR,
    new_figure,
    tidy,
)

_COLOURS = (GREEDY_COLOUR, TIMIREC_COLOUR)


def draw_training_curves(
    history: Sequence[Mapping[str, float]],
    monitor: str = "val_ndcg_at_5",
    label: str = "NDCG@5 on validation cases",
    stage_names: Sequence[str] = ("Stage 1", "Stage 2"),
) -> matplotlib.figure.Figure:
    """Draws the validation metric and the loss over both stages' epochs.

    The best epoch of each stage, whose weights were kept, is marked.

    Args:
        history: one entry an epoch with `stage`, `loss` and the metric, as in
            `StagedTraining.history`.
        monitor: name of the metric, higher is better.
        label: what the metric is called in the figure.
        stage_names: what the stages are called there.

    Raises:
        ValueError: if there is no epoch, or one of a stage without a name.

    Example:
    >>> draw_training_curves(staged.history).savefig("curves.png")
    """
    if not history:
        raise ValueError(
            "`history` must hold at least one epoch. Received: history=[]."
            " Train first."
        )
    if (last := max(entry["stage"] for entry in history)) > len(stage_names):
        raise ValueError(
            "`stage_names` must name every stage. Received:"
            f" stage_names={tuple(stage_names)} for {last} stages."
        )
    figure = new_figure(8.4, 4.0)
    left, right = figure.subplots(1, 2, width_ratios=(1.7, 1))
    epochs = range(1, len(history) + 1)
    stages = zip(stage_names, itertools.cycle(_COLOURS), strict=False)
    for number, (name, colour) in enumerate(stages, start=1):
        own = [
            (epoch, entry)
            for epoch, entry in zip(epochs, history, strict=True)
            if entry["stage"] == number
        ]
        if not own:
            continue
        xs = [epoch for epoch, _ in own]
        values = [_drawn(entry[monitor]) for _, entry in own]
        left.plot(xs, values, color=colour, marker="o", ms=3.5, lw=1.8)
        _mark_best(left, xs, values, colour)
        _name_stage(left, xs, values, name, colour)
        losses = [entry["loss"] for _, entry in own]
        right.plot(xs, losses, color=colour, marker="o", ms=3, lw=1.5)
    _mark_change(left, history)
    _mark_change(right, history)
    left.set_title(label, loc="left", fontsize=11, color=TEXT_COLOUR)
    right.set_title(
        "Training loss",
        loc="left",
        fontsize=11,
        color=TEXT_COLOUR,
    )
    for axes in (left, right):
        tidy(axes)
        axes.set_xlabel("epoch", color=TEXT_COLOUR)
        axes.set_xlim(0.2, len(history) + 0.8)
        axes.xaxis.set_major_locator(
            matplotlib.ticker.MaxNLocator(integer=True)
        )
    highest = max(_drawn(entry[monitor]) for entry in history)
    left.set_ylim(0, 1.18 * highest or 1)
    return figure


def _drawn(value: float) -> float:
    """Returns where a value is drawn: at 0 if it was no number."""
    return value if math.isfinite(value) else 0.0


def _mark_best(
    axes: matplotlib.axes.Axes,
    xs: Sequence[int],
    values: Sequence[float],
    colour: str,
) -> None:
    best = max(values)
    x = xs[list(values).index(best)]
    axes.plot(x, best, "o", ms=10, mfc="none", mec=colour, mew=1.6)
    axes.annotate(
        f"{best:.3f}",
        (x, best),
        xytext=(5, 10),
        textcoords="offset points",
        ha="right",
        color=colour,
        fontweight="bold",
    )


def _name_stage(
    axes: matplotlib.axes.Axes,
    xs: Sequence[int],
    values: Sequence[float],
    name: str,
    colour: str,
) -> None:
    """Writes a stage's name below its curve."""
    axes.annotate(
        name,
        (0.6 * xs[-1] + 0.4 * xs[0], min(values[len(values) // 2 :])),
        xytext=(0, -18),
        textcoords="offset points",
        ha="center",
        va="top",
        fontsize=9,
        color=colour,
    )


def _mark_change(
    axes: matplotlib.axes.Axes, history: Sequence[Mapping[str, float]]
) -> None:
    """Draws a line where the second stage starts."""
    length = sum(entry["stage"] == 1 for entry in history)
    if 0 < length < len(history):
        axes.axvline(length + 0.5, color=TEXT_COLOUR, lw=0.8, ls=(0, (4, 3)))
