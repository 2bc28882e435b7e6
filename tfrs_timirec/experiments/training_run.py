"""One training run: from interactions to a run folder."""

from __future__ import annotations

import dataclasses
import functools
import os
import pathlib
import tempfile
from collections.abc import Sequence
from typing import Any, get_args

import numpy as np
import pandas as pd
import rich.console
import tensorflow as tf

from tfrs_timirec.data.batches import (
    Candidates,
    EvaluationCases,
    TrainingBatches,
)
from tfrs_timirec.data.context_features import (
    attribute_sizes,
    attributes_fingerprint,
)
from tfrs_timirec.data.interactions import Interactions
from tfrs_timirec.data.splits import (
    HeldOut,
    LeaveOneOut,
    check_enough_data,
)
from tfrs_timirec.evaluation import rank_held_out, summarize_ranks
from tfrs_timirec.experiments import environment
from tfrs_timirec.experiments.data_source import DataSource
from tfrs_timirec.experiments.pretrained_start import take_over_pretraining
from tfrs_timirec.experiments.run_folder import RunFolder, RunRecord
from tfrs_timirec.experiments.settings import TrainingSettings
from tfrs_timirec.models import SequentialRecommender
from tfrs_timirec.training import (
    DivergenceCheck,
    EpochTimer,
    StagedTraining,
    TrainingProgress,
)
from tfrs_timirec.training.distribution import (
    check_same_start,
    fit_arguments,
    is_chief,
    is_multi_worker,
)

PARTS: tuple[HeldOut, ...] = ("test", "validation")
_CANDIDATES: tuple[Candidates, ...] = get_args(Candidates)


