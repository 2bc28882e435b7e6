"""`timirec demo`: from nothing to a recommendation, explained on the way."""

from __future__ import annotations

import argparse
import dataclasses
import pathlib
import time
from typing import Any

import numpy as np
import rich.console
import rich.table
import tensorflow as tf

from tfrs_timirec.cli.output_claim import claim_output
from tfrs_timirec.data.interactions import NUM_RESERVED_IDS, Interactions
from tfrs_timirec.datasets.household_tv import themes
from tfrs_timirec.evaluation.case_figure import draw_case_study
from tfrs_timirec.evaluation.case_study import item_titles, study_case
from tfrs_timirec.evaluation.figure_style import save_figure
from tfrs_timirec.evaluation.planted_truth import PlantedTruth
from tfrs_timirec.evaluation.summary import summarize_ranks
from tfrs_timirec.evaluation.training_curves import draw_training_curves
from tfrs_timirec.experiments import DataSource, TrainingRun, preset
from tfrs_timirec.experiments.truth_comparison import (
    TruthComparison,
    compare_with_truth,
)
from tfrs_timirec.serving import export

_SHOWN = 5
_DATASETS = ("household_tv/small", "household_tv/tiny")
_STAGE_NAMES = (
    "Stage 1\npretraining,\nscored greedily",
    "Stage 2\nfinetuning,\nTiMiRec",
)

_DESCRIPTION = """\
Trains TiMiRec on simulated households that share one television, compares it
with greedy scoring and with the truth that the simulator planted, draws two
figures, exports the model and asks the export for a recommendation. Nothing is
downloaded. Takes one to three minutes on two cores.
"""

_EPILOG = """\
Examples:
  timirec demo
  timirec demo --seed 1 --output runs/demo-seed1
  timirec demo --dataset household_tv/tiny
      a toy of 300 households, too small to learn much from
"""


def add_parser(
    subparsers: argparse._SubParsersAction[argparse.ArgumentParser],
) -> argparse.ArgumentParser:
    """Adds the verb to the parser of `timirec`.

    Args:
        subparsers: what `ArgumentParser.add_subparsers` returned.
    """
    parser = subparsers.add_parser(
        "demo",
        help="see it all at work on simulated data, in one to three minutes",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--dataset",
        choices=_DATASETS,
        default=_DATASETS[0],
        help="simulated data set (default: %(default)s)",
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=0,
        metavar="N",
        help="seed of weights, order and negatives (default: %(default)s)",
    )
    parser.add_argument(
        "--output",
        metavar="RUN",
        type=pathlib.Path,
        help="folder of the run and the figures (default: runs/demo-<data set>"
        "-seed<seed>)",
    )
    parser.add_argument(
        "--export",
        metavar="FOLDER",
        type=pathlib.Path,
        default=pathlib.Path("saved_models/household_tv"),
        help="folder of exported versions (default: %(default)s)",
    )
    return parser


def run(args: argparse.Namespace) -> int:
    """Runs the demo.

    Args:
        args: the parsed arguments.
    """
    size = args.dataset.split("/")[1]
    folder = args.output or pathlib.Path(f"runs/demo-{size}-seed{args.seed}")
    with claim_output(folder):
        return _run(args, folder)


def _run(args: argparse.Namespace, folder: pathlib.Path) -> int:
    started = time.monotonic()
    console = rich.console.Console(highlight=False)
    source = DataSource(dataset=args.dataset)
    log = source.load()
    truth = PlantedTruth.from_interactions(log)
    names = tuple(theme.name for theme in themes.THEMES[: truth.num_interests])
    _introduce(console, log, names)
    training_run = TrainingRun(
        dataclasses.replace(preset("timirec", _DATASETS[0]), seed=args.seed),
        log,
        folder,
        source=source,
    )
    history = _train(console, training_run)

    _section(console, "3. Is it better, and how good could it be?")
    comparison = compare_with_truth(training_run, truth)
    _print_comparison(console, comparison)

    _section(console, "4. Two figures")
    figures = folder / "figures"
    likelier = comparison.true.argmax(axis=1)
    foreseen = comparison.predicted.argmax(axis=1) == likelier
    first_ids = comparison.greedy.best_ids[:, 0]
    missed = truth.item_interests[first_ids] != likelier
    case = _choose_case(comparison, foreseen, missed)
    curves = draw_training_curves(history, stage_names=_STAGE_NAMES)
    save_figure(curves, figures / "training.png")
    study = study_case(
        training_run.model,
        training_run.split,
        "test",
        truth,
        names,
        case=case,
        greedy_ids=comparison.greedy.best_ids[case],
        timirec_ids=comparison.timirec.best_ids[case],
    )
    save_figure(draw_case_study(study), figures / "case_study.png")
    console.print(
        f"{figures / 'training.png'}: how both stages learned.\n"
        f"{figures / 'case_study.png'}: one household, picked to show what"
        " TiMiRec is after: of those whose turn it foresaw and greedy scoring"
        " missed, the one whose next title it moves up most.\n"
        "Over all households, the likelier kind is what TiMiRec predicts in"
        f" {np.mean(foreseen):.0%} of the cases, and the kind of greedy's first"
        f" title in {np.mean(~missed):.0%}. TiMiRec ranks the title really"
        " watched next higher than greedy scoring in"
        f" {np.mean(comparison.timirec.ranks < comparison.greedy.ranks):.0%}"
        " of the cases, lower in"
        f" {np.mean(comparison.timirec.ranks > comparison.greedy.ranks):.0%}.",
        soft_wrap=True,
    )

    _section(console, "5. Export, and a recommendation from it")
    exported = export(
        training_run.model,
        log,
        args.export,
        max_history_length=training_run.settings.max_history_length,
        metrics=comparison.timirec.metrics,
    )
    _recommend(console, exported, training_run, case)

    _section(console, "Where everything is, and what to try next")
    console.print(
        f"{folder}: settings, weights, curves (tensorboard --logdir"
        f" {folder}) and figures/.\n"
        f"{exported}: the exported model with its model card, README.md.\n"
        "Next:\n"
        "  timirec train --interactions my_log.csv --model timirec\n"
        "      the same on a log of your own: user_id, item_id, timestamp\n"
        "  timirec train --dataset amazon_beauty --model timirec_plus\n"
        "      the paper's first data set\n"
        f"Took {time.monotonic() - started:.0f} seconds.",
        soft_wrap=True,
    )
    return 0


