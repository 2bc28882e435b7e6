"""`timirec export`: from a run folder to a SavedModel that servers load."""

from __future__ import annotations

import argparse
import dataclasses
import pathlib
import shlex

import numpy as np

from tfrs_timirec.cli.console import make_console
from tfrs_timirec.data import Interactions
from tfrs_timirec.data.metadata import align_table
from tfrs_timirec.data.readers import read_csv
from tfrs_timirec.experiments import TrainingRun
from tfrs_timirec.serving import STORAGES, export

_DESCRIPTION = """\
Exports a trained run as a SavedModel: raw item ids in, raw item ids out, with
plain TensorFlow and in TF Serving. A version appears when it is whole, and its
README.md is the model card.
"""

_EPILOG = """\
Signatures:
  serving_default    the best items a user has not met, and the predicted
                     distribution over the user's interests
  interests          the interests, what of the history each looks at, and the
                     items nearest to each
  user_embedding     the vectors that items are scored with
  score              scores of given candidates
  recommend_diverse  the best items, mixed by category

Examples:
  timirec export runs/beauty --output saved_models/beauty
      the next version: saved_models/beauty/1, then /2, ...
  timirec export runs/beauty --output saved_models/beauty/7 --storage int8
  timirec export runs/mine --output saved_models/mine --items items.csv
      a log of your own with titles: item_id,title
  timirec recommend saved_models/beauty --history 9759091062 B0000632EN
"""


def add_parser(
    subparsers: argparse._SubParsersAction[argparse.ArgumentParser],
) -> argparse.ArgumentParser:
    """Adds the verb to the parser of `timirec`.

    Args:
        subparsers: what `ArgumentParser.add_subparsers` returned.
    """
    parser = subparsers.add_parser(
        "export",
        help="export a trained run for serving",
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
        "--output",
        required=True,
        metavar="FOLDER",
        type=pathlib.Path,
        help="folder of all versions, or of the new one, named by its number",
    )
    parser.add_argument(
        "--storage",
        choices=STORAGES,
        default=STORAGES[0],
        help="how item vectors are kept; what the compact ones cost in recall"
        " is measured and stands in the model card (default: %(default)s)",
    )
    parser.add_argument(
        "--items",
        metavar="CSV",
        type=pathlib.Path,
        help="for a log of your own, what is known of its items: their ids in"
        " the first column, then 'title', and others for --category",
    )
    parser.add_argument(
        "--category",
        metavar="COLUMN",
        help="column of the items' metadata that recommend_diverse mixes"
        " (default: the interest that an item fits best)",
    )
    parser.add_argument(
        "--max-k",
        type=int,
        default=1000,
        metavar="K",
        help="longest list that a request may ask for (default: %(default)s)",
    )
    parser.add_argument(
        "--no-titles",
        action="store_true",
        help="leave the items' titles out",
    )
    return parser


def run(args: argparse.Namespace) -> int:
    """Exports the run.

    Args:
        args: the parsed arguments.
    """
    console = make_console()
    training_run = TrainingRun.open(args.run_folder)
    if (args.output / "settings.json").exists():
        raise ValueError(
            "`--output` must not be a run folder, with which the model would be"
            f" lost. Received: --output {args.output}. Choose another folder."
        )
    log = training_run.interactions
    if args.items:
        log, missing = _with_items(log, args.items, args.category)
        if missing:
            console.print(
                f"Note: {missing:,} of {log.num_items:,} items have no row in"
                f" {args.items}.",
                soft_wrap=True,
                markup=False,
            )
    model = training_run.load_weights()
    results = training_run.results() or {}
    metrics = {
        f"{name}, {label}": value
        for candidates, label in (
            ("sampled", "among sampled negatives"),
            ("full", "in the whole catalogue"),
        )
        for name, value in results.get("test", {}).get(candidates, {}).items()
    }
    with console.status("Exporting ..."):
        folder = export(
            model,
            log,
            args.output,
            max_history_length=training_run.settings.max_history_length,
            storage=args.storage,
            category=args.category,
            max_k=args.max_k,
            titles=not args.no_titles,
            metrics=metrics,
            command=results.get("command"),
            split=training_run.split,
        )
    size = sum(
        path.stat().st_size for path in folder.rglob("*") if path.is_file()
    )
    item = str(log.items[0])
    # What begins with "-" would be taken for an option.
    history = (
        [f"--history={item}"] if item.startswith("-") else ["--history", item]
    )
    question = ["timirec", "recommend", str(folder), *history]
    # The export knows its items' attributes, and `recommend` what time it is.
    context = [
        name
        for name in model.feature_names
        if name != "request_timestamp" and not name.startswith("item_")
    ]
    hint = f" (besides, it needs --context for {', '.join(context)})"
    console.print(
        f"Exported to {folder} ({size / 2**20:.1f} MiB); the model card is its"
        f" README.md.\nAsk it: {shlex.join(question)}{hint * bool(context)}",
        soft_wrap=True,
    )
    return 0


def _with_items(
    log: Interactions, path: pathlib.Path, category: str | None
) -> tuple[Interactions, int]:
    """Gives a log's items the rows of a file; says how many have none.

    Raises:
        ValueError: if the log has metadata of its own, or the file is no such
            table of its items.
    """
    if log.item_metadata is not None:
        raise ValueError(
            "`--items` is for a log of your own; what is known of the items of"
            f" {log.name} comes with it. Received: {path}"
        )
    table = read_csv(path).frame
    table = table.mask(table == "").set_index(table.columns[0])
    table = table.rename(
        columns=lambda name: (
            "title" if name.strip().casefold() == "title" else name
        )
    )
    if not {"title", category} & set(table.columns):
        raise ValueError(
            "`--items` must have a column `title`, or that of --category."
            f" Received: {path} with the columns"
            f" {', '.join(map(str, table.columns)) or 'of ids alone'}."
        )
    if log.items.dtype.kind == "i":
        try:
            table.index = table.index.astype(np.int64)
        except ValueError as error:
            raise ValueError(
                "`--items` must have integers in its first column, as the log"
                f" has for its items. Received: {path}: {error}"
            ) from error
    aligned = align_table("--items", table, log.items)
    if aligned.num_missing == log.num_items:
        raise ValueError(
            "`--items` must have the raw ids of the log's items in its first"
            f" column, as {log.items[0]!r}. Received: {path}, which has none"
            f" of them, but {len(table):,} other rows."
        )
    log = dataclasses.replace(log, item_metadata=aligned.rows)
    return log, aligned.num_missing
