r"""Measures training and ranking beside RecBole and the authors' code.

    python benchmarks/peers.py --data-dir FOLDER \
        --recbole-python PYTHON --authors-python PYTHON --authors-code FOLDER

Every model runs in a new process, a peer's in an environment of its own, one
after the other, on the same log, with vectors of 64 numbers, histories of 20
items, batches of 256, BPR and one negative. What is not given is not measured.

RecBole and PyTorch go into an environment for them alone:

    uv venv peers --python 3.11
    uv pip install --python peers/bin/python torch==2.2.2 numpy==1.26.4 \
        recbole==1.2.1 'pandas<3' 'scipy<1.14' 'setuptools<81'

The authors' code is the branch CIKM22 of github.com/THUwangcy/ReChorus; it runs
in the same environment.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import multiprocessing
import os
import pathlib
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import pandas as pd
from reporting import Report, add_json_argument, median_seconds

from tfrs_timirec.data import (
    Interactions,
    LeaveOneOut,
    evaluation_dataset,
    load_dataset,
    training_dataset,
)
from tfrs_timirec.evaluation import rank_held_out
from tfrs_timirec.experiments import preset
from tfrs_timirec.training import tune_for_cpu

_SCRIPTS = pathlib.Path(__file__).resolve().parent
_SINGLE_VECTOR = {"gru4rec": "GRU4Rec", "sasrec": "SASRec"}
_INTERESTS = ("--K", "4", "--history_max", "20")
_TIMIREC = (*_INTERESTS, "--temp", "0.1", "--n_layers", "1", "--add_pos", "1")
# Model and stage here, model and flags there. The first stages of TiMiRec are
# ComiRec and ComiRec+.
_TWO_STAGES = {
    ("comirec", "pretraining"): ("ComiRec", _INTERESTS),
    ("timirec", "finetuning"): ("TiMiRec", (*_TIMIREC, "--add_trm", "0")),
    ("comirec_plus", "pretraining"): (
        "TiMiRec",
        (*_TIMIREC, "--add_trm", "1", "--stage", "pretrain"),
    ),
    ("timirec_plus", "finetuning"): ("TiMiRec", (*_TIMIREC, "--add_trm", "1")),
}


def main() -> None:
    """Prints a table of seconds and their ratios."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--dataset", default="amazon_beauty")
    parser.add_argument("--data-dir", help="folder of the raw files")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--recbole-python", type=_absolute, metavar="PYTHON")
    parser.add_argument("--authors-python", type=_absolute, metavar="PYTHON")
    parser.add_argument("--authors-code", type=_absolute, metavar="FOLDER")
    add_json_argument(parser)
    args = parser.parse_args()
    if (args.authors_python is None) != (args.authors_code is None):
        parser.error("--authors-python and --authors-code go together")
    report = Report("peers", args, title="training and ranking, beside peers")
    split = LeaveOneOut(load_dataset(args.dataset, args.data_dir))
    with tempfile.TemporaryDirectory(prefix="timirec-peers-") as temporary:
        folder = pathlib.Path(temporary)
        if args.recbole_python:
            write_atomic_file(split.interactions, folder / "recbole" / "log")
        if args.authors_code:
            write_authors_files(split, folder / "authors" / "log")
        for peer, name, stage, command in _peers(args, folder):
            theirs = _measure_peer(command, folder)
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                ours = pool.apply(_measure, (name, stage, args, set(theirs)))
            for what, there in theirs.items():
                count, seconds = ours[what]
                report.add(
                    model=name,
                    stage=stage,
                    what=what,
                    count=count,
                    seconds=seconds,
                    peer=f"{peer}, {there['version']}",
                    peer_count=there["count"],
                    peer_seconds=there["seconds"],
                    times_as_fast=(count / seconds)
                    / (there["count"] / there["seconds"]),
                )
    report.finish()


def write_atomic_file(interactions: Interactions, folder: pathlib.Path) -> None:
    """Writes a log as RecBole reads it.

    Args:
        interactions: the log.
        folder: where to write; its name is the file's.
    """
    folder.mkdir(parents=True)
    frame = pd.DataFrame(
        {
            "user_id:token": interactions.user_indices,
            "item_id:token": interactions.item_ids,
            "timestamp:float": interactions.timestamps,
        }
    )
    frame.to_csv(folder / f"{folder.name}.inter", sep="\t", index=False)


