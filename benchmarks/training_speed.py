"""Measures training and ranking speed, and the memory they take.

    python benchmarks/training_speed.py --data-dir FOLDER

One epoch of each stage is run to warm up, the next ones are timed; an epoch is
what `model.fit` does, negative sampling included. Medians are printed. Run it
on an otherwise idle machine.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import os
from collections.abc import Callable, Iterator

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from reporting import Report, add_json_argument, median_seconds, peak_memory_gib

from tfrs_timirec.data import (
    LeaveOneOut,
    evaluation_dataset,
    load_dataset,
    training_dataset,
)
from tfrs_timirec.evaluation import rank_held_out
from tfrs_timirec.experiments import TrainingSettings, preset
from tfrs_timirec.experiments.presets import PRESET_NAMES
from tfrs_timirec.training import tune_for_cpu


def main() -> None:
    """Prints a table of the speeds."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--dataset", default="amazon_beauty")
    parser.add_argument("--data-dir", help="folder of the raw files")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument(
        "--models", nargs="+", default=["timirec", "timirec_plus"]
    )
    parser.add_argument("--preset", default="paper", choices=PRESET_NAMES)
    parser.add_argument("--batch-sizes", nargs="+", type=int, default=[256])
    add_json_argument(parser)
    args = parser.parse_args()
    tune_for_cpu()
    report = Report("training_speed", args)
    interactions = load_dataset(args.dataset, args.data_dir)
    split = LeaveOneOut(interactions)
    for name in args.models:
        for batch_size in args.batch_sizes:
            settings = dataclasses.replace(
                preset(name, args.dataset, args.preset), batch_size=batch_size
            )
            for what, count, call in _workloads(settings, split):
                seconds = median_seconds(call, args.epochs)
                report.add(
                    model=name,
                    batch_size=batch_size,
                    what=what,
                    count=count,
                    seconds=seconds,
                    count_per_second=count / seconds,
                    peak_memory_gib=peak_memory_gib(),
                )
    report.finish()


def _workloads(
    settings: TrainingSettings, split: LeaveOneOut
) -> Iterator[tuple[str, int, Callable[[], object]]]:
    """Yields what to time: its name, how many it works on, and the call."""
    model = settings.build_model(split.interactions.vocabulary_size)
    batches = training_dataset(
        split,
        batch_size=settings.batch_size,
        max_history_length=settings.max_history_length,
        num_negatives=settings.num_negatives,
        features=model.feature_names,
    )
    validation = evaluation_dataset(
        split,
        "validation",
        max_history_length=settings.max_history_length,
        features=model.feature_names,
    )
    num_instances = len(split.train_positions)
    num_cases = len(split.held_out_positions("test"))
    for stage in model.stages:
        model.set_stage(stage)
        yield (
            f"{stage}, an epoch",
            num_instances,
            functools.partial(model.fit, batches, verbose=0),
        )
        yield (
            f"{stage}, validation",
            num_cases,
            functools.partial(model.evaluate, validation, verbose=0),
        )
    yield (
        "full ranking",
        num_cases,
        functools.partial(
            rank_held_out, model, split, "test", candidates="full"
        ),
    )


if __name__ == "__main__":
    main()
