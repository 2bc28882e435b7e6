"""`timirec evaluate`: ranks the held-out items of a trained run again."""

from __future__ import annotations

import argparse
import pathlib

from tfrs_timirec.cli.console import make_console
from tfrs_timirec.cli.output_claim import claim_output
from tfrs_timirec.cli.results_table import print_results
from tfrs_timirec.experiments import PARTS, TrainingRun

_DESCRIPTION = """\
Ranks the held-out items of a trained run again, with its saved weights and the
data it was trained on. The run folder knows where the data is; if the data has
changed, you are told.
"""

_EPILOG = """\
Examples:
  timirec evaluate runs/amazon_beauty-timirec-seed0
  timirec evaluate runs/amazon_beauty-timirec-seed0 --part test --save-ranks
"""


def add_parser(
    subparsers: argparse._SubParsersAction[argparse.ArgumentParser],
) -> argparse.ArgumentParser:
    """Adds the verb to the parser of `timirec`.

    Args:
        subparsers: what `ArgumentParser.add_subparsers` returned.
    """
    parser = subparsers.add_parser(
        "evaluate",
        help="evaluate a trained run again",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "run_folder",
        metavar="RUN",
        type=pathlib.Path,
        help="the run folder that 'timirec train' wrote",
    )
    parser.add_argument(
        "--part",
        choices=PARTS,
        help="rank one part only (default: both)",
    )
    parser.add_argument(
        "--save-ranks",
        action="store_true",
        help="write ranks.parquet, the rank of every held-out target",
    )
    return parser


def run(args: argparse.Namespace) -> int:
    """Evaluates and prints; updates the run's metrics.json.

    Args:
        args: the parsed arguments.
    """
    console = make_console()
    training_run = TrainingRun.open(args.run_folder)
    parts = (args.part,) if args.part else PARTS
    with claim_output(args.run_folder, "RUN"):
        results = training_run.evaluate(parts, save_ranks=args.save_ranks)
    print_results(console, results, parts)
    ranks = (
        f", every rank in {training_run.ranks_path}" if args.save_ranks else ""
    )
    console.print(
        f"The numbers are in {args.run_folder / 'metrics.json'}{ranks}.",
        soft_wrap=True,
    )
    return 0
