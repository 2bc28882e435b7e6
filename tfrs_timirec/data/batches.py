"""Batches as `tf.data`: positions in, histories gathered in the graph.

A training set is never expanded: the log stays three flat arrays, a batch is a
vector of positions, and its histories come from one `tf.gather`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import tensorflow as tf

from tfrs_timirec._validation import check_positive_int
from tfrs_timirec.data.gathering import (
    HistoryGatherer,
    NegativeSampler,
    fold_in,
)
from tfrs_timirec.data.splits import HeldOut, LeaveOneOut

Candidates = Literal["sampled", "full"]

NUM_PREFETCHED = 4


def training_dataset(
    split: LeaveOneOut,
    *,
    batch_size: int = 256,
    max_history_length: int = 20,
    num_negatives: int = 1,
    seed: int = 0,
    first_epoch: int = 0,
    features: Sequence[str] = (),
) -> tf.data.Dataset:
    """Returns shuffled training batches with fresh negatives for every epoch.

    Each pass over the data set is one epoch. What an epoch holds follows from
    `seed` and its number alone, so a run that was interrupted after epoch 7
    goes on with `first_epoch=7` as if it had never stopped.

    A batch is a dict of

    - `item_ids`: (batch, max_history_length) int32, oldest first, 0 pads in
      front;
    - `target_id`: (batch,) int32, the item that came next;
    - `negative_ids`: (batch, num_negatives) int32, drawn uniformly from the
      items outside the user's *training* items;
    - and the `features` asked for, see `ContextFeatures`.

    Args:
        split: which positions are for training.
        batch_size: instances per batch; the last batch may be smaller.
        max_history_length: the newest items of a history that are kept (n).
        num_negatives: negatives per instance; the paper uses one.
        seed: seed of order and negatives.
        first_epoch: number of the first epoch.
        features: names of what a model reads besides `item_ids`, as its
            `feature_names` says.

    Raises:
        ValueError: if a number is not a positive integer, the split holds no
            training instance, a user trains on every item, or a feature is
            unknown.

    Example:
    >>> model.fit(training_dataset(split, batch_size=256), epochs=20)
    """
    return TrainingBatches(
        split,
        batch_size=batch_size,
        max_history_length=max_history_length,
        num_negatives=num_negatives,
        seed=seed,
        features=features,
    ).dataset(first_epoch)


def evaluation_dataset(
    split: LeaveOneOut,
    part: HeldOut = "validation",
    *,
    batch_size: int = 256,
    max_history_length: int = 20,
    candidates: Candidates = "sampled",
    features: Sequence[str] = (),
) -> tf.data.Dataset:
    """Returns the held-out cases of one part, in the order of the users.

    A batch is a dict of `item_ids`, `target_id` and the `features` asked for,
    as in `training_dataset`, and with sampled candidates also `candidate_ids`:
    (batch, num_negatives) int32, the same in every pass.

    Args:
        split: the split; its `num_negatives` and `seed` decide the candidates.
        part: "validation" or "test".
        batch_size: cases per batch. Some hundred are fast: the vectors of a
            sixteenth's candidates fit into the processor's cache.
        max_history_length: the newest items of a history that are kept (n).
        candidates: "sampled", or "full" to rank the whole catalogue instead.
        features: as in `training_dataset`.

    Raises:
        ValueError: if `candidates` or `part` is not one of the words above,
            a number is not a positive integer, a feature is unknown, nothing
            is held out, or a user met every item and candidates are sampled.

    Example:
    >>> model.evaluate(evaluation_dataset(split, "test"), return_dict=True)
    """
    return EvaluationCases(
        split,
        part,
        max_history_length=max_history_length,
        candidates=candidates,
        features=features,
    ).dataset(batch_size)


class TrainingBatches:
    """The training batches of every epoch, or slices of them.

    Args:
        split: as in `training_dataset`, like all others.
        batch_size: instances per batch.
        max_history_length: the newest items of a history that are kept (n).
        num_negatives: negatives per instance.
        seed: seed of order and negatives.
        features: names of what a model reads besides `item_ids`.

    Raises:
        ValueError: as `training_dataset`.

    Example:
    >>> batches = TrainingBatches(split)
    >>> batches.epoch(0, tf.data.Dataset.range(batches.num_batches))
    """

    def __init__(
        self,
        split: LeaveOneOut,
        *,
        batch_size: int = 256,
        max_history_length: int = 20,
        num_negatives: int = 1,
        seed: int = 0,
        features: Sequence[str] = (),
    ):
        check_positive_int(
            "training_dataset",
            batch_size=batch_size,
            max_history_length=max_history_length,
            num_negatives=num_negatives,
        )
        positions = split.train_positions
        if not len(positions):
            raise ValueError(
                "`split` must hold training instances, but no user has two"
                " interactions to learn from. Received: split of"
                f" {split.interactions.num_interactions} interactions. Check"
                " the user column of the log."
            )
        self.num_batches = -(-len(positions) // batch_size)
        # Not in `epoch`: a constant made there lies in the graph, which is
        # copied several times.
        self._positions = tf.constant(positions)
        self._batch_size = batch_size
        self._seed = seed
        self._histories = HistoryGatherer(
            split.interactions, max_history_length, features
        )
        self._negatives = NegativeSampler(split, num_negatives)

    def dataset(self, first_epoch: int = 0) -> tf.data.Dataset:
        """Returns what `training_dataset` does: each pass is an epoch.

        Args:
            first_epoch: number of the first epoch.
        """
        steps = tf.data.Dataset.range(self.num_batches)
        passes = tf.Variable(first_epoch, dtype=tf.int64, trainable=False)
        return (
            tf.data.Dataset.from_tensors(0)
            .map(lambda _: passes.assign_add(1) - 1)
            .flat_map(lambda number: self.epoch(number, steps))
            .apply(tf.data.experimental.assert_cardinality(self.num_batches))
            .prefetch(NUM_PREFETCHED)
            .with_options(without_autotune())
        )

    def epoch(
        self, number: tf.Tensor, indices: tf.data.Dataset, num_slices: int = 1
    ) -> tf.data.Dataset:
        """Returns batches of one epoch, or slices of them.

        The slices of a batch hold its instances and negatives, each once. Each
        has a scalar `batch_share` besides: its share of the batch's instances.
        Where a batch has fewer instances than slices, an empty slice holds one
        instance with a share of 0.

        Args:
            number: the number of the epoch.
            indices: what to return, and in which order: `step * num_slices +
                slice`.
            num_slices: slices that a batch is cut into.
        """
        epoch_seed = fold_in(tf.constant([self._seed, 0], tf.int64), number)
        order = tf.random.experimental.stateless_shuffle(
            self._positions, epoch_seed
        )

        def batch(index: tf.Tensor) -> dict[str, tf.Tensor]:
            step = index // num_slices
            first = step * self._batch_size
            targets = order[first : first + self._batch_size]
            negative_ids = self._negatives(targets, fold_in(epoch_seed, step))
            if num_slices == 1:
                return {
                    **self._histories(targets),
                    "negative_ids": negative_ids,
                }
            size = tf.size(targets, tf.int64)
            place = index % num_slices
            start = size * place // num_slices
            stop = size * (place + 1) // num_slices
            rows = slice(start, tf.maximum(stop, start + 1))
            return {
                **self._histories(targets[rows]),
                "negative_ids": negative_ids[rows],
                "batch_share": tf.cast((stop - start) / size, tf.float32),
            }

        return indices.map(batch, num_parallel_calls=1)


class EvaluationCases:
    """The held-out cases of one part, in the order of the users.

    Args:
        split: as in `evaluation_dataset`, like all others.
        part: "validation" or "test".
        max_history_length: the newest items of a history that are kept (n).
        candidates: "sampled" or "full".
        features: names of what a model reads besides `item_ids`.

    Raises:
        ValueError: as `evaluation_dataset`.

    Example:
    >>> EvaluationCases(split).rows(0, 128)["target_id"]
    """

    def __init__(
        self,
        split: LeaveOneOut,
        part: HeldOut = "validation",
        *,
        max_history_length: int = 20,
        candidates: Candidates = "sampled",
        features: Sequence[str] = (),
    ):
        if candidates not in ("sampled", "full"):
            raise ValueError(
                '`candidates` must be "sampled" or "full".'
                f" Received: candidates={candidates!r}"
            )
        check_positive_int(
            "evaluation_dataset", max_history_length=max_history_length
        )
        positions = split.held_out_positions(part)
        if not len(positions):
            raise ValueError(
                "`split` must hold out a case, but no user has three"
                " interactions. Received: split of"
                f" {split.interactions.num_interactions} interactions. Check"
                " the user column of the log."
            )
        self._histories = HistoryGatherer(
            split.interactions, max_history_length, features
        )
        self._targets = tf.constant(positions)
        self._negatives = (
            tf.constant(split.negatives(part))
            if candidates == "sampled"
            else None
        )

    def __len__(self) -> int:
        return len(self._targets)

    def dataset(self, batch_size: int = 256) -> tf.data.Dataset:
        """Returns what `evaluation_dataset` does.

        Args:
            batch_size: cases per batch.
        """
        check_positive_int("evaluation_dataset", batch_size=batch_size)
        # Slices of whole batches: cases that are batched one by one are copied.
        return (
            tf.data.Dataset.range(0, len(self), batch_size)
            .map(lambda start: self.rows(start, start + batch_size))
            .prefetch(NUM_PREFETCHED)
            .with_options(without_autotune())
        )

    def rows(self, start: tf.Tensor, stop: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns neighbouring cases as a batch.

        Args:
            start: number of the first case.
            stop: the number behind the last one, or more.
        """
        features = self._histories(self._targets[start:stop])
        if self._negatives is not None:
            features["candidate_ids"] = self._negatives[start:stop]
        return features


def without_autotune() -> tf.data.Options:
    """Returns options that leave nothing to the tuner of `tf.data`.

    An iterator whose data set is tuned ends when the tuner's thread wakes up
    next, and it sleeps twice as long every time: a pass could last almost
    twice as long as its work.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return options
