"""`kill -9` at any moment: the same command comes to the same numbers."""

import json
import os
import pathlib
import signal
import subprocess
import sys

import pytest

TIMIREC = pathlib.Path(sys.executable).with_name("timirec")
# Three epochs a stage, and little to trace.
COMMAND = (
    f"{TIMIREC} train --dataset household_tv/tiny --model timirec"
    " --max-epochs=3 --num-interests=2 --max-history-length=4"
    " --embedding-dim=8 --num-projection-layers=1"
    " --num-evaluation-negatives=50 --output"
).split()
# What may differ between a broken and an unbroken run.
CIRCUMSTANCES = ("command", "finished_at", "training_seconds")


def start(folder):
    return subprocess.Popen(
        [*COMMAND, str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2"},
    )


def finish(folder):
    process = start(folder)
    out, error = process.communicate(timeout=600)
    assert process.returncode == 0, error
    return out


def kill_at(folder, beginning):
    """Starts the command, kills it at a line; returns the lines till then."""
    process = start(folder)
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith(beginning):
            os.kill(process.pid, signal.SIGKILL)
            break
    _, error = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL, error
    assert not (folder / "metrics.json").exists()
    return "".join(lines)


def numbers(folder):
    metrics = json.loads((folder / "metrics.json").read_text())
    return {
        name: value
        for name, value in metrics.items()
        if name not in CIRCUMSTANCES
    }


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    folder = tmp_path_factory.mktemp("unbroken") / "run"
    finish(folder)
    return folder


def test_killed_in_each_stage_and_in_the_evaluation(tmp_path, unbroken):
    run = tmp_path / "run"

    # A line follows the backup of its epoch, the kill comes in the next one.
    kill_at(run, "pretraining epoch   2")
    second = kill_at(run, "finetuning  epoch   1")
    assert "Going on after epoch" in second
    assert "pretraining epoch   1 " not in second
    third = kill_at(run, "Ranking")
    assert "pretraining" not in third
    assert "finetuning  epoch   3" in third
    last = finish(run)

    assert " epoch " not in last
    assert numbers(run) == numbers(unbroken)
    assert history_without_seconds(run) == history_without_seconds(unbroken)


def history_without_seconds(folder):
    lines = (folder / "history.csv").read_text().splitlines()
    column = lines[0].split(",").index("seconds")
    return [
        [value for i, value in enumerate(line.split(",")) if i != column]
        for line in lines
    ]