def write_authors_files(split: LeaveOneOut, folder: pathlib.Path) -> None:
    """Writes a split as the authors' code reads it.

    Args:
        split: the split; its negatives for validation are written, too.
        folder: where to write.
    """
    folder.mkdir(parents=True)
    log = split.interactions
    frame = pd.DataFrame(
        {
            "user_id": log.user_indices + 1,  # Theirs begin at 1.
            "item_id": log.item_ids - 1,  # As theirs: no unknown item.
            "time": log.timestamps,
        }
    )
    parts = {
        "train": frame[split.is_training],
        "dev": frame.iloc[split.held_out_positions("validation")],
        "test": frame.iloc[split.held_out_positions("test")],
    }
    negatives = split.negatives("validation") - 1
    parts["dev"] = parts["dev"].assign(neg_items=negatives.tolist())
    for name, part in parts.items():
        part.sort_values(["time", "user_id"], kind="stable").to_csv(
            folder / f"{name}.csv", sep="\t", index=False
        )


def _absolute(path: str) -> str:
    # Not resolved: the python of an environment is a link out of it.
    return str(pathlib.Path(path).absolute())


def _peers(
    args: argparse.Namespace, folder: pathlib.Path
) -> Iterator[tuple[str, str, str, list[str]]]:
    """Yields a peer, model and stage here, and the command that measures it."""
    if args.recbole_python:
        for name, theirs in _SINGLE_VECTOR.items():
            yield (
                "RecBole",
                name,
                "pretraining",
                [
                    *(args.recbole_python, "-W", "ignore"),
                    str(_SCRIPTS / "peer_recbole.py"),
                    str(folder / "recbole"),
                    str(args.epochs),
                    theirs,
                ],
            )
    if args.authors_code:
        for (name, stage), (theirs, flags) in _TWO_STAGES.items():
            yield (
                "authors' code",
                name,
                stage,
                [
                    *(args.authors_python, "-W", "ignore"),
                    str(_SCRIPTS / "peer_authors.py"),
                    args.authors_code,
                    str(folder / "authors"),
                    str(args.epochs),
                    theirs,
                    *flags,
                ],
            )


def _measure_peer(
    command: list[str], folder: pathlib.Path
) -> dict[str, dict[str, Any]]:
    """Returns what a peer timed in a new process, by what it is."""
    # A peer shall find its own packages.
    environment = {
        name: value
        for name, value in os.environ.items()
        if name != "PYTHONPATH"
    }
    done = subprocess.run(
        command,
        cwd=folder,  # RecBole writes logs beside it.
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env=environment,
    )
    lines = [line for line in done.stdout.splitlines() if line[:1] == "{"]
    return {row.pop("what"): row for row in map(json.loads, lines)}


def _measure(
    name: str, stage: str, args: argparse.Namespace, wanted: set[str]
) -> dict[str, tuple[int, float]]:
    """Returns on how many instances or cases, and seconds, by what is timed."""
    tune_for_cpu()
    split = LeaveOneOut(load_dataset(args.dataset, args.data_dir))
    # Whatever the log, as the peers are told; they train without weight decay.
    settings = dataclasses.replace(
        preset(name, "amazon_beauty", "paper"), l2=0.0
    )
    model = settings.build_model(split.interactions.vocabulary_size)
    model.set_stage(stage)
    train = training_dataset(split, features=model.feature_names)
    validation = evaluation_dataset(split, features=model.feature_names)
    calls: dict[str, tuple[int, Callable[[], object]]] = {
        "an epoch": (
            len(split.train_positions),
            lambda: model.fit(train, verbose=0),
        ),
        "validation": (
            len(split.held_out_positions("validation")),
            lambda: model.evaluate(validation, verbose=0),
        ),
        "full ranking": (
            len(split.held_out_positions("validation")),
            lambda: rank_held_out(
                model, split, "validation", candidates="full"
            ),
        ),
    }
    return {
        what: (count, median_seconds(call, args.epochs))
        for what, (count, call) in calls.items()
        if what in wanted
    }


if __name__ == "__main__":
    main()
