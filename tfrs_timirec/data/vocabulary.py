"""The numbering of items: raw ids to vocabulary ids and back."""

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

UNKNOWN_ID = 1
NUM_RESERVED_IDS = 2


@dataclasses.dataclass(frozen=True, eq=False)
class ItemVocabulary:
    """Numbers items: 0 pads, 1 is any unknown item, `items[i]` is i + 2.

    Args:
        items: (num_items,) distinct raw ids: int64, or an object array of str.

    Example:
        >>> ItemVocabulary(np.array([10, 20])).encode([20, 30])
        array([3, 1], dtype=int32)
    """

    items: np.ndarray

    def encode(self, raw_ids: Sequence[Any] | np.ndarray) -> np.ndarray:
        """Turns raw ids into vocabulary ids.

        Args:
            raw_ids: raw ids of the vocabulary's type, any shape. Text may be
                str or UTF-8 bytes, as TensorFlow has it.

        Returns:
            int32 array of the same shape; 1 for ids not in the vocabulary.

        Raises:
            TypeError: if text is given for integer ids or the other way round,
                or text together with anything else.
        """
        raw = np.asarray(raw_ids)
        if raw.size == 0:
            return np.full(raw.shape, UNKNOWN_ID, dtype=np.int32)
        holds_text = self.items.dtype == object
        if holds_text and not isinstance(raw_ids, np.ndarray):
            raw = np.asarray(raw_ids, dtype=object)  # Not 1 to "1".
        if raw.dtype.kind == "S":
            raw = np.char.decode(raw, "utf-8")
        kind = str(raw.dtype)
        if raw.dtype == object:
            raw, kind = _decode_bytes(raw)
        is_text = kind == "string" or raw.dtype.kind == "U"
        is_integer = kind == "integer" or raw.dtype.kind in "iu"
        if not (is_text if holds_text else is_integer):
            raise TypeError(
                f"`raw_ids` must be {'text' if holds_text else 'integers'}, as"
                " the ids of the vocabulary are. Received: raw_ids of"
                f" {kind} values. Convert them first."
            )
        # Integers beyond int64 have types of their own.
        wanted = pd.Index(raw.reshape(-1), dtype=object if holds_text else None)
        found = self._index.get_indexer(wanted)
        ids = np.where(found < 0, UNKNOWN_ID, found + NUM_RESERVED_IDS)
        return ids.astype(np.int32).reshape(raw.shape)

    def decode(self, item_ids: Sequence[int] | np.ndarray) -> np.ndarray:
        """Turns vocabulary ids back into raw ids.

        Args:
            item_ids: ids of real items (from 2 on), any shape.

        Returns:
            Raw ids, an array of the same shape.

        Raises:
            TypeError: if the ids are no integers.
            ValueError: if an id is padding, unknown, or out of range.
        """
        ids = np.asarray(item_ids)
        if ids.size and ids.dtype.kind not in "iu":
            raise TypeError(
                "`item_ids` must be integers. Received: item_ids of dtype"
                f" {ids.dtype}. Convert them first."
            )
        ids = ids.astype(np.int64)
        end = len(self.items) + NUM_RESERVED_IDS
        bad = (ids < NUM_RESERVED_IDS) | (ids >= end)
        if bad.any():
            raise ValueError(
                f"`item_ids` must lie between {NUM_RESERVED_IDS} and {end - 1}."
                f" Received: {ids[bad][0]}. Drop padding (0) and unknown items"
                " (1) first."
            )
        return self.items[ids - NUM_RESERVED_IDS]

    @functools.cached_property
    def _index(self) -> pd.Index:
        return pd.Index(self.items, dtype=self.items.dtype)


def _decode_bytes(raw: np.ndarray) -> tuple[np.ndarray, str]:
    """Returns objects with bytes as text, and what pandas calls the values."""
    kind = pd.api.types.infer_dtype(raw.reshape(-1), skipna=False)
    if kind not in {"bytes", "mixed"}:
        return raw, kind
    decoded = np.empty(raw.size, dtype=object)
    decoded[:] = [
        value.decode("utf-8") if isinstance(value, bytes) else value
        for value in raw.reshape(-1)
    ]
    kind = pd.api.types.infer_dtype(decoded, skipna=False)
    return decoded.reshape(raw.shape), kind
