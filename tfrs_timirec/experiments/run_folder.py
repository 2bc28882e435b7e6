"""The files of a run folder."""

from __future__ import annotations

import csv
import dataclasses
import pathlib
import shutil
import zipfile
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from tfrs_timirec._files import (
    check_path,
    read_json,
    write_json,
    write_whole,
)
from tfrs_timirec.data import Interactions
from tfrs_timirec.experiments.data_source import DataSource
from tfrs_timirec.experiments.settings import TrainingSettings


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunRecord:
    """What a run is, apart from how far it came.

    Args:
        settings: what is trained.
        data: name of the data.
        data_fingerprint: `Interactions.fingerprint` of the data.
        attributes_fingerprint: that of what the model reads of users and items
            besides; None in the record of an older version.
        source: where the data came from, if that is known.
        command: the shell command that started the run, if one did.
        pretrained_from: folder of the run that its first stage is taken from,
            if it is.
    """

    settings: TrainingSettings
    data: str
    data_fingerprint: str
    attributes_fingerprint: str | None = None
    source: DataSource | None = None
    command: str | None = None
    pretrained_from: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Returns what JSON can hold."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> RunRecord:
        """Returns the record that `to_json` described.

        Args:
            content: what `to_json` returned.
        """
        source = content["source"]
        return cls(
            **{
                **content,
                "settings": TrainingSettings(**content["settings"]),
                "source": source and DataSource(**source),
            }
        )

    def load_data(self, folder: pathlib.Path) -> Interactions:
        """Returns the data, read from where it was.

        Args:
            folder: the run folder, for errors.

        Raises:
            FileNotFoundError: if the data is gone.
            ValueError: if it is not what it was, or the run came from a
                program that did not say from where.
        """
        if not self.source:
            raise ValueError(
                "`folder` must hold a run that knows where its data came from."
                f" Received: folder='{folder}', made by a program that gave no"
                " `source`. Make a TrainingRun with the same settings,"
                " interactions and folder instead."
            )
        try:
            interactions = self.source.load()
        except FileNotFoundError as error:
            raise FileNotFoundError(
                f"The data of the run '{folder}' must be where it was. {error}"
                " If it has moved, repeat the command that trained the run with"
                " its new place, which the run then remembers."
            ) from error
        if interactions.fingerprint != self.data_fingerprint:
            raise ValueError(
                f"The data of the run '{folder}' must be what it was trained"
                f" on. Received: {self.source.place!r}, which has changed"
                f" since: fingerprint {interactions.fingerprint[:12]}, then"
                f" {self.data_fingerprint[:12]}. Bring the old data back, or"
                " train anew with another folder."
            )
        return interactions

    def differences(self, other: RunRecord) -> list[str]:
        """Returns in what another run differs, in words.

        Where the data lies, which command started the run and whether it
        takes its first stage from another run do not count: all lead to the
        same numbers.

        Args:
            other: the other run.
        """
        found = self.settings.differences(other.settings)
        if self.data_fingerprint != other.data_fingerprint:
            found += self._differences_of_data(other)
        attributes = {self.attributes_fingerprint, other.attributes_fingerprint}
        if len(attributes - {None}) > 1:
            found.append(
                f"{', '.join(self.settings.attribute_names)} (what the data"
                " says of users or items has changed)"
            )
        return found

    def _differences_of_data(self, other: RunRecord) -> list[str]:
        if self.data != other.data:
            return [f"data ({other.data!r} there, {self.data!r} now)"]
        if self.source and other.source:
            now, there = self.source.cleaning(), other.source.cleaning()
            found = [
                f"{name} ({getattr(there, name)!r} there, {value!r} now)"
                for name, value in vars(now).items()
                if getattr(there, name) != value
            ]
            if found:
                return found
        return [f"data (the content of {self.data!r} has changed)"]


