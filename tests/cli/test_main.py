"""The command line: what it prints, writes and says about mistakes.

All but one test call `main` in this process: a new one takes seconds."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest

from tfrs_timirec.cli import train as train_verb
from tfrs_timirec.cli.main import main
from tfrs_timirec.data.loading import list_datasets
from tfrs_timirec.experiments import MODEL_NAMES, TrainingSettings

# Little to trace and to learn: a second or two a run.
QUICK = [
    "--max-epochs=1",
    "--num-interests=2",
    "--max-history-length=3",
    "--embedding-dim=4",
    "--num-evaluation-negatives=5",
]
NUM_USERS, NUM_ITEMS, LENGTH = 6, 10, 5


def write_log(path, num_users=NUM_USERS, num_items=NUM_ITEMS, length=LENGTH):
    """User u meets the items u, u + 1, ... (in a circle), a minute apart.

    By default the last of 6 users meets the items 5 to 9: 10 items in all.
    """
    rows = [
        (f"u{user}", f"i{(user + step) % num_items:02d}", 60 * step)
        for user in range(num_users)
        for step in range(length)
    ]
    frame = pd.DataFrame(rows, columns=["user_id", "item_id", "timestamp"])
    frame.to_csv(path, index=False)
    return path


def read_metrics(folder):
    return json.loads((folder / "metrics.json").read_text())


def failure(capsys, *arguments):
    """Runs a command that must fail; returns its one line of explanation."""
    code = main([str(argument) for argument in arguments])
    error = capsys.readouterr().err
    assert code == 2
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    return error


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """(log, run folder, what was printed) of a run on a tiny log."""
    folder = tmp_path_factory.mktemp("cli")
    log = write_log(folder / "log.csv")
    run = folder / "run"
    arguments = ["train", "--interactions", str(log), "--model", "comirec"]
    assert main([*arguments, "--output", str(run), *QUICK]) == 0
    return log, run


@pytest.mark.parametrize(
    "words",
    [
        "",
        "train",
        "evaluate",
        "data",
        "data describe",
        "data prepare",
        "recommend-all",
        "export",
        "recommend",
        "demo",
        "serve",
    ],
)
def test_help_explains_and_shows_examples(words, capsys):
    with pytest.raises(SystemExit) as end:
        main([*words.split(), "--help"])

    assert end.value.code == 0
    text = capsys.readouterr().out
    assert f"usage: timirec {words}".strip() in text
    if words != "data":
        assert "  timirec " in text  # An example, indented.


def test_no_word_at_all_gives_the_help(capsys):
    with pytest.raises(SystemExit) as end:
        main([])

    assert end.value.code == 0
    assert "Start here:" in capsys.readouterr().out


def test_help_of_train_names_models_files_and_every_setting(capsys):
    with pytest.raises(SystemExit):
        main(["train", "--help"])

    text = capsys.readouterr().out
    for name in (*MODEL_NAMES, "metrics.json", "history.csv", "weights/"):
        assert name in text
    for field in dataclasses.fields(TrainingSettings):
        assert f"--{field.name.replace('_', '-')}" in text


def test_run_folder_holds_what_help_says(finished):
    log, run = finished

    names = {path.name for path in run.iterdir()}
    assert names == {
        "backup",
        "environments.json",
        "history.csv",
        "metrics.json",
        "settings.json",
        "tensorboard",
        "weights",
    }
    metrics = read_metrics(run)
    assert set(metrics["test"]) == {"sampled", "full"}
    assert set(metrics["validation"]) == {"sampled", "full"}
    assert "stage_1" not in metrics  # ComiRec has one stage.
    assert metrics["command"].startswith(f"timirec train --interactions {log}")
    assert metrics["settings"]["max_epochs"] == 1
    assert metrics["epochs"] == {"pretraining": 1}
    assert metrics["seed"] == 0
    assert metrics["training_seconds"] > 0
    assert {"tensorflow", "tf-keras", "numpy"} <= set(metrics["libraries"])
    assert metrics["processor"]
    # 10 items, 4 of them seen: the target ranks among 6, always within 10.
    assert metrics["test"]["full"]["hit_rate_at_10"] == 1.0


def test_history_has_a_row_an_epoch(finished):
    _, run = finished
    history = pd.read_csv(run / "history.csv")

    assert history["epoch"].tolist() == [0]
    assert {"stage", "loss", "val_ndcg_at_5", "seconds"} <= set(history)


def test_finished_run_is_not_trained_again(finished, capsys, monkeypatch):
    log, run = finished
    before = (run / "metrics.json").read_bytes()
    monkeypatch.setattr(
        train_verb.TrainingRun, "train", lambda *_, **__: pytest.fail("trains")
    )
    arguments = ["train", "--interactions", str(log), "--model", "comirec"]

    assert main([*arguments, "--output", str(run), *QUICK]) == 0

    out = capsys.readouterr().out
    assert "This run is finished" in out
    assert "HR@10" in out
    where, export = out.splitlines()[-2:]
    assert where.startswith(f"Everything is in {run}:")
    assert export.endswith(f"timirec export {run} --output saved_models/run")
    assert (run / "metrics.json").read_bytes() == before


def test_evaluate_gives_the_same_numbers_and_ranks(finished, capsys):
    log, run = finished
    before = read_metrics(run)

    assert main(["evaluate", str(run), "--part", "test", "--save-ranks"]) == 0

    out = capsys.readouterr().out
    assert str(run / "ranks.parquet") in out
    assert "test cases" in out
    assert "validation cases" not in out
    after = read_metrics(run)
    for name in ("test", "validation", "command", "seed", "data_fingerprint"):
        assert after[name] == before[name], name
    ranks = pd.read_parquet(run / "ranks.parquet")
    assert set(ranks["part"]) == {"test"}
    sampled = ranks[ranks["candidates"] == "sampled"].set_index("user_id")
    assert len(sampled) == NUM_USERS
    # User 3 meets the items 3, 4, 5, 6, 7; the last one is the test's.
    assert sampled.loc["u3", "item_id"] == "i07"
    hit_rate = np.mean(sampled["rank"] <= 5)
    assert hit_rate == after["test"]["sampled"]["hit_rate_at_5"]

    words = ["evaluate", str(run), "--part", "validation", "--save-ranks"]
    assert main(words) == 0
    both = pd.read_parquet(run / "ranks.parquet")
    assert both["part"].value_counts().to_dict() == {
        "test": len(ranks),
        "validation": len(ranks),
    }


def test_evaluate_notices_changed_data(tmp_path, finished, capsys):
    log, run = finished
    content = log.read_text()
    write_log(log, length=LENGTH + 1)
    try:
        error = failure(capsys, "evaluate", run)
    finally:
        log.write_text(content)

    assert str(log) in error
    assert "has changed" in error


def test_folder_of_other_settings_is_not_overwritten(finished, capsys):
    log, run = finished
    arguments = ["train", "--interactions", log, "--model", "comirec"]

    error = failure(capsys, *arguments, "--output", run, *QUICK, "--seed", 7)

    assert "seed (0 there, 7 now)" in error


def test_two_stages_from_named_columns_to_the_default_folder(
    tmp_path, capsys, monkeypatch
):
    frame = pd.read_csv(write_log(tmp_path / "log.csv"))
    frame.columns = ["viewer", "film", "when"]
    frame.to_parquet(tmp_path / "films.parquet")
    monkeypatch.chdir(tmp_path)
    columns = "--user-column viewer --item-column film --timestamp-column when"

    code = main(
        f"train --interactions films.parquet {columns} --model timirec"
        " --seed 3 --save-ranks".split()
        + QUICK
    )

    assert code == 0
    out = capsys.readouterr().out.splitlines()
    out = [line for line in out if not line.startswith(("Note: ", "With "))]
    assert out[0] == "timirec on films: 6 users, 10 items, 30 interactions"
    assert out[1].startswith("pretraining epoch   1  loss ")
    assert "val NDCG@5" in out[1]
    assert out[2].startswith("finetuning  epoch   1  loss ")
    run = tmp_path / "runs" / "films-timirec-seed3"
    metrics = read_metrics(run)
    assert set(metrics["stage_1"]) == {"test", "validation"}
    stages = set(pd.read_parquet(run / "ranks.parquet")["stage"])
    assert stages == {"pretraining", "finetuning"}
    # The source is stored so that it is found from any working directory.
    assert metrics["source"]["interactions"] == str(tmp_path / "films.parquet")


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (
            "train --dataset household_tv/tiny --model timrec",
            ["`model` must be one of", *MODEL_NAMES, "Did you mean timirec?"],
        ),
        (
            "train --dataset amazon_beuty --model timirec",
            ["`dataset` must be", "Did you mean amazon_beauty?"],
        ),
        (
            "data describe --dataset movielens",
            ["`dataset` must be one of", "movielens_sequences/1m"],
        ),
        (
            "data describe --interactions nowhere.csv",
            ["nowhere.csv"],
        ),
        (
            "train --dataset household_tv/tiny --model timirec --batch-size 0",
            ["`batch_size` must be a positive integer", "batch_size=0"],
        ),
        (
            # Also where it is the default.
            "train --dataset household_tv/tiny --model comirec --temperature"
            " 0.1",
            ["`temperature`", "only timirec, timirec_plus", "'comirec'"],
        ),
        (
            "train --dataset household_tv/tiny --model timirec --seed -1",
            ["`seed` must be an integer that is not", "seed=-1"],
        ),
        (
            "data describe --dataset household_tv/tiny --user-column u",
            ["`user_column` must come with `interactions`"],
        ),
        (
            "data describe --interactions a.csv --data-dir .",
            ["`data_dir` must come with `dataset`"],
        ),
        ("evaluate .", ["`folder` must be a run folder"]),
        (
            "train --dataset household_tv/tiny --model comirec"
            " --output runs/[a]",
            ["`output` must be a path without", "with [ ]"],
        ),
    ],
)
def test_mistake_is_one_line(arguments, parts, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)

    error = failure(capsys, *arguments.split())

    for part in parts:
        assert part in error
    assert not list(tmp_path.iterdir())  # Nothing is left behind.


def test_users_too_short_to_evaluate_are_one_line(tmp_path, capsys):
    log = write_log(tmp_path / "log.csv", length=2)

    error = failure(
        capsys, "train", "--interactions", log, "--model", "timirec"
    )

    assert "at least three interactions" in error
    assert "6 users with at most 2" in error


def test_user_of_every_item_is_one_line(tmp_path, capsys):
    log = write_log(tmp_path / "log.csv", num_items=LENGTH)
    arguments = ["train", "--interactions", log, "--model", "comirec"]

    error = failure(capsys, *arguments, "--output", tmp_path / "run", *QUICK)

    assert "all 5 items" in error
    assert "user='u0'" in error


def test_diverged_training_is_one_line(tmp_path, capsys):
    log = write_log(tmp_path / "log.csv")
    words = ["train", "--interactions", log, "--model", "comirec", *QUICK]
    words += ["--learning-rate", "1e30", "--max-epochs", "3"]

    error = failure(capsys, *words, "--output", tmp_path / "run")

    assert "loss must stay a number" in error
    assert "a learning rate of 1e+30" in error
    assert not (tmp_path / "run" / "metrics.json").exists()


def test_file_of_any_name_has_a_default_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    log = write_log(tmp_path / "log [2].csv")
    words = ["train", "--interactions", str(log), "--model", "comirec"]

    assert main([*words, *QUICK]) == 0

    assert (tmp_path / "runs/log-2-comirec-seed0/metrics.json").exists()


def test_mistake_is_one_line_that_names_the_help(capsys):
    for words in (["--model=mind"], ["--dataset=x", "--epochs=3"]):
        with pytest.raises(SystemExit, match="2"):
            main(["train", *words])

        (line,) = capsys.readouterr().err.splitlines()
        assert line.endswith("; see 'timirec train --help'")


def test_bug_keeps_its_traceback(monkeypatch):
    def run(args):
        raise RuntimeError("a bug")

    monkeypatch.setattr(train_verb, "run", run)
    with pytest.raises(RuntimeError, match="a bug"):
        main(["train", "--dataset", "household_tv/tiny", "--model", "comirec"])


def test_interruption_says_how_to_go_on(monkeypatch, capsys):
    def run(args):
        raise KeyboardInterrupt

    monkeypatch.setattr(train_verb, "run", run)

    assert main(["train", "--dataset", "x", "--model", "comirec"]) == 130
    assert "The same command goes on" in capsys.readouterr().err


def test_data_describe_counts(tmp_path, capsys):
    log = write_log(tmp_path / "log.csv")

    assert main(["data", "describe", "--interactions", str(log)]) == 0

    out = capsys.readouterr().out
    assert "Note: all times lie in 1970" in out
    words = out.split()
    assert words[words.index("users") + 1] == str(NUM_USERS)
    assert words[words.index("interactions") + 1] == str(NUM_USERS * LENGTH)


def test_data_list_names_the_data_sets(capsys):
    assert main(["data", "list"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in lines] == list_datasets()
    assert all(len(line.split("  ", 1)) == 2 for line in lines)
