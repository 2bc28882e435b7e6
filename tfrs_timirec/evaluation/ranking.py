"""Ranks of held-out targets: among sampled negatives and among all items."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from tfrs_timirec._validation import check_positive_int
from tfrs_timirec.data.batches import Candidates, evaluation_dataset
from tfrs_timirec.data.interactions import NUM_RESERVED_IDS
from tfrs_timirec.data.ranges import expand_ranges
from tfrs_timirec.data.splits import HeldOut, LeaveOneOut
from tfrs_timirec.metrics import target_ranks
from tfrs_timirec.models import SequentialRecommender
from tfrs_timirec.models.feature_specs import length_to_read
from tfrs_timirec.models.scoring import score_rounding


def rank_held_out(
    model: SequentialRecommender,
    split: LeaveOneOut,
    part: HeldOut = "test",
    *,
    candidates: Candidates = "sampled",
    max_history_length: int | None = None,
    batch_size: int = 256,
    block_size: int = 4096,
) -> np.ndarray:
    """Ranks every held-out target of a part; 1 is best.

    "sampled" ranks a target against the split's negatives, the same ones that
    validation during training uses. "full" ranks it against the whole
    catalogue but the items of the user's history: those were seen. Ties take
    the mean rank, scores that are not numbers the last. What differs by no more
    than the rounding of a product ties.

    Args:
        model: any recommender.
        split: the split.
        part: "validation" or "test".
        candidates: "sampled" or "full".
        max_history_length: the newest items of a history that the model reads;
            by default as many as it can, 20 if it can any number.
        batch_size: cases scored at once.
        block_size: items scored at once with full ranking, so that memory does
            not grow with the catalogue: `batch_size * block_size *
            num_vectors` floats.

    Returns:
        (num_cases,) float32 ranks, in the order of
        `split.held_out_positions(part)`.

    Raises:
        ValueError: if `candidates` or `part` is not one of the words above, or
            a size is not a positive integer.

    Example:
    >>> ranks = rank_held_out(model, split, "test", candidates="full")
    >>> np.mean(ranks <= 10)  # hit rate at 10
    """
    check_positive_int(
        "rank_held_out", batch_size=batch_size, block_size=block_size
    )
    max_history_length = length_to_read(
        "rank_held_out", model, max_history_length
    )
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
        return _rank_among_all(
            model,
            model.user_vectors(features),
            features["target_id"],
            tf.stack([rows, known], axis=1),
            block_size,
        )

    known = _known_items(split, part, batch_size)
    return np.concatenate(
        [
            rank_all(features, *batch_known).numpy()
            for features, batch_known in zip(batches, known, strict=True)
        ]
    )


def _rank_among_all(
    model: SequentialRecommender,
    user_vectors: tf.Tensor,
    target_ids: tf.Tensor,
    known: tf.Tensor,
    block_size: int,
) -> tf.Tensor:
    """Ranks targets among all items but the known ones, block by block.

    Args:
        model: any recommender.
        user_vectors: (batch, num_vectors, dim).
        target_ids: (batch,) vocabulary ids.
        known: (num_known, 2) row and id of what is not ranked against, the
            targets included.
        block_size: items scored at once.

    Returns:
        (batch,) float32 ranks.
    """
    items = tf.nn.embedding_lookup(model.item_embeddings, target_ids)
    targets = model.score(user_vectors, target_ids[:, tf.newaxis])[:, 0]
    rounding = score_rounding(user_vectors, items)
    vocabulary_size = model.item_embeddings.shape[0]
    ranks = tf.ones_like(targets, tf.float32)
    for start in tf.range(NUM_RESERVED_IDS, vocabulary_size, block_size):
        stop = tf.minimum(start + block_size, vocabulary_size)
        scores = model.score_range(user_vectors, start, stop)
        is_here = (known[:, 1] >= start) & (known[:, 1] < stop)
        here = tf.boolean_mask(known, is_here) - [0, start]
        # What is not a number ranks behind everything and counts nowhere.
        nowhere = tf.fill(
            tf.shape(here)[:1], tf.constant(float("nan"), scores.dtype)
        )
        scores = tf.tensor_scatter_nd_update(scores, here, nowhere)
        ranks += target_ranks(targets, scores, rounding) - 1
    return ranks


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
