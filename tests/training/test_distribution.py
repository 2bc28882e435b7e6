"""Training on several devices comes to the numbers of one."""

import json
import pathlib
import subprocess
import sys

import pytest
import tensorflow as tf

from tests.training.toy_runs import SPLIT
from tfrs_timirec.data.batches import EvaluationCases, TrainingBatches
from tfrs_timirec.training import (
    fit_arguments,
    is_chief,
    join_cluster,
    wait_for_all,
)
from tfrs_timirec.training.distribution import table_partitions

ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture(scope="module")
def mirrored():
    """What one and two replicas came to, by the loss."""
    result = subprocess.run(
        [sys.executable, "-m", "tests.training.mirrored_program"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=400,
    )

    return json.loads(result.stdout.splitlines()[-1])


@pytest.mark.parametrize("loss", ["bpr", "sampled_softmax"])
def test_two_replicas_train_as_one(mirrored, loss):
    found = mirrored[loss]
    assert found["replicas"] == 2
    assert found["distance"] < 0.008 * found["way"]
    one, two = found["histories"]
    assert len(one) == len(two) == 2
    assert one[1]["ranking_loss"] < 0.95 * one[0]["ranking_loss"]
    for expected, actual in zip(one, two, strict=True):
        assert actual == pytest.approx(expected, rel=1e-4, abs=1e-5)


def test_every_optimizer_keeps_the_replicas_equal(mirrored):
    assert mirrored["between_replicas"] == {
        "bpr": 0,
        "sampled_softmax": 0,
        "rowwise": 0,
    }


def test_each_worker_of_parameter_servers_needs_a_batch(monkeypatch):
    batches = TrainingBatches(SPLIT, batch_size=10_000)
    cases = EvaluationCases(SPLIT)
    devices = [
        tf.config.LogicalDevice(f"/job:worker/task:{task}/device:CPU:0", "CPU")
        for task in range(2)
    ]
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: devices)
    # Made without a cluster, of which only the kind is asked.
    strategy = object.__new__(tf.distribute.ParameterServerStrategy)
    monkeypatch.setattr(
        tf.distribute.coordinator,
        "experimental_get_current_worker_index",
        lambda: 0,
    )

    creator = fit_arguments(strategy, batches, cases)["x"]

    with pytest.raises(ValueError, match="num_workers=2 for 1 batches"):
        creator.dataset_fn(tf.distribute.InputContext())


def test_tables_alone_are_divided():
    assert table_partitions((5000, 64), 3) == [3, 1]
    assert table_partitions((64, 192), 3) == [1, 1]
    assert table_partitions((5000,), 3) == [1]


def test_one_process_is_its_own_chief():
    assert is_chief(None)
    assert is_chief(tf.distribute.get_strategy())
    wait_for_all(None)  # Returns.


@pytest.mark.parametrize(
    ("config", "name"),
    [
        (None, "multi_worker"),
        ({"cluster": {"worker": ["localhost:1"]}}, "parameter_server"),
        (
            {
                "cluster": {"ps": ["localhost:1"]},
                "task": {"type": "ps", "index": 0},
            },
            "multi_worker",
        ),
        (
            {
                "cluster": {
                    "chief": ["localhost:1"],
                    "worker": ["localhost:2"],
                },
                "task": {"type": "chief", "index": 0},
            },
            "parameter_server",
        ),
    ],
)
def test_task_that_the_strategy_does_not_have(monkeypatch, config, name):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    if config:
        monkeypatch.setenv("TF_CONFIG", json.dumps(config))

    with pytest.raises(ValueError, match="`TF_CONFIG` must say"):
        join_cluster(name)


@pytest.mark.parametrize("name", ["multi_worker", "parameter_server"])
def test_what_is_no_json_is_named(monkeypatch, name):
    monkeypatch.setenv("TF_CONFIG", "{worker}")

    with pytest.raises(ValueError, match=r"`TF_CONFIG` must.*'\{worker\}'"):
        join_cluster(name)


def test_unknown_strategy():
    with pytest.raises(ValueError, match="`name` must be one of mirrored"):
        join_cluster("horovod")  # type: ignore[arg-type]
