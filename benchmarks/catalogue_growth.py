"""Measures how a training step grows with the number of items.

    python benchmarks/catalogue_growth.py --json growth.json

Trains both stages of a TiMiRec on logs of the same number and length of
histories, over catalogues of different sizes, each in a process of its own so
that its peak memory is its own. A step is what `model.fit` does, negative
sampling included; `--optimizer adam_l2` shows what dense updates cost. Run it
on an otherwise idle machine.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import rich.progress
from reporting import Report, add_json_argument, peak_memory_gib

from tfrs_timirec.data import LeaveOneOut, training_dataset
from tfrs_timirec.data.interactions import NUM_RESERVED_IDS, Interactions
from tfrs_timirec.experiments import TrainingSettings

_LENGTH = 22  # Of a history; two items of it are held out.


def main() -> None:
    """Prints a row for each catalogue and stage."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--items", type=int, nargs="+", default=[12_000, 10**6, 10**7]
    )
    parser.add_argument("--users", type=int, default=50_000)
    parser.add_argument("--steps", type=int, default=256)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--embedding-dim", type=int, default=64)
    parser.add_argument("--optimizer", default="lazy_adam")
    parser.add_argument(
        "--alone",
        action="store_true",
        help="measure one catalogue in this process and print it as JSON",
    )
    add_json_argument(parser)
    args = parser.parse_args()
    if args.alone:
        (num_items,) = args.items
        for row in measure(num_items, args):
            print(json.dumps(row), flush=True)
        return
    report = Report("catalogue_growth", args)
    first: dict[str, float] = {}
    for num_items in rich.progress.track(args.items, "Catalogues"):
        for row in _measure_in_a_process(num_items, args):
            milliseconds = row["milliseconds_a_step"]
            first.setdefault(row["stage"], milliseconds)
            report.add(
                **row, times_the_first=milliseconds / first[row["stage"]]
            )
    report.finish()


def measure(
    num_items: int, args: argparse.Namespace
) -> Iterator[dict[str, Any]]:
    """Trains in this process; yields a row for each stage.

    Args:
        num_items: items of the catalogue.
        args: the parsed arguments.
    """
    settings = TrainingSettings(
        model="timirec",
        batch_size=args.batch_size,
        embedding_dim=args.embedding_dim,
        optimizer=args.optimizer,
    )
    split = LeaveOneOut(make_log(num_items, args.users))
    model = settings.build_model(split.interactions.vocabulary_size)
    batches = training_dataset(split, batch_size=args.batch_size).take(
        args.steps
    )
    for stage in model.stages:
        model.set_stage(stage)
        seconds = []
        for _ in range(args.repeats + 1):
            start = time.perf_counter()
            model.fit(batches, verbose=0)
            seconds.append(time.perf_counter() - start)
        median = statistics.median(seconds[1:])  # The first one compiles.
        steps = min(
            args.steps, -(-len(split.train_positions) // args.batch_size)
        )
        yield {
            "items": num_items,
            "optimizer": args.optimizer,
            "stage": stage,
            "milliseconds_a_step": 1000 * median / steps,
            "instances_per_second": steps * args.batch_size / median,
            "peak_memory_gib": peak_memory_gib(),
        }


def make_log(num_items: int, num_users: int) -> Interactions:
    """Returns histories of items that are drawn uniformly.

    No two users share more items than chance has it: nothing of a table stays
    in the processor's cache, which is the hardest case.

    Args:
        num_items: items of the catalogue.
        num_users: users, each with a history of the same length.
    """
    rng = np.random.default_rng(0)
    size = num_users * _LENGTH
    return Interactions(
        name=f"{num_items:,} items",
        user_indices=np.repeat(np.arange(num_users, dtype=np.int32), _LENGTH),
        item_ids=rng.integers(
            NUM_RESERVED_IDS, num_items + NUM_RESERVED_IDS, size, np.int32
        ),
        timestamps=np.tile(np.arange(_LENGTH), num_users),
        users=np.arange(num_users),
        items=np.arange(num_items),
    )


def _measure_in_a_process(
    num_items: int, args: argparse.Namespace
) -> list[dict[str, Any]]:
    words = [
        f"--{name.replace('_', '-')}={getattr(args, name)}"
        for name in (
            "users",
            "steps",
            "repeats",
            "batch_size",
            "embedding_dim",
            "optimizer",
        )
    ]
    done = subprocess.run(
        [sys.executable, __file__, "--alone", f"--items={num_items}", *words],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


if __name__ == "__main__":
    main()
