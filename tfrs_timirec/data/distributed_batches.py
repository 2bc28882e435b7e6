"""Batches for several replicas of a model, as `tf.distribute` wants them.

Each function is for `distribute_datasets_from_function`, and `fit` must
be told the number of steps: the data sets do not end.
"""

from __future__ import annotations

import tensorflow as tf

from tfrs_timirec.data.batches import (
    NUM_PREFETCHED,
    EvaluationCases,
    TrainingBatches,
    without_autotune,
)

# Cases of a replica and step.
_NUM_CASES = 128


def sliced_training_dataset(
    batches: TrainingBatches,
    context: tf.distribute.InputContext,
    first_epoch: int = 0,
) -> tf.data.Dataset:
    """Returns a slice of every batch for each replica, for ever.

    What all replicas get in a step is one batch of `training_dataset`, with
    the same negatives. That is what a synchronous strategy needs to train as
    one replica does.

    Args:
        batches: the batches.
        context: which replicas this is for.
        first_epoch: number of the first epoch.

    Example:
    >>> strategy.distribute_datasets_from_function(
    ...     lambda context: sliced_training_dataset(batches, context)
    ... )
    """
    indices = _slices(batches.num_batches, context)
    num_slices = context.num_replicas_in_sync
    return _for_ever(
        _epoch_numbers(first_epoch).flat_map(
            lambda number: batches.epoch(number, indices, num_slices)
        )
    )


def worker_training_dataset(
    batches: TrainingBatches,
    worker: int | tf.Tensor,
    num_workers: int,
    first_epoch: int = 0,
) -> tf.data.Dataset:
    """Returns every `num_workers`-th batch for one worker, for ever.

    For workers that do not wait for each other, as those of a parameter server
    strategy. As long as they are equally fast, they take every batch of an
    epoch once. The batches are shuffled anew in every epoch, so that without
    one worker no instance is left out for good.

    Args:
        batches: the batches.
        worker: number of the worker.
        num_workers: number of workers.
        first_epoch: number of the first epoch.

    Raises:
        ValueError: if there are fewer batches than workers.

    Example:
    >>> worker_training_dataset(batches, worker=0, num_workers=2)
    """
    if batches.num_batches < num_workers:
        # Without a batch in any epoch, a worker would wait for ever.
        raise ValueError(
            "`num_workers` must not be greater than the number of batches."
            f" Received: num_workers={num_workers} for"
            f" {batches.num_batches} batches. Train with fewer workers or a"
            " smaller `batch_size`."
        )
    indices = tf.data.Dataset.range(worker, batches.num_batches, num_workers)
    return _for_ever(
        _epoch_numbers(first_epoch).flat_map(
            lambda number: batches.epoch(number, indices)
        )
    )


def num_evaluation_steps(cases: EvaluationCases, num_replicas: int) -> int:
    """Returns the steps that `sliced_evaluation_dataset` takes for all cases.

    Args:
        cases: the cases.
        num_replicas: number of replicas.

    Raises:
        ValueError: if there are fewer cases than replicas.
    """
    if len(cases) < num_replicas:
        raise ValueError(
            "`num_replicas` must not be more than there are held-out cases."
            f" Received: num_replicas={num_replicas} for {len(cases)} cases."
            " Train with fewer replicas."
        )
    return max(1, len(cases) // (_NUM_CASES * num_replicas))


def sliced_evaluation_dataset(
    cases: EvaluationCases, context: tf.distribute.InputContext
) -> tf.data.Dataset:
    """Returns the cases for each replica, over and over again.

    In `num_evaluation_steps` steps the replicas get every case once.

    Args:
        cases: the cases.
        context: which replicas this is for.

    Example:
    >>> strategy.distribute_datasets_from_function(
    ...     lambda context: sliced_evaluation_dataset(cases, context)
    ... )
    """
    num_replicas = context.num_replicas_in_sync
    num_steps = num_evaluation_steps(cases, num_replicas)
    num_slices = num_steps * num_replicas

    def rows(index: tf.Tensor) -> dict[str, tf.Tensor]:
        return cases.rows(
            index * len(cases) // num_slices,
            (index + 1) * len(cases) // num_slices,
        )

    return _for_ever(_slices(num_steps, context).map(rows).repeat())


def _slices(
    num_steps: int, context: tf.distribute.InputContext
) -> tf.data.Dataset:
    """Returns `step * num_replicas + replica` of an input pipeline."""
    num_replicas = context.num_replicas_in_sync
    here = num_replicas // context.num_input_pipelines
    first = context.input_pipeline_id * here
    return tf.data.Dataset.range(num_steps).flat_map(
        lambda step: tf.data.Dataset.range(here).map(
            lambda replica: step * num_replicas + first + replica
        )
    )


def _epoch_numbers(first: int) -> tf.data.Dataset:
    return tf.data.Dataset.range(first, tf.int64.max)


def _for_ever(dataset: tf.data.Dataset) -> tf.data.Dataset:
    return (
        dataset.apply(
            tf.data.experimental.assert_cardinality(
                tf.data.INFINITE_CARDINALITY
            )
        )
        .prefetch(NUM_PREFETCHED)
        .with_options(without_autotune())
    )
