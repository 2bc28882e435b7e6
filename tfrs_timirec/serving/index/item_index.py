"""What all indexes share: raw ids, several vectors a user, new items."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

LOWEST = np.finfo(np.float32).min


class ItemIndex(abc.ABC):
    """Finds the items with the largest scores, and takes new ones.

    An item's score is the largest of its inner products with a user's vectors,
    as in `SequentialRecommender`. Vectors of users come from the signature
    `user_embedding` of an export or from `model.user_vectors`.

    Subclasses say how to search.

    Args:
        item_ids: (num_items,) distinct raw ids, integers or text; bytes, as
            TensorFlow gives text, are decoded.
        vectors: (num_items, dim) floats.

    Raises:
        ValueError: if ids are of another kind, ids and vectors are not equally
            many, an id comes twice, or a vector is not of finite numbers.
    """

    def __init__(self, item_ids: Sequence[Any] | np.ndarray, vectors: Any):
        self._item_ids = pd.Index([])
        self._vectors = np.empty((0, 0), np.float32)
        ids, vectors = _check(item_ids, vectors)
        if not len(ids):
            raise ValueError(
                "`item_ids` must hold at least one item. Received: none."
            )
        self._item_ids, self._vectors = ids, vectors

    def __len__(self) -> int:
        return len(self._item_ids)

    @property
    def item_ids(self) -> np.ndarray:
        """(num_items,) raw ids."""
        return self._item_ids.to_numpy()

    def add(self, item_ids: Sequence[Any] | np.ndarray, vectors: Any) -> None:
        """Adds items, or gives those that are there new vectors.

        Nothing is trained: searches find the items from now on.

        Args:
            item_ids: (num_new,) distinct raw ids.
            vectors: (num_new, dim).

        Raises:
            ValueError: as the constructor, if `dim` is another one, or the ids
                are of another kind. Nothing is added then.
        """
        ids, vectors = _check(item_ids, vectors)
        if vectors.shape[1] != self._vectors.shape[1]:
            raise ValueError(
                "`vectors` must be as wide as those of the index"
                f" ({self._vectors.shape[1]}). Received:"
                f" vectors.shape={vectors.shape}"
            )
        if len(ids) and (ids.dtype == object) != self._is_text:
            raise ValueError(
                "`item_ids` must be of the kind of those of the index,"
                f" {'text' if self._is_text else 'integers'}. Received:"
                f" {ids[0]!r}"
            )
        rows = self._item_ids.get_indexer(ids)
        is_new = rows < 0
        rows[is_new] = len(self) + np.arange(np.count_nonzero(is_new))
        grown = np.zeros(
            (len(self) + np.count_nonzero(is_new), vectors.shape[1]), np.float32
        )
        grown[: len(self)] = self._vectors
        grown[rows] = vectors
        grown_ids = self._item_ids.append(ids[is_new])
        self._item_ids = grown_ids.astype(self._item_ids.dtype)
        self._vectors = grown
        self._update(rows, vectors)

    def search(
        self,
        user_vectors: Any,
        k: int = 10,
        excluded: Sequence[Sequence[Any]] | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Finds each user's best items.

        Args:
            user_vectors: (batch, num_vectors, dim).
            k: length of the lists.
            excluded: for each user the raw ids that are not recommended;
                unknown ones are ignored.

        Returns:
            scores: (batch, k) float32, descending; the lowest float32 where no
                item is left.
            item_ids: (batch, k) raw ids; "" or -1 where no item is left.

        Raises:
            ValueError: if the shapes do not fit, `k` is negative, or an
                excluded id is neither text nor an integer.
        """
        queries = np.asarray(user_vectors, np.float32)
        width = self._vectors.shape[1]
        if queries.ndim != 3 or queries.shape[2] != width:
            raise ValueError(
                f"`user_vectors` must be (batch, num_vectors, {width})."
                f" Received: user_vectors.shape={queries.shape}"
            )
        if k < 0:
            raise ValueError(f"`k` must not be negative. Received: k={k}")
        if excluded is not None and len(excluded) != len(queries):
            raise ValueError(
                "`excluded` must have an entry for each user"
                f" ({len(queries)}). Received: {len(excluded)} entries."
            )
        excluded = [] if excluded is None else excluded
        rows_excluded = np.full(
            (len(queries), max(map(len, excluded), default=0)), -1
        )
        for user, raw_ids in enumerate(excluded):
            found = self._item_ids.get_indexer(_to_ids("excluded", raw_ids))
            rows_excluded[user, : len(found)] = found
        if not len(queries) or not k:
            scores = np.empty((len(queries), k), np.float32)
            rows = np.zeros((len(queries), k), np.int64)
        else:
            scores, rows = self._search(queries, k, rows_excluded)
        is_item = scores > LOWEST
        nothing: Any = "" if self._is_text else -1
        ids = self._item_ids.to_numpy()[np.where(is_item, rows, 0)]
        return scores, np.where(is_item, ids, nothing)

    @property
    def _is_text(self) -> bool:
        return self._item_ids.dtype == object

    @abc.abstractmethod
    def _search(
        self, queries: np.ndarray, k: int, excluded: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Returns scores and rows, (batch, k).

        Args:
            queries: (batch, num_vectors, dim) float32.
            k: length of the lists, at least 1.
            excluded: (batch, any) rows; -1 is none.
        """

    @abc.abstractmethod
    def _update(self, rows: np.ndarray, vectors: np.ndarray) -> None:
        """Makes changed and new rows of `_vectors` known to the search."""


def _check(
    item_ids: Sequence[Any] | np.ndarray, vectors: Any
) -> tuple[pd.Index, np.ndarray]:
    """Returns ids and float32 vectors that fit each other."""
    ids = _to_ids("item_ids", item_ids)
    values = np.asarray(vectors, np.float32)
    if values.ndim != 2 or len(values) != len(ids):
        raise ValueError(
            "`vectors` must be (num_items, dim), a row for each of `item_ids`"
            f" ({len(ids)}). Received: vectors.shape={values.shape}"
        )
    if not ids.is_unique:
        raise ValueError(
            "`item_ids` must be distinct. Received:"
            f" {ids[ids.duplicated()][0]!r} several times."
        )
    is_finite = np.isfinite(values).all(axis=1)
    if not is_finite.all():
        raise ValueError(
            "`vectors` must be finite numbers. Received: others for item"
            f" {ids[int(np.argmin(is_finite))]!r}."
        )
    return ids, values


def _to_ids(name: str, raw_ids: Sequence[Any] | np.ndarray) -> pd.Index:
    """Returns int64, or text as objects, however pandas would keep it."""
    ids = pd.Index(raw_ids).infer_objects()
    if pd.api.types.is_integer_dtype(ids) and (
        not len(ids) or ids.max() <= np.iinfo(np.int64).max
    ):
        return ids.astype(np.int64)
    texts = [raw.decode() if isinstance(raw, bytes) else raw for raw in ids]
    for text in texts:
        if not isinstance(text, str):
            raise ValueError(
                f"`{name}` must hold text, or integers below 2^63. Received:"
                f" {text!r}"
            )
    return pd.Index(texts, dtype=object)
