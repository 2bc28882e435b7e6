"""Measures how training scales with workers, for each strategy.

    python benchmarks/distribution.py --json distribution.json

Trains both stages of a TiMiRec with one worker and with more, each worker on a
core of its own, as processes of this machine ("mirrored": as devices of one
process). What passes between them stays on the machine: it shows what a
strategy costs, not what a network does. The first row is training without a
strategy on one core. An epoch includes its validation. Run it on an otherwise
idle machine with a core for each worker; the chief and the parameter servers
take what is left.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")

import rich.progress
import tensorflow as tf
from catalogue_growth import make_log
from reporting import Report, add_json_argument

from tfrs_timirec.experiments import TrainingRun, TrainingSettings
from tfrs_timirec.training import (
    STRATEGY_NAMES,
    is_chief,
    join_cluster,
    wait_for_all,
)

_PASSED_ON = ("items", "users", "epochs", "batch_size", "optimizer")


def main() -> None:
    """Prints a row for each strategy, number of workers and stage."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--items", type=int, default=12_000)
    parser.add_argument("--users", type=int, default=20_000)
    parser.add_argument(
        "--epochs", type=int, default=3, help="of a stage, besides the first"
    )
    parser.add_argument("--batch-size", type=int, default=1024)
    parser.add_argument("--optimizer", default="lazy_adam")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--servers", type=int, default=2)
    parser.add_argument(
        "--strategies", nargs="+", default=STRATEGY_NAMES, metavar="NAME"
    )
    parser.add_argument(
        "--timeout",
        type=float,
        default=3600,
        help="seconds after which one training is given up",
    )
    parser.add_argument(
        "--alone",
        help="be one process of this strategy, or of none; print JSON",
    )
    add_json_argument(parser)
    args = parser.parse_args()
    if args.alone:
        train(args)
        return
    report = Report("distribution", args)
    trainings = [("none", 1)] + [
        (strategy, workers)
        for strategy in args.strategies
        for workers in args.workers
    ]
    first: dict[tuple[str, str], float] = {}
    for strategy, workers in rich.progress.track(trainings, "Trainings"):
        for row in _measure(strategy, workers, args):
            speed = row["instances_per_second"]
            first.setdefault((strategy, row["stage"]), speed)
            report.add(
                strategy=strategy,
                workers=workers,
                **row,
                times_the_first=speed / first[strategy, row["stage"]],
            )
    report.finish()


def train(args: argparse.Namespace) -> None:
    """Trains in this process; the chief prints a row for each stage.

    Args:
        args: the parsed arguments.
    """
    (workers,) = args.workers
    if args.alone == "mirrored":
        (cpu,) = tf.config.list_physical_devices("CPU")
        tf.config.set_logical_device_configuration(
            cpu, [tf.config.LogicalDeviceConfiguration()] * workers
        )
    strategy = None if args.alone == "none" else join_cluster(args.alone)
    log = make_log(args.items, args.users)
    settings = TrainingSettings(
        model="timirec",
        batch_size=args.batch_size,
        optimizer=args.optimizer,
        max_epochs=args.epochs + 1,
    )
    with tempfile.TemporaryDirectory() as folder:
        run = TrainingRun(settings, log, folder, strategy=strategy)
        history = run.train()
        instances = len(run.split.train_positions)
        for number, stage in enumerate(run.model.stages, start=1):
            seconds = [
                entry["seconds"]
                for entry in history
                if entry["stage"] == number
            ]
            median = statistics.median(seconds[1:])  # The first one compiles.
            row = {
                "stage": stage,
                "seconds_an_epoch": median,
                "instances_per_second": instances / median,
            }
            if is_chief(strategy):
                print(json.dumps(row), flush=True)
        wait_for_all(strategy)


def _measure(
    strategy: str, workers: int, args: argparse.Namespace
) -> list[dict[str, Any]]:
    """Starts the processes of a training; returns what the chief prints."""
    sizes = {
        "multi_worker": {"worker": workers},
        "parameter_server": {
            "ps": args.servers,
            "worker": workers,
            "chief": 1,
        },
    }.get(strategy, {"chief": 1})
    command = [sys.executable, __file__, "--alone", strategy]
    command += [f"--workers={workers}"]
    command += [
        f"--{name.replace('_', '-')}={getattr(args, name)}"
        for name in _PASSED_ON
    ]
    cluster = _free_addresses(sizes)
    chief = next(task for task in ("chief", "worker") if task in sizes)
    with contextlib.ExitStack() as stack:
        processes = {}
        for task, addresses in cluster.items():
            for index in range(len(addresses)):
                config = {
                    "cluster": cluster,
                    "task": {"type": task, "index": index},
                }
                process = subprocess.Popen(
                    [*_on_cores(strategy, task, index, workers), *command],
                    stdout=subprocess.PIPE,
                    text=True,
                    env={**os.environ, "TF_CONFIG": json.dumps(config)},
                )
                stack.callback(process.wait)
                stack.callback(process.kill)
                processes[task, index] = process
        out, _ = processes[chief, 0].communicate(timeout=args.timeout)
        if code := processes[chief, 0].returncode:
            raise SystemExit(f"{strategy} with {workers} workers ended: {code}")
    return [json.loads(line) for line in out.splitlines() if line[:1] == "{"]


def _on_cores(strategy: str, task: str, index: int, workers: int) -> list[str]:
    """Returns the command that binds a worker to its core, if there is one."""
    cores = sorted(os.sched_getaffinity(0))
    if task == "worker":
        own = [cores[index % len(cores)]]
    elif strategy == "parameter_server":
        return []
    else:
        own = cores[:workers]
    return ["taskset", "--cpu-list", ",".join(map(str, own))]


def _free_addresses(sizes: dict[str, int]) -> dict[str, list[str]]:
    with contextlib.ExitStack() as stack:
        addresses = {}
        for task, size in sizes.items():
            addresses[task] = []
            for _ in range(size):
                one = stack.enter_context(socket.socket())
                one.bind(("localhost", 0))
                addresses[task].append(f"localhost:{one.getsockname()[1]}")
    return addresses


if __name__ == "__main__":
    main()
