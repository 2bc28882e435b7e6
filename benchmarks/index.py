"""Measures both indexes: recall against exact search, and latency.

    python benchmarks/index.py --items 10000 1000000 5000000 --json index.json

Items lie in clusters around random centers, as learned ones do, and each user
has several vectors, each near a cluster: what a multi-interest model makes.
Each size runs in a process of its own, so that its memory is its own. Run it on
an otherwise idle machine; 5 million items of 64 numbers take some 8 GiB.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
from reporting import Report, add_json_argument, peak_memory_gib

from tfrs_timirec.serving.index import ExactIndex, ItemIndex, ScaNNIndex

_ITEMS_PER_CLUSTER = 100


def main() -> None:
    """Prints a table of recall and latency."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--items", type=int, nargs="+", default=[10_000, 1_000_000, 5_000_000]
    )
    parser.add_argument("--dim", type=int, default=64)
    parser.add_argument("--vectors", type=int, default=4, help="of each user")
    parser.add_argument("--k", type=int, default=10)
    parser.add_argument("--users", type=int, default=200)
    parser.add_argument(
        "--visited-shares", type=float, nargs="+", default=[0.02, 0.1, 0.3]
    )
    parser.add_argument("--measure", type=int, help=argparse.SUPPRESS)
    add_json_argument(parser)
    args = parser.parse_args()
    if args.measure:  # The child process of one size.
        print(json.dumps(measure(args.measure, args)))
        return
    report = Report("index", args, f"best {args.k} of each user, batch 1")
    for num_items in args.items:
        output = subprocess.run(
            [
                sys.executable,
                __file__,
                *_without_json(sys.argv[1:]),
                f"--measure={num_items}",
            ],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        ).stdout
        for row in json.loads(output.splitlines()[-1]):
            report.add(**row)
    report.finish()


def measure(num_items: int, args: argparse.Namespace) -> list[dict[str, Any]]:
    """Returns a row for each index.

    Args:
        num_items: size of the catalogue.
        args: the other arguments.
    """
    items, users = make_vectors(num_items, args)
    ids = np.arange(num_items)
    exact, seconds = _timed(lambda: ExactIndex(ids, items))
    truth = exact.search(users, args.k)[1]
    row = _row("exact", exact, truth, users, args)
    rows = [{**row, "build_seconds": seconds}]
    for share in args.visited_shares:
        index, seconds = _timed(
            lambda share=share: ScaNNIndex(ids, items, visited_share=share)
        )
        name = f"ScaNN, {share:.0%} visited"
        row = _row(name, index, truth, users, args)
        rows.append({**row, "build_seconds": seconds})
    return rows


def make_vectors(
    num_items: int, args: argparse.Namespace
) -> tuple[np.ndarray, np.ndarray]:
    """Returns items (num_items, dim) and users (users, vectors, dim).

    Args:
        num_items: size of the catalogue.
        args: `dim`, `users` and `vectors`.
    """
    rng = np.random.default_rng(0)
    num_clusters = max(2, num_items // _ITEMS_PER_CLUSTER)
    centers = rng.standard_normal((num_clusters, args.dim), np.float32)
    items = rng.standard_normal((num_items, args.dim), np.float32) * 0.5
    items += centers[rng.integers(num_clusters, size=num_items)]
    near = rng.integers(num_clusters, size=(args.users, args.vectors))
    users = centers[near]
    noise = rng.standard_normal(users.shape, np.float32)
    return items, users + 0.5 * noise


def _row(
    name: str,
    index: ItemIndex,
    truth: np.ndarray,
    users: np.ndarray,
    args: argparse.Namespace,
) -> dict[str, Any]:
    index.search(users[:1], args.k)  # Traces the graph.
    seconds, found = [], []
    for user in users:
        (_, ids), elapsed = _timed(
            lambda user=user: index.search(user[np.newaxis], args.k)
        )
        seconds.append(elapsed)
        found.append(ids[0])
    recall = np.mean(
        [
            np.isin(one, other).mean()
            for one, other in zip(truth, found, strict=True)
        ]
    )
    p50, p99 = np.percentile(seconds, [50, 99]) * 1000
    return {
        "items": len(index),
        "index": name,
        "recall": float(recall),
        "p50_milliseconds": float(p50),
        "p99_milliseconds": float(p99),
        "peak_memory_gib": peak_memory_gib(),
    }


def _timed(call: Any) -> tuple[Any, float]:
    start = time.perf_counter()
    result = call()
    return result, time.perf_counter() - start


def _without_json(words: list[str]) -> list[str]:
    """Returns the words without `--json FILE`, which is the parent's."""
    kept = list(words)
    if "--json" in kept:
        place = kept.index("--json")
        del kept[place : place + 2]
    return [word for word in kept if not word.startswith("--json=")]


if __name__ == "__main__":
    main()
