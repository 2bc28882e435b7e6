"""Measures training and full-ranking speed, and the memory they take.

    python benchmarks/training_speed.py --data-dir FOLDER

One epoch of each stage is run to warm up, the next ones are timed; an epoch is
what `model.fit` does, negative sampling included. Medians are printed. Run it
on an otherwise idle machine.
"""

from __future__ import annotations

import argparse
import functools
import os
import resource
import statistics
import time
from collections.abc import Callable, Iterator

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# As `timirec` does on two cores.
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "2")

import rich.console
import rich.table

from tfrs_timirec.data import LeaveOneOut, load_dataset, training_dataset
from tfrs_timirec.evaluation import rank_held_out
from tfrs_timirec.experiments import TrainingSettings, preset


def main() -> None:
    """Prints a table of the speeds."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--dataset", default="amazon_beauty")
    parser.add_argument("--data-dir", help="folder of the raw files")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument(
        "--models", nargs="+", default=["timirec", "timirec_plus"]
    )
    args = parser.parse_args()
    interactions = load_dataset(args.dataset, args.data_dir)
    split = LeaveOneOut(interactions)
    table = rich.table.Table(
        "model",
        "what",
        "seconds",
        "per second",
        title=f"{interactions.name}, median of {args.epochs}",
    )
    for name in args.models:
        settings = preset(name, args.dataset)
        for what, count, call in _workloads(settings, split):
            seconds = _median_seconds(call, args.epochs)
            table.add_row(
                name, what, f"{seconds:.2f}", f"{count / seconds:,.0f}"
            )
    console = rich.console.Console()
    console.print(table)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    console.print(f"Peak memory of this process: {peak:.2f} GiB")


def _workloads(
    settings: TrainingSettings, split: LeaveOneOut
) -> Iterator[tuple[str, int, Callable[[], object]]]:
    """Yields what to time: its name, how many it works on, and the call."""
    model = settings.build_model(split.interactions.vocabulary_size)
    batches = training_dataset(
        split,
        batch_size=settings.batch_size,
        max_history_length=settings.max_history_length,
    )
    num_instances = len(split.train_positions)
    for stage in model.stages:
        model.set_stage(stage)
        yield (
            f"{stage}, an epoch of {num_instances:,} instances",
            num_instances,
            functools.partial(model.fit, batches, verbose=0),
        )
    num_cases = len(split.held_out_positions("test"))
    for candidates in ("full", "sampled"):
        yield (
            f"{candidates} ranking of {num_cases:,} users",
            num_cases,
            functools.partial(
                rank_held_out, model, split, "test", candidates=candidates
            ),
        )


def _median_seconds(function: Callable[[], object], repeats: int) -> float:
    """Returns the median time of a call, after one that is not counted."""
    function()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


if __name__ == "__main__":
    main()
