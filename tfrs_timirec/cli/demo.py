"""`timirec demo`: from nothing to a recommendation, explained on the way."""

from __future__ import annotations

import argparse
import pathlib
import time

import numpy as np
import rich.console
import rich.table
import tensorflow as tf

from tfrs_timirec.data.interactions import Interactions
from tfrs_timirec.datasets.household_tv import themes
from tfrs_timirec.evaluation.case_figure import draw_case_study
from tfrs_timirec.evaluation.case_study import item_titles, study_case
from tfrs_timirec.evaluation.figure_style import save_figure
from tfrs_timirec.evaluation.planted_truth import PlantedTruth
from tfrs_timirec.evaluation.training_curves import draw_training_curves
from tfrs_timirec.experiments import DataSource, TrainingRun, preset
from tfrs_timirec.experiments.truth_comparison import (
    TruthComparison,
    compare_with_truth,
)
from tfrs_timirec.serving import export_recommender

_DATASETS = ("household_tv/small", "household_tv/tiny")

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
        help="see it all at work on simulated data, in three minutes",
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
    started = time.monotonic()
    console = rich.console.Console(highlight=False)
    size = args.dataset.split("/")[1]
    folder = args.output or pathlib.Path(f"runs/demo-{size}-seed{args.seed}")
    source = DataSource(dataset=args.dataset)
    log = source.load()
    truth = PlantedTruth.from_interactions(log)
    names = tuple(
        theme.name for theme in themes.THEMES[: truth.num_interests]
    )
    _introduce(console, log, names)
    training_run = TrainingRun(
        preset("timirec", args.dataset, seed=args.seed),
        log,
        folder,
        source=source,
    )
    history = _train(console, training_run)

    _section(console, "3. Is it better, and how good could it be?")
    comparison = compare_with_truth(training_run, truth)
    _print_comparison(console, comparison)

    _section(console, "4. Two figures")
    curves = save_figure(
        draw_training_curves(history), folder / "figures" / "training.png"
    )
    case = _draw_case(console, training_run, truth, names, comparison)
    figure = case[1]

    _section(console, "5. Export, and a recommendation from it")
    exported = export_recommender(
        training_run.model,
        log,
        args.export,
        max_history_length=training_run.settings.max_history_length,
        metrics=comparison.timirec.metrics,
    )
    _recommend(console, exported, training_run, case[0])
    _say_where(console, folder, curves, figure, exported)
    console.print(f"Done in {time.monotonic() - started:.0f} s.")
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
) -> list[dict[str, float]]:
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
    from tfrs_timirec.evaluation.summary import summarize_ranks
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
            summarize_ranks(comparison.truth_ranks), "-", "0.0000"
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
        ("household's history average", "history"),
        ("a coin toss (uniform)", "uniform"),
    ):
        table.add_row(name, "-", "-", "-", f"{divergences[key]:.4f}")
    console.print(table)
    console.print(
        "HR@10: how often the title really watched next is among the best 10,"
        " against 1,000 others that the household never watched. NDCG@10 also"
        " asks how high up it stands. Higher is better.\n"
        "JS: Jensen-Shannon divergence in nats from the true chance of each"
        " kind of title being next; lower is better, 0 is the truth. 'Of"
        " lists' takes the share of each kind among the best 10, which any"
        " model has; 'of prediction' what the second network expects.\n"
        "Planted truth: TiMiRec's interests, mixed by the chances that the"
        " simulator itself used, instead of predicted ones."
    )


def _draw_case(
    console: rich.console.Console,
    training_run: TrainingRun,
    truth: PlantedTruth,
    names: tuple[str, ...],
    comparison: TruthComparison,
):
    number = _choose_case(comparison)
    study = study_case(
        training_run.model,
        training_run.split,
        "test",
        truth,
        names,
        case=number,
        greedy_ids=comparison.greedy.best_ids[number],
        timirec_ids=comparison.timirec.best_ids[number],
    )
    path = training_run.folder / "figures" / "case_study.png"
    return number, save_figure(draw_case_study(study), path)


def _choose_case(comparison: TruthComparison) -> int:
    """The case that TiMiRec improves most among those it gets nearly right."""
    greedy, timirec = comparison.greedy.ranks, comparison.timirec.ranks
    return int(np.argmax(greedy / timirec**2))


def _recommend(console, exported, training_run, case) -> None:
    log, split = training_run.interactions, training_run.split
    position = split.held_out_positions("test")[case]
    start = log.row_splits[log.user_indices[position]]
    history = log.item_ids[start:position]
    raw = log.items[history - 2]
    loaded = tf.saved_model.load(str(exported))
    answer = loaded.recommend(
        tf.constant([raw.tolist()]), tf.constant(5)
    )
    console.print(answer)


def _say_where(console, folder, curves, figure, exported) -> None:
    console.print(str((folder, curves, figure, exported)))
