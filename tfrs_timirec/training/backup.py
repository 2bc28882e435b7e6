"""Saved state of a staged training run."""

from __future__ import annotations

import json
import logging
import os
import pathlib
from typing import Any

import tensorflow as tf

from tfrs_timirec._files import check_path
from tfrs_timirec.training.stage_weights import StageWeights

_log = logging.getLogger(__name__)

_PROGRESS_KEY = "progress/.ATTRIBUTES/py_state"


class Backup:
    """Saves and restores a training run, epoch by epoch.

    A backup is one TensorFlow checkpoint, the model with its random state, the
    optimizer, and the progress as JSON, beside the best weights of each stage
    (`stage_weights`). The last two are kept, and the newer one counts only when
    it is whole, so a run may be killed while it is saved, and a file that is
    damaged later costs an epoch.

    Args:
        directory: where the checkpoints are; made if it is missing.

    Raises:
        ValueError: if the path holds a wildcard.

    Example:
    >>> backup = Backup("runs/beauty/backup")
    >>> backup.stage_weights.keep("pretraining", model.weights)
    >>> backup.save(model, {"history": [...]})
    >>> backup.progress()
    {'history': [...], 'stages': {'pretraining': 'pretraining-0'}}
    """

    def __init__(self, directory: str | os.PathLike[str]):
        check_path("directory", directory)
        self.directory = os.fspath(directory)
        self.stage_weights = StageWeights(pathlib.Path(directory) / "stages")

    def progress(self) -> dict[str, Any] | None:
        """Returns the saved progress, or None if nothing was saved yet."""
        path = self._newest()
        return None if path is None else _read_progress(path)

    def save(self, model: tf.keras.Model, progress: dict[str, Any]) -> None:
        """Saves a run in place of the one before.

        Args:
            model: compiled model.
            progress: what JSON can hold, with a list "history" of one entry
                an epoch.
        """
        stages = dict(self.stage_weights.folders)
        checkpoint = _checkpoint(model, {**progress, "stages": stages})
        manager = tf.train.CheckpointManager(
            checkpoint, self.directory, max_to_keep=2
        )
        manager.save(checkpoint_number=len(progress["history"]))
        self.stage_weights.discard(
            *(_read_progress(path)["stages"] for path in manager.checkpoints)
        )

    def restore(self, model: tf.keras.Model) -> None:
        """Restores model and optimizer, and finds the stages' best weights.

        Raises:
            ValueError: if there is no backup, or it is of another model.
        """
        progress = self.progress()
        if progress is None:
            raise ValueError(
                "Backup: `directory` must hold a backup to restore."
                f" Received: directory={self.directory!r}"
            )
        try:
            _checkpoint(model, {}).restore(self._newest()).assert_consumed()
        except (AssertionError, ValueError) as error:
            if not model.built:
                raise ValueError(
                    "Backup: the model must have its weights before it is"
                    f" restored. Received: {type(model).__name__}, which was"
                    " not called yet. Call it with a batch before `fit`."
                ) from error
            raise ValueError(
                "Backup: the model must be the one that was saved, with the"
                " same sizes and optimizer. Received:"
                f" directory={self.directory!r}. Go on with the settings of"
                " that run, or choose a new folder."
            ) from error
        self.stage_weights.folders = dict(progress["stages"])

    def _newest(self) -> str | None:
        """Returns the newest checkpoint that is whole."""
        state = tf.train.get_checkpoint_state(self.directory)
        for path in reversed(state.all_model_checkpoint_paths if state else ()):
            if _is_whole(path):
                return path
        return None


class _Progress(tf.train.experimental.PythonState):
    """What JSON can hold, as part of a checkpoint."""

    def __init__(self, content: dict[str, Any]):
        self.content = content

    def serialize(self) -> str:
        return json.dumps(self.content)

    def deserialize(self, text: str) -> None:
        self.content = json.loads(text)


def _checkpoint(
    model: tf.keras.Model, progress: dict[str, Any]
) -> tf.train.Checkpoint:
    model.optimizer.build(model.trainable_variables)
    return tf.train.Checkpoint(
        model=model, optimizer=model.optimizer, progress=_Progress(progress)
    )


def _is_whole(path: str) -> bool:
    """Whether every part of a checkpoint can be read; one table at a time."""
    try:
        reader = tf.train.load_checkpoint(path)
        for name in reader.get_variable_to_shape_map():
            reader.get_tensor(name)
    except (IndexError, RuntimeError, ValueError, tf.errors.OpError) as error:
        _log.warning(
            "A backup is damaged, so the one before counts: %s (%s)",
            path,
            error,
        )
        return False
    return True


def _read_progress(path: str) -> dict[str, Any]:
    return json.loads(tf.train.load_checkpoint(path).get_tensor(_PROGRESS_KEY))
