"""What a folder of results takes, and what it refuses."""

import dataclasses

import numpy as np
import pytest

from tests.experiments.results import fill, make_result
from tfrs_timirec.experiments.catalogue import EXPERIMENTS
from tfrs_timirec.experiments.experiment import Plan
from tfrs_timirec.experiments.result_store import (
    ResultStore,
    decode_ranks,
    encode_ranks,
)


def make_plan():
    return Plan(
        experiment=EXPERIMENTS["table4"],
        datasets=("amazon_beauty",),
        seeds=(0, 1, 2),
        preset_name="paper",
    )


def test_copy_of_a_result_is_none(tmp_path):
    store, plan = ResultStore(tmp_path), make_plan()
    fill(store, plan, {"TiMiRec": (0.2,)})
    (path,) = tmp_path.rglob("seed0.json")
    path.with_name("seed0 (1).json").write_text(path.read_text())

    assert store.seeds("amazon_beauty") == (0,)


def test_result_of_other_settings_is_refused(tmp_path):
    store = ResultStore(tmp_path)
    cell = make_plan().cells("amazon_beauty")["TiMiRec"][0]
    other = dataclasses.replace(cell.settings, learning_rate=0.5)
    result = make_result(cell, 0.1) | {"settings": dataclasses.asdict(other)}
    store.write(cell, result)

    with pytest.raises(ValueError, match=r"learning_rate \(0.5 there, 0.001"):
        store.has(cell)
    store.path(cell).write_text("{")
    with pytest.raises(ValueError, match="must be a JSON file"):
        store.has(cell)


def test_ranks_survive_as_far_as_metrics_see():
    ranks = np.array([1, 1.5, 10, 10.5, 20, 20.5, 21, 1001])

    expected = [1, 1.5, 10, 10.5, 20, 20.5, 20.5, 20.5]
    assert decode_ranks(encode_ranks(ranks)).tolist() == expected


@pytest.mark.parametrize("content", ["{}", "[]", '{"settings": {"newer": 1}}'])
def test_file_that_is_no_result_is_named(tmp_path, content):
    store, plan = ResultStore(tmp_path), make_plan()
    cell = plan.cells(plan.datasets[0])["TiMiRec"][0]
    fill(store, plan, {"TiMiRec": (0.2,)})
    store.path(cell).write_text(content)

    with pytest.raises(ValueError, match=r"seed0\.json.*Delete it"):
        store.has(cell)
    with pytest.raises(ValueError, match=r"seed0\.json.*Delete it"):
        store.check_row(cell, "abc")


@pytest.mark.parametrize(
    ("fingerprint", "negatives", "changed"),
    [
        ("abc", 10, "num_evaluation_negatives"),
        ("another", 1000, "data_fingerprint"),
    ],
)
def test_other_cases_than_those_of_other_systems(
    tmp_path, fingerprint, negatives, changed
):
    store, plan = ResultStore(tmp_path), make_plan()
    fill(store, plan, {"joint train": (0.2,)}, fingerprint="abc")
    cell = plan.cells("amazon_beauty")["TiMiRec"][1]
    settings = dataclasses.replace(
        cell.settings, num_evaluation_negatives=negatives
    )

    store.check_row(cell, "abc")
    with pytest.raises(ValueError, match=f"same held-out.*in {changed}"):
        store.check_row(
            dataclasses.replace(cell, settings=settings), fingerprint
        )
