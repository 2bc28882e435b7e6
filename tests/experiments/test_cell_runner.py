"""Cells are run once, share their pretraining, and are left alone then."""

import dataclasses
import io

import numpy as np
import pytest
import rich.console

from tests.cli.test_main import write_log
from tfrs_timirec._claim import claim
from tfrs_timirec.evaluation import CaseStudy
from tfrs_timirec.experiments import DataSource, TrainingRun, preset
from tfrs_timirec.experiments.catalogue import EXPERIMENTS, TIMIREC
from tfrs_timirec.experiments.cell_runner import CellRunner
from tfrs_timirec.experiments.experiment import Cell, Plan
from tfrs_timirec.experiments.result_store import ResultStore, decode_ranks

QUICK = {
    "max_epochs": 1,
    "num_interests": 2,
    "max_history_length": 3,
    "embedding_dim": 4,
    "num_projection_layers": 1,
    "num_evaluation_negatives": 5,
}
DATASET = "household_tv/tiny"  # In name only: the log is written here.


def make_runner(folder, log, **options):
    console = rich.console.Console(file=io.StringIO(), width=200)
    runner = CellRunner(
        ResultStore(folder / "results"),
        folder / "runs",
        lambda dataset: DataSource(interactions=str(log), **options),
        "timirec reproduce",
        console,
    )
    return runner, console.file


def make_cells(*names, seeds=(0,), **given):
    plan = Plan(
        experiment=EXPERIMENTS["table4"].choose(names),
        datasets=(DATASET,),
        seeds=seeds,
        given=QUICK | given,
    )
    return [cell for row in plan.cells(DATASET).values() for cell in row]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reproduce")
    log = write_log(folder / "log.csv")
    runner, output = make_runner(folder, log)
    runner.run(make_cells("timirec", "no_stop_gradient"))
    return folder, log, output.getvalue()


def test_one_pretraining_serves_both(finished):
    folder, _, output = finished

    assert output.count("\nepoch ") == 1
    assert "pretraining epoch" not in output
    assert output.count("\nfinetuning  epoch ") == 2
    assert output.index("[1/3] comirec") < output.index("[2/3] timirec")
    results = sorted((folder / "results").rglob("*.json"))
    assert [path.parent.name for path in results] == [
        "comirec",
        "timirec",
        "timirec-stop_gradient=False",
    ]


def test_result_is_that_of_a_run_of_both_stages(finished, tmp_path):
    folder, log, _ = finished
    (cell,) = make_cells("timirec")
    result = ResultStore(folder / "results").read(cell)
    run = TrainingRun(
        cell.settings, DataSource(interactions=str(log)).load(), tmp_path
    )
    run.train()
    metrics = run.evaluate()

    for key in ("test", "validation", "stage_1", "epochs", "settings"):
        assert result[key] == metrics[key]
    assert result["seed"] == 0
    assert result["command"] == "timirec reproduce"
    assert result["pretrained_from"] == "household_tv-tiny/comirec/seed0"
    assert result["data_size"]["users"] == 6
    assert len(result["data_fingerprint"]) == 64
    assert "source" not in result
    assert result["ties"] == "file_order"
    ranks = decode_ranks(result["test_ranks"])
    sampled = result["test"]["sampled"]
    assert (ranks <= 5).mean() == pytest.approx(sampled["hit_rate_at_5"])
    interests = result["interests"]
    assert sum(interests["js_recommended_shares"]) == pytest.approx(1)
    assert interests["js_predicted"] >= 0
    assert not (folder / "runs" / cell.path / "backup").exists()


def test_case_of_two_interests_is_told(finished):
    folder, _, _ = finished
    (cell,) = make_cells("timirec")
    store = ResultStore(folder / "results")
    study = CaseStudy.from_json(store.read(cell)["case_study"])

    # User u met the items u to u + 4; the model reads three, the last is the
    # target.
    first = int(study.user.removeprefix("u"))
    assert study.history == tuple(f"i{first + n:02d}" for n in (1, 2, 3))
    assert study.target == f"i{first + 4:02d}"
    assert study.predicted.sum() == pytest.approx(1)
    assert study.truth.sum() == pytest.approx(1)
    assert study.truth.argmax() == study.target_interest
    assert not set(study.timirec) & set(study.history)
    np.testing.assert_allclose(study.attention.sum(axis=1), 1, rtol=1e-5)
    assert "case_study" not in store.read(cell.pretraining)


