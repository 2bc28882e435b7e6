"""The callback that shows training on a terminal."""

from __future__ import annotations

from typing import Any

import rich.console
import rich.progress
import tensorflow as tf

from tfrs_timirec.training.staged_training import StagedTraining


class TrainingProgress(tf.keras.callbacks.Callback):
    """Prints a line an epoch; on a terminal, shows a bar while it runs.

    A line says the stage, where a model has several, the epoch of that stage,
    the loss, the monitored validation metric, its best value so far, and the
    seconds if an `EpochTimer` comes first. Where `fit` may be broken off, which
    tells no callback, call `on_train_end`: else the bar keeps hold of the
    terminal.

    Args:
        staged: the callback that runs the stages; it must come before this
            one in the list of callbacks.
        console: where to print.

    Example:
    >>> staged = StagedTraining()
    >>> progress = TrainingProgress(staged, rich.console.Console())
    >>> model.fit(..., verbose=0, callbacks=[staged, progress])
    """

    def __init__(self, staged: StagedTraining, console: rich.console.Console):
        super().__init__()
        self._staged = staged
        self._console = console
        self._bar: rich.progress.Progress | None = None
        self._supports_tf_logs = True  # Spares Keras a copy each batch.

    def on_epoch_begin(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:
        """Starts the bar."""
        if not self._console.is_terminal:
            return
        stage = self.model.stages.index(self.model.stage) + 1
        self._bar = rich.progress.Progress(
            rich.progress.TextColumn("{task.description}"),
            rich.progress.BarColumn(),
            rich.progress.MofNCompleteColumn(),
            rich.progress.TimeRemainingColumn(compact=True),
            console=self._console,
            transient=True,
        )
        self._bar.add_task(
            f"{self._epoch_name(stage)} {len(self._values(stage)) + 1}",
            total=self.params["steps"],
        )
        self._bar.start()

    def on_train_batch_end(
        self, batch: int, logs: dict[str, Any] | None = None
    ) -> None:
        """Moves the bar on; `batch` counts from 0."""
        if self._bar:
            self._bar.update(self._bar.task_ids[0], completed=batch + 1)

    def on_epoch_end(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:
        """Takes the bar away and prints the line."""
        self._stop_bar()
        entry = self._staged.history[-1]
        values = self._values(entry["stage"])
        monitor = self._staged.monitor
        best = max(values)
        parts = [
            f"{self._epoch_name(entry['stage'])} {len(values):>3}",
            f"loss {entry['loss']:.4f}",
            f"{_show(monitor)} {values[-1]:.4f}",
            f"best {best:.4f} (epoch {values.index(best) + 1})",
        ]
        if "seconds" in entry:
            parts.append(f"{entry['seconds']:.1f} s")
        self._print("  ".join(parts))

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Says so if a backup is taken up."""
        if self._staged.finished:
            self._print("Training had ended; its best weights are taken.")
        elif self._staged.history:
            self._print(f"Going on after epoch {len(self._staged.history)}.")

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Takes the bar away."""
        self._stop_bar()

    def _epoch_name(self, stage: int) -> str:
        stages = self.model.stages
        if len(stages) == 1:
            return "epoch"
        width = max(map(len, stages))  # The numbers of all stages line up.
        return f"{stages[stage - 1]:<{width}} epoch"

    def _values(self, stage: int) -> list[float]:
        return [
            entry[self._staged.monitor]
            for entry in self._staged.history
            if entry["stage"] == stage
        ]

    def _stop_bar(self) -> None:
        if self._bar:
            self._bar.stop()
            self._bar = None

    def _print(self, text: str) -> None:
        self._console.print(text, highlight=False, soft_wrap=True)


def _show(monitor: str) -> str:
    """Turns "val_ndcg_at_5" into "val NDCG@5"."""
    return (
        monitor.replace("val_", "val ")
        .replace("hit_rate_at_", "HR@")
        .replace("ndcg_at_", "NDCG@")
    )
