"""`timirec recommend`: asks an exported model what comes next."""

from __future__ import annotations

import argparse
import pathlib
import shlex
import sys
import time
from typing import Any

import pandas as pd
import rich.box
import rich.console
import rich.table
import tensorflow as tf

from tfrs_timirec.cli.console import make_console
from tfrs_timirec.serving import ExportedModel, find_shipped_model
from tfrs_timirec.serving.publishing import newest_version

_DESCRIPTION = """\
Asks an exported model, as 'timirec export' or 'timirec demo' wrote it, for the
best items after a history. Items of the history are not recommended.
"""

_EPILOG = """\
Examples:
  timirec recommend --history B0000632EN 9759091062
  timirec recommend saved_models/household_tv --history tv-000012 tv-000345
  timirec recommend saved_models/beauty/3 --history B0000632EN --k 5 --explain
  timirec recommend saved_models/beauty --history B0000632EN --diversity 0.2
  timirec recommend saved_models/club --history 17 4 --context user_age young
      for a model that reads more than the history
  timirec recommend saved_models/club --history=-17 --history=-4
      for ids that begin with "-"
"""


def add_parser(
    subparsers: argparse._SubParsersAction[argparse.ArgumentParser],
) -> argparse.ArgumentParser:
    """Adds the verb to the parser of `timirec`.

    Args:
        subparsers: what `ArgumentParser.add_subparsers` returned.
    """
    parser = subparsers.add_parser(
        "recommend",
        help="ask an exported model for the best items",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "model",
        metavar="MODEL",
        nargs="?",
        type=pathlib.Path,
        help="folder of an exported version, or of all: the newest is asked"
        " (default: the model that comes with the package, TiMiRec+ for"
        " Amazon Beauty)",
    )
    parser.add_argument(
        "--history",
        nargs="+",
        action="extend",
        required=True,
        metavar="ID",
        help="item ids, oldest first, behind MODEL; may be given several times,"
        " as --history=ID for an id that begins with '-'",
    )
    parser.add_argument(
        "--k",
        type=int,
        default=10,
        metavar="N",
        help="length of the list (default: %(default)s)",
    )
    parser.add_argument(
        "--diversity",
        type=float,
        default=0.0,
        metavar="X",
        help="what an item of another category is worth, in units of the"
        " scores (default: %(default)s, the best items)",
    )
    parser.add_argument(
        "--explain",
        action="store_true",
        help="also show which interests the history holds",
    )
    parser.add_argument(
        "--context",
        nargs="+",
        action="append",
        default=[],
        metavar=("NAME", "VALUE"),
        help="a feature that the model reads besides; request_timestamp is now"
        " unless given",
    )
    return parser


def run(args: argparse.Namespace) -> int:
    """Recommends and prints.

    Args:
        args: the parsed arguments.
    """
    if args.k < 1:
        raise ValueError(f"--k must be at least 1. Received: {args.k}")
    if not 0 <= args.diversity < float("inf"):
        raise ValueError(
            "--diversity must be a number from 0 on. Received:"
            f" {args.diversity}"
        )
    if args.model is None:
        _check_no_model_among(args.history)
    console = make_console()
    model = ExportedModel(args.model or find_shipped_model())
    history = _values("--history", args.history, model.id_dtype)
    context = _read_context(args.context, model)
    if unknown := model.unknown(history):
        ids = ", ".join(map(str, unknown))
        note = f"note: the model does not know {ids}: not in its training data"
        if len(unknown) == len(history):
            note = (
                f"WARNING: the model knows no item of this history: {ids}."
                " What it recommends does not follow from them; ask it for ids"
                " of its training data, with spaces between, or another MODEL."
            )
        print(note, file=sys.stderr)
    best = model.recommend(
        history, k=args.k, diversity=args.diversity, context=context
    )
    best.insert(0, "", range(1, len(best) + 1))
    _print(console, f"After {len(history)} items, {model.folder}:", best)
    if args.explain:
        probabilities, attention = model.explain(history, context=context)
        shares = ", ".join(
            f"interest {number} {share:.0%}"
            for number, share in enumerate(probabilities, 1)
        )
        _print(console, "The share of each item in each interest:", attention)
        console.print(f"The next item is expected from {shares}.")
    return 0


def _check_no_model_among(ids: list[str]) -> None:
    """Keeps the shipped model from answering in place of another."""
    for word in ids:
        if newest_version(pathlib.Path(word)):
            raise ValueError(
                "MODEL must come before --history. Received: no MODEL, and"
                f" among the ids of --history '{word}', an exported model."
                f" Put it in front: timirec recommend {shlex.quote(word)}"
                " --history ..."
            )


def _read_context(
    words: list[list[str]], model: ExportedModel
) -> dict[str, list[Any]]:
    given = {name: values for name, *values in words}
    specs = model.context_specs
    if missing := specs.keys() - given.keys() - {"request_timestamp"}:
        raise ValueError(
            f"--context must give {' and '.join(sorted(missing))}, which this"
            " model reads besides the history. Received:"
            f" {', '.join(given) or 'nothing'}. Write --context NAME VALUE ...;"
            " timestamps has one Unix second for each item of the history."
        )
    context = {
        name: _values(f"--context {name}", values, specs[name].dtype)
        if name in specs
        else values
        for name, values in given.items()
    }
    if "request_timestamp" in specs:
        context.setdefault("request_timestamp", [int(time.time())])
    return context


def _values(option: str, words: list[str], dtype: tf.DType) -> list[Any]:
    if dtype == tf.string:
        return words
    try:
        return [int(word) for word in words]
    except ValueError as error:
        raise ValueError(
            f"{option} must be integers for this model. Received:"
            f" {' '.join(words)}"
        ) from error


def _print(
    console: rich.console.Console, title: str, frame: pd.DataFrame
) -> None:
    table = rich.table.Table(box=rich.box.SIMPLE)
    for name, column in frame.items():
        is_number = pd.api.types.is_numeric_dtype(column)
        table.add_column(str(name), justify="right" if is_number else "left")
    for row in frame.itertuples(index=False):
        table.add_row(
            *(
                f"{value:.3f}" if isinstance(value, float) else str(value)
                for value in row
            )
        )
    # Not the table's own title, which would break a path over two lines.
    console.print(title, soft_wrap=True)
    console.print(table)
