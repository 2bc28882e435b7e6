"""The order that the rows of a numbered log must have."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np


def check_row_order(
    user_indices: np.ndarray,
    timestamps: np.ndarray,
    others: Mapping[str, np.ndarray],
) -> None:
    """Checks that arrays are equally long, and sorted by user and time.

    Args:
        user_indices: (num_rows,).
        timestamps: (num_rows,).
        others: further arrays by name.

    Raises:
        ValueError: if an array is of another length, or a row out of order.
    """
    for name, array in {"timestamps": timestamps, **others}.items():
        if len(array) != len(user_indices):
            raise ValueError(
                f"`{name}` must be as long as `user_indices`"
                f" ({len(user_indices)}). Received: {len(array)}"
                f" entries in {name}."
            )
    users, next_users = user_indices[:-1], user_indices[1:]
    goes_back = (next_users == users) & (timestamps[1:] < timestamps[:-1])
    if (next_users < users).any() or goes_back.any():
        raise ValueError(
            "`user_indices` must ascend, and `timestamps` within each"
            " user. Received: rows in another order. Use"
            " Interactions.from_dataframe, which sorts."
        )
