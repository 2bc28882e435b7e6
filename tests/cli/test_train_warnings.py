"""What `timirec train` says before it trains, and what it refuses."""

import json
import shutil

import pandas as pd
import pytest

from tests.cli.test_main import QUICK, failure, write_log
from tfrs_timirec._claim import claim
from tfrs_timirec.cli.main import main


@pytest.fixture(scope="module")
def doubled(tmp_path_factory):
    """(arguments, run folder) of a run on a log that has each row twice."""
    folder = tmp_path_factory.mktemp("doubled")
    frame = pd.read_csv(write_log(folder / "log.csv"))
    pd.concat([frame, frame]).to_csv(folder / "log.csv", index=False)
    run = folder / "run"
    words = ["--interactions", folder / "log.csv", "--model", "comirec"]
    arguments = ["train", *words, "--output", run, *QUICK]
    arguments = [str(argument) for argument in arguments]
    assert main(arguments) == 0
    return arguments, run


def test_numbers_that_mean_something_else_are_pointed_out(doubled, capsys):
    arguments, _ = doubled

    assert main(arguments) == 0
    # The run is one of other settings, which comes up after the notes.
    assert main([*arguments, "--num-evaluation-negatives=11"]) == 2

    out = capsys.readouterr().out
    assert "Note: all times lie in 1970" in out
    assert "Note: 30 interactions are of a user and an item" in out
    assert out.count("Note: 11 negatives a case are drawn out of 10 items") == 1


def test_dates_that_are_read_as_seconds_are_pointed_out(tmp_path, capsys):
    frame = pd.read_csv(write_log(tmp_path / "log.csv"))
    frame["timestamp"] += 202311142200
    frame.to_csv(tmp_path / "log.csv", index=False)

    words = ["data", "describe", "--interactions", str(tmp_path / "log.csv")]
    assert main(words) == 0

    assert "Note: the last time lies after the year 2100" in (
        capsys.readouterr().out
    )


def test_one_process_trains_in_a_folder(doubled, capsys):
    arguments, run = doubled

    with claim(run.with_name("run.lock")):
        error = failure(capsys, *arguments)

    assert "`output` must be a folder that no other process works in" in error
    assert main(arguments) == 0


def test_several_devices_are_one_process(doubled, capsys):
    arguments, run = doubled

    with claim(run.with_name("run.lock")):
        error = failure(capsys, *arguments, "--strategy", "mirrored")

    assert "no other process works in" in error


def test_run_is_not_ranked_by_two_at_once(doubled, tmp_path, capsys):
    _, run = doubled
    before = (run / "metrics.json").read_bytes()

    with claim(run.with_name("run.lock")):
        error = failure(capsys, "evaluate", run)

    assert "`RUN` must be a folder that no other process works in" in error
    assert f"Received: RUN='{run}'" in error
    assert (run / "metrics.json").read_bytes() == before
    failure(capsys, "evaluate", tmp_path / "typo")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", [".", "..", "../run"])
def test_folder_of_any_name_is_locked_from_beside_it(
    doubled, name, capsys, monkeypatch
):
    arguments, run = doubled
    inside = run / "weights" if name == ".." else run
    monkeypatch.chdir(inside)
    words = [word if word != str(run) else name for word in arguments]

    with claim(run.with_name("run.lock")):
        assert "no other process works in" in failure(capsys, *words)

    assert main(words) == 0
    out = capsys.readouterr().out
    assert f"timirec export {name} --output saved_models/run\n" in out
    assert not list(inside.glob("*.lock"))


def test_file_is_no_run_folder(doubled, tmp_path, capsys):
    file = tmp_path / "run"
    file.write_text("")
    words = [*doubled[0], "--output", file]

    assert "`output` must be a folder" in failure(capsys, *words)


def test_two_demos_do_not_share_a_folder(tmp_path, capsys):
    with claim(tmp_path / "run.lock"):
        error = failure(capsys, "demo", "--output", tmp_path / "run")

    assert "no other process works in" in error


def test_root_is_no_run_folder(doubled, capsys):
    words = [*doubled[0], "--output", "/"]

    assert "inside another" in failure(capsys, *words)


def test_damaged_weights_are_named(doubled, tmp_path, capsys):
    _, run = doubled
    copy = shutil.copytree(run, tmp_path / "copy")
    weights = copy / "weights" / "pretraining.npz"
    weights.write_bytes(weights.read_bytes()[:200])

    error = failure(capsys, "export", copy, "--output", tmp_path / "export")

    assert "pretraining.npz is damaged" in error


def test_no_more_negatives_than_items_by_default(tmp_path, capsys):
    log = write_log(tmp_path / "log.csv")
    words = ["train", "--interactions", log, "--model", "comirec", *QUICK[:-1]]

    assert (
        main([str(word) for word in [*words, "--output", tmp_path / "r"]]) == 0
    )

    out = capsys.readouterr().out
    assert "Note: 10 negatives a case are drawn, as" in out
    # What help does not say: the preset's, what was given, and what fits.
    (flags,) = [line for line in out.splitlines() if line.startswith("With ")]
    assert "--loss sampled_softmax" in flags
    assert "--num-evaluation-negatives 10" in flags
    assert "--attention-dim" not in flags
    settings = json.loads((tmp_path / "r" / "settings.json").read_text())
    assert settings["settings"]["num_evaluation_negatives"] == 10


def test_users_who_met_everything_are_pointed_out(tmp_path, capsys):
    log = write_log(tmp_path / "log.csv")
    rows = "".join(f"all,i{item:02d},{item}\n" for item in range(10))
    log.write_text(log.read_text() + rows)

    assert main(["data", "describe", "--interactions", str(log)]) == 0

    assert "Note: 1 of 7 users met all 10 items" in capsys.readouterr().out
