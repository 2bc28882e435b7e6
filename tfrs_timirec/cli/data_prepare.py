"""`timirec data prepare`: a large log by Apache Beam."""

from __future__ import annotations

import argparse
import shlex

from tfrs_timirec.cli.console import make_console
from tfrs_timirec.cli.data_arguments import add_cleaning_arguments
from tfrs_timirec.data import CleaningOptions

_DESCRIPTION = """\
Reads a log, cleans it, groups it by user and writes a TFDS folder of user
sequences, as an Apache Beam pipeline: in this process, or by the flags of its
runner on Dataflow, Flink or Spark. Needs the extra [beam].

The folder is what reading the files at once would give, and trains like them:
timirec train --interactions FOLDER. Its order is final: --ties is given here,
not there.
"""

_EPILOG = """\
Files: *.csv, *.tsv, *.txt, *.json, *.jsonl (all also with .gz), *.parquet.
Several are read as one log in the order given, those of a wildcard by name; the
order of rows breaks ties of time. A file is read by one worker, a Parquet file
by one worker a row group: bring large logs in parts.

Examples:
  timirec data prepare --interactions 'logs/*.parquet' --output prepared \\
      --min-user-interactions 5 --min-item-interactions 5
  timirec data prepare --interactions reviews_Beauty_5.json.gz \\
      --user-column reviewerID --item-column asin \\
      --timestamp-column unixReviewTime --output beauty
  timirec data prepare --interactions 'gs://bucket/log/*.csv.gz' \\
      --output gs://bucket/prepared --beam --runner=DataflowRunner \\
      --project=PROJECT --region=REGION --temp_location=gs://bucket/tmp \\
      --sdk_container_image=IMAGE
"""


def add_prepare_parser(
    actions: argparse._SubParsersAction[argparse.ArgumentParser],
) -> None:
    """Adds the action to `timirec data`.

    Args:
        actions: what `ArgumentParser.add_subparsers` returned.
    """
    parser = actions.add_parser(
        "prepare",
        help="clean a large log, on one machine or many",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--interactions",
        required=True,
        nargs="+",
        metavar="FILE",
        help="the files of the log; wildcards in quotes",
    )
    parser.add_argument(
        "--output",
        required=True,
        metavar="FOLDER",
        help="the folder to make; for a cluster on storage that all share",
    )
    for name in ("user", "item", "timestamp"):
        default = "timestamp" if name == "timestamp" else f"{name}_id"
        parser.add_argument(
            f"--{name}-column",
            default=default,
            metavar="COLUMN",
            help=f"the column of {name}s (default: %(default)s)",
        )
    add_cleaning_arguments(parser)
    parser.add_argument(
        "--shards",
        type=int,
        metavar="N",
        help="files per split (default: by size)",
    )
    parser.add_argument(
        "--beam",
        nargs=argparse.REMAINDER,
        default=[],
        metavar="FLAG",
        help="all that follows are flags of Apache Beam and its runner",
    )


def prepare(args: argparse.Namespace) -> int:
    """Prepares the log and says what was kept.

    Args:
        args: the parsed arguments.

    Raises:
        ValueError: if Apache Beam is missing, or the log is no good.
    """
    try:
        from tfrs_timirec.data.preparation import (  # noqa: PLC0415
            LogColumns,
            prepare_sequences,
        )
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("apache_beam"):
            raise
        raise ValueError(
            "`timirec data prepare` needs Apache Beam. Install it with: pip"
            " install 'tfrs-timirec[beam]'"
        ) from error

    console = make_console(stderr=True)
    with console.status("Looking for the files ...") as status:
        report = prepare_sequences(
            args.interactions,
            args.output,
            columns=LogColumns(
                user=args.user_column,
                item=args.item_column,
                timestamp=args.timestamp_column,
            ),
            cleaning=CleaningOptions(
                min_user_interactions=args.min_user_interactions,
                min_item_interactions=args.min_item_interactions,
                duplicates=args.duplicates,
                ties=args.ties,
            ),
            num_shards=args.shards,
            pipeline_options=args.beam,
            on_step=lambda step: status.update(f"{step} ..."),
        )
    kept = (
        report.rows_read
        - report.duplicates_removed
        - report.interactions_below_minimum
    )
    train = ["timirec", "train", "--interactions", args.output]
    train += ["--model", "timirec"]
    print(
        f"Read {report.rows_read:,} rows, kept {kept:,}:"
        f" {report.duplicates_removed:,} duplicates and"
        f" {report.interactions_below_minimum:,} rows of"
        f" {report.users_below_minimum:,} users and"
        f" {report.items_below_minimum:,} items below the minimum are left out."
        f"\nTrain on them with: {shlex.join(train)}"
    )
    return 0
