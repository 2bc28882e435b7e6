"""`timirec tune`: the best settings for a model on a data set."""

from __future__ import annotations

import argparse
import pathlib
import shlex
from collections.abc import Mapping
from typing import Any

import rich.table

from tfrs_timirec.cli.console import make_console
from tfrs_timirec.cli.data_arguments import (
    add_data_arguments,
    plain_name,
    read_data_arguments,
)
from tfrs_timirec.cli.notes import print_notes
from tfrs_timirec.cli.setting_arguments import (
    add_setting_arguments,
    fit_to_catalogue,
    given_settings,
    read_settings,
)
from tfrs_timirec.experiments import MODEL_NAMES
from tfrs_timirec.experiments.known_names import check_known
from tfrs_timirec.experiments.model_builders import (
    check_settings_of,
    foreign_settings,
)
from tfrs_timirec.experiments.settings import TrainingSettings
from tfrs_timirec.experiments.trial_pruning import import_optuna
from tfrs_timirec.experiments.tuning import PAPER_GRID, Tuner

_SHOWN = 10

_DESCRIPTION = """\
Searches the paper's grid for the settings with the best NDCG@5 on validation
cases; the test cases are not looked at. Trials that lag behind the others are
ended early. Stopped at any moment, even killed, the same command goes on; run
it several times at once, and the processes share the trials. Needs the extra
'tune' (Optuna).
"""

_GRID = "\n".join(
    f"  {name:<14} {', '.join(f'{value:g}' for value in values)}"
    for name, values in PAPER_GRID.items()
)
_EPILOG = f"""\
The grid:
{_GRID}

What --output holds:
  preset.json   the best settings so far, for 'timirec train --preset FILE'
  study.db      the trials, an Optuna study in SQLite
  runs/         their runs; trials that share a first stage share its run

Examples:
  timirec tune --dataset amazon_beauty --data-dir ~/raw --model timirec
  timirec tune --dataset amazon_beauty --data-dir ~/raw --model sasrec \\
      --preset paper --parameters learning_rate l2
  timirec tune --dataset household_tv/tiny --model comirec --trials 6 \\
      --parameters learning_rate num_interests --max-epochs 3
  timirec train --dataset household_tv/tiny \\
      --preset tuning/household_tv-tiny-comirec/preset.json
"""


def add_parser(
    subparsers: argparse._SubParsersAction[argparse.ArgumentParser],
) -> argparse.ArgumentParser:
    """Adds the verb to the parser of `timirec`.

    Args:
        subparsers: what `ArgumentParser.add_subparsers` returned.
    """
    parser = subparsers.add_parser(
        "tune",
        help="search for the best settings",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_data_arguments(parser)
    parser.add_argument(
        "--model",
        required=True,
        metavar="NAME",
        help=f"what to tune: {', '.join(MODEL_NAMES)}",
    )
    parser.add_argument(
        "--trials",
        type=int,
        default=30,
        metavar="N",
        help="trials in all, of all processes (default: %(default)s)",
    )
    parser.add_argument(
        "--parameters",
        nargs="+",
        metavar="NAME",
        help="what to search (default: all of the grid that the model has)",
    )
    parser.add_argument(
        "--preset",
        metavar="NAME",
        help="where the settings come from that are not searched: validated"
        " (the default), paper, large_batch, or a file that an earlier search"
        " wrote",
    )
    parser.add_argument(
        "--output",
        metavar="FOLDER",
        type=pathlib.Path,
        help="folder of the study (default: tuning/<data>-<model>)",
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=0,
        metavar="N",
        help="seed of weights, order and negatives (default: %(default)s)",
    )
    add_setting_arguments(parser)
    return parser


def run(args: argparse.Namespace) -> int:
    """Tunes, as far as that is not done yet, and prints the best trials.

    Args:
        args: the parsed arguments.
    """
    try:
        import_optuna()
    except ImportError as error:
        raise ValueError(str(error)) from error
    if args.trials < 1:
        raise ValueError(
            f"--trials must be at least 1. Received: {args.trials}"
        )
    console = make_console()
    source = read_data_arguments(args)
    settings = read_settings(args, source)
    given = given_settings(args)
    names = args.parameters or _searched(settings, given)
    for name in names:
        check_known("parameters", name, list(PAPER_GRID))
        check_settings_of(settings.model, [name])
        if name in given:
            raise ValueError(
                f"`{name}` must be searched or given, not both. Received:"
                f" {name}={given[name]!r}, and {name} among `parameters`."
            )
    data = pathlib.Path(source.place).name if source.interactions else None
    data = plain_name(data or source.place)
    interactions = source.load()
    settings = fit_to_catalogue(settings, interactions, args)
    print_notes(console, interactions, settings)
    tuner = Tuner(
        settings=settings,
        grid={name: PAPER_GRID[name] for name in names},
        interactions=interactions,
        folder=args.output or pathlib.Path("tuning") / f"{data}-{args.model}",
        source=source,
        command=shlex.join(["timirec", *args.words]),
    )
    study = tuner.run(args.trials, console)
    values = {
        trial.number: trial.value
        for trial in study.trials
        if trial.state.name == "COMPLETE" and trial.value is not None
    }
    table = rich.table.Table(title="Best on validation cases")
    for heading in ("trial", "NDCG@5", *names):
        table.add_column(heading, justify="right")
    for number in sorted(values, key=lambda key: -values[key])[:_SHOWN]:
        point = study.trials[number].params
        table.add_row(
            str(number),
            f"{values[number]:.4f}",
            *(f"{point[name]:g}" for name in names),
        )
    console.print(table)
    if not values:
        console.print("No trial has been completed yet.")
        return 0
    console.print(
        f"The best settings are in {tuner.preset_path}. Train with them, on"
        " the same data:\n"
        f"  timirec train --preset {shlex.quote(str(tuner.preset_path))} …",
        soft_wrap=True,
    )
    return 0


def _searched(
    settings: TrainingSettings, given: Mapping[str, Any]
) -> list[str]:
    """Returns what of the grid the model has and nobody gave."""
    left_out = {*foreign_settings(settings.model), *given}
    return [name for name in PAPER_GRID if name not in left_out]
