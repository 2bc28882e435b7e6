"""The claim of a verb that trains on the folder it trains in."""

from __future__ import annotations

import contextlib
import pathlib
from collections.abc import Iterator

from tfrs_timirec._claim import claim


@contextlib.contextmanager
def claim_output(folder: pathlib.Path) -> Iterator[None]:
    """Keeps other processes from training in a folder at the same time.

    Args:
        folder: the run folder; its lock lies beside it.

    Raises:
        ValueError: if another process trains there, if there is a file of that
            name, or if the folder has no place beside it.
    """
    place = folder.resolve()  # "." and ".." have no name to lock beside.
    if not place.name:
        raise ValueError(
            "`output` must be a folder inside another, where its lock lies."
            f" Received: output='{folder}'. Choose another folder."
        )
    if place.is_file():
        raise ValueError(
            f"`output` must be a folder. Received: output='{folder}', which is"
            " a file. Choose another name."
        )
    lock = place.with_name(f"{place.name}.lock")
    with claim(lock) as mine:
        if not mine:
            raise ValueError(
                "`output` must be a folder that no other process trains in."
                f" Received: output='{folder}', which process"
                f" {lock.read_text().strip()} holds. Wait until it has ended,"
                " or choose another folder."
            )
        yield
