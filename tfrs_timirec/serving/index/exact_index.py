"""The index that looks at every item."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfrs_timirec.data.interactions import NUM_RESERVED_IDS
from tfrs_timirec.evaluation.top_k import top_k_by_blocks
from tfrs_timirec.serving.index.item_index import ItemIndex


class ExactIndex(ItemIndex):
    """Scores all items, a block at a time; see `top_k_by_blocks`.

    It is what an export has inside. Never wrong, and the time it takes grows
    with the catalogue.

    Args:
        item_ids: (num_items,) distinct raw ids, integers or text.
        vectors: (num_items, dim) floats.

    Raises:
        ValueError: as `ItemIndex`.

    Example:
    >>> index = ExactIndex(["a", "b"], [[1.0, 0.0], [0.0, 2.0]])
    >>> index.add(["c"], [[3.0, 0.0]])
    >>> index.search([[[1.0, 0.0], [0.0, 1.0]]], k=2)[1]
    array([['c', 'b']], dtype=object)
    """

    def __init__(self, item_ids: Sequence[Any] | np.ndarray, vectors: Any):
        super().__init__(item_ids, vectors)
        self._table = self._copy_table()

    def _copy_table(self) -> tf.Tensor:
        # Rows count from 2 for `top_k_by_blocks`, which skips reserved ids.
        return tf.constant(
            np.pad(self._vectors, [(NUM_RESERVED_IDS, 0), (0, 0)])
        )

    def _search(
        self, queries: np.ndarray, k: int, excluded: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        scores, ids = _top_k(
            tf.constant(queries),
            self._table,
            tf.constant(k),
            tf.constant(excluded + NUM_RESERVED_IDS, tf.int32),
        )
        return scores.numpy(), ids.numpy().astype(np.int64) - NUM_RESERVED_IDS

    def _update(self, rows: np.ndarray, vectors: np.ndarray) -> None:
        self._table = self._copy_table()


@tf.function(reduce_retracing=True)
def _top_k(
    queries: tf.Tensor, table: tf.Tensor, k: tf.Tensor, excluded: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    return top_k_by_blocks(queries, table, k, excluded=excluded)
