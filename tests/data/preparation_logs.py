"""Small logs in many files, for the tests of the preparation."""

import gzip
import json
import pathlib

import numpy as np
import pandas as pd


def make_frame(num_rows: int = 400, seed: int = 0) -> pd.DataFrame:
    """Returns rows with repeated pairs, equal times and times out of order."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "user_id": [
                f"u{number}" for number in rng.integers(40, size=num_rows)
            ],
            "item_id": [
                f"i{number}" for number in rng.integers(30, size=num_rows)
            ],
            "timestamp": rng.integers(0, 50, num_rows),
        }
    )


def write_parts(frame: pd.DataFrame, folder: pathlib.Path) -> str:
    """Writes the rows into files of three kinds; returns their pattern."""
    thirds = np.array_split(np.arange(len(frame)), 3)
    parts = [frame.iloc[third] for third in thirds]
    # Two row groups, read apart from each other.
    parts[0].to_parquet(
        folder / "part-0.parquet", row_group_size=len(parts[0]) // 2
    )
    parts[1].to_csv(folder / "part-1.csv.gz", index=False)
    with gzip.open(folder / "part-2.json.gz", "wt") as file:
        for row in parts[2].to_dict("records"):
            file.write(json.dumps(row) + "\n")
    return str(folder / "part-*")
