"""`timirec reproduce`: a table or figure of the paper, cell by cell."""

from __future__ import annotations

import argparse
import dataclasses
import pathlib
import shlex
import textwrap
from typing import Any

from tfrs_timirec._claim import claim
from tfrs_timirec._files import write_whole
from tfrs_timirec.cli.console import make_console
from tfrs_timirec.cli.data_arguments import add_tie_argument
from tfrs_timirec.cli.setting_arguments import (
    add_setting_arguments,
    given_settings,
)
from tfrs_timirec.data.cleaning import TIE_RULES
from tfrs_timirec.experiments import DataSource
from tfrs_timirec.experiments.catalogue import EXPERIMENTS
from tfrs_timirec.experiments.cell_runner import CellRunner
from tfrs_timirec.experiments.experiment import Cell, Plan, file_name_of
from tfrs_timirec.experiments.presets import PRESET_NAMES
from tfrs_timirec.experiments.result_figures import draw_figure
from tfrs_timirec.experiments.result_store import ResultStore
from tfrs_timirec.experiments.result_tables import render_tables
from tfrs_timirec.training import DivergedError

_DESCRIPTION = """\
Runs an experiment of the paper and sets what it measures beside the paper's
numbers. Every finished (system, data set, seed) leaves one small JSON; what is
there is not run again, also if another experiment asked for it. Stopped at any
moment, even killed, the same command goes on. Run it twice at once, each on a
core of its own, and the two share the work.
"""

_EPILOG = """\
Experiments:
  table2       all systems, with a paired t-test of TiMiRec
  table3       max, mean and attention pooling against TiMiRec
  table4       joint training, no stop-gradient
  figure2      divergence of the best item's interests from the target's
  figure3      1 to 8 interests
  figure4      one user, what ComiRec and what TiMiRec recommend
  temperature  the distillation temperature from 0.01 to 10
  model-agnostic
               other extractors, greedy and with TiMiRec

Systems, for --systems:
{systems}

What --output holds:
  table2-amazon_beauty.md, figure3-amazon_beauty.png, …
               made of all JSONs that are there, of other systems and seeds,
               too; --render-only makes them anew
  cells/       the JSONs: metrics, seed, settings, versions, fingerprint of the
               data, date

Examples:
  timirec reproduce table2 --data-dir ~/raw
  timirec reproduce table2 --data-dir ~/raw --systems comirec timirec \\
      --seeds 0-1
  timirec reproduce table3 --dataset household_tv/tiny --seeds 0 \\
      --max-epochs 2 --output try --runs try-runs
  timirec reproduce figure3 --preset paper --render-only
"""


