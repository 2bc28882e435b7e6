"""`timirec train`: from a data set or a log to a run folder."""

from __future__ import annotations

import argparse
import pathlib
import shlex
from contextlib import nullcontext

import rich.console
import tensorflow as tf

from tfrs_timirec._files import check_path
from tfrs_timirec.cli.console import make_console
from tfrs_timirec.cli.data_arguments import (
    add_data_arguments,
    plain_name,
    read_data_arguments,
)
from tfrs_timirec.cli.notes import print_notes
from tfrs_timirec.cli.output_claim import claim_output
from tfrs_timirec.cli.results_table import print_results
from tfrs_timirec.cli.setting_arguments import (
    add_setting_arguments,
    changed_flags,
    fit_to_catalogue,
    read_settings,
)
from tfrs_timirec.data import Interactions
from tfrs_timirec.experiments import (
    MODEL_NAMES,
    DataSource,
    TrainingRun,
    TrainingSettings,
)
from tfrs_timirec.training import (
    STRATEGY_NAMES,
    is_chief,
    join_cluster,
    wait_for_all,
)

_DESCRIPTION = """\
Trains a model in one or two stages, evaluates it, and writes everything into a
run folder. Stopped at any moment, even killed, the same command goes on where
it stopped; the numbers at the end are those of an unbroken run.
"""

_EPILOG = """\
Models:
  gru4rec       one user vector: the last state of a GRU
  youtube_dnn   one user vector: a perceptron over the mean of the items
  sasrec        one user vector: causal self-attention, read at the newest item
  tisasrec      the same, which also sees the time between items
  comirec       several interests, scored by the greedy best one (one stage)
  mind, comirec_dr
                the same, with interests found by dynamic routing
  timirec       comirec, then a predictor of the next interest (two stages)
  comirec_plus, timirec_plus
                comirec and timirec with a transformer layer below

What the run folder holds:
  metrics.json    hit rate and NDCG on test and validation cases, against
                  sampled negatives ("sampled") and the whole catalogue ("full")
  history.csv     losses and validation metrics of every epoch
  tensorboard/    the same for 'tensorboard --logdir FOLDER'
  weights/        the best weights of each stage
  settings.json   what was trained on what; environments.json: with what
  backup/         where a stopped run goes on
  ranks.parquet   with --save-ranks: the rank of every held-out target

Several devices or machines:
  --strategy mirrored          all GPUs of this machine, one batch over them
  --strategy multi_worker      the same over machines, all with this command
  --strategy parameter_server  tables over the tasks "ps", steps by the tasks
                               "worker", led by the task "chief"
  TF_CONFIG says who is who; the run folder must lie where all see it. With
  parameter_server, tasks but the chief serve until their process is ended.
  See docs/scaling.md.

Examples:
  timirec train --dataset household_tv/tiny --model timirec
  timirec train --dataset amazon_beauty --data-dir ~/raw --model timirec_plus
  timirec train --interactions log.csv.gz --user-column user \\
      --item-column sku --timestamp-column time --model comirec --max-epochs 20
"""


def add_parser(
    subparsers: argparse._SubParsersAction[argparse.ArgumentParser],
) -> argparse.ArgumentParser:
    """Adds the verb to the parser of `timirec`.

    Args:
        subparsers: what `ArgumentParser.add_subparsers` returned.
    """
    parser = subparsers.add_parser(
        "train",
        help="train and evaluate a model",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_data_arguments(parser)
    parser.add_argument(
        "--model",
        metavar="NAME",
        help=f"what to train: {', '.join(MODEL_NAMES)}",
    )
    parser.add_argument(
        "--preset",
        metavar="NAME",
        help="where the settings come from: validated (the best on validation"
        " cases, the default), paper, large_batch, or a file that 'timirec"
        " tune' wrote; with a file --model may be left out",
    )
    parser.add_argument(
        "--output",
        metavar="RUN",
        type=pathlib.Path,
        help="the run folder (default: runs/<data>-<model>-seed<seed>)",
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=0,
        metavar="N",
        help="seed of weights, order and negatives (default: %(default)s)",
    )
    parser.add_argument(
        "--strategy",
        choices=STRATEGY_NAMES,
        help="train on several devices or machines, as said below",
    )
    parser.add_argument(
        "--save-ranks",
        action="store_true",
        help="also write ranks.parquet, the rank of every held-out target",
    )
    add_setting_arguments(parser)
    return parser


def run(args: argparse.Namespace) -> int:
    """Trains and evaluates, as far as that is not done yet.

    Args:
        args: the parsed arguments.
    """
    source = read_data_arguments(args)
    settings = read_settings(args, source)
    strategy = join_cluster(args.strategy) if args.strategy else None
    folder = args.output or _default_folder(source, settings)
    check_path("output", folder)
    if any(folder.glob("[0-9]*/saved_model.pb")):
        raise ValueError(
            "`--output` must not hold exported models, which would be lost with"
            f" the run. Received: --output {folder}. Choose another folder."
        )
    # Of a cluster only the chief writes there.
    claim = claim_output(folder) if is_chief(strategy) else nullcontext()
    with claim:
        return _train(args, source, settings, strategy, folder)


def _train(
    args: argparse.Namespace,
    source: DataSource,
    settings: TrainingSettings,
    strategy: tf.distribute.Strategy | None,
    folder: pathlib.Path,
) -> int:
    # One worker of many speaks for all.
    console = make_console(quiet=not is_chief(strategy))
    interactions = source.load()
    settings = fit_to_catalogue(settings, interactions, args)
    if is_chief(strategy):
        _describe(console, interactions, settings)
    training_run = TrainingRun(
        settings,
        interactions,
        folder,
        source=source,
        command=shlex.join(["timirec", *args.words]),
        strategy=strategy,
    )
    if not is_chief(strategy):
        if not training_run.is_trained:
            training_run.train()
        wait_for_all(strategy)
        return 0
    results = training_run.results()
    missing_ranks = args.save_ranks and not training_run.has_all_ranks
    if results and not missing_ranks:
        console.print("This run is finished; these are its results.")
    else:
        if not training_run.is_trained:
            training_run.train(console=console)
        console.print("Ranking the held-out items ...")
        results = training_run.evaluate(save_ranks=args.save_ranks)
    print_results(console, results)
    output = pathlib.Path("saved_models") / folder.resolve().name
    export = ["timirec", "export", str(folder), "--output", str(output)]
    console.print(
        f"Everything is in {folder}: the numbers in metrics.json, the curves"
        " in history.csv and tensorboard/, the trained weights in weights/."
        f"\nExport it for serving: {shlex.join(export)}",
        soft_wrap=True,
    )
    wait_for_all(strategy)
    return 0


def _describe(
    console: rich.console.Console,
    interactions: Interactions,
    settings: TrainingSettings,
) -> None:
    console.print(
        f"{settings.model} on {interactions.name}:"
        f" {interactions.num_users:,} users, {interactions.num_items:,} items,"
        f" {interactions.num_interactions:,} interactions",
        soft_wrap=True,
    )
    if flags := changed_flags(settings):
        console.print(f"With {flags}", soft_wrap=True, highlight=False)
    print_notes(console, interactions, settings)


def _default_folder(
    source: DataSource, settings: TrainingSettings
) -> pathlib.Path:
    data = source.dataset or pathlib.Path(source.interactions or "").name
    return pathlib.Path(
        "runs", f"{plain_name(data)}-{settings.model}-seed{settings.seed}"
    )
