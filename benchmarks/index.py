"""Measures the indexes: what ScaNN finds of the best items, and the latencies.

    python benchmarks/index.py --items 10000 1000000 5000000

For each size of the catalogue a fresh process draws items and users, builds the
exact and the ScaNN index, and asks both for the `--k` best items: user by user
(the median and the 95th percentile of the latency) and in batches. "Recall" is
the share of the exact lists that ScaNN finds, over all users. Each user has
`--interests` vectors, so ScaNN's list is the union of as many, scored anew.

How they are drawn: uniform vectors have no neighbours to find and would be
unfair to ScaNN. Items of a trained model lie in groups, large and small. So
there is a group for 500 items, with a center of N(0, 1) in every dimension; a
group's weight falls as 1/(rank + 10), as popularity does; an item is the
center of its group plus noise of N(0, `--noise`), and has a length of its own,
drawn from lognormal(0, 0.25). Each of a user's vectors is the center of
another group, drawn by the same weights, plus as much noise. What recall a
catalogue of yours has, its own vectors tell: `ExactIndex` and `ScaNNIndex`
take the same.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np

ITEMS_PER_GROUP = 500
BLOCK = 100_000  # Items drawn at once, so that memory holds them once.


def main() -> None:
    """Prints a row for each size of the catalogue and index."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--items", type=int, nargs="+", default=[10_000, 1_000_000, 5_000_000]
    )
    parser.add_argument(
        "--visited-share",
        type=float,
        nargs="+",
        default=[0.02, 0.1],
        help="of ScaNN's partitions; the index is built anew for each",
    )
    parser.add_argument("--users", type=int, default=500)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--embedding-dim", type=int, default=64)
    parser.add_argument("--interests", type=int, default=4)
    parser.add_argument("--k", type=int, default=10)
    parser.add_argument("--noise", type=float, default=0.7)
    parser.add_argument("--seed", type=int, default=0)
    if sys.argv[1:2] == ["--measure"]:  # The fresh process.
        for row in _measure(**json.loads(sys.argv[2])):
            print(json.dumps(row), flush=True)
        return

    from reporting import Report, add_json_argument  # noqa: PLC0415

    add_json_argument(parser)
    args = parser.parse_args()
    report = Report(
        "index",
        args,
        title=f"The {args.k} best items for {args.interests} vectors a user",
    )
    for num_items in args.items:
        settings = {**report.settings, "items": num_items}
        done = subprocess.run(
            [sys.executable, __file__, "--measure", json.dumps(settings)],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        for line in done.stdout.splitlines():
            if line.startswith("{"):
                report.add(**json.loads(line))
    report.finish()


def draw(
    num_items: int,
    num_users: int,
    *,
    num_interests: int,
    dim: int,
    noise: float,
    seed: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Draws vectors in groups, as the head of this file says.

    Returns:
        (num_items, dim) items and (num_users, num_interests, dim) users.
    """
    rng = np.random.default_rng(seed)
    num_groups = max(num_interests, num_items // ITEMS_PER_GROUP)
    centers = rng.standard_normal((num_groups, dim), np.float32)
    weights = 1 / (np.arange(num_groups) + 10)
    weights /= weights.sum()

    def near(groups: np.ndarray) -> np.ndarray:
        drawn = rng.standard_normal((*groups.shape, dim), np.float32)
        drawn *= noise
        drawn += centers[groups]
        return drawn

    items = np.empty((num_items, dim), np.float32)
    for start in range(0, num_items, BLOCK):
        block = items[start : start + BLOCK]
        block[:] = near(rng.choice(num_groups, len(block), p=weights))
        block *= rng.lognormal(0, 0.25, (len(block), 1)).astype(np.float32)
    groups = np.stack(
        [
            rng.choice(num_groups, num_interests, replace=False, p=weights)
            for _ in range(num_users)
        ]
    )
    return items, near(groups)


def _measure(
    *,
    items: int,
    visited_share: list[float],
    users: int,
    batch_size: int,
    embedding_dim: int,
    interests: int,
    k: int,
    noise: float,
    seed: int,
) -> Any:
    """Yields a row for each index."""
    from reporting import peak_memory_gib  # noqa: PLC0415

    from tfrs_timirec.serving.index import (  # noqa: PLC0415
        ExactIndex,
        ScaNNIndex,
    )

    vectors, queries = draw(
        items,
        users,
        num_interests=interests,
        dim=embedding_dim,
        noise=noise,
        seed=seed,
    )
    ids = np.arange(items)
    builds: dict[str, Callable[[], Any]] = {
        "exact": lambda: ExactIndex(ids, vectors)
    }
    for share in visited_share:
        builds[f"ScaNN, visits {share:.0%}"] = lambda share=share: ScaNNIndex(
            ids, vectors, visited_share=share
        )
    best: np.ndarray | None = None
    for name, build in builds.items():
        start = time.perf_counter()
        index = build()
        build_seconds = time.perf_counter() - start
        found, batch_seconds = _search_batches(index, queries, k, batch_size)
        if best is None:
            best = found
        single = 1000 * np.array(_time_singles(index, queries, k))
        yield {
            "items": items,
            "index": name,
            "recall": float(_recall(found, best)),
            "p50_milliseconds": float(np.percentile(single, 50)),
            "p95_milliseconds": float(np.percentile(single, 95)),
            "batched_users_per_second": users / batch_seconds,
            "build_seconds": build_seconds,
            "peak_memory_gib": peak_memory_gib(),
        }
        del index
        gc.collect()


def _search_batches(
    index: Any, queries: np.ndarray, k: int, batch_size: int
) -> tuple[np.ndarray, float]:
    """Returns all users' lists, and the seconds they took."""
    index.search(queries[:batch_size], k)  # Not timed: the first traces.
    start = time.perf_counter()
    lists = [
        index.search(queries[first : first + batch_size], k)[1]
        for first in range(0, len(queries), batch_size)
    ]
    return np.concatenate(lists), time.perf_counter() - start


def _time_singles(index: Any, queries: np.ndarray, k: int) -> list[float]:
    """Returns the seconds of each user's search, of at most 200 users."""
    index.search(queries[:1], k)
    seconds = []
    for user in range(min(200, len(queries))):
        start = time.perf_counter()
        index.search(queries[user : user + 1], k)
        seconds.append(time.perf_counter() - start)
    return seconds


def _recall(found: np.ndarray, best: np.ndarray) -> np.floating:
    """Returns the share of the best that was found, both (users, k)."""
    return (found[:, :, np.newaxis] == best[:, np.newaxis]).any(axis=1).mean()


if __name__ == "__main__":
    main()
