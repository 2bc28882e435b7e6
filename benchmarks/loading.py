"""Measures how fast a log becomes ready to train, and in how much memory.

    python benchmarks/loading.py --interactions 20000000

Writes a synthetic log (popularity of items and activity of users by Zipf's
law, rows in the order of time) into a temporary folder and reads it in a fresh
process: `Interactions.from_parquet`, the leave-one-out split, the training data
set and its first batch. The import of TensorFlow is not part of the seconds,
but of the memory.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import pyarrow as pa
import pyarrow.parquet

_ROWS_PER_GROUP = 1 << 20
_FIRST_TIME = 1_600_000_000
_SECONDS_A_ROW = 3
ID_KINDS = ("text", "integer", "hash")


def main() -> None:
    """Prints a table of the steps."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--interactions", type=int, default=20_000_000)
    parser.add_argument("--users", type=int, default=1_000_000)
    parser.add_argument("--items", type=int, default=200_000)
    parser.add_argument("--ids", choices=ID_KINDS, default="text")
    parser.add_argument(
        "--shuffled", action="store_true", help="rows in random order"
    )
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--file", type=pathlib.Path, help="read this log instead of a new one"
    )
    if sys.argv[1:2] == ["--measure"]:  # The fresh process.
        print(json.dumps(list(_measure(sys.argv[2]))))
        return

    from reporting import Report, add_json_argument  # noqa: PLC0415

    add_json_argument(parser)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="timirec-loading-") as folder:
        path = args.file or pathlib.Path(folder) / "log.parquet"
        if not args.file:
            write_log(path, args)
        report = Report(
            "loading",
            args,
            title=f"{args.interactions:,} interactions, {args.ids} ids,"
            f" {path.stat().st_size / 2**20:,.0f} MiB of Parquet",
        )
        runs = [_measure_in_new_process(path) for _ in range(args.repeats)]
    for steps in zip(*runs, strict=True):
        report.add(
            step=steps[0]["step"],
            seconds=float(np.median([step["seconds"] for step in steps])),
            peak_memory_gib=max(step["peak_memory_gib"] for step in steps),
        )
    report.finish()


def write_log(path: pathlib.Path, args: argparse.Namespace) -> None:
    """Writes a synthetic log, a row group at a time.

    Args:
        path: the Parquet file.
        args: number of `interactions`, `users` and `items`, `ids`, `shuffled`
            and `seed`. With hashed ids a row has an `event_id`, too.
    """
    rng = np.random.default_rng(args.seed)
    users = _zipf(args.users, exponent=0.6)
    items = _zipf(args.items, exponent=1.0)
    user_names = _names("user-", args.users, args.ids, rng)
    item_names = _names("item-", args.items, args.ids, rng)
    writer = None
    for start in range(0, args.interactions, _ROWS_PER_GROUP):
        size = min(_ROWS_PER_GROUP, args.interactions - start)
        rows = np.arange(start, start + size)
        if args.shuffled:
            rows = rng.integers(0, args.interactions, size)
        table = pa.table(
            {
                "user_id": user_names.take(_draw(users, size, rng)),
                "item_id": item_names.take(_draw(items, size, rng)),
                "timestamp": _FIRST_TIME + rows * _SECONDS_A_ROW,
            }
        )
        if args.ids == "hash":
            events = [
                _hash(f"event-{row}") for row in range(start, start + size)
            ]
            table = table.append_column("event_id", pa.array(events))
        writer = writer or pyarrow.parquet.ParquetWriter(path, table.schema)
        writer.write_table(table)
    if writer:
        writer.close()


def _zipf(count: int, exponent: float) -> np.ndarray:
    """Returns cumulated chances of 1 / rank ** exponent."""
    chances = np.cumsum(np.arange(1, count + 1, dtype=float) ** -exponent)
    return chances / chances[-1]


def _draw(
    cumulated: np.ndarray, size: int, rng: np.random.Generator
) -> pa.Array:
    return pa.array(np.searchsorted(cumulated, rng.random(size)))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _names(
    prefix: str, count: int, kind: str, rng: np.random.Generator
) -> pa.Array:
    """Returns ids whose order says nothing of their popularity."""
    numbers = rng.permutation(count)
    if kind == "integer":
        return pa.array(numbers)
    if kind == "hash":
        return pa.array([_hash(f"{prefix}{number}") for number in numbers])
    return pa.array([f"{prefix}{number:010d}" for number in numbers])


def _measure_in_new_process(path: pathlib.Path) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, __file__, "--measure", str(path)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def _measure(path: str) -> Iterator[dict[str, Any]]:
    """Yields seconds and peak memory of each step, and of all."""
    from reporting import peak_memory_gib  # noqa: PLC0415

    from tfrs_timirec.data import (  # noqa: PLC0415
        Interactions,
        LeaveOneOut,
        training_dataset,
    )

    yield {
        "step": "imports",
        "seconds": 0.0,
        "peak_memory_gib": peak_memory_gib(),
    }
    first = last = time.perf_counter()

    def lap(step: str) -> dict[str, Any]:
        nonlocal last
        start, last = last, time.perf_counter()
        return {
            "step": step,
            "seconds": last - start,
            "peak_memory_gib": peak_memory_gib(),
        }

    interactions = Interactions.from_parquet(path)
    yield lap("Interactions.from_parquet")
    split = LeaveOneOut(interactions)
    _ = split.train_positions
    yield lap("LeaveOneOut")
    dataset = training_dataset(split)
    yield lap("training_dataset")
    next(iter(dataset))
    yield lap("first batch")
    yield {
        "step": "all",
        "seconds": last - first,
        "peak_memory_gib": peak_memory_gib(),
    }


if __name__ == "__main__":
    main()
