"""`timirec tune`: finds settings, survives a kill, and feeds `train`."""

import contextlib
import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from tests.cli.test_kill import TIMIREC
from tests.cli.test_main import failure, read_metrics, write_log
from tests.cli.test_reproduce import read_until
from tfrs_timirec._claim import claim
from tfrs_timirec.cli.main import main
from tfrs_timirec.data import Interactions
from tfrs_timirec.experiments import TrainingSettings, tuning
from tfrs_timirec.experiments.presets import read_preset, write_preset
from tfrs_timirec.experiments.trial_pruning import TrialPruning
from tfrs_timirec.experiments.tuning import PAPER_GRID, Tuner

optuna = pytest.importorskip("optuna")

TINY = [
    *("--max-history-length=3", "--embedding-dim=4"),
    "--num-evaluation-negatives=5",
]
SEARCH = ["--trials", "4", "--parameters", "num_interests", "--max-epochs=2"]


@pytest.fixture(scope="module")
def tuned(tmp_path_factory):
    """(log, folder of the study, what was printed after the kill)."""
    folder = tmp_path_factory.mktemp("tune ü")
    log = write_log(folder / "log.csv")
    words = ["tune", "--interactions", log, "--model", "comirec", *TINY]
    command = [TIMIREC, *words, *SEARCH, "--output", folder / "study"]
    options = {
        "stdout": subprocess.PIPE,
        "text": True,
        "env": {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2"},
    }
    process = subprocess.Popen(command, **options)
    read_until(process, "Trial 1")
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    again = subprocess.run(command, check=True, timeout=600, **options)
    return log, folder / "study", again.stdout


def test_grid_is_gone_through_once_whatever_happens(tuned):
    _, folder, output = tuned
    study = optuna.load_study(
        study_name="timirec", storage=f"sqlite:///{folder / 'study.db'}"
    )
    complete = [
        trial.params["num_interests"]
        for trial in study.trials
        if trial.state.name == "COMPLETE"
    ]

    # The paper's grid has four numbers; the killed trial was given out again.
    assert sorted(complete) == [2, 4, 6, 8]
    states = [trial.state.name for trial in study.trials]
    assert states.count("FAIL") == 1
    assert output.count("Trial ") == 3
    assert "Best on validation cases" in output
    assert "Note: all times lie in 1970" in output


def test_best_settings_are_in_the_preset(tuned):
    _, folder, _ = tuned
    study = optuna.load_study(
        study_name="timirec", storage=f"sqlite:///{folder / 'study.db'}"
    )
    preset = json.loads((folder / "preset.json").read_text())

    assert preset["model"] == "comirec"
    assert preset["validation_ndcg_at_5"] == study.best_value
    settings = read_preset(folder / "preset.json")
    best = study.best_params["num_interests"]
    assert settings.num_interests == best
    assert settings.embedding_dim == 4
    history = (folder / "runs" / f"comirec-num_interests={best}").joinpath(
        "history.csv"
    )
    assert f"{study.best_value!r}" in history.read_text()


def test_train_takes_the_preset(tuned, tmp_path):
    log, folder, _ = tuned
    data = ["--interactions", str(log), "--output", str(tmp_path / "run")]
    preset = folder / "preset.json"

    assert main(["train", *data, "--preset", str(preset), "--seed=7"]) == 0

    settings = read_metrics(tmp_path / "run")["settings"]
    assert settings["model"] == "comirec"
    assert settings["seed"] == 7
    assert settings["num_interests"] == read_preset(preset).num_interests


def test_finished_study_trains_nothing(tuned, capsys):
    log, folder, _ = tuned
    words = ["tune", "--interactions", str(log), "--model", "comirec", *TINY]

    assert main([*words, *SEARCH, "--output", str(folder)]) == 0

    out = capsys.readouterr().out
    assert "epoch" not in out
    assert out.endswith(f"  timirec train --preset '{folder}/preset.json' …\n")
    for other, name in (
        ("--l2=0.5", "which differs in l2 ("),
        ("--preset=large_batch", " batch_size (256 there, 4096 now)"),
    ):
        error = failure(capsys, *words, *SEARCH, "--output", folder, other)
        assert "which differs in " in error
        assert name in error


def test_missing_optuna_names_the_extra(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    words = ["tune", "--dataset", "household_tv/tiny", "--model", "comirec"]

    assert "pip install 'tfrs-timirec[tune]'" in failure(capsys, *words)


def test_there_must_be_a_trial(tmp_path, capsys):
    words = ["tune", "--dataset", "household_tv/tiny", "--model", "comirec"]
    error = failure(capsys, *words, "--trials", 0, "--output", tmp_path / "t")
    assert "--trials must be at least 1" in error
    assert not (tmp_path / "t").exists()


def test_setting_is_searched_or_given(capsys):
    words = ["tune", "--dataset", "household_tv/tiny", "--model", "comirec"]
    words += ["--num-interests=2", "--parameters", "num_interests"]

    assert "`num_interests` must be searched or" in failure(capsys, *words)


def test_setting_of_another_model_is_found_before_the_data_is_read(capsys):
    words = ["tune", "--interactions", "missing.csv", "--model", "comirec"]

    error = failure(capsys, *words, "--parameters", "temperature")

    assert "`temperature` must be a setting of the model" in error


def test_preset_must_be_no_folder(tmp_path, capsys):
    words = ["train", "--dataset", "household_tv/tiny", "--preset", tmp_path]

    assert "or a file, as tuning/" in failure(capsys, *words)


@pytest.mark.parametrize("num_trials", [30, 60])
def test_there_are_as_many_trials_as_were_asked_for(
    num_trials, tmp_path, monkeypatch
):
    def value_of(tuner, pruning, settings, console):
        return (
            1.0
            - abs(np.log10(settings.learning_rate) + 3.3)
            - abs(settings.num_interests - 4) / 10
        )

    monkeypatch.setattr(Tuner, "_train", value_of)
    log = Interactions.from_csv(write_log(tmp_path / "log.csv"))
    tuner = Tuner(
        settings=TrainingSettings(model="timirec"),
        grid=PAPER_GRID,
        interactions=log,
        folder=tmp_path / "study",
    )

    study = tuner.run(num_trials)

    points = [
        tuple(trial.params.values())
        for trial in study.trials
        if trial.state.name == "COMPLETE"
    ]
    assert len(points) == len(set(points)) == num_trials


def test_study_lies_in_a_folder_of_any_name(tmp_path):
    def make_tuner(name):
        return Tuner(
            settings=TrainingSettings(model="comirec"),
            grid={"l2": (0.1, 0.2)},
            interactions=log,
            folder=tmp_path / name,
        )

    log = Interactions.from_csv(write_log(tmp_path / "log.csv"))
    make_tuner("of {user} 100%")._study(2)

    assert (tmp_path / "of {user} 100%" / "study.db").exists()
    with pytest.raises(ValueError, match=r"`folder` must be .* with \?"):
        make_tuner("which?")
    assert not (tmp_path / "which?").exists()


def test_database_of_another_kind_is_left_alone(tmp_path, capsys):
    log = write_log(tmp_path / "log.csv")
    words = ["tune", "--interactions", log, "--model", "comirec", *TINY]
    database = tmp_path / "study" / "study.db"
    database.parent.mkdir()
    database.write_text("study,of,something,else\n")

    error = failure(capsys, *words, *SEARCH, "--output", database.parent)

    assert "which is no SQLite database" in error
    assert database.read_text() == "study,of,something,else\n"


def make_tuner(folder):
    return Tuner(
        settings=TrainingSettings(model="comirec"),
        grid={"l2": (0.1, 0.2)},
        interactions=Interactions.from_csv(write_log(folder / "log.csv")),
        folder=folder / "study",
    )


def test_preset_of_a_slower_process_is_not_an_older_one(tmp_path, monkeypatch):
    tuner = make_tuner(tmp_path)
    study = tuner._study(2)
    bad, good = study.ask(), study.ask()
    for trial in (bad, good):
        trial.suggest_categorical("l2", (0.1, 0.2))
    study.tell(bad, 0.1)

    @contextlib.contextmanager
    def claim_after_another(path, wait=False):
        monkeypatch.undo()
        study.tell(good, 0.9)
        tuner._write_preset(study)
        with claim(path, wait) as mine:
            yield mine

    monkeypatch.setattr(tuning, "claim", claim_after_another)
    tuner._write_preset(study)

    assert read_preset(tuner.preset_path).l2 == good.params["l2"]
    preset = json.loads(tuner.preset_path.read_text())
    assert preset["validation_ndcg_at_5"] == 0.9
    assert preset["trials"]["complete"] == 2


def test_preset_that_a_killed_process_did_not_write(tmp_path):
    tuner = make_tuner(tmp_path)
    study = tuner._study(1)
    trial = study.ask()
    value = trial.suggest_categorical("l2", (0.1, 0.2))
    study.tell(trial, 0.5)

    tuner.run(num_trials=1)

    assert read_preset(tuner.preset_path).l2 == value


def test_diverged_trial_is_one_of_them(tmp_path):
    tuner = Tuner(
        settings=TrainingSettings(
            model="comirec",
            num_interests=2,
            embedding_dim=4,
            max_history_length=3,
            num_evaluation_negatives=5,
            max_epochs=2,
        ),
        grid={"learning_rate": (1e30, 1e-3)},
        interactions=Interactions.from_csv(write_log(tmp_path / "log.csv")),
        folder=tmp_path / "study",
    )

    study = tuner.run(2)

    states = {
        trial.params["learning_rate"]: trial.state.name
        for trial in study.trials
    }
    assert states == {1e30: "PRUNED", 1e-3: "COMPLETE"}
    assert read_preset(tuner.preset_path).learning_rate == 1e-3


@pytest.mark.parametrize(
    ("grid", "part"),
    [
        ({"num_projection_layers": (1, 3)}, "`num_projection_layers` must be"),
        (
            {"temperature": (0.1, 1.0)},
            "`temperature` must be a setting of the model",
        ),
    ],
)
def test_bad_grid_is_found_before_anything_is_trained(grid, part, tmp_path):
    model = "timirec" if "num_projection_layers" in grid else "comirec"
    with pytest.raises(ValueError, match=part):
        Tuner(
            settings=TrainingSettings(model=model),
            grid=grid,
            interactions=Interactions.from_csv(write_log(tmp_path / "l.csv")),
            folder=tmp_path / "study",
        )


def make_pruning_study():
    return optuna.create_study(
        pruner=optuna.pruners.MedianPruner(
            n_startup_trials=1, n_warmup_steps=0
        ),
        direction="maximize",
    )


def test_epochs_of_the_second_stage_are_compared_with_each_other(tmp_path):
    study = make_pruning_study()
    good, bad = study.ask(), study.ask()
    for step, value in enumerate((0.1, 0.2, 0.5, 0.6)):  # Two epochs a stage.
        good.report(value, step)
    study.tell(good, 0.6)
    pruning = TrialPruning(bad, max_epochs=2)
    pruning.on_train_begin()

    pruning.on_epoch_end(0, {"stage": 1, "val_ndcg_at_5": 0.3})
    with pytest.raises(optuna.TrialPruned):  # Above 0.1, but below 0.5.
        pruning.on_epoch_end(0, {"stage": 2, "val_ndcg_at_5": 0.3})


def test_pruned_trial_ends_early(tmp_path):
    study = make_pruning_study()
    good, bad = study.ask(), study.ask()
    for step, value in enumerate((0.5, 0.6)):
        good.report(value, step)
    study.tell(good, 0.6)
    pruning = TrialPruning(bad, max_epochs=2)
    pruning.on_train_begin()

    pruning.on_epoch_end(0, {"stage": 1, "val_ndcg_at_5": 0.7})
    pruning.on_epoch_end(1, {"stage": 1, "val_ndcg_at_5": 0.8})
    study.tell(bad, 0.8)
    worse = study.ask()
    pruning = TrialPruning(worse, max_epochs=2)
    with pytest.raises(optuna.TrialPruned):
        pruning.on_epoch_end(0, {"stage": 1, "val_ndcg_at_5": 0.1})


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("{", "must be a JSON file"),
        ('{"model": "comirec"}', "KeyError: 'settings'"),
        (
            '{"model": "comirec", "settings": {"learning_rat": 1}}',
            "Did you mean learning_rate?",
        ),
        ('{"model": "comirex", "settings": {}}', "Did you mean comirec?"),
        (
            '{"model": "comirec", "settings": {"learning_rate": "0.001"}}',
            "a value of type float. Received: learning_rate='0.001'",
        ),
        (
            '{"model": "timirec", "settings": {"pretraining": 1}}',
            "a value of type bool. Received: pretraining=1",
        ),
    ],
)
def test_bad_preset_is_one_line(text, part, tmp_path, capsys):
    path = tmp_path / "preset.json"
    path.write_text(text)
    words = ["train", "--dataset", "household_tv/tiny", "--preset", path]

    assert part in failure(capsys, *words)


def test_preset_and_model_must_agree(tmp_path, capsys):
    path = tmp_path / "preset.json"
    write_preset(path, TrainingSettings(model="comirec", l2=0.5, seed=3), {})
    assert read_preset(path) == TrainingSettings(model="comirec", l2=0.5)
    words = ["train", "--dataset", "household_tv/tiny"]

    error = failure(capsys, *words, "--preset", path, "--model", "timirec")
    assert "must be that of the preset file" in error
    assert "`model` must be given" in failure(capsys, *words)
