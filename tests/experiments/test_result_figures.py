"""Figures, made of results alone: what their lines and bars show."""

import numpy as np
import pytest

from tests.experiments.results import fill, make_result
from tests.experiments.test_result_tables import make_plan
from tfrs_timirec.experiments import result_figures
from tfrs_timirec.experiments.result_figures import draw_figure
from tfrs_timirec.experiments.result_store import ResultStore


@pytest.fixture
def draw(tmp_path, monkeypatch):
    """Returns a function that gives the axes of the figure it draws."""
    drawn = []

    def keep(figure, path):
        drawn.append(figure)
        return path

    def draw(plan, store):
        monkeypatch.setattr(result_figures, "save_figure", keep)
        draw_figure(plan, "amazon_beauty", store, tmp_path / "picture")
        (axes,) = drawn[0].axes
        return axes

    return draw


def lines_of(axes):
    """Label -> x, mean and standard deviation of each point."""
    lines = {}
    for container in axes.containers:
        line, _, (bars,) = container.lines
        lows, highs = (
            np.array([segment[end][1] for segment in bars.get_segments()])
            for end in (0, 1)
        )
        lines[container.get_label()] = [
            *zip(*line.get_data(), (highs - lows) / 2, strict=True)
        ]
    return lines


def approx(points):
    return [pytest.approx(point) for point in points]


@pytest.mark.parametrize("name", ["figure2", "figure3", "temperature"])
def test_figures_are_drawn_of_what_there_is(name, tmp_path):
    store, plan = ResultStore(tmp_path / "results"), make_plan(name)
    titles = list(plan.cells("amazon_beauty"))
    fill(store, plan, dict.fromkeys(titles[:2], (0.2, 0.21)))

    files = draw_figure(plan, "amazon_beauty", store, tmp_path / "picture")

    assert [file.name for file in files] == [
        "picture.png",
        "picture.svg",
    ]
    assert all(file.stat().st_size > 5000 for file in files)


def test_figure_3_shows_hit_rates_by_the_number_of_interests(tmp_path, draw):
    store, plan = ResultStore(tmp_path), make_plan("figure3")
    fill(
        store,
        plan,
        {
            "ComiRec, K = 1": (0.15, 0.16, 0.17),
            "ComiRec, K = 4": (0.18, 0.18, 0.18),
            "TiMiRec, K = 4": (0.20, 0.21, 0.22),
            "TiMiRec, K = 8": (0.19, 0.21, 0.23),
        },
    )

    axes = draw(plan, store)

    # With one interest, TiMiRec is ComiRec.
    one = (1, 0.16, 0.01)
    assert lines_of(axes) == {
        "ComiRec (3 seeds)": approx([one, (4, 0.18, 0)]),
        "TiMiRec (3 seeds)": approx([one, (4, 0.21, 0.01), (8, 0.21, 0.02)]),
    }
    assert axes.get_ylabel() == "HR@10, sampled negatives"


def test_hit_rates_by_temperature(tmp_path, draw):
    store, plan = ResultStore(tmp_path), make_plan("temperature")
    fill(
        store,
        plan,
        {
            "TiMiRec, T = 5": (0.1,),
            "TiMiRec, T = 0.1": (0.20, 0.21, 0.22),
        },
    )

    axes = draw(plan, store)

    assert lines_of(axes) == {
        "TiMiRec (1 to 3 seeds)": approx([(0.1, 0.21, 0.01), (5, 0.1, 0)])
    }
    assert axes.get_xscale() == "log"


def test_figure_2_shows_mean_shares_of_divergences(tmp_path, draw):
    store, plan = ResultStore(tmp_path), make_plan("figure2")
    shares = {
        "ComiRec": [[0.2, 0.3, 0.1, 0.1, 0.3], [0.4, 0.1, 0.1, 0.1, 0.3]],
        "TiMiRec": [[0.5, 0.2, 0.1, 0.1, 0.1]],
    }
    for title, of_seeds in shares.items():
        for cell, values in zip(
            plan.cells("amazon_beauty")[title], of_seeds, strict=False
        ):
            result = make_result(cell, 0.2)
            result["interests"]["js_recommended_shares"] = values
            store.write(cell, result)

    axes = draw(plan, store)

    heights = {
        container.get_label(): [bar.get_height() for bar in container]
        for container in axes.containers
        if len(container) == 5
    }
    assert heights == {
        "ComiRec (2 seeds)": pytest.approx([30, 20, 10, 10, 30]),
        "TiMiRec (1 seed)": pytest.approx([50, 20, 10, 10, 10]),
    }
    names = [label.get_text() for label in axes.get_xticklabels()]
    assert names[0] == "= 0"
    assert names[-1] == "> 0.05"