def _section(console: rich.console.Console, title: str) -> None:
    console.print()
    console.rule(f"[bold]{title}", align="left")


def _introduce(
    console: rich.console.Console, log: Interactions, names: tuple[str, ...]
) -> None:
    _section(console, "1. The data")
    console.print(
        f"{log.num_users:,} simulated households watched {log.num_items:,}"
        f" titles {log.num_interactions:,} times. Their members take turns:"
        f" some watch {', others '.join(names)}. The longer one kind was"
        " watched without a break, the likelier is a switch. The models see"
        " which titles were watched in which order and nothing else: no kind,"
        " no genre, no hour. The last title of each household is kept for the"
        " test, the one before for choosing the best epoch."
    )


def _train(
    console: rich.console.Console, training_run: TrainingRun
) -> list[dict[str, Any]]:
    _section(console, "2. Training in two stages")
    console.print(
        "Stage 1, pretraining (this is ComiRec): learn"
        f" {training_run.settings.num_interests} interest vectors a household."
        " A title counts as good if it fits any of them, which is greedy:"
        " cartoons stay on top though it is the parents' turn.\n"
        "Stage 2, finetuning (TiMiRec): a second network learns to predict"
        " whose turn it is, with the interest of the title really watched as"
        " its teacher, and the interests are mixed by that prediction."
    )
    return training_run.train(console=console)


def _print_comparison(
    console: rich.console.Console, comparison: TruthComparison
) -> None:
    table = rich.table.Table()
    table.add_column("scored by")
    for column in ("HR@10", "NDCG@10", "JS of lists", "JS of prediction"):
        table.add_column(column, justify="right")
    divergences = comparison.divergences
    rows = {
        "greedy ComiRec (stage 1)": (
            comparison.greedy.metrics,
            f"{comparison.greedy.list_divergence:.4f}",
            "-",
        ),
        "[bold]TiMiRec (stage 2)[/bold]": (
            comparison.timirec.metrics,
            f"{comparison.timirec.list_divergence:.4f}",
            f"{divergences['predicted']:.4f}",
        ),
        "planted truth": (
            summarize_ranks(comparison.truth_ranks),
            "-",
            "0.0000",
        ),
    }
    for name, (metrics, lists, prediction) in rows.items():
        table.add_row(
            name,
            f"{metrics['hit_rate_at_10']:.4f}",
            f"{metrics['ndcg_at_10']:.4f}",
            lists,
            prediction,
        )
    table.add_section()
    for name, key in (
        ("average of the history", "history"),
        ("a coin toss (uniform)", "uniform"),
    ):
        table.add_row(name, "-", "-", "-", f"{divergences[key]:.4f}")
    console.print(table)
    console.print(
        "HR@10: how often the title really watched next is among the best 10,"
        " against 1,000 drawn from those the household never watched. NDCG@10"
        " also asks how high up it stands. Higher is better.\n"
        "JS: Jensen-Shannon divergence in nats from the true chance of each"
        " kind of title being next; lower is better, 0 is the truth. 'Of"
        " lists' takes the share of each kind among the best 10, which any"
        " model has; 'of prediction' what the second network expects.\n"
        "Planted truth: TiMiRec's interests, mixed by the chances that the"
        " simulator itself used, instead of predicted ones."
    )


def _choose_case(
    comparison: TruthComparison, foreseen: np.ndarray, missed: np.ndarray
) -> int:
    """Returns the case that TiMiRec moves up most, where it makes its point."""
    greedy, timirec = comparison.greedy.ranks, comparison.timirec.ranks
    in_list = comparison.timirec.target_places < _SHOWN
    order = np.lexsort((greedy / timirec, in_list, foreseen & missed))
    return int(order[-1])


def _recommend(
    console: rich.console.Console,
    exported: pathlib.Path,
    training_run: TrainingRun,
    case: int,
) -> None:
    """Asks the export, not the model, what the household watches next."""
    log = training_run.interactions
    position = training_run.split.held_out_positions("test")[case]
    start = log.row_splits[log.user_indices[position]]
    watched = log.item_ids[start:position]
    loaded = tf.saved_model.load(str(exported))
    answer = loaded.recommend(
        tf.constant([log.items[watched - NUM_RESERVED_IDS].tolist()]),
        tf.constant(_SHOWN),
    )
    raw_ids = [raw.decode() for raw in answer["item_ids"].numpy()[0]]
    titles = (
        log.item_metadata["title"].loc[raw_ids].tolist()
        if log.item_metadata is not None
        else raw_ids
    )
    last = ", ".join(item_titles(log, watched[-3:]))
    console.print(
        f"Loaded from {exported} with plain TensorFlow and asked with the raw"
        f" ids of what {log.users[log.user_indices[position]]}"
        f" watched, at last {last}:",
        soft_wrap=True,
    )
    for place, (raw_id, title) in enumerate(
        zip(raw_ids, titles, strict=True), start=1
    ):
        console.print(f"  {place}. {title}  [dim]{raw_id}[/dim]")
    target = item_titles(log, log.item_ids[position : position + 1])[0]
    console.print(f"Really watched next: {target}")
