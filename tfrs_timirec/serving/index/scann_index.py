"""The index that looks at likely items only, by ScaNN."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfrs_timirec.serving.index.item_index import LOWEST, ItemIndex

# Below that ScaNN partitions nothing, and scores all items in one byte each.
_PARTITIONED_FROM = 50_000
_REORDERED = 10  # Candidates scored exactly, for each place of a list.


class ScaNNIndex(ItemIndex):
    """Searches approximately; for catalogues too large to score.

    A user's vectors are searched one by one, the union of their lists is
    scored exactly with all vectors, and the best are kept. Items are
    partitioned around sqrt(n) centers, of which a query visits a share.

    New items go to the partition they belong to; nothing is trained anew.
    After many of them, more than doubling the catalogue, build a new index.

    Args:
        item_ids: (num_items,) distinct raw ids, integers or text.
        vectors: (num_items, dim) floats.
        visited_share: share of the partitions that a query visits: more finds
            more of the best items, and takes longer.

    Raises:
        ImportError: if the extra `ann` is not installed.
        ValueError: as `ItemIndex`, or if `visited_share` lies outside (0, 1].

    Example:
    >>> index = ScaNNIndex(interactions.items, model.item_embeddings[2:])
    >>> index.search(model.user_vectors(features), k=10)

    Reference: Guo et al., *Accelerating large-scale inference with anisotropic
    vector quantization*, ICML 2020.
    """

    def __init__(
        self,
        item_ids: Sequence[Any] | np.ndarray,
        vectors: Any,
        *,
        visited_share: float = 0.1,
    ):
        if not 0 < visited_share <= 1:
            raise ValueError(
                "ScaNNIndex: `visited_share` must lie in (0, 1]. Received:"
                f" visited_share={visited_share!r}"
            )
        try:
            from scann.scann_ops.py import (  # noqa: PLC0415  An extra.
                scann_ops_pybind,
            )
        except ImportError as error:
            raise ImportError(
                "ScaNNIndex needs the extra `ann`: pip install"
                " 'tfrs-timirec[ann]'. `ExactIndex` needs nothing."
            ) from error
        super().__init__(item_ids, vectors)
        builder = scann_ops_pybind.builder(self._vectors, 10, "dot_product")
        if len(self) >= _PARTITIONED_FROM:
            num_leaves = round(len(self) ** 0.5)
            builder = builder.tree(
                num_leaves=num_leaves,
                num_leaves_to_search=max(1, round(visited_share * num_leaves)),
                training_sample_size=min(len(self), 250_000),
            ).score_ah(2, anisotropic_quantization_threshold=0.2)
            builder = builder.reorder(100)
        else:
            builder = builder.score_brute_force()
        self._is_partitioned = len(self) >= _PARTITIONED_FROM
        # ScaNN's own names of the items are their rows.
        self._searcher = builder.build(docids=list(range(len(self))))

    def _search(
        self, queries: np.ndarray, k: int, excluded: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        scores = np.empty((len(queries), k), np.float32)
        rows = np.empty((len(queries), k), np.int64)
        excluded = -np.sort(-excluded, axis=1)  # Those that are none last.
        widths = np.count_nonzero(excluded >= 0, axis=1)
        # A long list of one user shall not make all users' searches long.
        groups = np.ceil(np.log2(1 + widths)).astype(int)
        for group in np.unique(groups):
            users = groups == group
            width = widths[users].max()
            scores[users], rows[users] = self._search_alike(
                queries[users], k, excluded[users, :width]
            )
        return scores, rows

    def _search_alike(
        self, queries: np.ndarray, k: int, excluded: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        batch_size, num_vectors, dim = queries.shape
        # So many that k are left, should all of the excluded be among them.
        wanted = min(len(self), k + excluded.shape[1])
        found, _ = self._searcher.search_batched(
            queries.reshape(-1, dim),
            final_num_neighbors=wanted,
            pre_reorder_num_neighbors=(
                min(len(self), max(100, _REORDERED * wanted))
                if self._is_partitioned
                else None
            ),
        )
        rows = np.full((batch_size * num_vectors, wanted), -1, np.int64)
        for query, some in enumerate(found):  # Fewer where partitions ran out.
            rows[query, : len(some)] = some
        rows = np.sort(rows.reshape(batch_size, -1), axis=1)
        vectors = self._vectors[rows]  # (batch, num_candidates, dim)
        scores = np.matmul(vectors, queries.transpose(0, 2, 1)).max(axis=2)
        is_repeated = np.zeros(rows.shape, bool)
        is_repeated[:, 1:] = rows[:, 1:] == rows[:, :-1]
        first = len(self) * np.arange(batch_size)[:, np.newaxis]
        is_excluded = np.isin(first + rows, (first + excluded)[excluded >= 0])
        scores[is_repeated | is_excluded | (rows < 0)] = LOWEST
        missing = max(0, k - rows.shape[1])
        scores = np.pad(scores, [(0, 0), (0, missing)], constant_values=LOWEST)
        rows = np.pad(rows, [(0, 0), (0, missing)])
        best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        return (
            np.take_along_axis(scores, best, axis=1),
            np.take_along_axis(rows, best, axis=1),
        )

    def _update(self, rows: np.ndarray, vectors: np.ndarray) -> None:
        self._searcher.upsert(rows.tolist(), vectors, batch_size=256)
