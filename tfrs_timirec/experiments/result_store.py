"""The results of cells: one small JSON each."""

from __future__ import annotations

import base64
import dataclasses
import pathlib
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tfrs_timirec._files import read_json, write_json
from tfrs_timirec.data.cleaning import TIE_RULES
from tfrs_timirec.experiments.experiment import Cell, Plan, file_name_of
from tfrs_timirec.experiments.settings import TrainingSettings

Results = dict[str, dict[int, dict[str, Any]]]
"""Results of one data set: by the title of the system, then by seed."""

_SEED_FILES = "seed*.json"
_LONGEST_LIST = 20  # Ranks beyond it add nothing to any metric.


@dataclasses.dataclass(frozen=True)
class ResultStore:
    """A folder of results, `cells/<data set>/<what is trained>/seed<n>.json`.

    Args:
        folder: the folder; made when the first result is written.

    Example:
    >>> store = ResultStore(pathlib.Path("results"))
    >>> store.read(Cell.of(TIMIREC, "amazon_beauty", seed=0)) is None
    True
    """

    folder: pathlib.Path

    def path(self, cell: Cell) -> pathlib.Path:
        """Returns the file of a cell's result.

        Args:
            cell: the cell.
        """
        return self.folder / "cells" / f"{cell.path}.json"

    def read(self, cell: Cell) -> dict[str, Any] | None:
        """Returns a cell's result; None if it has not finished.

        Args:
            cell: the cell.

        Raises:
            ValueError: if the file is no result.
        """
        path = self.path(cell)
        return _read_result(path) if path.exists() else None

    def has(self, cell: Cell, ties: str = TIE_RULES[0]) -> bool:
        """Whether a cell has finished.

        Args:
            cell: the cell.
            ties: the order of equal times that is asked for.

        Raises:
            ValueError: if the file holds the result of other settings, or of
                another order.
        """
        result = self.read(cell)
        if result is None:
            return False
        changed = cell.settings.differences(settings_of(result))
        there = ties_of(result)
        if there != ties:
            changed.append(f"ties ({there!r} there, {ties!r} now)")
        if changed:
            raise ValueError(
                "A result must be of the settings that are asked for."
                f" Received: {self.path(cell)}, which differs in"
                f" {', '.join(changed)}. Choose another folder of results, or"
                " delete the file."
            )
        return True

    def check_row(self, cell: Cell, data_fingerprint: str) -> None:
        """Refuses to mix results that cannot stand in one table.

        Args:
            cell: the cell that is to be run.
            data_fingerprint: that of its data.

        Raises:
            ValueError: if another seed's result is of other settings, or
                another system's of other held-out items or negatives.
        """
        for path in self.path(cell).parent.glob(_SEED_FILES):
            result = _read_result(path)
            known = dataclasses.replace(
                settings_of(result), seed=cell.settings.seed
            )
            changed = cell.settings.differences(known)
            there = result["data_fingerprint"]
            if there != data_fingerprint:
                changed.append(
                    f"data (fingerprint {there[:12]} there,"
                    f" {data_fingerprint[:12]} now)"
                )
            if changed:
                raise ValueError(
                    "All seeds must be of the same settings and data."
                    f" Received: {cell}, while {path} differs in"
                    f" {', '.join(changed)}. Choose another folder of results,"
                    " or delete that file."
                )
        self._check_other_systems(cell, data_fingerprint)

    def _check_other_systems(self, cell: Cell, data_fingerprint: str) -> None:
        own = {
            "data_fingerprint": data_fingerprint,
            "num_evaluation_negatives": cell.settings.num_evaluation_negatives,
        }
        row = self.path(cell).parent
        for folder in sorted(set(row.parent.glob("*/")) - {row}):
            for path in sorted(folder.glob(_SEED_FILES))[:1]:  # All are alike.
                known = _cases(_read_result(path))
                _check_same_cases(own, str(cell), known, str(path))

    def write(self, cell: Cell, result: dict[str, Any]) -> None:
        """Writes a cell's result.

        Args:
            cell: the cell.
            result: its content.
        """
        write_json(self.path(cell), result, indent=1)

    def seeds(self, dataset: str) -> tuple[int, ...]:
        """Returns the seeds of all results of a data set, in order.

        Args:
            dataset: name of the data set.
        """
        folder = self.folder / "cells" / file_name_of(dataset)
        seeds = {
            int(file.stem.removeprefix("seed"))
            for file in folder.glob(f"*/{_SEED_FILES}")
            if file.stem.removeprefix("seed").isdecimal()  # No copy by hand.
        }
        return tuple(sorted(seeds))

    def results(self, plan: Plan, dataset: str) -> Results:
        """Returns what there is of a plan, by title and seed.

        Args:
            plan: the plan.
            dataset: one of its data sets.

        Raises:
            ValueError: if a file is no result, is not of what its system sets,
                or if seeds of one system differ in their settings, or systems
                in their data or the number of evaluation negatives.
        """
        cells = plan.cells(dataset)
        results = {
            system.title: self._read_row(cells[system.title], system.changes)
            for system in plan.experiment.systems
        }
        _check_systems(results)
        return results

    def _read_row(
        self, cells: Sequence[Cell], changes: Mapping[str, Any]
    ) -> dict[int, dict[str, Any]]:
        """Returns the results of one system's seeds."""
        row: dict[int, dict[str, Any]] = {}
        for cell in cells:
            seed, result = cell.settings.seed, self.read(cell)
            if result is None:
                continue
            for name, value in changes.items():
                if result["settings"][name] != value:
                    raise ValueError(
                        f"The result of a system with {name}={value!r} must be"
                        f" of that setting. Received: {self.path(cell)}, which"
                        f" has {name}={result['settings'][name]!r}. Delete it,"
                        " or choose another folder of results."
                    )
            # As the others are: the plan does not know what was given then.
            for other in list(row.values())[:1]:
                known = dataclasses.replace(settings_of(other), seed=seed)
                if changed := settings_of(result).differences(known):
                    raise ValueError(
                        "All seeds of a row must be of the same settings."
                        f" Received: {self.path(cell)}, which differs from the"
                        f" others in {', '.join(changed)}. Delete one of them."
                    )
            row[seed] = result
        return row


