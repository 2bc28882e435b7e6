"""Trains on a log whose texts are larger than the memory that it is given.

    python benchmarks/large_log.py --json large_log.json

Writes a log of hashed ids, then takes each step in a process of its own that
may use `--limit-gib` of memory, no more: to read the log as a table of texts,
to read it as `Interactions`, which keep each distinct id once, to train TiMiRec
on them, and to prepare the log with Apache Beam's DirectRunner. A step that
needs more is killed, and the table says so. The limit is a control group's,
which only root may make.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import pyarrow.parquet
from loading import write_log
from reporting import Report, add_json_argument, peak_memory_gib

if TYPE_CHECKING:
    from tfrs_timirec.data import CleaningOptions, Interactions

_GROUPS = pathlib.Path("/sys/fs/cgroup")
_KILLED = -9


def main() -> None:
    """Prints a table of the steps."""
    if sys.argv[1:2] == ["--step"]:  # The limited process.
        print(json.dumps(_take_step(*sys.argv[2:])))
        return
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--interactions", type=int, default=12_000_000)
    parser.add_argument("--users", type=int, default=600_000)
    parser.add_argument("--items", type=int, default=60_000)
    parser.add_argument("--limit-gib", type=float, default=2.0)
    parser.add_argument("--train-steps", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--folder", type=pathlib.Path, help="for the files; kept afterwards"
    )
    parser.set_defaults(ids="hash", shuffled=False)
    add_json_argument(parser)
    args = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = args.folder or pathlib.Path(
            stack.enter_context(tempfile.TemporaryDirectory())
        )
        folder.mkdir(parents=True, exist_ok=True)
        log = folder / "log.parquet"
        if not log.exists():
            write_log(log, args)
        group = stack.enter_context(_memory_limit(args.limit_gib))
        report = Report(
            "large_log",
            args,
            title=f"{args.interactions:,} interactions within"
            f" {args.limit_gib:g} GiB; {log.stat().st_size / 2**30:.2g} GiB of"
            f" Parquet, {_table_gib(log):.2g} GiB as a table of texts",
        )
        for step, name, *rest in (
            ("read as a table of texts", "read_table", log),
            ("Interactions.from_parquet, 5-core", "load", log),
            (
                f"the same, {args.train_steps} steps of TiMiRec",
                *("train", log, args.train_steps),
            ),
            (
                "prepare by Beam's DirectRunner",
                *("prepare", log, folder / "prepared"),
            ),
        ):
            print(step, file=sys.stderr, flush=True)
            report.add(step=step, **_measure(group, name, *rest))
    report.finish()


@contextlib.contextmanager
def _memory_limit(gib: float) -> Iterator[pathlib.Path]:
    """Makes a control group whose processes share so much memory."""
    old = _GROUPS / "memory"  # Version 1.
    group = (old if old.is_dir() else _GROUPS) / f"large-log-{os.getpid()}"
    file = "memory.limit_in_bytes" if old.is_dir() else "memory.max"
    group.mkdir()
    try:
        (group / file).write_text(str(int(gib * 2**30)))
        yield group
    finally:
        group.rmdir()


def _measure(group: pathlib.Path, *step: object) -> dict[str, Any]:
    start = time.perf_counter()
    done = subprocess.run(
        [
            *("sh", "-c", 'echo $$ > "$0"/cgroup.procs; exec "$@"', group),
            *(sys.executable, __file__, "--step", *map(str, step)),
        ],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    seconds = time.perf_counter() - start
    if done.returncode == _KILLED:
        return {"seconds": seconds, "outcome": "killed: out of memory"}
    done.check_returncode()
    return {
        "seconds": seconds,
        "outcome": "done",
        **json.loads(done.stdout.splitlines()[-1]),
    }


def _take_step(name: str, *arguments: str) -> dict[str, float]:
    steps: dict[str, Callable[..., object]] = {
        "read_table": pyarrow.parquet.read_table,
        "prepare": _prepare,
        "load": _load,
        "train": _train,
    }
    result = steps[name](*arguments)
    del result  # Held until here.
    return {"peak_memory_gib": peak_memory_gib()}


def _prepare(log: str, prepared: str) -> None:
    from tfrs_timirec.data.preparation import (  # noqa: PLC0415
        prepare_sequences,
    )

    prepare_sequences(
        [log],
        prepared,
        cleaning=_cleaning(),
        on_step=lambda step: print(
            f"{step} ({peak_memory_gib():.2f} GiB)", file=sys.stderr
        ),
    )


def _load(log: str) -> Interactions:
    from tfrs_timirec.data import Interactions  # noqa: PLC0415

    return Interactions.from_parquet(log, cleaning=_cleaning())


def _train(log: str, steps: str) -> None:
    from tfrs_timirec.data import (  # noqa: PLC0415
        LeaveOneOut,
        training_dataset,
    )
    from tfrs_timirec.experiments import TrainingSettings  # noqa: PLC0415

    split = LeaveOneOut(_load(log))
    settings = TrainingSettings(model="timirec", optimizer="lazy_adam")
    model = settings.build_model(split.interactions.vocabulary_size)
    model.fit(training_dataset(split).take(int(steps)), verbose=0)


def _cleaning() -> CleaningOptions:
    from tfrs_timirec.data import CleaningOptions  # noqa: PLC0415

    return CleaningOptions(min_user_interactions=5, min_item_interactions=5)


def _table_gib(path: pathlib.Path) -> float:
    """Returns what the log takes as Arrow's columns of texts."""
    file = pyarrow.parquet.ParquetFile(path)
    first = next(file.iter_batches(1 << 16))
    return file.metadata.num_rows * first.nbytes / first.num_rows / 2**30


if __name__ == "__main__":
    main()