def test_what_is_there_is_not_run_again(finished):
    folder, log, _ = finished
    log.rename(log.with_suffix(".away"))  # Not even the data is read.
    try:
        runner, output = make_runner(folder, log)
        runner.run(make_cells("timirec", "no_stop_gradient"))
    finally:
        log.with_suffix(".away").rename(log)

    assert not output.getvalue()


def test_cell_that_diverges_does_not_stop_the_others(finished, tmp_path):
    _, log, _ = finished
    runner, output = make_runner(tmp_path, log)
    bad = make_cells("timirec", learning_rate=1e30, max_epochs=2)
    good = make_cells("joint_training")

    diverged = runner.run([*bad, *good])

    # ComiRec, with which the bad one begins.
    (cell,) = diverged
    assert cell == bad[0].pretraining
    assert "The loss must stay a number" in output.getvalue()
    (result,) = (tmp_path / "results").rglob("*.json")
    assert result.parent.name == "timirec-pretraining=False"


def test_missing_result_is_ranked_not_trained(finished):
    folder, log, _ = finished
    (cell,) = make_cells("timirec")
    store = ResultStore(folder / "results")
    before = store.read(cell)
    store.path(cell).unlink()
    runner, output = make_runner(folder, log)

    runner.run([cell])

    assert "epoch" not in output.getvalue()
    assert store.read(cell)["test"] == before["test"]


def test_lost_pretraining_is_made_anew(finished, tmp_path):
    folder, log, _ = finished
    (cell,) = make_cells("timirec")
    store = ResultStore(folder / "results")
    runner, output = make_runner(tmp_path, log)
    runner.store = ResultStore(tmp_path)
    known = store.read(cell.pretraining) | {"command": "another"}
    runner.store.write(cell.pretraining, known)

    runner.run([cell])

    assert "Again, for its weights: comirec" in output.getvalue()
    assert runner.store.read(cell)["test"] == store.read(cell)["test"]
    assert runner.store.read(cell.pretraining) == known  # As it was.
    assert runner.store.read(cell)["pretrained_from"] == str(
        cell.pretraining.path
    )


def test_pretraining_that_comes_out_otherwise_is_said(finished, tmp_path):
    folder, log, _ = finished
    (cell,) = make_cells("timirec")
    store = ResultStore(folder / "results")
    runner, output = make_runner(tmp_path, log)
    runner.store = ResultStore(tmp_path)
    known = store.read(cell.pretraining)
    known["test"]["sampled"]["hit_rate_at_10"] += 0.01
    runner.store.write(cell.pretraining, known)

    runner.run([cell])

    assert runner.store.read(cell)["pretrained_from"] is None
    assert f"first stage of {cell} is not that of" in output.getvalue()


def test_other_order_of_equal_times_is_another_result(finished):
    folder, log, _ = finished
    runner, _ = make_runner(folder, log, ties="reverse_file_order")

    with pytest.raises(ValueError, match=r"ties \('file_order' there"):
        runner.run(make_cells("timirec"))


def test_seeds_of_other_data_are_refused(finished, tmp_path):
    folder, _, _ = finished
    other = write_log(tmp_path / "other.csv", num_users=7)
    runner, _ = make_runner(folder, other)

    with pytest.raises(ValueError, match="All seeds must be of.*fingerprint"):
        runner.run(make_cells("timirec", seeds=(1,)))


def test_seeds_of_other_settings_are_refused(finished):
    folder, log, _ = finished
    runner, _ = make_runner(folder, log)
    cells = make_cells("timirec", seeds=(1,), num_evaluation_negatives=4)

    with pytest.raises(ValueError, match=r"num_evaluation_negatives \(5 there"):
        runner.run(cells)


