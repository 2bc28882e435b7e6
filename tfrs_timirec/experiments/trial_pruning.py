"""The early end of a trial of a search, with Optuna."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from tfrs_timirec.training.backup import Backup

if TYPE_CHECKING:
    import optuna

MONITOR = "val_ndcg_at_5"


class TrialPruning(tf.keras.callbacks.Callback):
    """Ends a trial whose validation curve is below those of the others.

    It reports the monitored metric of every epoch, also of those before an
    interruption; an epoch of the second stage follows on the most that the
    first could have had, so that trials are compared epoch by epoch.

    Args:
        trial: the trial.
        max_epochs: most epochs of a stage.

    Raises:
        optuna.TrialPruned: from within `fit`, which ends it.

    Example:
    >>> pruning = TrialPruning(trial, max_epochs=200)
    >>> pruning.backup = Backup(run.folder / "backup")
    >>> run.train(callbacks=[pruning])
    """

    def __init__(self, trial: optuna.Trial, max_epochs: int):
        super().__init__()
        self.backup: Backup | None = None
        self._trial = trial
        self._max_epochs = max_epochs
        self._epochs: dict[int, int] = {}
        self._reported: set[int] = set()

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Reports the epochs of the backup."""
        self._epochs.clear()
        progress = self.backup.progress() if self.backup else None
        for entry in progress["history"] if progress else ():
            self._report(int(entry["stage"]), entry[MONITOR])

    def on_epoch_end(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:
        """Reports an epoch; ends training if the trial is to be pruned."""
        if logs and "stage" in logs:
            self._report(int(logs["stage"]), logs[MONITOR])
            if self._trial.should_prune():
                raise import_optuna().TrialPruned

    def _report(self, stage: int, value: float) -> None:
        epoch = self._epochs.get(stage, 0)
        self._epochs[stage] = epoch + 1
        step = (stage - 1) * self._max_epochs + epoch
        if step not in self._reported:
            self._reported.add(step)
            self._trial.report(0.0 if math.isnan(value) else value, step)


def import_optuna() -> Any:
    """Returns the module `optuna`.

    Raises:
        ImportError: if it is not installed; names the extra that installs it.
    """
    try:
        import optuna  # noqa: PLC0415
    except ImportError as error:
        raise ImportError(
            "Tuning needs Optuna, which is not installed. Install the extra:"
            " pip install 'tfrs-timirec[tune]'"
        ) from error
    return optuna
