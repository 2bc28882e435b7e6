"""Trains with one replica and with two; prints how far the weights differ.

A program of its own, because a process decides once how many devices it has.
"""

import json
from typing import Any

import numpy as np
import tensorflow as tf

from tests.training.toy_runs import LENGTH, SPLIT
from tfrs_timirec.data.batches import EvaluationCases, TrainingBatches
from tfrs_timirec.models import TiMiRec
from tfrs_timirec.training import (
    AdamL2,
    LazyAdam,
    RowwiseLazyAdam,
    StagedTraining,
    StoppingRule,
    fit_arguments,
    join_cluster,
)

# Of 1000 instances the last batch holds one, which no two replicas can share.
BATCH_SIZE = 111


def make_model(loss: str, **options: Any) -> TiMiRec:
    """Returns the model, always with the same weights."""
    tf.keras.utils.set_random_seed(0)
    return TiMiRec(
        SPLIT.interactions.vocabulary_size,
        num_interests=2,
        embedding_dim=8,
        max_history_length=LENGTH,
        loss=loss,
        **options,
    )


def largest_difference(one: TiMiRec, other: TiMiRec) -> float:
    """Returns how far the weights of two models lie apart."""
    return max(
        float(np.abs(a.numpy() - b.numpy()).max())
        for a, b in zip(
            one.trainable_variables, other.trainable_variables, strict=True
        )
    )


def distance_between_replicas(model: TiMiRec) -> float:
    """Returns how far a weight's copies lie apart."""
    return max(
        float(np.abs(copy.numpy() - variable.values[0].numpy()).max())
        for variable in model.trainable_variables
        for copy in variable.values
    )


def train(
    strategy: tf.distribute.Strategy | None,
    loss: str,
    optimizer_class: type[AdamL2] = LazyAdam,
    **options: Any,
) -> tuple[TiMiRec, StagedTraining]:
    """Returns a trained model and the callback that knows its history."""
    with (strategy or tf.distribute.get_strategy()).scope():
        model = make_model(loss, **options)
        # A large epsilon, lest the sign of a gradient near zero decide.
        optimizer = optimizer_class(0.05, l2=1e-4, epsilon=1e-3)
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
    found: dict[str, Any] = {"between_replicas": {}}
    for loss in ("bpr", "sampled_softmax"):
        one, one_staged = train(None, loss)
        two, two_staged = train(strategy, loss)
        found[loss] = {
            "replicas": strategy.num_replicas_in_sync,
            "distance": largest_difference(one, two),
            "way": largest_difference(one, make_model(loss)),
            "histories": [one_staged.history, two_staged.history],
        }
        found["between_replicas"][loss] = distance_between_replicas(two)
    # Its tables' moments have another shape; for the rest it is LazyAdam, whose
    # update of what is no table is AdamL2's.
    model, _ = train(strategy, "bpr", RowwiseLazyAdam, pretraining=False)
    found["between_replicas"]["rowwise"] = distance_between_replicas(model)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