def test_row_of_different_settings_is_not_averaged(finished, tmp_path):
    store = ResultStore(finished[0] / "results")
    (cell,) = make_cells("timirec")
    (other,) = make_cells("timirec", seeds=(1,))
    result = store.read(cell)
    mixed = ResultStore(tmp_path)
    mixed.write(cell, result)
    settings = result["settings"] | {"seed": 1, "max_epochs": 2}
    mixed.write(other, result | {"settings": settings, "seed": 1})
    plan = Plan(
        experiment=EXPERIMENTS["table4"], datasets=(DATASET,), seeds=(0, 1)
    )

    with pytest.raises(ValueError, match=r"max_epochs \(1 there, 2 now\)"):
        mixed.results(plan, DATASET)


def test_claimed_cell_is_left_to_the_other(finished, tmp_path, monkeypatch):
    folder, log, _ = finished
    cells = make_cells("timirec", seeds=(0,), learning_rate=0.5)
    runner, output = make_runner(tmp_path, log)
    start = cells[0].pretraining

    def finish(seconds):
        """The other process finishes while this one waits."""
        held.close()

    lock = (tmp_path / "runs" / start.path).with_suffix(".lock")
    held = HeldClaim(lock)
    monkeypatch.setattr("time.sleep", finish)
    runner.run(cells)

    text = output.getvalue()
    assert text.index("Another process works on the last 2") < text.index(
        "[1/2] comirec"
    )


class HeldClaim:
    """A claim that is given up by a call."""

    def __init__(self, path):
        self._claim = claim(path)
        assert self._claim.__enter__()

    def close(self):
        self._claim.__exit__(None, None, None)


def test_unknown_system_names_the_known():
    with pytest.raises(ValueError, match="joint_training, no_stop_gradient"):
        make_cells("stop_gradient")


def test_given_settings_hold_for_all_and_are_not_in_the_name():
    cell = Cell.of(TIMIREC, "amazon_beauty", 3, {"learning_rate": 0.5})

    assert cell.name == "timirec"
    assert cell.settings.learning_rate == 0.5
    assert cell.pretraining.settings.learning_rate == 0.5
    assert cell.pretraining.name == "comirec"
    assert str(cell.path) == "amazon_beauty/timirec/seed3"
    plain = dataclasses.replace(cell.settings, learning_rate=1e-3)
    assert plain == Cell.of(TIMIREC, "amazon_beauty", 3).settings


def test_parts_have_their_settings_alone():
    plan = Plan(
        experiment=EXPERIMENTS["model-agnostic"],
        datasets=("amazon_beauty",),
        seeds=(0,),
        given={"attention_dim": 16, "adaptive_interests": True},
    )
    plan.check()

    read = {
        cell.settings.extractor: (
            cell.settings.attention_dim,
            cell.settings.adaptive_interests,
        )
        for (cell,) in plan.cells("amazon_beauty").values()
        if not cell.settings.model.endswith("plus")
    }

    assert read == {
        "self_attentive": (16, False),
        "dynamic_routing": (8, False),
        "mind": (8, True),
    }


@pytest.mark.parametrize(
    ("experiment", "systems", "given", "part"),
    [
        (
            "figure3",
            None,
            {"num_interests": 5},
            "`num_interests` must be left to the systems.*comirec_1, ",
        ),
        (
            "table2",
            ["gru4rec", "sasrec"],
            {"temperature": 0.5},
            "`temperature` must be a setting of a system.*gru4rec, sasrec",
        ),
        (
            "model-agnostic",
            None,
            {"pretraining": False},
            "`pretraining` must be on for 'comirec_",
        ),
    ],
)
def test_setting_that_cannot_hold_is_refused(experiment, systems, given, part):
    plan = Plan(
        experiment=EXPERIMENTS[experiment].choose(systems),
        datasets=("amazon_beauty",),
        seeds=(0,),
        given=given,
    )

    with pytest.raises(ValueError, match=part):
        plan.check()


def test_presets_are_those_that_were_asked_for():
    cell = Cell.of(TIMIREC, "amazon_beauty", 0, preset_name="paper")

    assert cell.settings == preset("timirec", "amazon_beauty", "paper")
    assert cell.pretraining.settings == preset(
        "comirec", "amazon_beauty", "paper"
    )
    assert cell.name == "timirec"  # Folders tell the presets apart.
