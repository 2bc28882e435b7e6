"""One training run: from interactions to a run folder."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
from collections.abc import Sequence
from typing import Any, get_args

import numpy as np
import pandas as pd
import rich.console
import tensorflow as tf

from tfrs_timirec.data.batches import (
    Candidates,
    evaluation_dataset,
    training_dataset,
)
from tfrs_timirec.data.interactions import Interactions
from tfrs_timirec.data.splits import HeldOut, LeaveOneOut
from tfrs_timirec.evaluation import rank_held_out, summarize_ranks
from tfrs_timirec.experiments.data_source import DataSource
from tfrs_timirec.experiments.run_record import (
    describe_environment,
    write_history,
    write_json,
    write_whole,
)
from tfrs_timirec.experiments.settings import TrainingSettings
from tfrs_timirec.models import SequentialRecommender
from tfrs_timirec.training import EpochTimer, StagedTraining, TrainingProgress

PARTS: tuple[HeldOut, ...] = ("test", "validation")


class TrainingRun:
    """Trains, evaluates and records one model in a folder of its own.

    The folder holds

    - `settings.json`: the settings, where the data came from and its
      fingerprint;
    - `backup/`: the state after the last epoch; `train` goes on from there;
    - `history.csv`: losses, validation metrics and seconds of every epoch;
    - `tensorboard/`: the same for TensorBoard;
    - `weights/`: best weights of the model and, where it has two stages, of
      the pretrained extractor;
    - `metrics.json`: test and validation metrics, and how they came about;
    - `ranks.parquet`: on demand, the rank of every held-out target.

    A run may be killed at any moment: made anew with the same arguments it
    goes on and comes to the same numbers.

    Args:
        settings: what to train.
        interactions: the log.
        folder: the run folder; made if it is missing.
        source: where `interactions` came from; `open` needs it.
        command: the shell command that starts the run, for the record.

    Raises:
        ValueError: if the folder holds a run of other settings or other data,
            or if no user is long enough to be evaluated.

    Example:
    >>> run = TrainingRun(preset("timirec", "amazon_beauty"), log, "runs/a")
    >>> run.train()
    >>> run.evaluate()["test"]["sampled"]["hit_rate_at_10"]
    """

    def __init__(
        self,
        settings: TrainingSettings,
        interactions: Interactions,
        folder: str | os.PathLike[str],
        *,
        source: DataSource | None = None,
        command: str | None = None,
    ):
        self.settings = settings
        self.interactions = interactions
        self.folder = pathlib.Path(folder)
        self.split = LeaveOneOut(
            interactions,
            num_negatives=settings.num_evaluation_negatives,
            seed=settings.seed,
        )
        _check_enough_data(self.split)
        tf.keras.utils.set_random_seed(settings.seed)
        self.model = settings.build_model(interactions.vocabulary_size)
        self._record = {
            "settings": dataclasses.asdict(settings),
            "data": interactions.name,
            "data_fingerprint": interactions.fingerprint,
            "source": source
            and dataclasses.asdict(source.with_absolute_paths()),
            "command": command,
        }
        self._claim_folder()

    @classmethod
    def open(cls, folder: str | os.PathLike[str]) -> TrainingRun:
        """Returns the run of a folder, its data read from where it was.

        Args:
            folder: the run folder.

        Raises:
            FileNotFoundError: if the folder holds no run, or the data is gone.
            ValueError: if the data is not what it was, or it came from a
                program that did not say from where.
        """
        folder = pathlib.Path(folder)
        path = folder / "settings.json"
        if not path.is_file():
            raise FileNotFoundError(
                "`folder` must be a run folder, which holds a settings.json."
                f" Received: folder={str(folder)!r}"
            )
        record = json.loads(path.read_text())
        if not record["source"]:
            raise ValueError(
                "`folder` must hold a run that knows where its data came from."
                f" Received: folder={str(folder)!r}, made by a program that"
                " gave no `source`. Make a TrainingRun with the same settings,"
                " interactions and folder instead."
            )
        source = DataSource(**record["source"])
        interactions = source.load()
        if interactions.fingerprint != record["data_fingerprint"]:
            place = source.interactions or source.dataset
            raise ValueError(
                f"The data of the run {str(folder)!r} must be what it was"
                f" trained on. Received: {place!r}, which has changed since:"
                f" fingerprint {interactions.fingerprint[:12]}, then"
                f" {record['data_fingerprint'][:12]}. Bring the old data back,"
                " or train anew with another folder."
            )
        return cls(
            TrainingSettings(**record["settings"]),
            interactions,
            folder,
            source=source,
            command=record["command"],
        )

    def _claim_folder(self) -> None:
        """Writes the record, or compares it with the one written before."""
        path = self.folder / "settings.json"
        if not path.exists():
            write_json(path, self._record)
            return
        known = json.loads(path.read_text())
        differences = [
            f"{name} ({known['settings'].get(name)!r} there, {value!r} now)"
            for name, value in self._record["settings"].items()
            if known["settings"].get(name) != value
        ]
        if known["data_fingerprint"] != self._record["data_fingerprint"]:
            differences.append(
                f"data ({known['data']!r} there, {self._record['data']!r} now,"
                " or its content has changed)"
            )
        if differences:
            raise ValueError(
                "`folder` must be new or hold a run of the same settings and"
                f" data. Received: folder={str(self.folder)!r}, which differs"
                f" in {', '.join(differences)}. Choose another folder, or"
                " delete this one."
            )
        self._record["command"] = known["command"]
        write_json(path, self._record)  # The data may lie elsewhere now.

    def train(
        self,
        callbacks: Sequence[tf.keras.callbacks.Callback] = (),
        verbose: int = 0,
        console: rich.console.Console | None = None,
    ) -> list[dict[str, Any]]:
        """Trains to the end, from the backup if there is one.

        Args:
            callbacks: further Keras callbacks.
            verbose: Keras's; 0 is silent, 1 a progress bar, 2 a line an epoch.
            console: where to show progress: a line an epoch and, if it is a
                terminal, a bar; nowhere by default.

        Returns:
            The logs of every epoch.
        """
        settings = self.settings
        staged = StagedTraining(
            stopping_rule=settings.stopping_rule,
            backup_dir=self.folder / "backup",
        )
        shown = [TrainingProgress(staged, console)] if console else []
        self.model.fit(
            training_dataset(
                self.split,
                batch_size=settings.batch_size,
                max_history_length=settings.max_history_length,
                num_negatives=settings.num_negatives,
                seed=settings.seed,
                first_epoch=staged.initial_epoch,
            ),
            validation_data=evaluation_dataset(
                self.split,
                "validation",
                max_history_length=settings.max_history_length,
            ),
            # A finished run only takes up its weights.
            epochs=(
                staged.initial_epoch
                if staged.finished
                else staged.max_epochs(self.model)
            ),
            initial_epoch=staged.initial_epoch,
            callbacks=[
                EpochTimer(),
                staged,
                *shown,
                tf.keras.callbacks.TensorBoard(
                    self.folder / "tensorboard", write_graph=False
                ),
                *callbacks,
            ],
            verbose=verbose,
        )
        write_history(self.folder / "history.csv", staged.history)
        for stage, weights in staged.stage_weights.items():
            self._save_weights(stage, weights)
        return staged.history

    @property
    def is_trained(self) -> bool:
        """Whether the weights of all stages are there."""
        return all(
            self._weights_path(stage).exists() for stage in self.model.stages
        )

    def results(self) -> dict[str, Any] | None:
        """Returns what `metrics.json` holds; None unless it is complete."""
        metrics = self._read_metrics()
        return metrics if set(PARTS) <= set(metrics) else None

    def evaluate(
        self, parts: Sequence[HeldOut] = PARTS, save_ranks: bool = False
    ) -> dict[str, Any]:
        """Ranks everything that was held out; writes `metrics.json`.

        Args:
            parts: what to rank; the file keeps what it has of another part.
            save_ranks: write `ranks.parquet`, too: `user_id` and `item_id` of
                each target, `part`, `stage`, `candidates` and `rank`.

        Returns:
            What the file holds: metrics by part ("test", "validation") and
            candidates ("sampled", "full"), under "stage_1" the same for the
            pretrained extractor scored greedily, and the run's circumstances.

        Raises:
            FileNotFoundError: if the run is not trained.
        """
        known = self._read_metrics()
        metrics: dict[str, Any] = {}
        tables = []
        for stage in self.model.stages:
            self.load_weights(stage)
            is_last = stage == self.model.stages[-1]
            before = known if is_last else known.get("stage_1", {})
            found = {part: before[part] for part in PARTS if part in before}
            for part in parts:
                ranks = {name: self._rank(part, name) for name in _CANDIDATES}
                found[part] = {
                    name: summarize_ranks(ranks[name]) for name in _CANDIDATES
                }
                if save_ranks:
                    tables += [
                        self._rank_table(part, stage, name, ranks[name])
                        for name in _CANDIDATES
                    ]
            metrics |= found if is_last else {"stage_1": found}
        if save_ranks:
            table = pd.concat(tables, ignore_index=True)
            write_whole(self.ranks_path, table.to_parquet)
        metrics = {
            **{part: metrics[part] for part in PARTS if part in metrics},
            **metrics,
            **self._circumstances(),
        }
        write_json(self.folder / "metrics.json", metrics)
        return metrics

    def load_weights(self, stage: str | None = None) -> SequentialRecommender:
        """Returns the model with a stage's best weights, the last by default.

        Raises:
            FileNotFoundError: if the run has not finished that stage.
        """
        stage = stage or self.model.stages[-1]
        path = self._weights_path(stage)
        if not path.exists():
            raise FileNotFoundError(
                f"`folder` must hold a finished run, but {path} is missing."
                " Train it first: the same command goes on where it stopped."
            )
        with np.load(path) as arrays:
            self.model.set_weights(
                [arrays[name] for name in sorted(arrays.files)]
            )
        self.model.set_stage(stage)
        return self.model

    @property
    def ranks_path(self) -> pathlib.Path:
        """The file of every target's rank."""
        return self.folder / "ranks.parquet"

    def _rank(self, part: HeldOut, candidates: Candidates) -> np.ndarray:
        return rank_held_out(
            self.model,
            self.split,
            part,
            candidates=candidates,
            max_history_length=self.settings.max_history_length,
        )

    def _rank_table(
        self, part: HeldOut, stage: str, candidates: str, ranks: np.ndarray
    ) -> pd.DataFrame:
        log = self.interactions
        positions = self.split.held_out_positions(part)
        return pd.DataFrame(
            {
                "user_id": log.users[log.user_indices[positions]],
                "item_id": log.decode_items(log.item_ids[positions]),
                "part": part,
                "stage": stage,
                "candidates": candidates,
                "rank": ranks,
            }
        )

    def _circumstances(self) -> dict[str, Any]:
        history = pd.read_csv(self.folder / "history.csv")
        return {
            **self._record,
            "seed": self.settings.seed,
            "epochs": {
                stage: int((history["stage"] == number).sum())
                for number, stage in enumerate(self.model.stages, start=1)
            },
            "training_seconds": round(float(history["seconds"].sum()), 1),
            **describe_environment(),
        }

    def _read_metrics(self) -> dict[str, Any]:
        path = self.folder / "metrics.json"
        return json.loads(path.read_text()) if path.exists() else {}

    def _weights_path(self, stage: str) -> pathlib.Path:
        return self.folder / "weights" / f"{stage}.npz"

    def _save_weights(self, stage: str, weights: list[np.ndarray]) -> None:
        arrays = {f"{index:03d}": array for index, array in enumerate(weights)}
        write_whole(
            self._weights_path(stage), lambda draft: np.savez(draft, **arrays)
        )


_CANDIDATES: tuple[Candidates, ...] = get_args(Candidates)


def _check_enough_data(split: LeaveOneOut) -> None:
    if not len(split.held_out_positions("test")):
        raise ValueError(
            "`interactions` must hold a user with at least three interactions:"
            " one to learn from, one to validate and one to test. Received:"
            f" {split.interactions.num_users} users with at most"
            f" {np.diff(split.interactions.row_splits).max()}. Check the user"
            " column of the log, or bring a longer log."
        )
