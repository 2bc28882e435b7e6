"""`timirec reproduce`: two processes at once, one killed, and no work lost."""

import json
import os
import signal
import subprocess

import pytest

from tests.cli.test_kill import TIMIREC
from tests.cli.test_main import failure
from tfrs_timirec.cli.main import main

ARGUMENTS = [
    *("reproduce", "table4", "--systems", "timirec", "--seeds", "0-1"),
    *("--dataset", "household_tv/tiny", "--max-epochs=3", "--num-interests=2"),
    *("--max-history-length=4", "--embedding-dim=8"),
    *("--num-projection-layers=1", "--num-evaluation-negatives=50"),
]
# What may differ between a broken and an unbroken run.
CIRCUMSTANCES = ("command", "finished_at", "training_seconds", "source")


def start(folder, *arguments):
    return subprocess.Popen(
        [
            *(TIMIREC, *ARGUMENTS, *arguments),
            *("--output", folder / "results", "--runs", folder / "runs"),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2"},
    )


def read_until(process, beginning):
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith(beginning):
            break
    return lines


def cells_of(lines):
    """The cells that a process worked on, without their number."""
    return [line.split("] ")[1].strip() for line in lines if line[0] == "["]


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """(folder, lines of the killed process, lines of the other one)."""
    folder = tmp_path_factory.mktemp("shared")
    first = start(folder)
    killed = read_until(first, "epoch   1")
    os.kill(first.pid, signal.SIGSTOP)  # It keeps its claim.
    second = start(folder)
    other = read_until(second, "epoch   1")
    os.kill(first.pid, signal.SIGKILL)
    killed += first.communicate(timeout=60)[0].splitlines(keepends=True)
    out, error = second.communicate(timeout=600)
    assert second.returncode == 0, error
    return folder, killed, [*other, *out.splitlines(keepends=True)]


def test_processes_share_the_work_and_one_takes_over(shared):
    _, killed, other = shared

    assert cells_of(killed) == ["comirec, household_tv/tiny, seed 0"]
    assert cells_of(other) == [
        "comirec, household_tv/tiny, seed 1",  # The first that was free.
        "comirec, household_tv/tiny, seed 0",  # Free again.
        "timirec, household_tv/tiny, seed 0",
        "timirec, household_tv/tiny, seed 1",
    ]
    taken_over = "".join(other).split("seed 0\n")[1]
    assert taken_over.startswith("Going on after epoch")


def test_numbers_are_those_of_an_unbroken_run(shared, tmp_path, capsys):
    folder, _, _ = shared
    # In a process of its own, as the other two were: products round by the
    # number of TensorFlow's threads, which its first operation settles.
    unbroken = start(tmp_path, "--seeds", "0")
    _, error = unbroken.communicate(timeout=600)
    assert unbroken.returncode == 0, error
    name = "cells/household_tv-tiny/timirec/seed0.json"

    numbers = [
        {
            key: value
            for key, value in json.loads((path / name).read_text()).items()
            if key not in CIRCUMSTANCES
        }
        for path in (folder / "results", tmp_path / "results")
    ]

    assert numbers[0] == numbers[1]
    # What is there is left alone: seed 1 only comes from the other folder.
    results, runs = str(tmp_path / "results"), str(tmp_path / "runs")
    folders = ("--output", results, "--runs", runs)
    assert main([*ARGUMENTS, *folders, "--seeds", "0"]) == 0
    assert capsys.readouterr().out.startswith("Wrote ")


def test_tables_are_made_of_the_results_alone(shared, tmp_path, capsys):
    folder, _, _ = shared
    table = folder / "results" / "table4-household_tv-tiny.md"
    text = table.read_text()
    table.unlink()
    arguments = ["--output", str(folder / "results"), "--runs", str(tmp_path)]

    assert main([*ARGUMENTS, *arguments, "--render-only"]) == 0

    assert table.read_text() == text
    assert "| TiMiRec | 2 |" in text
    assert not list(tmp_path.iterdir())
    assert "Wrote" in capsys.readouterr().out


def test_tables_keep_what_other_commands_have_run(shared):
    folder, _, _ = shared
    table = folder / "results" / "table4-household_tv-tiny.md"
    words = ["--output", str(folder / "results"), "--render-only"]
    before = table.read_text()

    other = ["--systems", "joint_training", "--seeds=7"]
    assert main([*ARGUMENTS, *words, *other]) == 0

    assert table.read_text() == before
    assert "| joint train |  |" in before  # Not run: an empty row.


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ("reproduce table4 --dataset amazon", "Did you mean amazon_beauty?"),
        ("reproduce table4 --systems timrec", "Did you mean timirec?"),
        (
            "reproduce table4 --batch-size 0",
            "`batch_size` must be a positive integer",
        ),
    ],
)
def test_mistake_is_one_line(arguments, part, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert part in failure(capsys, *arguments.split())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("seeds", ["a", "1-b", "", "3-1"])
def test_seeds_that_are_none(seeds, capsys):
    with pytest.raises(SystemExit) as end:
        main(["reproduce", "table4", "--seeds", seeds])

    assert end.value.code == 2
    assert "Received" in capsys.readouterr().err


def test_runs_lie_apart_by_the_results(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    words = ["reproduce", "table4", "--systems", "joint_training", "--seeds=0"]
    words += ["--dataset", "household_tv/tiny", "--learning-rate", "1e30"]

    assert main([*words, *ARGUMENTS[8:], "--output", "first/try"]) == 2

    error = capsys.readouterr().err
    # Nothing else is lost by it: there is a table, of empty rows.
    assert "timirec-pretraining=False, household_tv/tiny, seed 0: " in error
    assert "The loss must stay a number" in error
    assert (tmp_path / "first" / "try" / "table4-household_tv-tiny.md").exists()
    assert [path.name for path in tmp_path.glob("runs/reproduce/*")] == ["try"]


def test_each_preset_has_its_own_folder(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)

    words = ["reproduce", "table4", "--preset", "paper", "--render-only"]

    error = failure(capsys, *words)

    assert "'results/paper', which has none of amazon_beauty" in error
    assert not list(tmp_path.rglob("*.md"))
