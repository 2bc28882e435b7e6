"""The best unseen items of every held-out case."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tfrs_timirec._validation import check_positive_int
from tfrs_timirec.data.batches import evaluation_dataset
from tfrs_timirec.data.ranges import expand_ranges
from tfrs_timirec.data.splits import HeldOut, LeaveOneOut
from tfrs_timirec.models import SequentialRecommender
from tfrs_timirec.models.feature_specs import readable_length
from tfrs_timirec.serving.top_k import top_k_by_blocks


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
        k: length of the lists.
        max_history_length: the newest items of a history that the model reads;
            by default as many as it can, 20 if it can any number.
        batch_size: cases scored at once.

    Returns:
        (num_cases, k) int32 vocabulary ids, best first; 0 at the end where a
        user has not so many items left.

    Raises:
        ValueError: if `part` is not one of the words above, or `k` or
            `batch_size` is not a positive integer.

    Example:
    >>> best = recommend_held_out(model, split, k=3)
    >>> interactions.items[best[0] - 2]  # raw ids of the first case
    """
    check_positive_int("recommend_held_out", k=k, batch_size=batch_size)
    log = split.interactions
    positions = split.held_out_positions(part)
    starts = log.row_splits[log.user_indices[positions]]
    batches = evaluation_dataset(
        split,
        part,
        batch_size=batch_size,
        max_history_length=max_history_length or readable_length(model),
        candidates="full",
        features=model.feature_names,
    )
    best = []
    for number, features in enumerate(batches):
        cases = slice(number * batch_size, (number + 1) * batch_size)
        rows, seen = expand_ranges(starts[cases], positions[cases])
        _, item_ids = top_k_by_blocks(
            model.user_vectors(features),
            model.item_embeddings,
            k,
            excluded=tf.RaggedTensor.from_value_rowids(
                log.item_ids[seen], rows, nrows=len(positions[cases])
            ),
        )
        best.append(item_ids)
    return tf.concat(best, axis=0).numpy()