def _check_systems(results: Results) -> None:
    """Raises a ValueError unless all results rank the same held-out items."""
    every = [
        (f"{title}, seed {seed}", _cases(result))
        for title, row in results.items()
        for seed, result in row.items()
    ]
    for name, cases in every[1:]:
        first, known = every[0]
        _check_same_cases(cases, name, known, first)


def _check_same_cases(
    cases: dict[str, Any], name: str, known: dict[str, Any], other: str
) -> None:
    """Raises a ValueError unless two results rank the same held-out items."""
    changed = [key for key in cases if cases[key] != known[key]]
    if changed:
        raise ValueError(
            "All results of a table must rank the same held-out items."
            f" Received: {name}, which differs from {other} in"
            f" {', '.join(changed)}. Keep the results of different data in"
            " different folders."
        )


def _cases(result: dict[str, Any]) -> dict[str, Any]:
    """Returns what decides which items are ranked, and among which."""
    return {
        "data_fingerprint": result["data_fingerprint"],
        "num_evaluation_negatives": settings_of(
            result
        ).num_evaluation_negatives,
    }


def _read_result(path: pathlib.Path) -> dict[str, Any]:
    result = read_json(path)
    try:
        settings_of(result)
    except (KeyError, TypeError) as error:
        raise ValueError(
            "A result must be one that this version can read. Received:"
            f" {path}, which is none ({error}). Delete it, or choose another"
            " folder of results."
        ) from error
    return result


def settings_of(result: dict[str, Any]) -> TrainingSettings:
    """Returns the settings of a result.

    Those that are younger than the file had their default then.

    Args:
        result: the result.
    """
    return TrainingSettings(**result["settings"])


def ties_of(result: dict[str, Any]) -> str:
    """Returns the order of equal times of a result, one of `TIE_RULES`.

    Args:
        result: the result.
    """
    return result.get("ties", TIE_RULES[0])


def encode_ranks(ranks: np.ndarray) -> str:
    """Returns ranks as text: all that hit rates and NDCGs up to 20 need.

    Args:
        ranks: (num_cases,) ranks, which ties may have made halves.

    Example:
    >>> decode_ranks(encode_ranks(np.array([1.5, 20.0, 640.0]))).tolist()
    [1.5, 20.0, 20.5]
    """
    doubled = np.ceil(2 * np.asarray(ranks, np.float64))
    clipped = np.minimum(doubled, 2 * _LONGEST_LIST + 1).astype(np.uint8)
    return base64.b64encode(zlib.compress(clipped.tobytes(), 9)).decode()


def decode_ranks(text: str) -> np.ndarray:
    """Returns the ranks of `encode_ranks`; 20.5 stands for all above 20.

    Args:
        text: what `encode_ranks` returned.
    """
    doubled = np.frombuffer(
        zlib.decompress(base64.b64decode(text)), dtype=np.uint8
    )
    return doubled / 2.0