@dataclasses.dataclass(frozen=True)
class RunFolder:
    """Paths, reading and writing of a run's files.

    Args:
        path: the folder; made when the first file is written.

    Example:
    >>> RunFolder(pathlib.Path("runs/a")).read_weights("pretraining")
    """

    path: pathlib.Path

    @property
    def backup(self) -> pathlib.Path:
        """Folder of the state after the last epoch."""
        return self.path / "backup"

    @property
    def tensorboard(self) -> pathlib.Path:
        """Folder of TensorBoard's logs."""
        return self.path / "tensorboard"

    @property
    def ranks(self) -> pathlib.Path:
        """File of every target's rank."""
        return self.path / "ranks.parquet"

    def weights(self, stage: str) -> pathlib.Path:
        """Returns the file of a stage's best weights.

        Args:
            stage: name of the stage.
        """
        return self.path / "weights" / f"{stage}.npz"

    def record(self) -> RunRecord:
        """Returns what the run is.

        Raises:
            FileNotFoundError: if this is no run folder.
            ValueError: if `settings.json` is no JSON file, or no record that
                this version can read.
        """
        if not self._settings.is_file():
            raise FileNotFoundError(
                "`folder` must be a run folder, which holds a settings.json."
                f" Received: folder='{self.path}'"
            )
        content = read_json(self._settings)
        try:
            return RunRecord.from_json(content)
        except (KeyError, TypeError) as error:
            raise ValueError(
                "`folder` must be a run folder that this version can read."
                f" Received: {self._settings}, which is no record of a run here"
                f" ({error}). Choose another folder."
            ) from error

    def claim(self, record: RunRecord) -> RunRecord:
        """Writes what the run is, or compares it with what was written.

        Args:
            record: what the run is.

        Returns:
            The record, with command and `pretrained_from` of the first start.

        Raises:
            ValueError: if the folder holds another run, or its path a
                wildcard.
        """
        check_path("folder", self.path)
        known = self.record() if self._settings.exists() else None
        differences = record.differences(known) if known else []
        if differences:
            if self._has_begun():
                raise ValueError(
                    "`folder` must be new or hold a run of the same settings"
                    f" and data. Received: folder='{self.path}', which differs"
                    f" in {', '.join(differences)}. Choose another folder, or"
                    " delete this one."
                )
            known = None  # It broke off before there was anything of it.
        if known:
            record = dataclasses.replace(
                record,
                command=known.command,
                pretrained_from=known.pretrained_from,
            )
        if record != known:  # A finished run may lie where nobody may write.
            write_json(self._settings, record.to_json())
        return record

    def _has_begun(self) -> bool:
        """Whether there is more of a run than what it was to be."""
        files = (self.backup, self._history, self.path / "weights")
        return any(path.exists() for path in files)

    def copy(self, path: pathlib.Path) -> RunFolder:
        """Returns a copy of what a run goes on from.

        Args:
            path: where to copy it.
        """
        if self._settings.exists():
            shutil.copy(self._settings, path)
        if self.backup.exists():
            shutil.copytree(self.backup, path / self.backup.name)
        return RunFolder(path)

    def add_environment(self, environment: dict[str, Any]) -> None:
        """Notes what training goes on with, unless it is what it was.

        Args:
            environment: machine, versions and strategy.
        """
        known = self._read_environments()
        if known[-1:] != [environment]:
            write_json(
                self._environments, {"environments": [*known, environment]}
            )

    def trained_with(self) -> dict[str, Any]:
        """Returns what trained a run last, and what before; {} if unknown."""
        *earlier, last = self._read_environments() or [{}]
        return {**last, "earlier_environments": earlier} if last else {}

    def read_metrics(self) -> dict[str, Any]:
        """Returns what `metrics.json` holds; nothing if it is missing.

        Raises:
            ValueError: if it is no JSON file.
        """
        if not self._metrics.exists():
            return {}
        return read_json(self._metrics)

    def write_metrics(self, metrics: dict[str, Any]) -> None:
        """Writes `metrics.json`.

        Args:
            metrics: its content.
        """
        write_json(self._metrics, metrics)

    def read_history(self) -> pd.DataFrame:
        """Returns the logs of a trained run, a row an epoch.

        Raises:
            FileNotFoundError: if the run has not finished.
            ValueError: if the file holds no logs.
        """
        history = pd.read_csv(self._history, float_precision="round_trip")
        if "stage" not in history:
            raise ValueError(
                "`folder` must hold whole logs. Received:"
                f" {self._history} without a column 'stage'. Train into another"
                " folder, or bring back a copy."
            )
        return history

    def write_history(self, history: Sequence[dict[str, Any]]) -> None:
        """Writes the logs, a row an epoch.

        Args:
            history: the logs; not all need have the same names.
        """
        names = ["epoch", "stage"]
        for entry in history:
            names += [name for name in entry if name not in names]

        def write(draft: pathlib.Path) -> None:
            with open(draft, "w", newline="") as file:
                writer = csv.DictWriter(file, names)
                writer.writeheader()
                writer.writerows(history)

        write_whole(self._history, write)

    def read_weights(self, stage: str) -> list[np.ndarray]:
        """Returns a stage's best weights.

        Args:
            stage: name of the stage.

        Raises:
            FileNotFoundError: if the run has not finished.
        """
        path = self.weights(stage)
        if not path.exists():
            raise FileNotFoundError(
                f"`folder` must hold a finished run, but {path} is missing."
                " Train it first: the same command goes on where it stopped."
            )
        try:
            with np.load(path) as arrays:
                return [arrays[name] for name in sorted(arrays.files)]
        except (zipfile.BadZipFile, EOFError, ValueError) as error:
            raise ValueError(
                f"`folder` must hold whole weights, but {path} is damaged"
                f" ({error}). Train into another folder, or bring back a copy."
            ) from error

    def write_weights(self, stage: str, weights: Sequence[np.ndarray]) -> None:
        """Writes a stage's best weights.

        Args:
            stage: name of the stage.
            weights: as `model.get_weights()` returns them.
        """
        arrays: dict[str, Any] = {
            f"{index:03d}": array for index, array in enumerate(weights)
        }
        write_whole(
            self.weights(stage), lambda draft: np.savez(draft, **arrays)
        )

    def write_ranks(
        self, tables: Sequence[pd.DataFrame], parts: Sequence[str]
    ) -> None:
        """Writes every target's rank; the file keeps its other parts.

        Args:
            tables: ranks with a column `part`.
            parts: the parts that they are of.
        """
        kept = []
        if self.ranks.exists():
            known = pd.read_parquet(self.ranks)
            kept = [known[~known["part"].isin(parts)]]
        table = pd.concat([*tables, *kept], ignore_index=True)
        write_whole(self.ranks, table.to_parquet)

    def _read_environments(self) -> list[dict[str, Any]]:
        if not self._environments.exists():
            return []
        return read_json(self._environments)["environments"]

    @property
    def _settings(self) -> pathlib.Path:
        return self.path / "settings.json"

    @property
    def _environments(self) -> pathlib.Path:
        return self.path / "environments.json"

    @property
    def _metrics(self) -> pathlib.Path:
        return self.path / "metrics.json"

    @property
    def _history(self) -> pathlib.Path:
        return self.path / "history.csv"
