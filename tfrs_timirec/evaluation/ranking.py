"""Ranks of held-out targets: among sampled negatives and among all items."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from tfrs_timirec.data.batches import Candidates, evaluation_dataset
from tfrs_timirec.data.interactions import NUM_RESERVED_IDS
from tfrs_timirec.data.ranges import expand_ranges
from tfrs_timirec.data.splits import HeldOut, LeaveOneOut
from tfrs_timirec.metrics import target_ranks
from tfrs_timirec.models import SequentialRecommender


def rank_held_out(
    model: SequentialRecommender,
    split: LeaveOneOut,
    part: HeldOut = "test",
    *,
    candidates: Candidates = "sampled",
    max_history_length: int = 20,
    batch_size: int = 128,
) -> np.ndarray:
    """Ranks every held-out target of a part; 1 is best.

    "sampled" ranks a target against the split's negatives, the same ones that
    validation during training uses. "full" ranks it against the whole
    catalogue but the items of the user's history: those were seen. Ties take
    the mean rank, and scores that are not numbers the last.

    Args:
        model: any recommender.
        split: the split.
        part: "validation" or "test".
        candidates: "sampled" or "full".
        max_history_length: the newest items of a history that the model reads.
        batch_size: cases scored at once; a batch of scores takes
            `batch_size * vocabulary_size * num_vectors` floats.

    Returns:
        (num_cases,) float32 ranks, in the order of
        `split.held_out_positions(part)`.

    Raises:
        ValueError: if `candidates` or `part` is not one of the words above.

    Example:
    >>> ranks = rank_held_out(model, split, "test", candidates="full")
    >>> np.mean(ranks <= 10)  # hit rate at 10
    """
    batches = evaluation_dataset(
        split,
        part,
        batch_size=batch_size,
        max_history_length=max_history_length,
        candidates=candidates,
    )
    if candidates == "sampled":

        @tf.function(reduce_retracing=True)
        def rank(features: dict[str, tf.Tensor]) -> tf.Tensor:
            user_vectors = model(features, training=False)
            return model.candidate_ranks(features, user_vectors)

        return np.concatenate([rank(features).numpy() for features in batches])

    @tf.function(reduce_retracing=True)
    def rank_all(
        features: dict[str, tf.Tensor], rows: tf.Tensor, seen: tf.Tensor
    ) -> tf.Tensor:
        scores = model.score_all(model(features, training=False))
        target_ids = features["target_id"]
        targets = tf.gather(scores, target_ids, batch_dims=1)
        # The target itself and what was seen must not stand above the target:
        # a score that is not a number ranks behind.
        rows = tf.concat([rows, tf.range(tf.size(target_ids))], axis=0)
        places = tf.stack([rows, tf.concat([seen, target_ids], axis=0)], axis=1)
        others = tf.tensor_scatter_nd_update(
            scores, places, tf.fill(tf.shape(rows), np.float32(np.nan))
        )
        return target_ranks(targets, others[:, NUM_RESERVED_IDS:])

    seen = _seen_items(split, part, batch_size)
    return np.concatenate(
        [
            rank_all(features, *batch_seen).numpy()
            for features, batch_seen in zip(batches, seen, strict=True)
        ]
    )


def _seen_items(
    split: LeaveOneOut, part: HeldOut, batch_size: int
) -> Iterator[tuple[tf.Tensor, tf.Tensor]]:
    """Yields (row, item id) of every item in the histories of a batch."""
    log = split.interactions
    positions = split.held_out_positions(part)
    starts = log.row_splits[log.user_indices[positions]]
    for first in range(0, len(positions), batch_size):
        rows, seen = expand_ranges(
            starts[first : first + batch_size],
            positions[first : first + batch_size],
        )
        yield tf.constant(rows, tf.int32), tf.constant(log.item_ids[seen])
