"""The category of each item, numbered."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from tfrs_timirec.data.interactions import NUM_RESERVED_IDS, Interactions


def item_categories(interactions: Interactions, column: str) -> np.ndarray:
    """Numbers a column of the item metadata.

    Args:
        interactions: the log.
        column: the column; of a list of values the first counts. Items without
            a value are one category of their own.

    Returns:
        (vocabulary_size,) int32; 0 is "none".

    Raises:
        ValueError: if there is no such column.
    """
    metadata = interactions.item_metadata
    known = [] if metadata is None else [str(name) for name in metadata.columns]
    if metadata is None or column not in known:
        raise ValueError(
            "`category` must be a column of the item metadata"
            f" ({', '.join(known) or 'which has none'}). Received:"
            f" category={column!r}. Leave it out to mix interests instead."
        )
    codes, _ = pd.factorize(
        pd.Series([_first(value) for value in metadata[column]], dtype=object)
    )
    return np.concatenate(
        [np.zeros(NUM_RESERVED_IDS, np.int32), (codes + 1).astype(np.int32)]
    )


def _first(value: Any) -> Any:
    if isinstance(value, str) or not np.iterable(value):
        return value
    return next(iter(value), None)
