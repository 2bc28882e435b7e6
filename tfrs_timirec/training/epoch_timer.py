"""The callback that times epochs."""

from __future__ import annotations

import time
from typing import Any

import tensorflow as tf


class EpochTimer(tf.keras.callbacks.Callback):
    """Adds `seconds`, the duration of an epoch with validation, to its logs.

    Put it before the callbacks that are to see the number.

    Example:
    >>> model.fit(..., callbacks=[EpochTimer(), StagedTraining()])
    """

    def __init__(self) -> None:
        super().__init__()
        self._start = 0.0

    def on_epoch_begin(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:
        """Starts the clock."""
        self._start = time.perf_counter()

    def on_epoch_end(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:
        """Adds `seconds` to the logs."""
        if logs is not None:
            logs["seconds"] = round(time.perf_counter() - self._start, 3)
