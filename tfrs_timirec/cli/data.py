"""`timirec data`: describes and prepares data before training."""

from __future__ import annotations

import argparse

from tfrs_timirec.cli.console import make_console
from tfrs_timirec.cli.data_arguments import (
    add_data_arguments,
    read_data_arguments,
)
from tfrs_timirec.cli.data_prepare import add_prepare_parser, prepare
from tfrs_timirec.cli.notes import print_notes
from tfrs_timirec.data.loading import list_datasets

_DESCRIBE = """\
Prints how many users, items and interactions there are, how long the histories
are, and what had to be sorted, changed or left out on reading.
"""

_DESCRIBE_EPILOG = """\
Examples:
  timirec data describe --dataset household_tv/small
  timirec data describe --dataset amazon_beauty --data-dir ~/raw
  timirec data describe --interactions log.parquet --user-column user
"""

# What `timirec data list` says of each data set.
_ABOUT = {
    "amazon_beauty": "reviews: 22,363 users, 12,101 items (the paper's)",
    "household_tv/small": "simulated: 2,000 households, 800 titles; no files",
    "household_tv/tiny": "simulated: 300 households, 240 titles; no files",
    "household_tv/cmcc": "simulated in the size of the paper's CMCC; no files",
    "interaction_log": "a log of your own in TFDS; here use --interactions",
    "movielens_sequences/100k": "ratings: 943 users, 1,682 films",
    "movielens_sequences/1m": "ratings: 6,040 users, 3,706 films",
}


def add_parser(
    subparsers: argparse._SubParsersAction[argparse.ArgumentParser],
) -> argparse.ArgumentParser:
    """Adds the verb to the parser of `timirec`.

    Args:
        subparsers: what `ArgumentParser.add_subparsers` returned.
    """
    parser = subparsers.add_parser(
        "data",
        help="describe or prepare a data set or a log of your own",
        description="Describes data sets and logs, and prepares large logs.",
    )
    actions = parser.add_subparsers(
        metavar="ACTION", dest="action", required=True
    )
    describe = actions.add_parser(
        "describe",
        help="print sizes and what reading changed",
        description=_DESCRIBE,
        epilog=_DESCRIBE_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_data_arguments(describe)
    actions.add_parser(
        "list",
        help="list the data sets",
        description="Lists the data sets that --dataset takes. Those with"
        " files read them from --data-dir, or download them.",
    )
    add_prepare_parser(actions)
    return parser


def run(args: argparse.Namespace) -> int:
    """Prints the description or the list, or prepares a log.

    Args:
        args: the parsed arguments.
    """
    if args.action == "prepare":
        return prepare(args)
    if args.action == "list":
        names = list_datasets()
        width = max(map(len, names))
        for name in names:
            print(f"{name:{width}}  {_ABOUT.get(name, '')}".rstrip())
    else:
        interactions = read_data_arguments(args).load()
        print(interactions.describe())
        print_notes(make_console(), interactions)
    return 0
