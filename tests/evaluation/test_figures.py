"""The figures show what they were given."""

import dataclasses
import json

import matplotlib.text
import numpy as np
import pytest

import tfrs_timirec  # noqa: F401
from tfrs_timirec.evaluation import (
    CaseStudy,
    draw_case_study,
    draw_training_curves,
)
from tfrs_timirec.evaluation.figure_style import INTEREST_COLOURS, save_figure

HISTORY = [
    {"stage": 1, "loss": 0.7, "val_ndcg_at_5": 0.1},
    {"stage": 1, "loss": 0.6, "val_ndcg_at_5": 0.312},
    {"stage": 1, "loss": 0.5, "val_ndcg_at_5": 0.2},
    {"stage": 2, "loss": 0.4, "val_ndcg_at_5": 0.478},
]
STUDY = CaseStudy(
    user="h-1",
    interest_names=("cartoons", "movies"),
    history=("The Tiny Owl", "The Lost Key"),
    history_genres=("animal cartoon", "mystery"),
    history_interests=(0, 1),
    attention=np.array([[1.0, 0.0], [0.0, 1.0]]),
    learned_interests=np.eye(2),
    predicted=np.array([0.25, 0.75]),
    truth=np.array([0.1, 0.9]),
    target="The Lost Key 2",
    target_interest=1,
    greedy=tuple(f"The Tiny Owl {n}" for n in range(2, 7)),
    greedy_interests=(0,) * 5,
    timirec=tuple(f"The Lost Key {n}" for n in range(2, 7)),
    timirec_interests=(1,) * 5,
)


def texts(figure) -> list[str]:
    return [
        text.get_text()
        for text in figure.findobj(matplotlib.text.Text)
        if text.get_text()
    ]


def test_curves_mark_the_best_epoch_of_each_stage():
    figure = draw_training_curves(HISTORY, stage_names=("greedy", "TiMiRec"))

    assert {"greedy", "TiMiRec"} <= set(texts(figure))
    assert {"0.312", "0.478"} <= set(texts(figure))
    curves = [line.get_xydata().tolist() for line in figure.axes[0].lines]
    assert [[1, 0.1], [2, 0.312], [3, 0.2]] in curves
    assert [[4, 0.478]] in curves


def test_curves_of_one_stage_have_no_second():
    figure = draw_training_curves(HISTORY[:3])

    assert not [text for text in texts(figure) if "Stage 2" in text]
    with pytest.raises(ValueError, match="at least one epoch"):
        draw_training_curves([])


def test_curves_of_one_named_stage():
    history = [*HISTORY[:2], {**HISTORY[2], "val_ndcg_at_5": -np.inf}]

    figure = draw_training_curves(history, stage_names=["Training"])

    assert "Training" in texts(figure)
    curves = [line.get_xydata().tolist() for line in figure.axes[0].lines]
    assert [[1, 0.1], [2, 0.312], [3, 0.0]] in curves
    with pytest.raises(ValueError, match="name every stage"):
        draw_training_curves(HISTORY, stage_names=["Training"])


def test_case_study_shows_history_distributions_and_lists():
    shown = texts(draw_case_study(STUDY))

    assert "true, as simulated" in shown
    assert {"The Tiny Owl", "animal cartoon", "The Lost Key"} <= set(shown)
    assert {"25%", "75%", "10%", "90%"} <= set(shown)
    # The target: in TiMiRec's list, and as what was really watched.
    assert shown.count("The Lost Key 2") == 2
    assert set(STUDY.greedy) <= set(shown)


def test_case_study_of_eight_interests_has_a_colour_for_each():
    names = tuple(f"interest {number}" for number in range(8))
    study = dataclasses.replace(
        STUDY,
        interest_names=names,
        attention=np.full((8, 2), 0.5),
        learned_interests=np.eye(8),
        predicted=np.full(8, 1 / 8),
        truth=np.full(8, 1 / 8),
    )

    assert set(names) <= set(texts(draw_case_study(study)))
    assert len(set(INTEREST_COLOURS)) == 8
    with pytest.raises(ValueError, match="at most 8 interests. Received: 9"):
        draw_case_study(
            dataclasses.replace(study, interest_names=(*names, "one more"))
        )


def test_case_study_survives_json():
    copy = CaseStudy.from_json(json.loads(json.dumps(STUDY.to_json())))

    np.testing.assert_array_equal(copy.attention, STUDY.attention)
    assert copy.history == STUDY.history
    assert texts(draw_case_study(copy)) == texts(draw_case_study(STUDY))


def test_figures_are_written_as_png(tmp_path):
    path = save_figure(
        draw_training_curves(HISTORY), tmp_path / "new" / "a.png"
    )

    assert path.read_bytes().startswith(b"\x89PNG")


def test_same_figure_makes_the_same_file(tmp_path):
    first, second = (
        save_figure(draw_training_curves(HISTORY), tmp_path / name / "a.svg")
        for name in ("first", "second")
    )

    assert first.read_bytes() == second.read_bytes()
