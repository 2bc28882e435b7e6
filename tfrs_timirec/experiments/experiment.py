"""What an experiment is: systems, and the cells that they make of seeds."""

from __future__ import annotations

import dataclasses
import functools
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tfrs_timirec.experiments.known_names import check_known
from tfrs_timirec.experiments.model_builders import foreign_settings
from tfrs_timirec.experiments.presets import PRESET_NAMES, preset
from tfrs_timirec.experiments.settings import TrainingSettings


@dataclasses.dataclass(frozen=True, kw_only=True)
class System:
    """A row of a table or a point of a figure.

    Args:
        name: short name, for `timirec reproduce --systems`.
        title: name in tables and figures.
        model: name of the model.
        changes: settings that differ from the preset.
        group: systems of the same group are compared with each other.
        first_stage: whether it is what the model pretrains, as a model of its
            own: TiMiRec's extractor, scored greedily.
    """

    name: str
    title: str
    model: str
    changes: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    group: str = ""
    first_stage: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class Experiment:
    """A table or figure of the paper, or one in its spirit.

    Args:
        name: as in `timirec reproduce NAME`.
        title: what it shows, for its heading.
        systems: what is compared.
        datasets: names of the data sets it is about, by default.
        tested: title of the system that is tested against the best other one
            of each group; the first word of it is enough.
    """

    name: str
    title: str
    systems: tuple[System, ...]
    datasets: tuple[str, ...] = ("amazon_beauty",)
    tested: str | None = "TiMiRec"

    def choose(self, names: Sequence[str] | None) -> Experiment:
        """Returns the experiment with some of its systems only.

        Args:
            names: names of systems; all if there are none.

        Raises:
            ValueError: if a name is unknown.
        """
        if not names:
            return self
        known = [system.name for system in self.systems]
        for name in names:
            check_known("systems", name, known)
        return dataclasses.replace(
            self,
            systems=tuple(
                system for system in self.systems if system.name in names
            ),
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cell:
    """One system on one data set with one seed: the smallest result.

    Args:
        dataset: name of the data set.
        name: what is trained: the model, and how its settings differ from the
            preset. Two experiments that ask for the same share the cell.
        settings: the same in full.
        pretraining: the cell whose run is the first stage of this one's.
    """

    dataset: str
    name: str
    settings: TrainingSettings
    pretraining: Cell | None = None

    @classmethod
    def of(
        cls,
        system: System,
        dataset: str,
        seed: int,
        given: Mapping[str, Any] | None = None,
        preset_name: str = PRESET_NAMES[0],
    ) -> Cell:
        """Returns the cell of a system.

        Args:
            system: the system.
            dataset: name of the data set.
            seed: the seed.
            given: settings that take the place of the presets', of all
                systems alike; a system's own changes win.
            preset_name: one of `PRESET_NAMES`.

        Raises:
            ValueError: if a setting is out of its range.
        """
        base = functools.partial(_base, preset_name, dataset, seed, given or {})
        settings = dataclasses.replace(base(system.model), **system.changes)
        if system.first_stage and settings.of_pretraining is not None:
            settings = settings.of_pretraining
        return cls._of_settings(settings, dataset, base)

    @classmethod
    def _of_settings(
        cls,
        settings: TrainingSettings,
        dataset: str,
        base_of: Callable[[str], TrainingSettings],
    ) -> Cell:
        base = base_of(settings.model)
        names = [field.name for field in dataclasses.fields(settings)]
        changes = [
            f"{name}={getattr(settings, name)}"
            for name in names
            if getattr(settings, name) != getattr(base, name)
        ]
        pretraining = settings.of_pretraining
        return cls(
            dataset=dataset,
            name="-".join([settings.model, *changes]),
            settings=settings,
            pretraining=(
                None
                if pretraining is None
                else cls._of_settings(pretraining, dataset, base_of)
            ),
        )

    @property
    def folder(self) -> pathlib.PurePath:
        """Place below a folder of results, or of runs."""
        return pathlib.PurePath(file_name_of(self.dataset), self.name)

    @property
    def path(self) -> pathlib.PurePath:
        """The same with the seed."""
        return self.folder / f"seed{self.settings.seed}"

    def __str__(self) -> str:
        return f"{self.name}, {self.dataset}, seed {self.settings.seed}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """An experiment with all that one command says about it.

    Args:
        experiment: the experiment.
        datasets: names of the data sets.
        seeds: the seeds.
        given: settings that take the place of the presets'.
        preset_name: which presets, one of `PRESET_NAMES`.
    """

    experiment: Experiment
    datasets: tuple[str, ...]
    seeds: tuple[int, ...]
    given: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    preset_name: str = PRESET_NAMES[0]

    def cells(self, dataset: str) -> dict[str, list[Cell]]:
        """Returns the cells of a data set by the title of their system.

        Args:
            dataset: one of `datasets`.

        Raises:
            ValueError: if a setting is out of its range.
        """
        return {
            system.title: [
                Cell.of(system, dataset, seed, self.given, self.preset_name)
                for seed in self.seeds
            ]
            for system in self.experiment.systems
        }


def file_name_of(dataset: str) -> str:
    """Returns a data set's name as part of a path.

    Args:
        dataset: its name, as "household_tv/tiny".
    """
    return dataset.replace("/", "-")


def _base(
    preset_name: str,
    dataset: str,
    seed: int,
    given: Mapping[str, Any],
    model: str,
) -> TrainingSettings:
    settings = preset(model, dataset, preset_name)
    foreign = foreign_settings(model)
    used = {name: value for name, value in given.items() if name not in foreign}
    return dataclasses.replace(settings, seed=seed, **used)
