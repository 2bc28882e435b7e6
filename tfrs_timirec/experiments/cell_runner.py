"""Runs the cells of experiments, as far as they have not been run."""

from __future__ import annotations

import gc
import pathlib
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
import rich.console
import tensorflow as tf

from tfrs_timirec._claim import claim
from tfrs_timirec.data.interactions import Interactions
from tfrs_timirec.evaluation.interest_agreement import compare_interests
from tfrs_timirec.experiments.case_choice import study_telling_case
from tfrs_timirec.experiments.data_source import DataSource
from tfrs_timirec.experiments.experiment import Cell
from tfrs_timirec.experiments.result_store import ResultStore, encode_ranks
from tfrs_timirec.experiments.run_folder import RunFolder
from tfrs_timirec.experiments.training_run import TrainingRun
from tfrs_timirec.layers import SelfAttentiveExtractor
from tfrs_timirec.models import ComiRec
from tfrs_timirec.training import DivergedError

_SECONDS_BETWEEN_LOOKS = 2.0


class CellRunner:
    """Trains and evaluates cells, each once, and keeps their results.

    Several processes may run the same cells at the same time: each takes those
    that no other one works on. A process may be killed at any moment; the cell
    that it worked on is free again at once, and whoever takes it goes on where
    training stopped.

    Args:
        store: where the results are.
        runs_folder: where the runs are, with their weights.
        source: where the data of a data set comes from, by its name.
        command: the shell command, for the record.
        console: where to show progress.

    Example:
    >>> runner = CellRunner(store, runs_folder, source, command, console)
    >>> runner.run([Cell.of(TIMIREC, "amazon_beauty", seed=0)])
    """

    def __init__(
        self,
        store: ResultStore,
        runs_folder: pathlib.Path,
        source: Callable[[str], DataSource],
        command: str,
        console: rich.console.Console,
    ):
        self.store = store
        self.runs_folder = runs_folder
        self._source = source
        self._command = command
        self._console = console
        self._logs: dict[str, Interactions] = {}
        self._diverged: dict[Cell, DivergedError] = {}

    def run(self, cells: Sequence[Cell]) -> dict[Cell, DivergedError]:
        """Runs what has not finished; returns when all has.

        Args:
            cells: the cells; what they are pretrained by is run first.

        Returns:
            The cells whose loss was no number any more, and the error of each.
            They have no result, nor have those that are pretrained by them.

        Raises:
            ValueError: if a result is there that is of other settings or data.
        """
        wanted = list(_with_pretraining(cells))
        waits = False
        while unfinished := [cell for cell in wanted if self._is_needed(cell)]:
            if self._run_first_free(unfinished, len(wanted)):
                waits = False
                continue
            if not waits:
                self._console.print(
                    f"Another process works on the last {len(unfinished)} of"
                    f" {len(wanted)} cells; waiting for it ...",
                    soft_wrap=True,
                )
            waits = True
            time.sleep(_SECONDS_BETWEEN_LOOKS)
        return self._diverged

    def load(self, dataset: str) -> Interactions:
        """Returns the data of a data set, read once.

        Args:
            dataset: its name.
        """
        if dataset not in self._logs:
            self._logs.clear()  # One at a time in memory.
            self._logs[dataset] = self._source(dataset).load()
        return self._logs[dataset]

    def open(self, cell: Cell) -> TrainingRun:
        """Returns the run of a cell, begun or not.

        Args:
            cell: the cell.
        """
        tf.keras.backend.clear_session()  # Forgets the models before.
        gc.collect()
        return TrainingRun(
            cell.settings,
            self.load(cell.dataset),
            self._folder(cell),
            source=self._source(cell.dataset),
            command=self._command,
            pretrained_from=(
                None
                if cell.pretraining is None
                else self._folder(cell.pretraining)
            ),
        )

    def _is_needed(self, cell: Cell) -> bool:
        if {cell, cell.pretraining} & self._diverged.keys():
            return False
        return not self.store.has(cell, self._source(cell.dataset).ties)

    def _run_first_free(self, cells: Sequence[Cell], num_cells: int) -> bool:
        """Runs the first cell that can be; returns whether there was one."""
        for cell in cells:
            with claim(self._folder(cell).with_suffix(".lock")) as mine:
                if not mine:
                    continue
                if not self._is_needed(cell):  # Finished since we looked.
                    return True
                if not self._has_start(cell):
                    continue
                done = num_cells - len(cells)
                self._console.print(
                    f"[{done + 1}/{num_cells}] {cell}", soft_wrap=True
                )
                try:
                    self._run(cell)
                except DivergedError as error:
                    self._diverged[cell] = error
                    self._console.print(f"Given up: {error}", soft_wrap=True)
                return True
        return False

    def _has_start(self, cell: Cell) -> bool:
        start = cell.pretraining
        if start is None:
            return True
        if RunFolder(self._folder(start)).weights("pretraining").exists():
            return True
        if self._is_needed(start):
            return False  # Its turn comes, here or in another process.
        # Its result is there, but not its weights: they are made anew.
        with claim(self._folder(start).with_suffix(".lock")) as mine:
            if mine:
                self._console.print(f"Again, for its weights: {start}")
                self._train(start)
        return mine

    def _train(self, cell: Cell) -> TrainingRun:
        run = self.open(cell)
        self.store.check_row(cell, run.interactions.fingerprint)
        if not run.is_trained:
            run.train(console=self._console)
        shutil.rmtree(RunFolder(run.folder).backup, ignore_errors=True)
        return run

    def _run(self, cell: Cell) -> None:
        run = self._train(cell)
        self._console.print("Ranking the held-out items ...")
        metrics = run.evaluate(save_ranks=True)
        log = run.interactions
        source = metrics.pop("source")  # A folder on this machine.
        self.store.write(
            cell,
            {
                "cell": cell.name,
                "dataset": cell.dataset,
                "ties": source["ties"],
                **metrics,
                "pretrained_from": self._first_stage_of(cell, metrics),
                "data_size": {
                    "users": log.num_users,
                    "items": log.num_items,
                    "interactions": log.num_interactions,
                },
                "interests": _describe_interests(run),
                "test_ranks": encode_ranks(_test_ranks(run)),
                **_study_case(run, cell),
            },
        )

    def _first_stage_of(
        self, cell: Cell, metrics: dict[str, Any]
    ) -> str | None:
        """Returns the cell whose result is that of a run's first stage.

        None if it has none, or if its weights were lost and came out otherwise
        when they were made anew, as on another processor.
        """
        start = cell.pretraining
        if start is None:
            return None
        known = self.store.read(start)
        if known is None or known["test"] == metrics["stage_1"]["test"]:
            return str(start.path)
        self._console.print(
            f"Note: the first stage of {cell} is not that of the result"
            f" {start}, whose weights were made anew and came out otherwise."
            " Its own numbers are in `stage_1`.",
            soft_wrap=True,
        )
        return None

    def _folder(self, cell: Cell) -> pathlib.Path:
        return self.runs_folder / cell.path


