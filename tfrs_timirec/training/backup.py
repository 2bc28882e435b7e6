"""Saved state of a staged training run."""

from __future__ import annotations

import json
import os
from typing import Any

import tensorflow as tf

_PROGRESS_KEY = "progress/.ATTRIBUTES/VARIABLE_VALUE"


class Backup:
    """Saves and restores a training run, epoch by epoch.

    A backup is one TensorFlow checkpoint: the model with its random state, the
    optimizer, the best weights of each stage, and the progress as JSON. The
    last two are kept, and the newer one counts only when it is complete, so a
    run may be killed while it is saved.

    Args:
        directory: where the checkpoints are; made if it is missing.

    Example:
    >>> backup = Backup("runs/beauty/backup")
    >>> backup.save(model, {"pretraining": weights}, {"history": [...]})
    >>> backup.progress()
    {'history': [...], 'stages': ['pretraining']}
    """

    def __init__(self, directory: str | os.PathLike[str]):
        self.directory = os.fspath(directory)

    def progress(self) -> dict[str, Any] | None:
        """Returns the saved progress, or None if nothing was saved yet."""
        path = tf.train.latest_checkpoint(self.directory)
        if path is None:
            return None
        reader = tf.train.load_checkpoint(path)
        return json.loads(reader.get_tensor(_PROGRESS_KEY))

    def save(
        self,
        model: tf.keras.Model,
        stage_weights: dict[str, list[Any]],
        progress: dict[str, Any],
    ) -> None:
        """Saves a run in place of the one before.

        Args:
            model: compiled model.
            stage_weights: best weights of each stage so far.
            progress: what JSON can hold, with a list "history" of one entry
                an epoch.
        """
        checkpoint = self._checkpoint(model, stage_weights)
        checkpoint.progress.assign(
            json.dumps({**progress, "stages": list(stage_weights)})
        )
        tf.train.CheckpointManager(
            checkpoint, self.directory, max_to_keep=2
        ).save(checkpoint_number=len(progress["history"]))

    def restore(self, model: tf.keras.Model) -> dict[str, list[Any]]:
        """Restores model and optimizer; returns the stages' best weights.

        Raises:
            ValueError: if there is no backup, or it is of another model.
        """
        progress = self.progress()
        if progress is None:
            raise ValueError(
                "Backup: `directory` must hold a backup to restore."
                f" Received: directory={self.directory!r}"
            )
        weights = model.get_weights()
        checkpoint = self._checkpoint(
            model, dict.fromkeys(progress["stages"], weights)
        )
        try:
            checkpoint.restore(
                tf.train.latest_checkpoint(self.directory)
            ).assert_consumed()
        except (AssertionError, ValueError) as error:
            raise ValueError(
                "Backup: the model must be the one that was saved, with the"
                " same sizes and optimizer. Received:"
                f" directory={self.directory!r}. Go on with the settings of"
                " that run, or choose a new folder."
            ) from error
        return {
            stage: [variable.numpy() for variable in variables]
            for stage, variables in checkpoint.stage_weights.items()
        }

    @staticmethod
    def _checkpoint(
        model: tf.keras.Model, stage_weights: dict[str, list[Any]]
    ) -> tf.train.Checkpoint:
        model.optimizer.build(model.trainable_variables)
        return tf.train.Checkpoint(
            model=model,
            optimizer=model.optimizer,
            stage_weights={
                stage: [tf.Variable(weight) for weight in weights]
                for stage, weights in stage_weights.items()
            },
            progress=tf.Variable("", dtype=tf.string),
        )
