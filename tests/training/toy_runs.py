"""A small log with an easy structure, and runs over it."""

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
import tensorflow as tf

from tfrs_timirec.data.batches import evaluation_dataset, training_dataset
from tfrs_timirec.data.interactions import Interactions
from tfrs_timirec.data.splits import LeaveOneOut
from tfrs_timirec.models import SequentialRecommender, TiMiRec
from tfrs_timirec.training import AdamL2, StagedTraining, StoppingRule

NUM_ITEMS = 28
LENGTH = 6

# Three epochs a stage, however the validation goes.
THREE_EPOCHS = StoppingRule(max_epochs=3)


def make_split(num_users: int = 200) -> LeaveOneOut:
    """Returns users of two interests: each is a circle of 14 items.

    Who is at one place of a circle goes on to the next, or with a chance of
    0.2 changes to the other circle.
    """
    rng = np.random.default_rng(0)
    rows = []
    for user in range(num_users):
        circle, place = rng.integers(2), rng.integers(14)
        for time in range(8):
            if rng.random() < 0.2:
                circle = 1 - circle
            place = (place + 1) % 14
            rows.append((user, 14 * circle + place, time))
    frame = pd.DataFrame(rows, columns=["user_id", "item_id", "timestamp"])
    return LeaveOneOut(Interactions.from_dataframe(frame), num_negatives=10)


SPLIT = make_split()


def make_model(model_class: Any = TiMiRec, **options: Any) -> Any:
    """Returns a compiled model that starts from seed 0."""
    tf.keras.utils.set_random_seed(0)
    model = model_class(
        SPLIT.interactions.vocabulary_size,
        **{
            "num_interests": 2,
            "embedding_dim": 8,
            "max_history_length": LENGTH,
            **options,
        },
    )
    model.compile(optimizer=AdamL2(learning_rate=0.02, l2=1e-5))
    return model


def validation_data() -> tf.data.Dataset:
    """Returns the validation cases."""
    return evaluation_dataset(SPLIT, "validation", max_history_length=LENGTH)


def fit(
    model: SequentialRecommender,
    staged: StagedTraining,
    epochs: int | None = None,
    callbacks: tuple[tf.keras.callbacks.Callback, ...] = (),
    **options: Any,
) -> tf.keras.callbacks.History:
    """Trains as the documentation of `StagedTraining` shows it."""
    return model.fit(
        training_dataset(
            SPLIT,
            batch_size=64,
            max_history_length=LENGTH,
            first_epoch=staged.initial_epoch,
        ),
        epochs=staged.max_epochs(model) if epochs is None else epochs,
        callbacks=[*callbacks, staged],
        verbose=0,
        **{
            "initial_epoch": staged.initial_epoch,
            "validation_data": validation_data(),
            **options,
        },
    )


@dataclasses.dataclass
class Recorder(tf.keras.callbacks.Callback):
    """Keeps the weights of every epoch, and what the next one starts with.

    Args:
        script: values to put in the place of the validation metric; the real
            ones by default. The callback must stand before `StagedTraining`.
    """

    script: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        super().__init__()
        self.start_weights: list[list[np.ndarray]] = []
        self.start_optimizers: list[list[np.ndarray]] = []
        self.end_weights: list[list[np.ndarray]] = []

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        optimizer = self.model.optimizer
        self.start_weights.append(trainable(self.model))
        self.start_optimizers.append(
            [variable.numpy() for variable in optimizer.variables]
        )

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.end_weights.append(trainable(self.model))
        if self.script:
            logs["val_ndcg_at_5"] = self.script[len(self.end_weights) - 1]


def trainable(model: tf.keras.Model) -> list[np.ndarray]:
    """Returns the values of the trainable variables."""
    return [variable.numpy() for variable in model.trainable_variables]


def assert_equal_weights(
    actual: list[np.ndarray], expected: list[np.ndarray]
) -> None:
    """Asserts that weights are equal to the last bit."""
    for one, other in zip(actual, expected, strict=True):
        np.testing.assert_array_equal(one, other)
