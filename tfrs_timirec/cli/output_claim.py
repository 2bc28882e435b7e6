"""The claim of a verb that writes into a run folder on that folder."""

from __future__ import annotations

import contextlib
import pathlib
from collections.abc import Iterator

from tfrs_timirec._claim import claim


@contextlib.contextmanager
def claim_output(
    folder: pathlib.Path, argument: str = "output"
) -> Iterator[None]:
    """Keeps other processes from writing into a folder at the same time.

    Args:
        folder: the run folder; its lock lies beside it.
        argument: the argument that named it.

    Raises:
        ValueError: if another process writes there, if there is a file of that
            name, or if the folder has no place beside it.
    """
    place = folder.resolve()  # "." and ".." have no name to lock beside.
    if not place.name:
        raise ValueError(
            f"`{argument}` must be a folder inside another, where its lock"
            f" lies. Received: {argument}='{folder}'. Choose another folder."
        )
    if place.is_file():
        raise ValueError(
            f"`{argument}` must be a folder. Received: {argument}='{folder}',"
            " which is a file. Choose another name."
        )
    lock = place.with_name(f"{place.name}.lock")
    with claim(lock) as mine:
        if not mine:
            raise ValueError(
                f"`{argument}` must be a folder that no other process works in."
                f" Received: {argument}='{folder}', which process"
                f" {lock.read_text().strip()} holds. Wait until it has ended,"
                " or choose another folder."
            )
        yield
