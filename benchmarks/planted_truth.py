"""Measures how near TiMiRec comes to the planted truth, over several seeds.

    python benchmarks/planted_truth.py --seeds 0 1 2

Trains the preset of `timirec demo` once a seed and prints test results as a
Markdown table. The seed decides weights, order and negatives; the simulated
world is always the same. A run that was finished before is not trained again.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import pathlib
from collections.abc import Iterable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import rich.console

from tfrs_timirec.evaluation import PlantedTruth, summarize_ranks
from tfrs_timirec.experiments import DataSource, TrainingRun, preset
from tfrs_timirec.experiments.environment import describe_environment
from tfrs_timirec.experiments.truth_comparison import compare_with_truth

DATASET = "household_tv/small"


def main() -> None:
    """Prints a row for each seed, then the mean and the deviation."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument(
        "--output", type=pathlib.Path, default=pathlib.Path("runs/truth")
    )
    args = parser.parse_args()
    # Progress goes to the error stream, so that the table can be piped.
    console = rich.console.Console(stderr=True, soft_wrap=True)
    results: list[list[float]] = []
    for seed in args.seeds:
        result = _measure(seed, args.output, console)
        if not results:
            _print_row("seed", *result)
            _print_row(*["---"] * (len(result) + 1))
        results.append(list(result.values()))
        _print_numbers(str(seed), results[-1])
    _print_numbers("mean", np.mean(results, axis=0))
    if len(results) > 1:
        _print_numbers("standard deviation", np.std(results, axis=0, ddof=1))
    print(describe_environment())


def _print_numbers(name: str, values: Iterable[float]) -> None:
    _print_row(name, *(f"{value:.4f}" for value in values))


def _print_row(*cells: str) -> None:
    print("|", " | ".join(cells), "|", flush=True)


def _measure(
    seed: int, folder: pathlib.Path, console: rich.console.Console
) -> dict[str, float]:
    source = DataSource(dataset=DATASET)
    log = source.load()
    run = TrainingRun(
        dataclasses.replace(preset("timirec", DATASET), seed=seed),
        log,
        folder / f"seed{seed}",
        source=source,
    )
    if not run.is_trained:
        run.train(console=console)
    comparison = compare_with_truth(run, PlantedTruth.from_interactions(log))
    scored = {
        "greedy": comparison.greedy.metrics,
        "TiMiRec": comparison.timirec.metrics,
        "truth": summarize_ranks(comparison.truth_ranks),
    }
    return {
        f"{label} {name}": metrics[key]
        for label, key in (("HR@10", "hit_rate_at_10"), ("N@10", "ndcg_at_10"))
        for name, metrics in scored.items()
    } | {f"JS {name}": js for name, js in comparison.divergences.items()}


if __name__ == "__main__":
    main()
