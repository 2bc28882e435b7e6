"""Trains with one replica and with two; prints how far the weights differ.

A program of its own, because a process decides once how many devices it has.
"""

import json

import numpy as np
import tensorflow as tf

from tests.training.toy_runs import LENGTH, SPLIT
from tfrs_timirec.data.batches import EvaluationCases, TrainingBatches
from tfrs_timirec.models import TiMiRec
from tfrs_timirec.training import (
    LazyAdam,
    StagedTraining,
    StoppingRule,
    fit_arguments,
    join_cluster,
)

# Of 1000 instances the last batch holds one, which no two replicas can share.
BATCH_SIZE = 111


def make_model(loss: str) -> TiMiRec:
    """Returns the model, always with the same weights."""
    tf.keras.utils.set_random_seed(0)
    return TiMiRec(
        SPLIT.interactions.vocabulary_size,
        num_interests=2,
        embedding_dim=8,
        max_history_length=LENGTH,
        loss=loss,
    )


def largest_difference(one: TiMiRec, other: TiMiRec) -> float:
    """Returns how far the weights of two models lie apart."""
    return max(
        float(np.abs(a.numpy() - b.numpy()).max())
        for a, b in zip(
            one.trainable_variables, other.trainable_variables, strict=True
        )
    )


def train(
    strategy: tf.distribute.Strategy | None, loss: str
) -> tuple[TiMiRec, StagedTraining]:
    """Returns a trained model and the callback that knows its history."""
    with (strategy or tf.distribute.get_strategy()).scope():
        model = make_model(loss)
        # A large epsilon, lest the sign of a gradient near zero decide.
        optimizer = LazyAdam(0.05, l2=1e-4, epsilon=1e-3)
        model.compile(optimizer=optimizer, steps_per_execution=3)
    staged = StagedTraining(stopping_rule=StoppingRule(max_epochs=1))
    data = fit_arguments(
        strategy,
        TrainingBatches(
            SPLIT, batch_size=BATCH_SIZE, max_history_length=LENGTH
        ),
        EvaluationCases(SPLIT, max_history_length=LENGTH),
    )
    callbacks = [*data.pop("callbacks"), staged]
    model.fit(
        **data,
        epochs=staged.max_epochs(model),
        callbacks=callbacks,
        verbose=0,
    )
    return model, staged


def main() -> None:
    """Compares both runs."""
    (cpu,) = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(
        cpu, [tf.config.LogicalDeviceConfiguration()] * 2
    )
    strategy = join_cluster("mirrored")
    found = {}
    for loss in ("bpr", "sampled_softmax"):
        one, one_staged = train(None, loss)
        two, two_staged = train(strategy, loss)
        found[loss] = {
            "replicas": strategy.num_replicas_in_sync,
            "distance": largest_difference(one, two),
            "way": largest_difference(one, make_model(loss)),
            "histories": [one_staged.history, two_staged.history],
        }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
