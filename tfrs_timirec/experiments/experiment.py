"""What an experiment is: systems, and the cells that they make of seeds."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from tfrs_timirec.experiments.known_names import check_known
from tfrs_timirec.experiments.model_builders import (
    MODEL_BUILDERS,
    foreign_settings,
)
from tfrs_timirec.experiments.pluggable_parts import NEEDED_PARTS
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


@dataclasses.dataclass(frozen=True)
class _Basis:
    """What all systems' settings start from: presets, and what was given.

    Args:
        preset_name: one of `PRESET_NAMES`.
        dataset: name of the data set.
        seed: the seed.
        given: settings that take the place of the presets', where a model has
            them.
    """

    preset_name: str
    dataset: str
    seed: int
    given: Mapping[str, Any]

    def settings(
        self, model: str, changes: Mapping[str, Any] = MappingProxyType({})
    ) -> TrainingSettings:
        """Returns the settings of a model with some changes."""
        own = {
            name: value
            for name, value in self.given.items()
            if self.has(model, name, changes)
        }
        return dataclasses.replace(
            preset(model, self.dataset, self.preset_name),
            **{"seed": self.seed, **own, **changes},
        )

    def has(self, model: str, name: str, changes: Mapping[str, Any]) -> bool:
        """Whether a model, with the parts that are chosen, has a setting."""
        if name in foreign_settings(model):
            return False
        part, wanted = NEEDED_PARTS.get(name, ("", ""))
        if part not in MODEL_BUILDERS[model].settings:
            return True
        default = preset(model, self.dataset, self.preset_name)
        chosen = {**vars(default), **self.given, **changes}
        return bool(chosen[part] == wanted)


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
            given: settings that take the place of the presets', as far as the
                system has them; its own changes win.
            preset_name: one of `PRESET_NAMES`.

        Raises:
            ValueError: if a setting is out of its range, or the system is a
                first stage and `pretraining` is off.
        """
        basis = _Basis(preset_name, dataset, seed, given or {})
        settings = basis.settings(system.model, system.changes)
        if not system.first_stage:
            return cls._of_settings(settings, basis)
        if settings.of_pretraining is None:
            raise ValueError(
                f"`pretraining` must be on for {system.name!r}, which is what"
                f" {system.model} pretrains. Received: pretraining=False."
                " Leave it out, or choose other systems."
            )
        return cls._of_settings(settings.of_pretraining, basis)

    @classmethod
    def _of_settings(cls, settings: TrainingSettings, basis: _Basis) -> Cell:
        base = basis.settings(settings.model)
        changes = [
            f"{name}={value}"
            for name, value in vars(settings).items()
            if value != getattr(base, name) and name not in basis.given
        ]
        pretraining = settings.of_pretraining
        return cls(
            dataset=basis.dataset,
            name="-".join([settings.model, *changes]),
            settings=settings,
            pretraining=(
                None
                if pretraining is None
                else cls._of_settings(pretraining, basis)
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

    def check(self) -> None:
        """Finds out before anything is run whether what was given can hold.

        Raises:
            ValueError: if a setting is out of its range, no system has it, or
                a system sets it itself.
        """
        for name, value in self.given.items():
            setters = [
                system.name
                for system in self.experiment.systems
                if name in system.changes
            ]
            if setters:
                raise ValueError(
                    f"`{name}` must be left to the systems that set it."
                    f" Received: {name}={value!r} with {', '.join(setters)}."
                    " Leave it out, or choose other systems."
                )
        for dataset in self.datasets:
            basis = _Basis(self.preset_name, dataset, 0, self.given)
            for name, value in self.given.items():
                if not any(
                    basis.has(system.model, name, system.changes)
                    for system in self.experiment.systems
                ):
                    names = ", ".join(s.name for s in self.experiment.systems)
                    raise ValueError(
                        f"`{name}` must be a setting of a system that is run."
                        f" Received: {name}={value!r} with {names}. Leave it"
                        " out, or choose other systems."
                    )
            self.cells(dataset)

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
