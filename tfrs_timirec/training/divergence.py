"""The end of a training whose loss is no number any more."""

from __future__ import annotations

import math
from typing import Any

import tensorflow as tf


class DivergedError(ValueError):
    """The loss of a training is no number any more."""


class DivergenceCheck(tf.keras.callbacks.Callback):
    """Ends `fit` with an error where the loss of an epoch is no number.

    Keras's `TerminateOnNaN` would let `fit` return as if all were well. Put
    before `StagedTraining` it keeps such an epoch out of the backup.

    Raises:
        DivergedError: from within `fit`, naming the epoch.

    Example:
    >>> model.fit(..., callbacks=[DivergenceCheck(), StagedTraining()])
    """

    def on_epoch_end(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:
        """Looks at the epoch's mean loss."""
        loss = (logs or {}).get("loss", 0.0)
        if not math.isfinite(loss):
            rate = tf.keras.backend.get_value(
                self.model.optimizer.learning_rate
            )
            raise DivergedError(
                f"The loss must stay a number. Received: {loss} in epoch"
                f" {epoch + 1}, at a learning rate of {rate:g}. Train anew with"
                " a smaller `learning_rate`."
            )