def add_parser(
    subparsers: argparse._SubParsersAction[argparse.ArgumentParser],
) -> argparse.ArgumentParser:
    """Adds the verb to the parser of `timirec`.

    Args:
        subparsers: what `ArgumentParser.add_subparsers` returned.
    """
    parser = subparsers.add_parser(
        "reproduce",
        help="run an experiment of the paper",
        description=_DESCRIPTION,
        epilog=_EPILOG.format(systems=_systems()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "experiment",
        choices=list(EXPERIMENTS),
        metavar="EXPERIMENT",
        help="one of those below",
    )
    parser.add_argument(
        "--dataset",
        nargs="+",
        metavar="NAME",
        help="data sets; 'timirec data list' shows all (default: amazon_beauty,"
        " for figure4 household_tv/small)",
    )
    parser.add_argument(
        "--data-dir",
        metavar="FOLDER",
        help="folder with the data sets' raw files; without, they are"
        " downloaded where that is allowed",
    )
    add_tie_argument(parser)
    parser.add_argument(
        "--seeds",
        type=read_seeds,
        default=tuple(range(5)),
        metavar="N-M",
        help="seeds, as 0-4 or 0,2,7 (default: 0-4)",
    )
    parser.add_argument(
        "--systems",
        nargs="+",
        metavar="NAME",
        help="only these systems of the experiment, named below (default: all)",
    )
    parser.add_argument(
        "--preset",
        choices=PRESET_NAMES,
        default=PRESET_NAMES[0],
        metavar="NAME",
        help="where the systems' settings come from: validated (the best on"
        " validation cases, the default), paper, or large_batch",
    )
    parser.add_argument(
        "--output",
        metavar="FOLDER",
        type=pathlib.Path,
        help="folder of results, tables and figures (default: results/PRESET)",
    )
    parser.add_argument(
        "--runs",
        metavar="FOLDER",
        type=pathlib.Path,
        help="folder of the runs with their weights, which may be large"
        " (default: that in runs/reproduce of the same name as --output)",
    )
    parser.add_argument(
        "--render-only",
        action="store_true",
        help="run nothing; make tables and figures from the results",
    )
    add_setting_arguments(parser)
    return parser


def run(args: argparse.Namespace) -> int:
    """Runs what is missing, then draws tables and figures.

    Args:
        args: the parsed arguments.

    Raises:
        DivergedError: after all else is done, if the loss of a cell was no
            number any more.
    """
    console = make_console()
    plan = read_plan(args)
    output = args.output or pathlib.Path("results", plan.preset_name)
    runs_folder = args.runs or pathlib.Path("runs/reproduce", output.name)
    store = ResultStore(output)
    diverged: dict[Cell, DivergedError] = {}
    if args.render_only:
        _check_results_are_there(store, plan)
    else:
        runner = CellRunner(
            store,
            runs_folder,
            lambda dataset: DataSource(
                dataset=dataset, data_dir=args.data_dir, ties=args.ties
            ),
            _command(args),
            console,
        )
        diverged = runner.run(
            [
                cell
                for dataset in plan.datasets
                for cells in plan.cells(dataset).values()
                for cell in cells
            ]
        )
    for dataset in plan.datasets:
        everything = dataclasses.replace(
            plan,
            experiment=EXPERIMENTS[args.experiment],
            seeds=store.seeds(dataset) or plan.seeds,
            given={},  # What was given then stands in the results.
        )
        for file in _render(everything, dataset, store):
            console.print(f"Wrote {file}", soft_wrap=True)
    if diverged:
        raise DivergedError(
            "Every cell must be trained to its end. Received: "
            + "; ".join(f"{cell}: {error}" for cell, error in diverged.items())
        )
    return 0


def read_plan(args: argparse.Namespace) -> Plan:
    """Returns what the arguments ask for.

    Args:
        args: the parsed arguments.

    Raises:
        ValueError: if a data set or system is unknown, or a setting cannot
            hold for the systems.
    """
    whole = EXPERIMENTS[args.experiment]
    datasets = tuple(
        DataSource(dataset=name).dataset_with_config or name
        for name in dict.fromkeys(args.dataset or whole.datasets)
    )
    plan = Plan(
        experiment=whole.choose(args.systems),
        datasets=datasets,
        seeds=args.seeds,
        given=given_settings(args),
        preset_name=args.preset,
    )
    plan.check()
    return plan


def _systems() -> str:
    """The systems of each experiment, as paragraphs for the help."""
    return "\n".join(
        textwrap.fill(
            " ".join(system.name for system in experiment.systems),
            width=79,
            initial_indent=f"  {name:<15}",
            subsequent_indent=" " * 17,
            break_on_hyphens=False,
        )
        for name, experiment in EXPERIMENTS.items()
    )


def read_seeds(text: str) -> tuple[int, ...]:
    """Returns the seeds that a text names.

    Args:
        text: as "0-4" or "0,2,7".

    Raises:
        argparse.ArgumentTypeError: if it is neither.
    """
    seeds: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        if not first.isdecimal() or (last and not last.isdecimal()):
            raise argparse.ArgumentTypeError(
                f"must be as 0-4 or 0,2,7. Received: {text!r}"
            )
        seeds += range(int(first), int(last or first) + 1)
    if not seeds:
        raise argparse.ArgumentTypeError(
            f"must name at least one seed. Received: {text!r}"
        )
    return tuple(dict.fromkeys(seeds))


def _command(args: argparse.Namespace) -> str:
    """The command without what belongs to one machine alone."""
    words: list[Any] = ["timirec", "reproduce", args.experiment]
    if args.dataset:
        words += ["--dataset", *args.dataset]
    if args.data_dir:
        words += ["--data-dir", "FOLDER"]
    words += ["--seeds", ",".join(str(seed) for seed in args.seeds)]
    if args.preset != PRESET_NAMES[0]:
        words += ["--preset", args.preset]
    if args.ties != TIE_RULES[0]:
        words += ["--ties", args.ties]
    if args.systems:
        words += ["--systems", *args.systems]
    for name, value in given_settings(args).items():
        flag = name.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{flag}" if value else f"--no-{flag}")
        else:
            words += [f"--{flag}", value]
    return shlex.join(str(word) for word in words)


def _check_results_are_there(store: ResultStore, plan: Plan) -> None:
    """Raises ValueError if there is nothing to make a table of."""
    if not any(store.seeds(dataset) for dataset in plan.datasets):
        raise ValueError(
            "--render-only must find results. Received:"
            f" '{store.folder}', which has none of {', '.join(plan.datasets)}."
            " Say where they are with --output, or whose with --preset."
        )


def _render(plan: Plan, dataset: str, store: ResultStore) -> list[pathlib.Path]:
    """Writes tables and figure; processes that finish together take turns."""
    name = f"{plan.experiment.name}-{file_name_of(dataset)}"
    table = store.folder / f"{name}.md"
    with claim(store.folder / ".rendering.lock", wait=True):
        text = render_tables(plan, dataset, store)
        write_whole(table, lambda draft: draft.write_text(text))
        return [table, *draw_figure(plan, dataset, store, store.folder / name)]
