"""The best unseen items of every held-out case."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from tfrs_timirec._validation import check_positive_int
from tfrs_timirec.data.batches import evaluation_dataset
from tfrs_timirec.data.ranges import expand_ranges
from tfrs_timirec.data.splits import HeldOut, LeaveOneOut
from tfrs_timirec.evaluation.top_k import top_k_by_blocks
from tfrs_timirec.models import SequentialRecommender
from tfrs_timirec.models.feature_specs import length_to_read


def recommend_held_out(
    model: SequentialRecommender,
    split: LeaveOneOut,
    part: HeldOut = "test",
    *,
    k: int = 10,
    max_history_length: int | None = None,
    batch_size: int = 512,
) -> np.ndarray:
    """Returns the k best items of the whole catalogue for each case.

    Items of the case's whole history are left out, as in `rank_held_out` with
    `candidates="full"`.

    Args:
        model: any recommender.
        split: the split.
        part: "validation" or "test".
        k: length of the lists; at most the catalogue's size.
        max_history_length: the newest items of a history that the model reads;
            by default as many as it can, 20 if it can any number.
        batch_size: cases scored at once, a block of items at a time.

    Returns:
        (num_cases, k) int32 vocabulary ids, best first; 0 where no unseen item
        is left.

    Raises:
        ValueError: if `k` or `batch_size` is not a positive integer, or `k`
            larger than the catalogue.

    Example:
    >>> best = recommend_held_out(model, split, k=3)
    >>> interactions.items[best[0] - 2]  # raw ids of the first case
    """
    check_positive_int("recommend_held_out", k=k, batch_size=batch_size)
    log = split.interactions
    if k > log.num_items:
        raise ValueError(
            "recommend_held_out: `k` must be at most the number of items,"
            f" {log.num_items}. Received: k={k}"
        )
    max_history_length = length_to_read(
        "recommend_held_out", model, max_history_length
    )
    batches = evaluation_dataset(
        split,
        part,
        batch_size=batch_size,
        max_history_length=max_history_length,
        candidates="full",
        features=model.feature_names,
    )
    best = []
    for features, seen in zip(
        batches, seen_items(split, part, batch_size), strict=True
    ):
        _, ids = top_k_by_blocks(
            model.user_vectors(features),
            model.item_embeddings,
            k,
            excluded=seen,
        )
        best.append(ids.numpy())
    return np.concatenate(best)


def seen_items(
    split: LeaveOneOut, part: HeldOut, batch_size: int
) -> Iterator[tf.RaggedTensor]:
    """Yields the items of the histories, however long, batch by batch.

    Args:
        split: the split.
        part: "validation" or "test".
        batch_size: cases of a batch, as in `evaluation_dataset`.

    Yields:
        (batch, any) int32 vocabulary ids.

    Example:
    >>> next(seen_items(split, "test", 256)).shape
    TensorShape([256, None])
    """
    log = split.interactions
    positions = split.held_out_positions(part)
    starts = log.row_splits[log.user_indices[positions]]
    for first in range(0, len(positions), batch_size):
        cases = slice(first, first + batch_size)
        _, seen = expand_ranges(starts[cases], positions[cases])
        yield tf.RaggedTensor.from_row_lengths(
            log.item_ids[seen], positions[cases] - starts[cases]
        )
