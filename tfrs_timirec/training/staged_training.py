"""The callback that takes a model through its stages within one `fit`."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from tfrs_timirec.training.backup import Backup
from tfrs_timirec.training.optimizer_state import (
    check_can_be_cleared,
    clear_optimizer,
    note_usual_learning_rate,
    optimizer_settings,
    usual_learning_rate,
)
from tfrs_timirec.training.stage_weights import StageWeights, whole_weights
from tfrs_timirec.training.stopping_rule import StoppingRule

_log = logging.getLogger(__name__)


class StagedTraining(tf.keras.callbacks.Callback):
    """Runs every stage of a model to its best epoch (Algorithm 1).

    After each epoch it looks at the monitored validation metric. When the
    stage is over it restores the stage's best weights; if another stage
    follows, it switches the model and lets `fit` go on, otherwise it ends
    training. Every stage starts with a cleared optimizer, also where the model
    was trained before, and with a step size that no other callback has changed.
    A `fit` that runs out of epochs ends with the best weights of the last stage
    that had an epoch, and logs a warning if that is not the model's last. For
    `TiMiRec` the stages are pretraining and finetuning; `ComiRec` has one.

    With a `backup_dir` the state of a run is saved after every epoch. The same
    program started again goes on where the last epoch ended and comes to the
    same numbers, however it was interrupted:

    >>> staged = StagedTraining(backup_dir="runs/beauty/backup")
    >>> model.fit(
    ...     training_dataset(split, first_epoch=staged.initial_epoch),
    ...     validation_data=evaluation_dataset(split, "validation"),
    ...     epochs=staged.max_epochs(model),
    ...     initial_epoch=staged.initial_epoch,
    ...     callbacks=[staged],
    ... )

    Keras's own callbacks work beside it; those that save the model, as
    `ModelCheckpoint`, must come before it in the list, for it switches stages
    at the end of an epoch. `BackupAndRestore` does not know of stages:
    `backup_dir` takes its place. `logs` gain `stage`, the number of the stage
    from 1. After `fit`, `history` holds the logs of all epochs, also
    of those before an interruption, and `stage_weights` the best weights of
    each stage. They are kept on disk, and nothing of a large table is copied in
    memory.

    Args:
        monitor: validation metric, higher is better.
        stopping_rule: when a stage ends; the authors' rule by default.
        backup_dir: where the state is saved; nowhere by default.
        learning_rates: the step size of a stage, by its name, where it is not
            the one that the optimizer was made with, and has again after
            `fit`.

    Raises:
        ValueError: if the path of `backup_dir` holds a wildcard.
        ValueError: from within `fit`, if the epochs lack `monitor` or do not
            follow those of the backup, `learning_rates` names a stage that the
            model has not or is given with a schedule, or the optimizer is Nadam
            or averages weights (`use_ema`), or has other settings than that of
            the backup.

    Example:
    >>> model.fit(
    ...     ...,
    ...     epochs=400,
    ...     callbacks=[StagedTraining(learning_rates={"finetuning": 1e-4})],
    ... )
    """

    def __init__(
        self,
        monitor: str = "val_ndcg_at_5",
        stopping_rule: StoppingRule | None = None,
        backup_dir: str | os.PathLike[str] | None = None,
        learning_rates: Mapping[str, float] | None = None,
    ):
        super().__init__()
        self.monitor = monitor
        self.stopping_rule = stopping_rule or StoppingRule()
        self.history: list[dict[str, Any]] = []
        self.finished = False
        self._learning_rates = dict(learning_rates or {})
        self._next_stage = 1
        self._saved_settings: dict[str, Any] | None = None
        self._backup = Backup(backup_dir) if backup_dir else None
        self.stage_weights = (
            self._backup.stage_weights if self._backup else StageWeights()
        )
        self._is_saved = False
        self._take_up_backup()

    @property
    def initial_epoch(self) -> int:
        """Epochs that a backup holds; 0 for a new run."""
        self._take_up_backup()
        return len(self.history) if self._backup else 0

    def max_epochs(self, model: tf.keras.Model) -> int:
        """Returns the epochs that all stages of `model` take at most.

        For a finished run of a backup these are the epochs that it took: `fit`
        then has none left.
        """
        num_epochs = self.initial_epoch
        if self._backup and self.finished:
            return num_epochs
        return self.stopping_rule.max_epochs * len(model.stages)

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Takes up a backup, if there is one; else starts anew."""
        self._take_up_backup()
        if unknown := set(self._learning_rates) - set(self.model.stages):
            raise ValueError(
                "StagedTraining: `learning_rates` must name stages of the"
                f" model, {', '.join(self.model.stages)}. Received:"
                f" {', '.join(sorted(unknown))}"
            )
        optimizer = self.model.optimizer
        check_can_be_cleared(optimizer)
        self._usual_rate = usual_learning_rate(optimizer)
        if self._learning_rates and self._usual_rate is None:
            raise ValueError(
                "StagedTraining: `learning_rates` must be left out where a"
                " schedule decides the step size. Received:"
                f" learning_rates={self._learning_rates}. Give the optimizer a"
                " number."
            )
        # Without a backup a schedule of one's own needs no configuration.
        self._settings = optimizer_settings(optimizer) if self._backup else {}
        if self._backup and self.history:
            self._check_same_settings()
            self._backup.restore(self.model)
            self.model.set_stage(self.model.stages[self._next_stage - 1])
            if self.history[-1]["stage"] != self._next_stage:
                self._set_learning_rate()
            else:
                note_usual_learning_rate(optimizer, self._usual_rate)
            self.model.stop_training = self.finished
            return
        self.history, self.finished = [], False
        self.stage_weights.folders = {}
        self._start_stage(1)

    def on_epoch_begin(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:
        """Sees to it that a backup's epochs are not trained again."""
        if self._backup and not self.finished and epoch != len(self.history):
            raise ValueError(
                "StagedTraining: `fit` must go on behind the epochs of the"
                f" backup, which has {len(self.history)}. Received:"
                f" initial_epoch={epoch}. Give `fit`"
                " initial_epoch=staged.initial_epoch, and `training_dataset`"
                " first_epoch=staged.initial_epoch; or choose a new folder."
            )

    def on_epoch_end(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:
        """Keeps the best weights, ends the stage or training."""
        if self.finished:
            # `fit` takes a batch before it looks at `stop_training`.
            self._restore_best()
            self.model.stop_training = True
            return
        logs = {} if logs is None else logs
        value = self._monitored(logs)
        stage = self.model.stages.index(self.model.stage) + 1
        values = [
            entry[self.monitor]
            for entry in self.history
            if entry["stage"] == stage
        ]
        logs["stage"] = stage
        self._is_saved = False
        self.history.append(
            {name: float(number) for name, number in logs.items()}
            | {"epoch": epoch, "stage": stage, self.monitor: value}
        )
        if not values or value > max(values):
            self._keep_best()
        if self.stopping_rule.should_stop([*values, value]):
            self._end_stage(stage)
        if self._backup:
            self._backup.save(
                self.model,
                {
                    "history": self.history,
                    "next_stage": self._next_stage,
                    "finished": self.finished,
                    "optimizer": self._settings,
                },
            )
            self._is_saved = True

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Restores the best weights where `fit` ran out of epochs."""
        if not self.finished:
            self._end_early()
        if self._learning_rates:  # The next `fit` may be without this.
            self._change_learning_rate(self._usual_rate)

    def _take_up_backup(self) -> None:
        """Has the state that the backup has, if it has another.

        As in a new process, and where `fit` was broken off before it saved.
        """
        if not self._backup or self._is_saved:
            return
        progress = self._backup.progress() or {}
        self.history = progress.get("history", [])
        self.finished = progress.get("finished", False)
        self._next_stage = progress.get("next_stage", 1)
        self._saved_settings = progress.get("optimizer")
        self._is_saved = True

    def _check_same_settings(self) -> None:
        """Raises ValueError if the optimizer is not made as the backup's was.

        Its state would come back, with some settings and without others.
        """
        before = self._saved_settings or self._settings
        changed = [
            f"{name}={self._settings.get(name)!r} instead of {value!r}"
            for name, value in before.items()
            if self._settings.get(name) != value
        ]
        if changed:
            raise ValueError(
                "StagedTraining: the optimizer must have the settings of the"
                f" backup's. Received: {', '.join(changed)}. Go on with those"
                " of that run, or choose a new folder."
            )

    def _keep_best(self) -> None:
        self.stage_weights.keep(self.model.stage, whole_weights(self.model))
        if not self._backup:  # It may need those before.
            self.stage_weights.discard(self.stage_weights.folders)

    def _restore_best(self) -> None:
        self.stage_weights.restore(self.model.stage, whole_weights(self.model))

    def _end_stage(self, stage: int) -> None:
        self._restore_best()
        if stage == len(self.model.stages):
            self.finished = True
            self.model.stop_training = True
            return
        self._start_stage(stage + 1)

    def _start_stage(self, stage: int) -> None:
        self._next_stage = stage
        self.model.set_stage(self.model.stages[stage - 1])
        clear_optimizer(self.model.optimizer)
        self._set_learning_rate()

    def _set_learning_rate(self) -> None:
        if self._usual_rate is not None:
            self._change_learning_rate(
                self._learning_rates.get(self.model.stage, self._usual_rate)
            )

    def _change_learning_rate(self, rate: float | None) -> None:
        self.model.optimizer.learning_rate = rate
        note_usual_learning_rate(self.model.optimizer, self._usual_rate)

    def _end_early(self) -> None:
        stages = self.model.stages
        trained = [name for name in stages if name in self.stage_weights]
        if not trained:
            return
        self.model.set_stage(trained[-1])
        self._restore_best()
        if trained[-1] != stages[-1]:
            _log.warning(
                "StagedTraining: `fit` ended before the stage %r, so the model"
                " is that of the stage %r. Give `fit` more epochs, as"
                " epochs=staged.max_epochs(model).",
                stages[len(trained)],
                trained[-1],
            )

    def _monitored(self, logs: dict[str, Any]) -> float:
        if self.monitor not in logs:
            raise ValueError(
                "StagedTraining: `monitor` must be a validation metric of"
                f" `fit`. Received: monitor={self.monitor!r}, while the epoch"
                f" has {sorted(logs)}. Give `fit` a `validation_data`"
                " (evaluation_dataset(split)) and `validation_freq=1`."
            )
        value = float(logs[self.monitor])
        return -math.inf if math.isnan(value) else value
