"""Loads a data set by name: raw files to TFDS to Interactions."""

import contextlib
import io
import os
import pathlib
from collections.abc import Iterator

import rich.console
import rich.progress
import tensorflow_datasets as tfds

from tfrs_timirec.data.cleaning import CleaningOptions
from tfrs_timirec.data.interactions import Interactions
from tfrs_timirec.data.raw_files import (
    RawFile,
    find_file,
    fingerprint_files,
)

# Registered with TFDS by `import tfrs_timirec`. Not imported from here: the
# builders themselves read with this package.
_DATASETS = (
    "amazon_beauty",
    "household_tv",
    "interaction_log",
    "movielens_sequences",
)


def load_dataset(
    name: str,
    data_dir: str | os.PathLike[str] | None = None,
    cleaning: CleaningOptions | None = None,
) -> Interactions:
    """Loads one of the package's TFDS data sets; prepares it the first time.

    Raw files that lie in `data_dir` or below are used instead of a download.
    TFDS keeps what it prepares in its own folder (`~/tensorflow_datasets`, or
    the environment variable `TFDS_DATA_DIR`), there in one folder for each
    content of the raw files; nothing is written into `data_dir`.

    Args:
        name: as `list_datasets` lists them; without the part after "/", the
            first config.
        data_dir: the folder of the raw files; by default the manual directory
            of TFDS, `downloads/manual` in its folder. Data sets that are
            simulated need none.
        cleaning: what to remove, and how to order equal times; by default
            nothing, in the order of the file. That of "interaction_log", whose
            times may have been cut to whole seconds, cannot be reversed.

    Returns:
        The interactions. Their `fingerprint` identifies them.

    Raises:
        FileNotFoundError: if a raw file neither lies in the folder nor can be
            downloaded; the message says where to put it.
        ValueError: if the name is unknown, a raw file is damaged or there
            several times, or `ties` would reverse what has one order only.

    Example:
        >>> load_dataset("movielens_sequences/100k", "raw").num_users
        943
    """
    known = list_datasets()
    if name not in known and name not in {key.split("/")[0] for key in known}:
        raise ValueError(
            f"`name` must be one of {', '.join(known)}. Received:"
            f" name={name!r}. For a file of your own use"
            " Interactions.from_csv or Interactions.from_parquet."
        )
    if data_dir is not None and not pathlib.Path(data_dir).is_dir():
        raise FileNotFoundError(
            "`data_dir` must be an existing folder. Received:"
            f" data_dir='{data_dir}'."
        )
    builder = tfds.builder(name)
    root = pathlib.Path(builder.data_dir_root)
    manual_dir = pathlib.Path(data_dir or root / "downloads" / "manual")
    raw_files: tuple[RawFile, ...] = getattr(builder, "raw_files", ())
    paths = [find_file(raw_file, manual_dir) for raw_file in raw_files]
    used = [path for path in paths if path is not None]
    if used:
        key = fingerprint_files(used)[:16]
        builder = tfds.builder(name, data_dir=root / "from_raw_files" / key)
    if not builder.data_path.exists():  # TFDS renames it last.
        config = tfds.download.DownloadConfig(
            manual_dir=manual_dir, try_download_gcs=False
        )
        try:
            with _one_progress_bar(name, downloads=len(used) < len(raw_files)):
                builder.download_and_prepare(
                    download_dir=root / "downloads", download_config=config
                )
        except OSError:
            if not builder.data_path.exists():
                raise
            # Another process has prepared it meanwhile, from the same files.
            builder = tfds.builder(name, data_dir=builder.data_dir_root)
    return Interactions.from_tfds(builder, cleaning=cleaning)


def list_datasets() -> list[str]:
    """Returns the names of the package's TFDS data sets, with their configs."""
    names = []
    for dataset in _DATASETS:
        configs = tfds.builder_cls(dataset).BUILDER_CONFIGS
        if len(configs) > 1:
            names += [f"{dataset}/{config.name}" for config in configs]
        else:
            names.append(dataset)
    return names


@contextlib.contextmanager
def quiet_tfds() -> Iterator[None]:
    """Leaves out TFDS's bars and its notes on stdout."""
    were_active = tfds.core.utils.tqdm_utils._active
    tfds.disable_progress_bar()
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        tfds.display_progress_bar(were_active)


@contextlib.contextmanager
def _one_progress_bar(name: str, *, downloads: bool) -> Iterator[None]:
    """Shows one bar on stderr; TFDS's dozen and its notes if it downloads."""
    if downloads:
        yield
        return
    columns = (
        rich.progress.TextColumn("{task.description}"),
        rich.progress.BarColumn(),
        rich.progress.TimeElapsedColumn(),
    )
    console = rich.console.Console(stderr=True)
    with (
        rich.progress.Progress(*columns, console=console) as progress,
        quiet_tfds(),
    ):
        task = progress.add_task(f"Preparing {name}", total=None)
        yield
        progress.update(task, total=1, completed=1)
