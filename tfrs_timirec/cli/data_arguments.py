"""The arguments that say which data to read."""

from __future__ import annotations

import argparse
import re

from tfrs_timirec.data.cleaning import DUPLICATE_RULES, TIE_RULES
from tfrs_timirec.experiments import DataSource

_NAMES = (
    "dataset",
    "data_dir",
    "interactions",
    "user_column",
    "item_column",
    "timestamp_column",
    "min_user_interactions",
    "min_item_interactions",
    "duplicates",
    "ties",
)


def add_data_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments to a verb.

    Args:
        parser: the verb's parser.
    """
    group = parser.add_argument_group("data (a data set or a log of your own)")
    either = group.add_mutually_exclusive_group(required=True)
    either.add_argument(
        "--dataset",
        metavar="NAME",
        help="a data set by name; 'timirec data list' shows all",
    )
    either.add_argument(
        "--interactions",
        metavar="PATH",
        help="a CSV or Parquet file, one interaction a row (.csv.gz, too; tabs,"
        " semicolons or bars instead of commas are found by the header); or a"
        " folder of Parquet files, or one that 'timirec data prepare' made",
    )
    group.add_argument(
        "--data-dir",
        metavar="FOLDER",
        help="folder with the data set's raw files; without, they are"
        " downloaded where that is allowed",
    )
    for name in ("user", "item", "timestamp"):
        default = "timestamp" if name == "timestamp" else f"{name}_id"
        group.add_argument(
            f"--{name}-column",
            metavar="COLUMN",
            help=f"the file's column of {name}s (default: {default})",
        )
    add_cleaning_arguments(group)


def add_cleaning_arguments(parser: argparse._ActionsContainer) -> None:
    """Adds the arguments that say what is done with the rows of a log.

    Args:
        parser: a verb's parser, or a group of it.
    """
    for name in ("user", "item"):
        parser.add_argument(
            f"--min-{name}-interactions",
            type=int,
            default=0,
            metavar="N",
            help=f"leave out {name}s with fewer, again and again until all have"
            " as many (default: %(default)s)",
        )
    parser.add_argument(
        "--duplicates",
        choices=DUPLICATE_RULES,
        default=DUPLICATE_RULES[0],
        help="when a user met an item several times (default: %(default)s)",
    )
    add_tie_argument(parser)


def add_tie_argument(parser: argparse._ActionsContainer) -> None:
    """Adds the argument that orders what has the same time.

    Args:
        parser: a verb's parser, or a group of it.
    """
    parser.add_argument(
        "--ties",
        choices=TIE_RULES,
        default=TIE_RULES[0],
        help="order of a user's rows of equal time (default: %(default)s)",
    )


def plain_name(data: str) -> str:
    """Returns a name of data as part of a folder's name.

    Args:
        data: name of a data set or of a file.

    Example:
    >>> plain_name("household_tv/small"), plain_name("log [2].csv.gz")
    ('household_tv-small', 'log-2')
    """
    stem, *_ = data.split(".")
    return re.sub(r"[^\w-]+", "-", stem).strip("-") or "data"


def read_data_arguments(args: argparse.Namespace) -> DataSource:
    """Returns the source that the arguments describe.

    Args:
        args: the parsed arguments.

    Raises:
        ValueError: if they do not fit together or the data set is unknown.
    """
    return DataSource(**{name: getattr(args, name) for name in _NAMES})
