"""TFDS builder of `interaction_log`: a user's own CSV or Parquet file."""

import dataclasses
import hashlib
import os

import numpy as np
import tensorflow_datasets as tfds
from etils import epath

from tfrs_timirec.data.interactions import Interactions
from tfrs_timirec.data.log_files import CSV_SUFFIXES, PARQUET_SUFFIXES
from tfrs_timirec.data.raw_files import RawFile, fingerprint_files
from tfrs_timirec.datasets.sequence_builder import RawLog, SequenceBuilder

_PATTERNS = tuple(f"*{suffix}" for suffix in CSV_SUFFIXES + PARQUET_SUFFIXES)


@dataclasses.dataclass(eq=False, kw_only=True)
class InteractionLogConfig(tfds.core.BuilderConfig):
    """A log to read.

    With a `path`, a fingerprint of the file and the column names is appended
    to `name`: a changed file is prepared anew, never mistaken for the old one.

    Args:
        name: What to call the log; by default the file's name.
        path: A file `*.csv`, `*.tsv`, `*.txt` (also with `.gz`), `*.parquet`
            or `*.pq`. Empty for the one such file in the manual directory.
        user_column: Name of the column of user ids.
        item_column: Name of the column of item ids.
        timestamp_column: Name of the column of times: Unix seconds, datetimes,
            or ISO 8601 text.

    Raises:
        FileNotFoundError: If there is no file at `path`.

    Example:
        >>> config = InteractionLogConfig(path="log.csv", user_column="user")
        >>> builder = tfds.builder("interaction_log", config=config)
        >>> builder.download_and_prepare()
        >>> interactions = Interactions.from_tfds(builder)
    """

    name: str = ""
    path: str | os.PathLike[str] = ""
    user_column: str = "user_id"
    item_column: str = "item_id"
    timestamp_column: str = "timestamp"

    def __post_init__(self) -> None:
        if not os.fspath(self.path):
            self.name = self.name or "default"
            return
        path = epath.Path(self.path)
        if not path.is_file():
            raise FileNotFoundError(
                f"`path` must be an existing file. Received: path='{path}'."
            )
        columns = (self.user_column, self.item_column, self.timestamp_column)
        key = f"{fingerprint_files([path])} {columns}"
        suffix = "-" + hashlib.sha256(key.encode()).hexdigest()[:12]
        name = self.name or path.name.split(".")[0]
        self.name = name.removesuffix(suffix) + suffix


class Builder(SequenceBuilder):
    """Builds `interaction_log` from a CSV or Parquet file."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "Initial release."}
    MANUAL_DOWNLOAD_INSTRUCTIONS = (
        "Put one CSV or Parquet file with the columns user_id, item_id and"
        " timestamp into the manual directory, or pass"
        " config=InteractionLogConfig(path=...)."
    )
    BUILDER_CONFIGS = [
        InteractionLogConfig(
            description="The CSV or Parquet file in the manual directory."
        )
    ]
    builder_config: InteractionLogConfig

    @property
    def raw_files(self) -> tuple[RawFile, ...]:
        """The file in the manual directory, unless the config has a path."""
        if os.fspath(self.builder_config.path):
            return ()
        return (RawFile(_PATTERNS),)

    def read_log(self, *paths: epath.Path) -> RawLog:
        """Reads the file."""
        config = self.builder_config
        path = paths[0] if paths else config.path
        read = (
            Interactions.from_parquet
            if os.fspath(path).lower().endswith(PARQUET_SUFFIXES)
            else Interactions.from_csv
        )
        interactions = read(
            path,
            user_column=config.user_column,
            item_column=config.item_column,
            timestamp_column=config.timestamp_column,
        )
        return RawLog(_with_text_ids(interactions))


def _with_text_ids(interactions: Interactions) -> Interactions:
    """Parquet files may have integer ids; the data set's ids are text."""
    return dataclasses.replace(
        interactions,
        users=_text(interactions.users),
        items=_text(interactions.items),
    )


def _text(ids: np.ndarray) -> np.ndarray:
    # Only integers: as one array of text, all ids would be as long as the
    # longest, and a NUL at the end of one would be gone.
    return ids if ids.dtype == object else ids.astype(str).astype(object)
