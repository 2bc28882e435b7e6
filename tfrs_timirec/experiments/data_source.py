"""Where a run's data comes from, so that the run can fetch it again."""

from __future__ import annotations

import dataclasses
import os
from typing import Any

from etils import epath

from tfrs_timirec.data.cleaning import (
    DUPLICATE_RULES,
    TIE_RULES,
    CleaningOptions,
)
from tfrs_timirec.data.interactions import Interactions
from tfrs_timirec.data.loading import list_datasets, load_dataset
from tfrs_timirec.data.log_files import PARQUET_SUFFIXES
from tfrs_timirec.data.prepared_folder import is_prepared, load_prepared
from tfrs_timirec.experiments.known_names import check_known


@dataclasses.dataclass(frozen=True, kw_only=True)
class DataSource:
    """A data set by name, a CSV or Parquet log, or a prepared folder.

    Args:
        dataset: name of a data set, as "household_tv/small".
        data_dir: folder with the raw files of `dataset`; those that do not lie
            there are downloaded.
        interactions: path of a file with one interaction a row, of a folder
            of Parquet files, or of one that `timirec data prepare` made; takes
            the place of `dataset`.
        user_column: name of the file's column of user ids.
        item_column: name of the file's column of item ids.
        timestamp_column: name of the file's column of times.
        min_user_interactions: users with fewer interactions are removed.
        min_item_interactions: items with fewer interactions are removed.
        duplicates: what to do when a user met an item several times.
        ties: how to order a user's interactions of equal time. A prepared
            folder keeps the order of its preparation. For this and the three
            before see `CleaningOptions`.

    Raises:
        ValueError: if there is not exactly one of `dataset` and
            `interactions`, if an option of the other one is given, or if the
            data set is unknown, or a rule of cleaning is, or a minimum is
            negative.

    Example:
    >>> DataSource(dataset="household_tv/tiny").load().num_items
    240
    """

    dataset: str | None = None
    data_dir: str | None = None
    interactions: str | None = None
    user_column: str | None = None
    item_column: str | None = None
    timestamp_column: str | None = None
    min_user_interactions: int = 0
    min_item_interactions: int = 0
    duplicates: str = DUPLICATE_RULES[0]
    ties: str = TIE_RULES[0]

    def __post_init__(self) -> None:
        if (self.dataset is None) == (self.interactions is None):
            raise ValueError(
                "Either `dataset` or `interactions` must be given. Received:"
                f" dataset={self.dataset!r}, interactions="
                f"{self.interactions!r}. Name a data set, or a CSV or Parquet"
                " file of your own."
            )
        owner, foreign = (
            ("interactions", self._columns())
            if self.dataset is not None
            else ("dataset", {"data_dir": self.data_dir})
        )
        for name, value in foreign.items():
            if value is not None:
                raise ValueError(
                    f"`{name}` must come with `{owner}`. Received:"
                    f" {name}={value!r}. Leave it out."
                )
        if self.dataset is not None:
            datasets = list_datasets()
            roots = {name.split("/")[0] for name in datasets}
            if self.dataset not in roots:
                check_known("dataset", self.dataset, datasets)
        self.cleaning()  # Refuses what is no rule.

    def load(self) -> Interactions:
        """Reads the data; the first time it may have to be prepared.

        Raises:
            FileNotFoundError: if a file is missing; says where it must be.
            ValueError: if a file is broken or holds a bad value, if nothing is
                left after cleaning, or `ties` would reverse what has one order
                only, as a prepared folder.
        """
        cleaning = self.cleaning()
        if self.dataset is not None:
            return load_dataset(self.dataset, self.data_dir, cleaning)
        path = self.interactions or ""
        if is_prepared(path):
            return self._load_folder(path, cleaning)
        read = (
            Interactions.from_parquet
            if epath.Path(path).is_dir()
            or path.lower().endswith(PARQUET_SUFFIXES)
            else Interactions.from_csv
        )
        given: dict[str, Any] = {
            name: value
            for name, value in self._columns().items()
            if value is not None
        }
        return read(path, cleaning=cleaning, **given)

    def _load_folder(
        self, path: str, cleaning: CleaningOptions
    ) -> Interactions:
        for name, value in self._columns().items():
            if value is not None:
                raise ValueError(
                    f"`{name}` must come with a file; a prepared folder has no"
                    f" such choice. Received: {name}={value!r} with"
                    f" interactions={path!r}. Leave it out."
                )
        return load_prepared(path, cleaning)

    def cleaning(self) -> CleaningOptions:
        """Returns what is done with the rows that are read."""
        return CleaningOptions(
            **{
                field.name: getattr(self, field.name)
                for field in dataclasses.fields(CleaningOptions)
            }
        )

    @property
    def place(self) -> str:
        """The file, or the name of the data set."""
        return self.interactions or self.dataset or ""

    @property
    def dataset_with_config(self) -> str | None:
        """Name of the data set with its config, by default the first one."""
        if self.dataset is None:
            return None
        return next(
            name
            for name in list_datasets()
            if name == self.dataset or name.startswith(f"{self.dataset}/")
        )

    def with_absolute_paths(self) -> DataSource:
        """Returns a source that means the same from any working directory.

        Paths on another file system, as gs://bucket/log, stay as they are.
        """
        return dataclasses.replace(
            self,
            data_dir=_absolute(self.data_dir),
            interactions=_absolute(self.interactions),
        )

    def _columns(self) -> dict[str, str | None]:
        return {
            "user_column": self.user_column,
            "item_column": self.item_column,
            "timestamp_column": self.timestamp_column,
        }


def _absolute(path: str | None) -> str | None:
    if path is None or "://" in path:
        return path
    return os.path.abspath(path)
