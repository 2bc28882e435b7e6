"""`timirec train --strategy multi_worker`: two processes, one result."""

import json

import pandas as pd
import pytest
import tensorflow as tf

from tests.cli.clusters import Cluster
from tfrs_timirec.cli import train
from tfrs_timirec.cli.main import main

SETTINGS = (
    "--max-epochs=1 --num-interests=2 --max-history-length=4"
    " --embedding-dim=8 --num-projection-layers=1"
    " --num-evaluation-negatives=50"
)


def test_two_workers_train_as_one_even_if_they_were_killed(tmp_path, capsys):
    single, run = tmp_path / "single", tmp_path / "run"
    train = f"train --dataset household_tv/tiny --model timirec {SETTINGS}"
    command = f"{train} --output {run} --strategy multi_worker".split()
    with Cluster(command, tmp_path, worker=2) as cluster:
        cluster.wait_for_line("worker", 0, "pretraining epoch   1")
    with Cluster(command, tmp_path, worker=2) as cluster:
        codes = [cluster.finish("worker", index) for index in (0, 1)]
    assert main(f"{train} --output {single}".split()) == 0

    log = cluster.log("worker", 0).read_text()
    assert codes == [0, 0], log
    assert "Going on after epoch 1" in log
    # The other worker says nothing and writes nothing.
    assert "epoch" not in cluster.log("worker", 1).read_text()
    assert sorted(path.name for path in run.iterdir()) == sorted(
        path.name for path in single.iterdir()
    )
    pd.testing.assert_frame_equal(
        history(run), history(single), rtol=1e-3, atol=1e-5
    )
    # The folder is that of an ordinary run.
    capsys.readouterr()
    assert main(["evaluate", str(run)]) == 0
    assert "whole catalogue" in capsys.readouterr().out
    assert full_hit_rate(run) == pytest.approx(full_hit_rate(single), abs=0.02)


def test_what_another_process_ended_is_told_in_a_line(
    tmp_path, capsys, monkeypatch
):
    def lose(*_, **__):
        raise tf.errors.UnavailableError(
            None, None, "Collective ops is aborted by: Socket closed\nAt ..."
        )

    monkeypatch.setattr(train.TrainingRun, "train", lose)
    command = "train --dataset household_tv/tiny --model comirec --output"

    assert main([*command.split(), str(tmp_path / "run")]) == 2

    assert capsys.readouterr().err.splitlines()[-1] == (
        "error: another process of this run has gone: Collective ops is aborted"
        " by: Socket closed. Start all of them again with the same commands;"
        " they go on from the last backup."
    )


def history(folder):
    return pd.read_csv(folder / "history.csv").drop(columns="seconds")


def full_hit_rate(folder):
    metrics = json.loads((folder / "metrics.json").read_text())
    return metrics["test"]["full"]["hit_rate_at_10"]
