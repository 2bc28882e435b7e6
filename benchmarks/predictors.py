"""Measures what an interest predictor gains from knowing more than ids.

    python benchmarks/predictors.py --dataset household_tv/small
    python benchmarks/predictors.py --dataset movielens_sequences/100k \
        --preset paper --context-features request_timestamp,item_genres

Trains TiMiRec once for each predictor and seed, from one pretrained extractor a
seed, and prints test results as a table. Epochs are chosen on validation
cases. A run that was finished before is not trained again, and one that was
killed goes on.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import pathlib
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import rich.console
from reporting import Report, add_json_argument

from tfrs_timirec.data import Interactions, evaluation_dataset
from tfrs_timirec.evaluation import PlantedTruth
from tfrs_timirec.experiments import (
    DataSource,
    TrainingRun,
    TrainingSettings,
    preset,
)
from tfrs_timirec.experiments.presets import PRESET_NAMES
from tfrs_timirec.experiments.truth_comparison import compare_with_truth

PREDICTORS = ("gru", "transformer", "time_aware", "deepfm")


def main() -> None:
    """Adds a row for each seed and predictor."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--dataset", default="household_tv/small")
    parser.add_argument("--data-dir")
    parser.add_argument(
        "--predictors", nargs="+", default=PREDICTORS, choices=PREDICTORS
    )
    parser.add_argument(
        "--context-features",
        default="request_timestamp",
        help="what deepfm reads, with commas (default: %(default)s)",
    )
    parser.add_argument(
        "--preset", default=PRESET_NAMES[0], choices=PRESET_NAMES
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument(
        "--max-epochs", type=int, help="of a stage (default: the preset's)"
    )
    parser.add_argument(
        "--output", type=pathlib.Path, default=pathlib.Path("runs/predictors")
    )
    add_json_argument(parser)
    args = parser.parse_args()
    console = rich.console.Console(stderr=True, soft_wrap=True)
    report = Report("predictors", args)
    source = DataSource(dataset=args.dataset, data_dir=args.data_dir)
    log = source.load()
    for seed in args.seeds:
        settings = preset("timirec", args.dataset, args.preset)
        settings = dataclasses.replace(
            settings,
            seed=seed,
            max_epochs=args.max_epochs or settings.max_epochs,
        )
        folder = args.output / args.dataset.replace("/", "-") / f"seed{seed}"
        pretrained = folder / "pretraining"
        _train(settings.of_pretraining, log, source, pretrained, console)
        for predictor in args.predictors:
            chosen = {"predictor": predictor}
            if predictor == "deepfm":
                chosen["context_features"] = args.context_features
            run = _train(
                dataclasses.replace(settings, **chosen),
                log,
                source,
                folder / "-".join(chosen.values()).replace(",", "-"),
                console,
                pretrained_from=pretrained,
            )
            report.add(seed=seed, predictor=predictor, **_measure(run, log))
    report.finish()


def _train(
    settings: TrainingSettings | None,
    log: Interactions,
    source: DataSource,
    folder: pathlib.Path,
    console: rich.console.Console,
    **options: Any,
) -> TrainingRun:
    if settings is None:
        raise ValueError("The preset must have a pretraining stage.")
    run = TrainingRun(settings, log, folder, source=source, **options)
    if not run.is_trained:
        console.print(f"Training {folder}")
        run.train(console=console)
    return run


def _measure(run: TrainingRun, log: Interactions) -> dict[str, Any]:
    """Returns test metrics, and JS divergences as in Section 4.2."""
    results = run.results() or run.evaluate()
    sampled, full = (results["test"][name] for name in ("sampled", "full"))
    model = run.load_weights()
    logs = model.evaluate(
        evaluation_dataset(
            run.split,
            "test",
            max_history_length=run.settings.max_history_length,
            features=model.feature_names,
        ),
        return_dict=True,
        verbose=0,
    )
    row = {
        "HR@10": round(sampled["hit_rate_at_10"], 4),
        "NDCG@10": round(sampled["ndcg_at_10"], 4),
        "HR@10 full": round(full["hit_rate_at_10"], 4),
        "JS": round(logs["js_divergence"], 4),
    }
    if "interest_distributions" in log.columns:
        truth = PlantedTruth.from_interactions(log)
        divergences = compare_with_truth(run, truth).divergences
        row["JS truth"] = round(divergences["predicted"], 4)
    return row


if __name__ == "__main__":
    main()
