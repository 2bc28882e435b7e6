"""`timirec train --strategy parameter_server`: tables on two servers."""

import json
import sys

import numpy as np
import pandas as pd

from tests.cli.clusters import Cluster
from tfrs_timirec.cli.main import main

NUM_ITEMS = 1200  # More than the rows from which a table is divided.


def write_log(path):
    """Writes users who take the items in order, from a place of their own."""
    rng = np.random.default_rng(0)
    items = (rng.integers(NUM_ITEMS, size=(400, 1)) + range(6)) % NUM_ITEMS
    users, times = np.indices(items.shape)
    columns = {"user_id": users, "item_id": items, "timestamp": times}
    pd.DataFrame(
        {name: values.ravel() for name, values in columns.items()}
    ).to_csv(path, index=False)


def test_run_outlives_a_killed_worker(tmp_path, capsys):
    write_log(tmp_path / "log.csv")
    run = tmp_path / "run"
    command = (
        f"train --interactions {tmp_path / 'log.csv'} --model timirec"
        " --strategy parameter_server --max-epochs=3 --num-interests=2"
        " --max-history-length=3 --embedding-dim=8 --num-projection-layers=1"
        " --num-evaluation-negatives=50 --batch-size=64 --learning-rate=0.05"
        f" --steps-per-execution=2 --output {run}"
    ).split()
    program = (sys.executable, "-m", "tests.cli.timirec_with_parts")
    with Cluster(
        command, tmp_path, program, ps=2, worker=2, chief=1
    ) as cluster:
        cluster.wait_for_line("chief", 0, "pretraining epoch   1")
        cluster.kill("worker", 1)
        cluster.wait_for_line("chief", 0, "pretraining epoch   3")
        cluster.start("worker", 1)  # As Kubernetes does.
        code = cluster.finish("chief", 0)

    log = cluster.log("chief", 0).read_text()
    assert code == 0, log
    history = pd.read_csv(run / "history.csv")
    assert history["stage"].tolist() == [1] * 3 + [2] * 3
    assert history["loss"].iloc[2] < 0.9 * history["loss"].iloc[0]
    # By chance it is the share of 5 among 51 candidates.
    assert history["val_hit_rate_at_5"].iloc[-1] > 2 * 5 / 51
    # The tables lay on two servers; both are whole in the run folder.
    weights = np.load(run / "weights" / "finetuning.npz")
    tables = [array.shape for array in weights.values() if array.ndim == 2]
    num_rows = max(rows for rows, _ in tables)
    assert tables.count((num_rows, 8)) == 2
    half = num_rows // 2
    assert f"table of {[num_rows - half, half]} rows" in log
    capsys.readouterr()
    assert main(["evaluate", str(run)]) == 0
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["test"]["full"]["hit_rate_at_10"] > 2 * 10 / NUM_ITEMS
