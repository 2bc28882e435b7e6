"""Slices of batches: together they are the batches of one replica."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from tests.training.toy_runs import SPLIT
from tfrs_timirec.data import distributed_batches
from tfrs_timirec.data.batches import EvaluationCases, TrainingBatches
from tfrs_timirec.data.distributed_batches import (
    num_evaluation_steps,
    sliced_evaluation_dataset,
    sliced_training_dataset,
    worker_training_dataset,
)

NUM_INSTANCES = len(SPLIT.train_positions)  # 200 users with 5 each


def make_batches(batch_size):
    return TrainingBatches(
        SPLIT, batch_size=batch_size, max_history_length=4, num_negatives=2
    )


def contexts(num_pipelines, num_replicas):
    return [
        tf.distribute.InputContext(num_pipelines, pipeline, num_replicas)
        for pipeline in range(num_pipelines)
    ]


def by_step(datasets, num_steps, replicas_here):
    """Returns the slices of each step, in the order of the replicas."""
    streams = [dataset.as_numpy_iterator() for dataset in datasets]
    return [
        [next(stream) for stream in streams for _ in range(replicas_here)]
        for _ in range(num_steps)
    ]


@pytest.mark.parametrize(
    ("num_pipelines", "num_replicas"), [(1, 2), (3, 3), (2, 4)]
)
def test_slices_of_two_epochs_are_the_batches(num_pipelines, num_replicas):
    # 1000 = 3 * 333 + 1: the last batch has one instance.
    batches = make_batches(333)
    assert NUM_INSTANCES == 1000
    sliced = by_step(
        [
            sliced_training_dataset(batches, context, first_epoch=1)
            for context in contexts(num_pipelines, num_replicas)
        ],
        num_steps=8,
        replicas_here=num_replicas // num_pipelines,
    )

    dataset = batches.dataset(first_epoch=1)
    whole = [*dataset.as_numpy_iterator(), *dataset.as_numpy_iterator()]
    for slices, batch in zip(sliced, whole, strict=True):
        size = len(batch["target_id"])
        shares = np.array([part["batch_share"] for part in slices])
        np.testing.assert_allclose(shares.sum(), 1, rtol=1e-6)
        filled = [part for part in slices if part["batch_share"]]
        np.testing.assert_allclose(
            shares[shares > 0] * size,
            [len(part["target_id"]) for part in filled],
            rtol=1e-6,
        )
        for name, values in batch.items():
            np.testing.assert_array_equal(
                np.concatenate([part[name] for part in filled]), values
            )
        # What no instance is left for holds one that does not count.
        assert all(len(part["target_id"]) for part in slices)
    assert len(filled) == 1


def test_cases_come_once_in_the_steps_and_then_again(monkeypatch):
    monkeypatch.setattr(distributed_batches, "_NUM_CASES", 16)
    cases = EvaluationCases(SPLIT, max_history_length=4)
    num_steps = num_evaluation_steps(cases, 3)
    assert num_steps == 4
    sliced = by_step(
        [
            sliced_evaluation_dataset(cases, context)
            for context in contexts(3, 3)
        ],
        num_steps=2 * num_steps,
        replicas_here=1,
    )

    (whole,) = cases.dataset(batch_size=len(cases)).as_numpy_iterator()
    for part in (sliced[:num_steps], sliced[num_steps:]):
        for name, values in whole.items():
            np.testing.assert_array_equal(
                np.concatenate(
                    [piece[name] for step in part for piece in step]
                ),
                values,
            )


def test_more_replicas_than_cases_is_an_error():
    with pytest.raises(ValueError, match="`num_replicas`.*201 for 200"):
        num_evaluation_steps(EvaluationCases(SPLIT), 201)


def test_workers_share_the_batches_of_every_epoch():
    batches = make_batches(300)  # Four, so that each worker takes two.
    taken = [
        list(
            itertools.islice(
                worker_training_dataset(
                    batches, worker, 2, first_epoch=3
                ).as_numpy_iterator(),
                4,
            )
        )
        for worker in (0, 1)
    ]

    dataset = batches.dataset(first_epoch=3)
    whole = [*dataset.as_numpy_iterator(), *dataset.as_numpy_iterator()]
    for place, batch in enumerate(whole):
        for name, values in batch.items():
            np.testing.assert_array_equal(
                taken[place % 2][place // 2][name], values
            )


def test_more_workers_than_batches_is_an_error():
    with pytest.raises(ValueError, match="`num_workers`.*=3 for 2 batches"):
        worker_training_dataset(make_batches(500), 0, 3)
