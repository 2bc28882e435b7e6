"""Small logs, and what batches hold, for the tests of splits and batches."""

import numpy as np
import pandas as pd
import tensorflow as tf

from tfrs_timirec.data.interactions import Interactions


def make_log(sequences: dict[str, str]) -> Interactions:
    """Builds a log from users and the letters they met, in that order.

    The vocabulary ids of the letters a, b, c … are 2, 3, 4 … if all letters
    up to the last one occur.
    """
    rows = [
        (user, item, time)
        for user, items in sequences.items()
        for time, item in enumerate(items)
    ]
    frame = pd.DataFrame(rows, columns=["user_id", "item_id", "timestamp"])
    return Interactions.from_dataframe(frame)


def make_random_log(
    num_users: int = 40, num_items: int = 20, seed: int = 0
) -> Interactions:
    """Builds users of 1 to 9 interactions, some items repeated."""
    rng = np.random.default_rng(seed)
    letters = [chr(ord("a") + item) for item in range(num_items)]
    sequences = {
        f"u{user:02d}": "".join(rng.choice(letters, size=1 + user % 9))
        for user in range(num_users)
    }
    return make_log(sequences | {"v": "".join(letters[: num_items - 2])})


def one_epoch(dataset: tf.data.Dataset) -> dict[str, np.ndarray]:
    """Returns the batches of a pass, joined."""
    batches = list(dataset.as_numpy_iterator())
    return {
        name: np.concatenate([batch[name] for batch in batches])
        for name in batches[0]
    }
