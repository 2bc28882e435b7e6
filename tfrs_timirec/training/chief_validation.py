"""The callback that validates where training is led from."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from tfrs_timirec.data.batches import EvaluationCases


class ChiefValidation(tf.keras.callbacks.Callback):
    """Ranks all validation cases in this process after every epoch.

    For parameter servers, whose workers cannot be asked to take every case
    exactly once. The logs gain what `validation_data` of `fit` would give
    them. Put it before the callbacks that are to see the numbers.

    Args:
        cases: the validation cases.

    Example:
    >>> model.fit(..., callbacks=[ChiefValidation(cases), StagedTraining()])
    """

    def __init__(self, cases: EvaluationCases):
        super().__init__()
        self._batches = cases.dataset()
        self._steps: dict[str, Any] = {}  # A function for each stage.

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Forgets the model of an earlier `fit`."""
        self._steps = {}

    def on_epoch_end(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:
        """Adds the validation metrics to the logs."""
        step = self._steps.setdefault(
            self.model.stage,
            tf.function(self.model.test_step, reduce_retracing=True),
        )
        self.model.reset_metrics()
        metrics: dict[str, tf.Tensor] = {}
        for features in self._batches:
            metrics = step(features)
        if logs is not None:
            logs |= {
                f"val_{name}": float(value) for name, value in metrics.items()
            }