class TrainingRun:
    """Trains, evaluates and records one model in a folder of its own.

    The folder holds

    - `settings.json`: the settings, where the data came from and its
      fingerprint;
    - `environments.json`: machines, versions and strategies of the training;
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
        pretrained_from: folder of a finished run that is the first stage of
            this one, as ComiRec is TiMiRec's (`settings.of_pretraining`).
            Training starts with the second stage then, and comes to the same
            numbers, but for the draws of an extractor's dropout.
        strategy: how `train` is spread over devices or machines, which must
            share the folder; see `join_cluster` of `tfrs_timirec.training`.
            Only the chief writes there. Evaluation runs in one process.

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
        pretrained_from: str | os.PathLike[str] | None = None,
        strategy: tf.distribute.Strategy | None = None,
    ):
        self.settings = settings
        self.interactions = interactions
        self.folder = pathlib.Path(folder)
        self.split = LeaveOneOut(
            interactions,
            num_negatives=settings.num_evaluation_negatives,
            seed=settings.seed,
        )
        check_enough_data(self.split)
        self._attribute_sizes = attribute_sizes(
            interactions, settings.attribute_names
        )
        self.strategy = strategy
        self._files = RunFolder(self.folder)
        if not is_chief(strategy):
            self._scratch = tempfile.TemporaryDirectory(prefix="timirec-")
            self._files = self._files.copy(pathlib.Path(self._scratch.name))
        self._record = self._files.claim(
            RunRecord(
                settings=settings,
                data=interactions.name,
                data_fingerprint=interactions.fingerprint,
                attributes_fingerprint=attributes_fingerprint(
                    interactions, settings.attribute_names
                ),
                source=source and source.with_absolute_paths(),
                command=command,
                pretrained_from=(
                    None
                    if pretrained_from is None
                    else os.path.abspath(pretrained_from)
                ),
            )
        )

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
        files = RunFolder(pathlib.Path(folder))
        record = files.record()
        return cls(
            record.settings,
            record.load_data(files.path),
            folder,
            source=record.source,
            command=record.command,
        )

    @functools.cached_property
    def model(self) -> SequentialRecommender:
        """The model, in this process; new, trained or loaded."""
        return self._build_model(self.settings)

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

        Raises:
            FileNotFoundError: if the run to start from has not finished.
            ValueError: if the run to start from is not this run's first stage,
                or the loss is no number any more.
        """
        settings = self.settings
        if self.strategy is None:
            model = self.model
        else:
            model = self._build_distributed_model(self.strategy)
        if self._record.pretrained_from is not None:
            take_over_pretraining(
                model,
                self._record,
                RunFolder(pathlib.Path(self._record.pretrained_from)),
                self._files.backup,
            )
        staged = StagedTraining(
            stopping_rule=settings.stopping_rule,
            backup_dir=self._files.backup,
            learning_rates=settings.learning_rates,
        )
        if is_multi_worker(self.strategy):
            check_same_start(self.strategy, staged.initial_epoch)
        data = fit_arguments(
            self.strategy,
            TrainingBatches(
                self.split,
                batch_size=settings.batch_size,
                max_history_length=settings.max_history_length,
                num_negatives=settings.num_negatives,
                seed=settings.seed,
                features=model.feature_names,
            ),
            EvaluationCases(
                self.split,
                max_history_length=settings.max_history_length,
                features=model.feature_names,
            ),
            first_epoch=staged.initial_epoch,
        )
        self._files.add_environment(
            environment.describe_training(self.strategy)
        )
        shown = [TrainingProgress(staged, console)] if console else []
        validation = data.pop("callbacks")
        try:
            model.fit(
                **data,
                epochs=staged.max_epochs(model),
                initial_epoch=staged.initial_epoch,
                callbacks=[
                    EpochTimer(),
                    DivergenceCheck(),
                    *validation,
                    staged,
                    *shown,
                    tf.keras.callbacks.TensorBoard(
                        self._files.tensorboard, write_graph=False
                    ),
                    *callbacks,
                ],
                verbose=verbose,
            )
        finally:  # A run that breaks off would keep its bar.
            for progress in shown:
                progress.on_train_end()
        self._files.write_history(staged.history)
        for stage, weights in staged.stage_weights.items():
            self._files.write_weights(stage, weights)
        return staged.history

    @property
    def is_trained(self) -> bool:
        """Whether the weights of all stages are there."""
        files = RunFolder(self.folder)
        return all(files.weights(stage).exists() for stage in self.model.stages)

    def results(self) -> dict[str, Any] | None:
        """Returns what `metrics.json` holds; None unless it is complete."""
        metrics = self._files.read_metrics()
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
        known = self._files.read_metrics()
        metrics: dict[str, Any] = {}
        tables: list[pd.DataFrame] = []
        for stage in self.model.stages:
            self.load_weights(stage)
            is_last = stage == self.model.stages[-1]
            before = known if is_last else known.get("stage_1", {})
            found: dict[str, Any] = {p: before[p] for p in PARTS if p in before}
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
            self._files.write_ranks(tables, parts)
        metrics = {
            **{part: metrics[part] for part in PARTS if part in metrics},
            **metrics,
            **self._circumstances(),
        }
        self._files.write_metrics(metrics)
        return metrics

    def load_weights(self, stage: str | None = None) -> SequentialRecommender:
        """Returns the model with a stage's best weights, the last by default.

        Raises:
            FileNotFoundError: if the run has not finished that stage.
        """
        stage = stage or self.model.stages[-1]
        self.model.set_weights(self._files.read_weights(stage))
        self.model.set_stage(stage)
        return self.model

    @property
    def ranks_path(self) -> pathlib.Path:
        """The file of every target's rank."""
        return self._files.ranks

    @property
    def has_all_ranks(self) -> bool:
        """Whether that file has the ranks of all parts."""
        if not self.ranks_path.exists():
            return False
        known = pd.read_parquet(self.ranks_path, columns=["part"])
        return set(PARTS) <= set(known["part"])

    def _build_model(self, settings: TrainingSettings) -> SequentialRecommender:
        tf.keras.utils.set_random_seed(settings.seed)
        return settings.build_model(
            self.interactions.vocabulary_size, self._attribute_sizes
        )

    def _build_distributed_model(
        self, strategy: tf.distribute.Strategy
    ) -> SequentialRecommender:
        settings = self.settings
        if is_multi_worker(strategy):
            settings = dataclasses.replace(settings, steps_per_execution=1)
        with strategy.scope():
            model = self._build_model(settings)
            model.optimizer.build(model.trainable_variables)
        return model

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
        history = self._files.read_history()
        return {
            **self._record.to_json(),
            "seed": self.settings.seed,
            "epochs": {
                stage: int((history["stage"] == number).sum())
                for number, stage in enumerate(self.model.stages, start=1)
            },
            "training_seconds": round(float(history["seconds"].sum()), 1),
            **environment.describe_environment(),
            **self._files.trained_with(),
        }
