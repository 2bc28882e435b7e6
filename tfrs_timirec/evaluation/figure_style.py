"""Colours and lines that all figures share."""

from __future__ import annotations

import pathlib

import matplotlib
import matplotlib.axes
import matplotlib.figure
import matplotlib.layout_engine

INTEREST_COLOURS = (
    *("#E07B39", "#3566A8", "#5B9A5B", "#8E5EA2"),
    *("#C9A227", "#4FB3BF", "#7A4B2A", "#D77FA8"),
)
"""One colour for each interest; the first four suit the colour-blind best."""

GREEDY_COLOUR = "#8A8F98"
TIMIREC_COLOUR = "#C2304A"
TEXT_COLOUR = "#22262B"
FAINT_COLOUR = "#D9DCE1"

_DOTS_PER_INCH = 160


def new_figure(width: float, height: float) -> matplotlib.figure.Figure:
    """Returns an empty figure that needs no display.

    Args:
        width: in inches.
        height: in inches.
    """
    return matplotlib.figure.Figure(
        figsize=(width, height),
        facecolor="white",
        layout=matplotlib.layout_engine.ConstrainedLayoutEngine(
            w_pad=0.12, h_pad=0.12
        ),
    )


def tidy(axes: matplotlib.axes.Axes) -> None:
    """Leaves the two axes that carry numbers, and a faint grid.

    Args:
        axes: what to tidy.
    """
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(GREEDY_COLOUR)
    axes.grid(axis="y", color=FAINT_COLOUR, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(colors=TEXT_COLOUR, length=3)


def save_figure(
    figure: matplotlib.figure.Figure, path: pathlib.Path
) -> pathlib.Path:
    """Writes a figure as its path ends, in .png or .svg; returns the path.

    The same figure makes the same file.

    Args:
        figure: the figure.
        path: the file; its folder is made if it is missing.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # By default an SVG file has its date and random names.
    metadata = {"Date": None} if path.suffix == ".svg" else None
    with matplotlib.rc_context({"svg.hashsalt": path.stem}):
        figure.savefig(path, dpi=_DOTS_PER_INCH, metadata=metadata)
    return path
