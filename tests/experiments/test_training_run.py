"""Runs that break off while they write, and runs opened by their folder."""

import dataclasses
import io
import json
import sys

import numpy as np
import pytest
import rich.console
import tensorflow as tf

from tfrs_timirec.experiments import (
    TrainingRun,
    TrainingSettings,
    environment,
    training_run,
)
from tfrs_timirec.experiments.data_source import DataSource
from tfrs_timirec.experiments.run_folder import RunFolder

SETTINGS = TrainingSettings(
    model="comirec",
    num_interests=2,
    embedding_dim=4,
    max_history_length=3,
    num_evaluation_negatives=5,
    max_epochs=2,
)


@pytest.fixture(scope="module")
def unbroken(log, tmp_path_factory):
    run = TrainingRun(SETTINGS, log, tmp_path_factory.mktemp("runs") / "a")
    history = run.train()
    return run, history, run.evaluate()


def make_trained(log, trained, folder):
    """A run that has another one's weights and has ranked nothing."""
    run = TrainingRun(SETTINGS, log, folder)
    run._files.write_weights(
        "pretraining", trained._files.read_weights("pretraining")
    )
    run._files.write_history([{"epoch": 0, "stage": 1, "seconds": 1.5}])
    return run


def test_metrics_say_what_trained_not_what_evaluates(
    log, tmp_path, monkeypatch
):
    def break_off(*arguments, **by_name):
        raise KeyboardInterrupt

    def begin_on(processor):
        monkeypatch.setattr(environment, "processor_name", lambda: processor)
        return TrainingRun(SETTINGS, log, tmp_path)

    run = begin_on("first")
    with pytest.raises(KeyboardInterrupt):
        run.train([tf.keras.callbacks.LambdaCallback(on_epoch_end=break_off)])
    begin_on("second").train()
    metrics = begin_on("third").evaluate()

    assert metrics["processor"] == "second"
    assert metrics["strategy"] is None
    (earlier,) = metrics["earlier_environments"]
    assert earlier["processor"] == "first"


def losses(history):
    return [entry["loss"] for entry in history]


def test_best_epoch_is_chosen_on_the_validation_cases(unbroken):
    _, history, metrics = unbroken
    validation, test = (
        metrics[part]["sampled"]["ndcg_at_5"] for part in ("validation", "test")
    )

    best = max(entry["val_ndcg_at_5"] for entry in history)

    assert best == pytest.approx(validation)
    assert best != pytest.approx(test)


def test_data_is_made_as_the_settings_say(log, tmp_path, monkeypatch):
    given = {}

    def note(name):
        make = getattr(training_run, name)

        def noted(*arguments, **by_name):
            given[name] = by_name
            return make(*arguments, **by_name)

        monkeypatch.setattr(training_run, name, noted)

    def stop(*arguments, **by_name):
        raise KeyboardInterrupt

    for name in ("LeaveOneOut", "TrainingBatches", "EvaluationCases"):
        note(name)
    monkeypatch.setattr(training_run, "fit_arguments", stop)
    settings = dataclasses.replace(
        SETTINGS, seed=7, batch_size=5, num_negatives=3
    )
    with pytest.raises(KeyboardInterrupt):
        TrainingRun(settings, log, tmp_path).train()

    assert given == {
        "LeaveOneOut": {"num_negatives": 5, "seed": 7},
        "TrainingBatches": {
            "batch_size": 5,
            "max_history_length": 3,
            "num_negatives": 3,
            "seed": 7,
            "features": ("item_ids",),
        },
        "EvaluationCases": {
            "max_history_length": 3,
            "features": ("item_ids",),
        },
    }


def test_breaking_off_gives_the_terminal_back(log, tmp_path):
    def die(*arguments, **by_name):
        raise KeyboardInterrupt

    output = sys.stdout
    terminal = io.StringIO()
    with pytest.raises(KeyboardInterrupt):
        TrainingRun(SETTINGS, log, tmp_path).train(
            callbacks=[tf.keras.callbacks.LambdaCallback(on_batch_end=die)],
            console=rich.console.Console(file=terminal, force_terminal=True),
        )

    # The bar hid the cursor and took what others print.
    hide, show = "\x1b[?25l", "\x1b[?25h"
    assert hide in terminal.getvalue()
    assert terminal.getvalue().count(show) == terminal.getvalue().count(hide)
    assert sys.stdout is output


@pytest.mark.parametrize("broken", ["write_history", "write_weights"])
def test_breaking_off_while_saving_costs_nothing(
    broken, log, unbroken, tmp_path, monkeypatch
):
    def die(*arguments):
        raise KeyboardInterrupt

    run = TrainingRun(SETTINGS, log, tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, broken, die)
        with pytest.raises(KeyboardInterrupt):
            run.train()

    run = TrainingRun(SETTINGS, log, tmp_path)
    assert not run.is_trained
    history = run.train()

    _, expected_history, expected = unbroken
    assert losses(history) == losses(expected_history)
    metrics = run.evaluate()
    assert metrics["test"] == expected["test"]
    assert metrics["validation"] == expected["validation"]


