"""The results of cells: one small JSON each."""

from __future__ import annotations

import base64
import dataclasses
import pathlib
import zlib
from typing import Any

import numpy as np

from tfrs_timirec.experiments.experiment import Cell, Plan, file_name_of
from tfrs_timirec.experiments.settings import TrainingSettings
from tfrs_timirec.experiments.whole_files import read_json, write_json

Results = dict[str, dict[int, dict[str, Any]]]
"""Results of one data set: by the title of the system, then by seed."""

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
        if not path.exists():
            return None
        return read_json(path)

    def has(self, cell: Cell) -> bool:
        """Whether a cell has finished.

        Args:
            cell: the cell.

        Raises:
            ValueError: if the file holds the result of other settings.
        """
        result = self.read(cell)
        if result is None:
            return False
        # Settings that are younger than the file had their default then.
        known = TrainingSettings(**result["settings"])
        names = [field.name for field in dataclasses.fields(known)]
        changed = [
            f"{name} ({getattr(known, name)!r} there,"
            f" {getattr(cell.settings, name)!r} now)"
            for name in names
            if getattr(known, name) != getattr(cell.settings, name)
        ]
        if changed:
            raise ValueError(
                "A result must be of the settings that are asked for."
                f" Received: {self.path(cell)}, which differs in"
                f" {', '.join(changed)}. Choose another folder of results, or"
                " delete the file."
            )
        return True

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
            for file in folder.glob("*/seed*.json")
        }
        return tuple(sorted(seeds))

    def results(self, plan: Plan, dataset: str) -> Results:
        """Returns what there is of a plan, by title and seed.

        Args:
            plan: the plan.
            dataset: one of its data sets.
        """
        return {
            title: {
                cell.settings.seed: result
                for cell in cells
                if (result := self.read(cell)) is not None
            }
            for title, cells in plan.cells(dataset).items()
        }


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
