"""The figure of one test case, after Figure 4 of the paper."""

from __future__ import annotations

import matplotlib.axes
import matplotlib.figure
import numpy as np
from matplotlib.patches import Rectangle

from tfrs_timirec.evaluation.case_study import CaseStudy
from tfrs_timirec.evaluation.figure_style import (
    FAINT_COLOUR,
    GREEDY_COLOUR,
    INTEREST_COLOURS,
    TEXT_COLOUR,
    TIMIREC_COLOUR,
    new_figure,
)

_LIST_LENGTH = 5
_LEGEND_COLUMNS = 4
# The most letters that fit in, by what is written.
_LISTED_TITLE = 34
_WATCHED_TITLE = 30
_GENRES = 34


def draw_case_study(study: CaseStudy) -> matplotlib.figure.Figure:
    """Draws history, predicted interests and both recommendations of a case.

    On the left what was watched, oldest on top: an item's colour is its
    planted interest, and each column of dots is one learned interest, the
    larger the more it attends to the item. In the middle the predicted and the
    true distribution of the next item's interest. On the right the best items
    by greedy scoring and by TiMiRec; the item that was really next is framed.

    Args:
        study: the case.

    Raises:
        ValueError: if there are more interests than colours, 8.

    Example:
    >>> draw_case_study(study_case(...)).savefig("case.png")
    """
    if len(study.interest_names) > len(INTEREST_COLOURS):
        raise ValueError(
            f"`study` must be of at most {len(INTEREST_COLOURS)} interests."
            f" Received: {len(study.interest_names)}"
        )
    rows = max(len(study.history), 2 * _LIST_LENGTH)
    figure = new_figure(12.6, 1.5 + 0.255 * rows)
    left, middle, right = figure.subplots(1, 3, width_ratios=(1.5, 0.85, 0.95))
    _draw_history(left, study)
    _draw_distributions(middle, study)
    _draw_lists(right, study)
    user = f"user {study.user}" if study.user.isdigit() else study.user
    figure.suptitle(
        f"What will {user} watch next?",
        x=0.012,
        ha="left",
        fontsize=14,
        fontweight="bold",
        color=TEXT_COLOUR,
    )
    return figure


def _draw_history(axes: matplotlib.axes.Axes, study: CaseStudy) -> None:
    length = len(study.history)
    num_learned = len(study.attention)
    _blank(axes, "Watched so far, oldest on top")
    axes.set_xlim(0, 10)
    legend_rows = -(-len(study.interest_names) // _LEGEND_COLUMNS)
    axes.set_ylim(length + 0.8 + 0.8 * legend_rows, -0.9)
    largest = study.attention.max()
    columns = 9.6 - min(0.85, 3.4 / num_learned) * np.arange(num_learned)[::-1]
    for k, x in enumerate(columns):
        colour = INTEREST_COLOURS[int(study.learned_interests[k].argmax())]
        sizes = 170 * study.attention[k] / largest
        axes.scatter(
            np.full(length, x), np.arange(length), s=sizes, color=colour, lw=0
        )
        axes.text(
            x,
            length + 0.2,
            f"{k + 1}",
            ha="center",
            va="center",
            color=colour,
            fontweight="bold",
        )
    axes.text(
        columns[0] - 0.6,
        length + 0.2,
        "attention of learned interest",
        ha="right",
        va="center",
        fontsize=9,
        color=TEXT_COLOUR,
    )
    genres_length = min(_GENRES, int(12 * (columns[0] - 4.6)))
    for row, title in enumerate(study.history):
        kind = study.history_interests[row]
        _write_item(axes, row, _shorten(title, _WATCHED_TITLE), kind)
        axes.text(
            4.5,
            row,
            _shorten(study.history_genres[row], genres_length),
            va="center",
            fontsize=8.5,
            color=GREEDY_COLOUR,
        )
    for interest, name in enumerate(study.interest_names):
        row, column = divmod(interest, _LEGEND_COLUMNS)
        x, y = 0.1 + 2.6 * column, length + 1.2 + 0.8 * row
        axes.add_patch(
            Rectangle(
                (x, y - 0.25), 0.22, 0.5, color=INTEREST_COLOURS[interest]
            )
        )
        axes.text(
            x + 0.4,
            y,
            name,
            va="center",
            fontsize=9,
            color=TEXT_COLOUR,
        )


def _draw_distributions(axes: matplotlib.axes.Axes, study: CaseStudy) -> None:
    _blank(axes, "Which interest comes next?")
    axes.set_xlim(-0.5, 1.3)
    groups = (
        ("predicted by TiMiRec", study.predicted),
        (study.truth_name, study.truth),
    )
    height = 1.5
    for name, distribution in groups:
        axes.text(
            -0.48,
            height,
            name,
            fontweight="bold",
            va="center",
            color=TEXT_COLOUR,
        )
        for interest, share in enumerate(distribution):
            y = height + 0.9 * (interest + 1)
            colour = INTEREST_COLOURS[interest]
            axes.barh(y, 1, height=0.62, color=FAINT_COLOUR, alpha=0.5)
            axes.barh(y, share, height=0.62, color=colour)
            axes.text(
                1.04,
                y,
                f"{share:.0%}",
                va="center",
                fontsize=10,
                color=colour,
                fontweight="bold",
            )
            axes.text(
                -0.48,
                y,
                study.interest_names[interest],
                va="center",
                fontsize=9.5,
                color=TEXT_COLOUR,
            )
        height += 0.9 * (len(distribution) + 1) + 0.7
    axes.set_ylim(max(10.5, height), -0.9)


def _draw_lists(axes: matplotlib.axes.Axes, study: CaseStudy) -> None:
    _blank(axes, "Recommended, best first")
    axes.set_xlim(0, 10)
    row = 0.0
    lists = (
        ("greedy ComiRec", GREEDY_COLOUR, study.greedy, study.greedy_interests),
        ("TiMiRec", TIMIREC_COLOUR, study.timirec, study.timirec_interests),
    )
    for name, colour, titles, interests in lists:
        axes.text(0.1, row, name, va="center", color=colour, fontweight="bold")
        for place in range(_LIST_LENGTH):
            row += 1
            title = titles[place]
            _write_item(
                axes, row, _shorten(title, _LISTED_TITLE), interests[place]
            )
            if title == study.target:
                _frame(axes, row)
        row += 1.6
    axes.text(
        0.1,
        row,
        "Really watched next:",
        va="center",
        fontweight="bold",
        color=TEXT_COLOUR,
    )
    target = _shorten(study.target, _LISTED_TITLE)
    _write_item(axes, row + 1, target, study.target_interest)
    _frame(axes, row + 1)
    axes.set_ylim(row + 2.2, -0.9)


def _write_item(
    axes: matplotlib.axes.Axes, row: float, title: str, interest: int
) -> None:
    axes.add_patch(
        Rectangle(
            (0.1, row - 0.36), 0.14, 0.72, color=INTEREST_COLOURS[interest]
        )
    )
    axes.text(0.42, row, title, va="center", fontsize=9.5, color=TEXT_COLOUR)


def _frame(axes: matplotlib.axes.Axes, row: float) -> None:
    axes.add_patch(
        Rectangle(
            (-0.08, row - 0.48),
            10.0,
            0.96,
            fill=False,
            lw=1.6,
            edgecolor=TEXT_COLOUR,
            clip_on=False,
        )
    )


def _blank(axes: matplotlib.axes.Axes, title: str) -> None:
    axes.set_axis_off()
    axes.set_title(title, loc="left", fontsize=11, color=TEXT_COLOUR)


def _shorten(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"