def _with_pretraining(cells: Sequence[Cell]) -> Iterator[Cell]:
    """Yields each cell once, after the one that it is pretrained by."""
    seen = set()
    for cell in cells:
        for one in (cell.pretraining, cell):
            if one is not None and one.path not in seen:
                seen.add(one.path)
                yield one


def _describe_interests(run: TrainingRun) -> dict[str, Any] | None:
    """Measures the interests of a model that has some."""
    model = run.load_weights()
    if not isinstance(model, ComiRec):
        return None
    return compare_interests(
        model, run.split, max_history_length=run.settings.max_history_length
    ).summary()


def _study_case(run: TrainingRun, cell: Cell) -> dict[str, Any]:
    """Looks at one user of a model whose two interests can be shown."""
    if (
        len(run.model.stages) == 1
        or cell.settings.num_interests != 2
        or not isinstance(run.model.extractor, SelfAttentiveExtractor)
    ):
        return {}
    return {"case_study": study_telling_case(run).to_json()}


def _test_ranks(run: TrainingRun) -> np.ndarray:
    ranks = pd.read_parquet(run.ranks_path)
    chosen = (
        (ranks["part"] == "test")
        & (ranks["stage"] == run.model.stages[-1])
        & (ranks["candidates"] == "sampled")
    )
    return ranks["rank"][chosen].to_numpy()
