"""What tests of runs share."""

import pandas as pd
import pytest

from tfrs_timirec.data.interactions import Interactions


@pytest.fixture(scope="module")
def log():
    """Eight users, each with five of twelve items, in a circle."""
    rows = [
        (user, (user + step) % 12, step)
        for user in range(8)
        for step in range(5)
    ]
    return Interactions.from_dataframe(
        pd.DataFrame(rows, columns=["user_id", "item_id", "timestamp"])
    )
