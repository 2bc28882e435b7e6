"""Finding log files, and what is said about those that are no good."""

import os
from collections.abc import Sequence

from etils import epath

CSV_SUFFIXES = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz")
PARQUET_SUFFIXES = (".parquet", ".pq")


def present_columns(
    names: Sequence[str], columns: Sequence[str] | None
) -> list[str]:
    """Returns the names that were asked for, each once.

    Args:
        names: those of the file.
        columns: those asked for; all if None.
    """
    return [
        name
        for name in dict.fromkeys(names)
        if columns is None or name in columns
    ]


def existing_file(
    path: str | os.PathLike[str], suffixes: tuple[str, ...]
) -> epath.Path:
    """Returns a path after a look at the file.

    Args:
        path: the file.
        suffixes: how its name may end.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is a folder, or its name ends otherwise.
    """
    file = epath.Path(path)
    if file.is_dir():
        raise ValueError(
            f"`path` must be a file. Received: path='{path}', a folder. Give"
            " one file inside it."
        )
    if not file.exists():
        raise FileNotFoundError(
            f"`path` must be an existing file. Received: path='{path}'."
        )
    if not file.name.lower().endswith(suffixes):
        remedy = "Rename the file."
        if ".json" not in suffixes:
            remedy = (
                "Use `from_csv` for CSV, `from_parquet` for Parquet and"
                " 'timirec data prepare' for JSON lines, or rename the file."
            )
        raise ValueError(
            f"`path` must end in one of {', '.join(suffixes)}. Received:"
            f" path='{path}'. {remedy}"
        )
    return file


def check_local(path: str | os.PathLike[str]) -> None:
    """Raises a ValueError if a path is not one of this machine.

    Args:
        path: of a log that is to be read at once.

    Raises:
        ValueError: if it is an address, as gs://bucket/log.csv.
    """
    if "://" in os.fspath(path):
        raise ValueError(
            f"`path` must be on this machine. Received: path='{path}'. Copy it"
            " here, or turn it into a folder of sequences with 'timirec data"
            " prepare', which reads it where it is."
        )


def parquet_parts(path: str | os.PathLike[str]) -> list[epath.Path]:
    """Returns the Parquet files that a log consists of.

    Args:
        path: a file, or a folder of files as Spark, Dask and others write
            them, also in subfolders. What begins with "_" or "." is not part
            of it.

    Returns:
        The file, or those of the folder in the order of their paths.

    Raises:
        FileNotFoundError: if there is nothing at `path`.
        ValueError: if a folder holds no such file, or a file's name ends
            otherwise.
    """
    folder = epath.Path(path)
    if not folder.is_dir():
        return [existing_file(path, PARQUET_SUFFIXES)]
    parts = sorted(
        root / name
        for root, _, names in folder.walk()
        for name in names
        if name.lower().endswith(PARQUET_SUFFIXES)
        and not any(
            step[0] in "_." for step in (root / name).relative_to(folder).parts
        )
    )
    if not parts:
        raise ValueError(
            "`path` must be a Parquet file, or a folder that holds some."
            f" Received: path='{path}', a folder without a file that ends in"
            f" {' or '.join(PARQUET_SUFFIXES)}. Files of another kind become"
            " one log with 'timirec data prepare'."
        )
    return parts


def check_content(path: epath.Path, *, compressed: bool) -> None:
    """Catches files of another kind than their name says.

    Args:
        path: the file, by its name one of text.
        compressed: whether its name ends in .gz.

    Raises:
        ValueError: if it is empty, a Parquet file, or compressed against its
            name.
    """
    with path.open("rb") as file:
        start = file.read(4)
    if start == b"PAR1":
        raise ValueError(
            f"`path` must be a CSV file. Received: path='{path}', a Parquet"
            " file. Rename it to *.parquet and use `from_parquet`."
        )
    if not start:
        raise ValueError(empty_file(path, "0 bytes"))
    if (start[:2] == b"\x1f\x8b") != compressed:
        raise ValueError(
            "`path` must end in .gz if the file is gzip-compressed, and only"
            f" then. Received: path='{path}'. Rename it."
        )


def broken_file(path: epath.Path, error: Exception) -> str:
    """Returns what to say of a file that cannot be read to its end.

    Args:
        path: the file.
        error: why.
    """
    return (
        f"Cannot read path='{path}': the file is cut off or damaged ({error})."
        " Copy or download it again."
    )


def empty_file(path: epath.Path, content: str) -> str:
    """Returns what to say of a file without a row.

    Args:
        path: the file.
        content: what it holds instead.
    """
    return (
        "`path` must be a file with at least one interaction. Received:"
        f" path='{path}' with {content}."
    )
