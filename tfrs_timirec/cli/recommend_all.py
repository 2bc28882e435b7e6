"""`timirec recommend-all`: the best items of every user."""

from __future__ import annotations

import argparse
import pathlib
import time

import rich.progress
from etils import epath

from tfrs_timirec.cli.console import make_console
from tfrs_timirec.experiments import TrainingRun
from tfrs_timirec.experiments.run_folder import RunFolder
from tfrs_timirec.serving import BatchSettings, recommend_all
from tfrs_timirec.serving.publishing import newest_version

_DESCRIPTION = """\
Writes the best items of every user of a trained run into a folder of Parquet
files, one row a user: user_id, item_ids (best first) and scores. Stopped at
any moment, even killed, the same command goes on behind the last whole file.
"""

_EPILOG = """\
The catalogue is scored by blocks, so memory does not grow with it. pandas,
Spark, DuckDB and BigQuery read the folder as one table.

With an exported model in place of RUN the work is an Apache Beam pipeline, on
one machine or, by the flags of its runner, on many; needs the extra [beam].

Examples:
  timirec recommend-all runs/amazon_beauty-timirec-seed0 --output best
  timirec recommend-all runs/mine --k 50 --include-seen --output best
  timirec recommend-all saved_models/mine --histories prepared \\
      --output best --beam --runner=FlinkRunner --flink_master=HOST:8081
"""


def add_parser(
    subparsers: argparse._SubParsersAction[argparse.ArgumentParser],
) -> argparse.ArgumentParser:
    """Adds the verb to the parser of `timirec`.

    Args:
        subparsers: what `ArgumentParser.add_subparsers` returned.
    """
    parser = subparsers.add_parser(
        "recommend-all",
        help="write the best items of every user into Parquet files",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "source",
        metavar="RUN",
        help="a run folder; or an exported model, a version or the folder of"
        " all, with --histories",
    )
    parser.add_argument(
        "--output",
        required=True,
        metavar="FOLDER",
        help="the folder of the files; made if it is missing",
    )
    parser.add_argument(
        "--k",
        type=int,
        default=10,
        metavar="N",
        help="items per user (default: %(default)s)",
    )
    parser.add_argument(
        "--include-seen",
        action="store_true",
        help="also recommend what a user met before; needs a run folder",
    )
    parser.add_argument(
        "--users-per-file",
        type=int,
        metavar="N",
        help="users per file, which is what a stop loses at most"
        f" (default: {BatchSettings.users_per_part}); needs a run folder",
    )
    parser.add_argument(
        "--histories",
        metavar="FOLDER",
        help="a folder that 'timirec data prepare' made; its users are"
        " recommended to by the exported model",
    )
    parser.add_argument(
        "--beam",
        nargs=argparse.REMAINDER,
        default=[],
        metavar="FLAG",
        help="all that follows are flags of Apache Beam and its runner",
    )
    return parser


def run(args: argparse.Namespace) -> int:
    """Recommends to every user, as far as that is not done yet.

    Args:
        args: the parsed arguments.
    """
    size = args.users_per_file
    if size is not None and size < 1:
        raise ValueError(
            f"--users-per-file must be at least 1. Received: {size}"
        )
    if args.histories:
        return _run_beam(args)
    if args.beam:
        raise ValueError(
            "Flags of Apache Beam must come with `--histories`. Received:"
            f" {' '.join(args.beam)}. Name an exported model and"
            " its users' histories, or leave the flags out."
        )
    _check_is_run(args.source)
    console = make_console()
    training_run = TrainingRun.open(pathlib.Path(args.source))
    model = training_run.load_weights()
    log = training_run.interactions
    settings = BatchSettings(
        k=args.k,
        exclude_seen=not args.include_seen,
        max_history_length=training_run.settings.max_history_length,
        users_per_part=BatchSettings.users_per_part if size is None else size,
    )
    errors = make_console(stderr=True)
    progress = rich.progress.Progress(
        rich.progress.TextColumn("{task.description}"),
        rich.progress.BarColumn(),
        rich.progress.MofNCompleteColumn(),
        rich.progress.TimeRemainingColumn(),
        console=errors,
        disable=not errors.is_terminal,
    )
    start = time.perf_counter()
    with progress:
        task = progress.add_task("Users", total=log.num_users)
        num_new = recommend_all(
            model,
            log,
            args.output,
            settings,
            on_progress=lambda done: progress.update(task, completed=done),
        )
    seconds = time.perf_counter() - start
    if num_new < log.num_users:
        console.print(
            f"{log.num_users - num_new:,} of {log.num_users:,} users were done"
            " before."
        )
    if num_new:
        console.print(
            f"{num_new:,} users in {seconds:.1f} s:"
            f" {num_new / seconds:,.0f} users/s."
        )
    console.print(f"The recommendations are in {args.output}.", soft_wrap=True)
    return 0


def _check_is_run(source: str) -> None:
    """Says what an exported model in the place of a run folder needs."""
    try:
        RunFolder(pathlib.Path(source)).record()
    except FileNotFoundError:
        if newest_version(epath.Path(source)) is None:
            raise
        raise ValueError(
            "RUN must be a run folder, or come with `--histories`. Received:"
            f" '{source}', an exported model. Add `--histories FOLDER`, the"
            " users to recommend to, which 'timirec data prepare' makes; or"
            " name the run that was exported."
        ) from None


def _run_beam(args: argparse.Namespace) -> int:
    if args.include_seen or args.users_per_file:
        raise ValueError(
            "`--include-seen` and `--users-per-file` must come with a run"
            " folder. Received: `--histories`, which is for exported models."
            " Leave one of them out."
        )
    try:
        from tfrs_timirec.serving.beam_inference import (  # noqa: PLC0415
            recommend_all_with_beam,
        )
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("apache_beam"):
            raise
        raise ValueError(
            "`timirec recommend-all` needs Apache Beam for exported models."
            " Install it with: pip install 'tfrs-timirec[beam]'"
        ) from error
    console = make_console()
    start = time.perf_counter()
    with console.status("Recommending ..."):
        num_users = recommend_all_with_beam(
            args.source,
            args.histories,
            args.output,
            k=args.k,
            pipeline_options=args.beam,
        )
    seconds = time.perf_counter() - start
    console.print(
        f"{num_users:,} users in {seconds:.1f} s:"
        f" {num_users / seconds:,.0f} users/s. The recommendations are in"
        f" {args.output}.",
        soft_wrap=True,
    )
    return 0
