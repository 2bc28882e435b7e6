"""Search for hyper-parameters on validation cases, with Optuna."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import pathlib
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import rich.console
import tensorflow as tf

from tfrs_timirec._claim import claim
from tfrs_timirec._files import check_path
from tfrs_timirec.data.interactions import Interactions
from tfrs_timirec.experiments.data_source import DataSource
from tfrs_timirec.experiments.environment import describe_environment
from tfrs_timirec.experiments.known_names import check_known
from tfrs_timirec.experiments.model_builders import (
    check_settings_of,
    foreign_settings,
)
from tfrs_timirec.experiments.presets import write_preset
from tfrs_timirec.experiments.run_folder import RunFolder
from tfrs_timirec.experiments.settings import TrainingSettings
from tfrs_timirec.experiments.training_run import TrainingRun
from tfrs_timirec.experiments.trial_pruning import (
    MONITOR,
    TrialPruning,
    import_optuna,
)
from tfrs_timirec.training.backup import Backup
from tfrs_timirec.training.divergence import DivergedError

if TYPE_CHECKING:
    import optuna

_SQLITE_START = b"SQLite format 3\0"
PAPER_GRID: dict[str, tuple[float, ...]] = {
    "learning_rate": (1e-3, 5e-4, 1e-4),
    "l2": (1e-4, 1e-6, 1e-8, 0.0),
    "num_interests": (2, 4, 6, 8),
    "temperature": (0.01, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0),
}
"""What the paper tried (Section 4.1.4)."""

# Of points that were tried already, before a random one takes their place.
_MOST_REPEATS = 5


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tuner:
    """Searches a grid for the settings with the best validation NDCG@5.

    The study is an SQLite file, `study.db`. Several processes may work on the
    same folder, each on trials of its own. One that is killed costs an epoch:
    the trial is given out again, and its run goes on where it stopped. Trials
    that differ only in what finetuning needs share their pretraining.

    A grid of no more points than `num_trials` is gone through whole; otherwise
    Optuna's TPE sampler chooses, a random point where it repeats itself, and
    its median pruner ends what lags behind.

    Args:
        settings: all that is not searched.
        grid: values to try by name of the setting.
        interactions: the data.
        folder: where study, runs and preset are.
        source: where `interactions` came from.
        command: the shell command, for the record.

    Raises:
        ImportError: if Optuna is not installed.
        ValueError: if a name is no setting of the model, or has no value to
            try, or a bad one, or if the path of `folder` holds a wildcard.

    Example:
    >>> Tuner(settings=settings, grid=PAPER_GRID, interactions=log,
    ...     folder=pathlib.Path("tuning/a")).run(num_trials=30)
    """

    settings: TrainingSettings
    grid: Mapping[str, Sequence[float]]
    interactions: Interactions
    folder: pathlib.Path
    source: DataSource | None = None
    command: str | None = None

    def __post_init__(self) -> None:
        import_optuna()
        check_path("folder", self.folder)
        known = [
            field.name
            for field in dataclasses.fields(self.settings)
            if field.name not in ("model", "seed")
        ]
        for name, values in self.grid.items():
            check_known("grid", name, known)
            if not values:
                raise ValueError(
                    "`grid` must hold a value to try for each setting."
                    f" Received: {name}={values!r}"
                )
            check_settings_of(self.settings.model, [name])
            for value in values:  # Found before any trial is trained.
                point: dict[str, Any] = {name: value}
                dataclasses.replace(self.settings, **point)

    @property
    def preset_path(self) -> pathlib.Path:
        """The file with the best settings so far."""
        return self.folder / "preset.json"

    def run(
        self, num_trials: int, console: rich.console.Console | None = None
    ) -> optuna.Study:
        """Works on trials until there are as many; writes the preset.

        Args:
            num_trials: trials in all, of all processes and all times.
            console: where to show progress; nowhere by default.

        Raises:
            ValueError: if the folder holds the study of other settings, or a
                `study.db` that is none.
        """
        study = self._study(num_trials)
        while (asked := self._ask(study, num_trials)) is not None:
            trial, settings, claims = asked
            with claims:
                self._run_trial(study, trial, settings, console)
                self._write_preset(study)
        self._write_preset(study)  # Of a process that was killed before.
        return study

    def _study(self, num_trials: int) -> optuna.Study:
        optuna = import_optuna()
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        identity = {
            "settings": dataclasses.asdict(self.settings),
            "grid": {name: list(values) for name, values in self.grid.items()},
            "data_fingerprint": self.interactions.fingerprint,
        }
        database = self.folder / "study.db"
        _check_database(database)
        # Optuna takes braces for a template.
        place = re.sub(r"([{}])", r"\1\1", str(database))
        with claim(self._lock, wait=True):
            study = optuna.create_study(
                storage=f"sqlite:///{place}",
                study_name="timirec",
                direction="maximize",
                load_if_exists=True,
            )
            is_whole = (
                math.prod(len(v) for v in self.grid.values()) <= num_trials
            )
            study.pruner = (
                optuna.pruners.NopPruner()
                if is_whole
                else optuna.pruners.MedianPruner(
                    n_startup_trials=4, n_warmup_steps=5
                )
            )
            study.sampler = optuna.samplers.TPESampler(
                seed=self.settings.seed + len(study.get_trials(deepcopy=False)),
                constant_liar=True,
            )
            known = study.user_attrs.get("identity", identity)
            before = TrainingSettings(**known["settings"])
            if changed := [
                *self.settings.differences(before),
                *(
                    name
                    for name in ("grid", "data_fingerprint")
                    if known[name] != identity[name]
                ),
            ]:
                raise ValueError(
                    "`folder` must be new or hold the study of the same"
                    " settings, grid and data. Received:"
                    f" folder='{self.folder}', which differs in"
                    f" {', '.join(changed)}. Choose another folder, or delete"
                    " this one."
                )
            study.set_user_attr("identity", identity)
            if is_whole:
                for point in _points(self.grid):
                    study.enqueue_trial(point, skip_if_exists=True)
        return study

    def _ask(
        self, study: optuna.Study, num_trials: int
    ) -> tuple[optuna.Trial, TrainingSettings, contextlib.ExitStack] | None:
        """Returns a new trial and the claim on it; None if there are enough."""
        states = import_optuna().trial.TrialState
        taken = (states.COMPLETE, states.PRUNED, states.RUNNING)
        size = math.prod(len(values) for values in self.grid.values())
        claims = contextlib.ExitStack()
        with claim(self._lock, wait=True):
            self._free_trials_of_the_dead(study)
            before = study.get_trials(states=taken)
            if len(before) >= min(num_trials, size):
                return None
            num_repeats = 0
            while True:
                if num_repeats >= _MOST_REPEATS:
                    study.enqueue_trial(self._untried_point(before))
                trial = study.ask()
                point: dict[str, Any] = {
                    name: trial.suggest_categorical(name, tuple(values))
                    for name, values in self.grid.items()
                }
                if all(point != other.params for other in before):
                    claims.enter_context(claim(self._trial_lock(trial.number)))
                    settings = dataclasses.replace(self.settings, **point)
                    return trial, settings, claims
                study.tell(trial, state=states.FAIL)  # Known already.
                num_repeats += 1

    def _untried_point(
        self, before: Sequence[optuna.trial.FrozenTrial]
    ) -> dict[str, float]:
        """Returns a random point of the grid that no trial has."""
        tried = [trial.params for trial in before]
        left = [point for point in _points(self.grid) if point not in tried]
        rng = np.random.default_rng([self.settings.seed, len(before)])
        return left[rng.integers(len(left))]

    def _free_trials_of_the_dead(self, study: optuna.Study) -> None:
        """Gives out again what a process that is gone was working on."""
        states = import_optuna().trial.TrialState
        for trial in study.get_trials(states=(states.RUNNING,)):
            with claim(self._trial_lock(trial.number)) as mine:
                if mine:
                    study.tell(trial.number, state=states.FAIL)
                    study.enqueue_trial(trial.params)

    def _run_trial(
        self,
        study: optuna.Study,
        trial: optuna.Trial,
        settings: TrainingSettings,
        console: rich.console.Console | None,
    ) -> None:
        optuna = import_optuna()
        if console:
            point = ", ".join(f"{k}={v}" for k, v in trial.params.items())
            console.print(f"Trial {trial.number}: {point}", soft_wrap=True)
        try:
            pruning = TrialPruning(trial, settings.max_epochs)
            value = self._train(pruning, settings, console)
        except (optuna.TrialPruned, DivergedError) as error:
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
            if console:
                reason = "the median of the others is better."
                if isinstance(error, DivergedError):
                    reason = str(error)
                console.print(f"Pruned: {reason}", soft_wrap=True)
            return
        study.tell(trial, value)

    def _train(
        self,
        pruning: TrialPruning,
        settings: TrainingSettings,
        console: rich.console.Console | None,
    ) -> float:
        """Trains what is not trained yet; returns the best validation value."""
        start = settings.of_pretraining
        if start is not None:
            self._train(pruning, start, console)
        folder = self._run_folder(settings)
        tf.keras.backend.clear_session()
        with claim(folder.with_name(f"{folder.name}.lock"), wait=True):
            run = TrainingRun(
                settings,
                self.interactions,
                folder,
                source=self.source,
                command=self.command,
                pretrained_from=(
                    None if start is None else self._run_folder(start)
                ),
            )
            if not run.is_trained:
                pruning.backup = Backup(RunFolder(folder).backup)
                run.train(callbacks=[pruning], console=console)
            history = RunFolder(folder).read_history()
        last = history[history["stage"] == history["stage"].max()]
        return float(last[MONITOR].max())

    def _run_folder(self, settings: TrainingSettings) -> pathlib.Path:
        point = [
            f"{name}={getattr(settings, name)}"
            for name in self.grid
            if name not in foreign_settings(settings.model)
        ]
        return self.folder / "runs" / "-".join([settings.model, *point])

    def _write_preset(self, study: optuna.Study) -> None:
        states = import_optuna().trial.TrialState
        with claim(self._lock, wait=True):  # Another trial may end meanwhile.
            complete = study.get_trials(states=(states.COMPLETE,))
            if not complete:
                return
            num_pruned = len(study.get_trials(states=(states.PRUNED,)))
            best = max(complete, key=lambda trial: trial.value or -math.inf)
            settings: Any = dataclasses.replace(self.settings, **best.params)
            write_preset(
                self.preset_path,
                settings,
                {
                    "dataset": self.interactions.name,
                    "data_fingerprint": self.interactions.fingerprint,
                    "validation_ndcg_at_5": best.value,
                    "trials": {
                        "complete": len(complete),
                        "pruned": num_pruned,
                    },
                    "grid": dict(self.grid),
                    "seed": self.settings.seed,
                    "command": self.command,
                    **describe_environment(),
                },
            )

    @property
    def _lock(self) -> pathlib.Path:
        return self.folder / "study.lock"

    def _trial_lock(self, number: int) -> pathlib.Path:
        return self.folder / "trials" / f"{number}.lock"


def _points(grid: Mapping[str, Sequence[float]]) -> list[dict[str, float]]:
    points: list[dict[str, float]] = [{}]
    for name, values in grid.items():
        points = [point | {name: value} for point in points for value in values]
    return points


def _check_database(path: pathlib.Path) -> None:
    """Raises ValueError if a file is there that is no SQLite database."""
    if not path.exists():
        return
    with path.open("rb") as file:
        start = file.read(len(_SQLITE_START))
    if start not in (b"", _SQLITE_START):  # SQLite begins with an empty file.
        raise ValueError(
            "`study.db` in `folder` must be an Optuna study in SQLite."
            f" Received: '{path}', which is no SQLite database. Choose another"
            " folder, or move the file away."
        )