def test_half_written_draft_is_not_taken_for_the_file(
    log, tmp_path, monkeypatch
):
    def die_midway(file, **arrays):
        file.write_bytes(b"half")
        raise KeyboardInterrupt

    folder = RunFolder(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(np, "savez", die_midway)
        with pytest.raises(KeyboardInterrupt):
            folder.write_weights("pretraining", [np.zeros(3)])

    assert not folder.weights("pretraining").exists()
    folder.write_weights("pretraining", [np.arange(3.0), np.ones(2)])
    first, second = folder.read_weights("pretraining")
    np.testing.assert_array_equal(first, [0, 1, 2])
    np.testing.assert_array_equal(second, [1, 1])


def test_results_are_none_until_both_parts_are_ranked(log, unbroken, tmp_path):
    trained, _, _ = unbroken
    run = make_trained(log, trained, tmp_path)
    assert run.results() is None

    run.evaluate(["test"])
    assert run.results() is None

    run.evaluate(["validation"])
    results = run.results()
    assert results["test"] == trained.results()["test"]
    assert results["validation"] == trained.results()["validation"]
    assert results["training_seconds"] == 1.5


def test_steps_of_an_execution_make_no_other_run(unbroken):
    run, _, _ = unbroken
    settings = dataclasses.replace(SETTINGS, steps_per_execution=8)

    again = TrainingRun(settings, run.interactions, run.folder)

    assert again.is_trained


def test_ranks_are_complete_with_all_parts(log, unbroken, tmp_path):
    run = make_trained(log, unbroken[0], tmp_path)
    assert not run.has_all_ranks

    run.evaluate(["test"], save_ranks=True)
    assert not run.has_all_ranks

    run.evaluate(["validation"], save_ranks=True)
    assert run.has_all_ranks


def test_folder_of_a_run_that_never_began_is_free(log, tmp_path):
    other = dataclasses.replace(SETTINGS, num_interests=3)
    TrainingRun(SETTINGS, log, tmp_path)

    run = TrainingRun(other, log, tmp_path)
    run.train()

    assert RunFolder(tmp_path).record().settings == other
    with pytest.raises(ValueError, match="differs in num_interests"):
        TrainingRun(SETTINGS, log, tmp_path)


def test_same_folder_rejects_other_data(log, unbroken):
    run, _, _ = unbroken
    changed = dataclasses.replace(log, timestamps=log.timestamps + 1)

    with pytest.raises(ValueError, match=r"the content of .* has changed"):
        TrainingRun(SETTINGS, changed, run.folder)


@pytest.mark.parametrize("name", ["settings", "metrics"])
def test_damaged_file_is_named(name, log, tmp_path):
    TrainingRun(SETTINGS, log, tmp_path)
    (tmp_path / f"{name}.json").write_text("{")

    with pytest.raises(ValueError, match=rf"^{name}.json must.*Delete it"):
        TrainingRun(SETTINGS, log, tmp_path).results()

    (tmp_path / f"{name}.json").unlink()
    assert TrainingRun(SETTINGS, log, tmp_path).results() is None


def test_run_without_source_cannot_be_opened(unbroken):
    run, _, _ = unbroken

    with pytest.raises(ValueError, match="gave no `source`"):
        TrainingRun.open(run.folder)


@pytest.fixture
def opened(tmp_path):
    """A run folder whose log is log.csv beside it."""
    rows = [f"u{u},i{u + n},{n}" for u in range(6) for n in range(5)]
    path = tmp_path / "log.csv"
    path.write_text("\n".join(["user_id,item_id,timestamp", *rows]))
    source = DataSource(interactions=str(path))
    TrainingRun(SETTINGS, source.load(), tmp_path / "run", source=source)
    return tmp_path / "run"


def test_opening_a_run_writes_nothing(opened):
    settings = opened / "settings.json"
    before = settings.stat().st_mtime_ns, settings.read_text()

    TrainingRun.open(opened)

    assert (settings.stat().st_mtime_ns, settings.read_text()) == before
    assert [path.name for path in opened.iterdir()] == ["settings.json"]


def test_log_that_has_moved_is_found_where_the_command_says(opened, tmp_path):
    log = tmp_path / "log.csv"
    moved = log.rename(tmp_path / "moved.csv")

    with pytest.raises(FileNotFoundError, match="of the run '.*run' must be"):
        TrainingRun.open(opened)

    source = DataSource(interactions=str(moved))
    TrainingRun(SETTINGS, source.load(), opened, source=source)
    assert TrainingRun.open(opened).interactions.num_users == 6


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda content: {"editor.fontSize": 12}, "'source'"),
        (lambda content: [], "list"),
        (
            lambda content: {
                **content,
                "settings": {**content["settings"], "newer": 1},
            },
            "'newer'",
        ),
    ],
)
def test_settings_of_something_else_are_named(opened, change, reason):
    path = opened / "settings.json"
    path.write_text(json.dumps(change(json.loads(path.read_text()))))

    with pytest.raises(ValueError, match=rf"settings\.json.*{reason}"):
        TrainingRun.open(opened)


def test_history_that_is_none_is_named(tmp_path):
    (tmp_path / "history.csv").write_text("a,b\n1,2\n")

    with pytest.raises(ValueError, match=r"history\.csv without .*'stage'"):
        RunFolder(tmp_path).read_history()


def test_unfinished_run_has_no_weights(log, tmp_path):
    run = TrainingRun(SETTINGS, log, tmp_path)

    with pytest.raises(FileNotFoundError, match="must hold a finished run"):
        run.evaluate()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": "comirek"}, "Did you mean comirec"),
        ({"optimizer": "adam"}, "`optimizer` must be one of.*lazy_adam"),
        ({"seed": -1}, "`seed` must be an integer that is not negative"),
        ({"seed": 0.5}, "`seed` must be an integer that is not negative"),
        ({"seed": True}, "`seed` must be an integer that is not negative"),
        ({"seed": 2**31}, "`seed` must lie between"),
        ({"patience": 0}, "`patience` must be a positive integer"),
        ({"finetuning_rate_factor": 0.0}, "`finetuning_rate_factor` must be a"),
    ],
)
def test_bad_setting_is_named(changes, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(SETTINGS, **changes)
