"""Measures recommending to every user: users per second and peak memory.

    python benchmarks/batch_inference.py --items 12000 1000000 10000000

For each size of the catalogue a fresh process makes a synthetic log and an
untrained ComiRec, whose speed is that of a trained one, and writes everybody's
best items into a temporary folder, as `timirec recommend-all` does. The first
part, which holds the tracing of the graph, is not timed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np


def main() -> None:
    """Prints a row for each size of the catalogue."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--items", type=int, nargs="+", default=[12_000, 1_000_000]
    )
    parser.add_argument("--users", type=int, default=4096)
    parser.add_argument("--history-length", type=int, default=20)
    parser.add_argument("--embedding-dim", type=int, default=64)
    parser.add_argument("--interests", type=int, default=4)
    parser.add_argument("--k", type=int, default=10)
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--block-size", type=int, default=8192)
    parser.add_argument("--seed", type=int, default=0)
    if sys.argv[1:2] == ["--measure"]:  # The fresh process.
        print(json.dumps(_measure(**json.loads(sys.argv[2]))))
        return

    from reporting import Report, add_json_argument  # noqa: PLC0415

    add_json_argument(parser)
    args = parser.parse_args()
    report = Report(
        "batch_inference",
        args,
        title=f"The {args.k} best items of {args.users:,} users",
    )
    for num_items in args.items:
        settings = {**report.settings, "items": num_items}
        done = subprocess.run(
            [sys.executable, __file__, "--measure", json.dumps(settings)],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        report.add(**json.loads(done.stdout.splitlines()[-1]))
    report.finish()


def _measure(
    *,
    items: int,
    users: int,
    history_length: int,
    embedding_dim: int,
    interests: int,
    k: int,
    batch_size: int,
    block_size: int,
    seed: int,
) -> dict[str, Any]:
    import tensorflow as tf  # noqa: PLC0415
    from reporting import peak_memory_gib  # noqa: PLC0415

    from tfrs_timirec.data import Interactions  # noqa: PLC0415
    from tfrs_timirec.models import ComiRec  # noqa: PLC0415
    from tfrs_timirec.serving import (  # noqa: PLC0415
        BatchSettings,
        recommend_all,
    )

    tf.keras.utils.set_random_seed(seed)
    rng = np.random.default_rng(seed)
    num_users = users + batch_size  # The first part warms up.
    log = Interactions(
        name="synthetic",
        user_indices=np.repeat(
            np.arange(num_users, dtype=np.int32), history_length
        ),
        item_ids=rng.integers(
            2, items + 2, num_users * history_length, dtype=np.int32
        ),
        timestamps=np.tile(np.arange(history_length), num_users),
        users=np.arange(num_users),
        items=np.arange(items),
    )
    model = ComiRec(
        log.vocabulary_size,
        num_interests=interests,
        embedding_dim=embedding_dim,
        max_history_length=history_length,
    )
    moments: dict[int, float] = {}
    with tempfile.TemporaryDirectory(prefix="timirec-batch-") as folder:
        recommend_all(
            model,
            log,
            folder,
            BatchSettings(
                k=k,
                max_history_length=history_length,
                users_per_part=batch_size,
                batch_size=batch_size,
                block_size=block_size,
            ),
            on_progress=lambda done: moments.setdefault(
                done, time.perf_counter()
            ),
        )
        end = time.perf_counter()
    seconds = end - moments[batch_size]
    return {
        "items": items,
        "users": users,
        "seconds": seconds,
        "users_per_second": users / seconds,
        "peak_memory_gib": peak_memory_gib(),
    }


if __name__ == "__main__":
    main()
