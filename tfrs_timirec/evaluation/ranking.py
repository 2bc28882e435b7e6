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
        features=model.feature_names,
    )
    if candidates == "sampled":

        @tf.function(input_signature=[batches.element_spec])
        def rank(features: dict[str, tf.Tensor]) -> tf.Tensor:
            return model.candidate_ranks(features, model.user_vectors(features))

        return np.concatenate([rank(features).numpy() for features in batches])

    ids = tf.TensorSpec((None,), tf.int32)

    @tf.function(input_signature=[batches.element_spec, ids, ids])
    def rank_all(
        features: dict[str, tf.Tensor], rows: tf.Tensor, known: tf.Tensor
    ) -> tf.Tensor:
        scores = model.score_all(model.user_vectors(features))
        targets = tf.gather(scores, features["target_id"], batch_dims=1)
        ranks = target_ranks(targets, scores[:, NUM_RESERVED_IDS:])
        # What the known items added to the ranks is taken off again: cheaper
        # than a copy of all scores without them.
        known_scores = tf.gather_nd(scores, tf.stack([rows, known], axis=1))
        row_targets = tf.gather(targets, rows)
        above = tf.cast(known_scores > row_targets, tf.float32)
        tied = tf.cast(tf.equal(known_scores, row_targets), tf.float32)
        return ranks - tf.math.unsorted_segment_sum(
            above + 0.5 * tied, rows, tf.size(targets)
        )

    known = _known_items(split, part, batch_size)
    return np.concatenate(
        [
            rank_all(features, *batch_known).numpy()
            for features, batch_known in zip(batches, known, strict=True)
        ]
    )


def _known_items(
    split: LeaveOneOut, part: HeldOut, batch_size: int
) -> Iterator[tuple[tf.Tensor, tf.Tensor]]:
    """Yields row and item id of what is not ranked against a batch's targets.

    These are the items of the histories, and the targets themselves.
    """
    log = split.interactions
    positions = split.held_out_positions(part)
    starts = log.row_splits[log.user_indices[positions]]
    for first in range(0, len(positions), batch_size):
        rows, known = expand_ranges(
            starts[first : first + batch_size],
            positions[first : first + batch_size] + 1,
        )
        keys = np.unique(rows * log.vocabulary_size + log.item_ids[known])
        rows, items = np.divmod(keys, log.vocabulary_size)
        yield tf.constant(rows, tf.int32), tf.constant(items, tf.int32)
