"""A claim on a piece of work, which dies with the process that holds it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pathlib
from collections.abc import Iterator


@contextlib.contextmanager
def claim(path: pathlib.Path, wait: bool = False) -> Iterator[bool]:
    """Tries to be the only process that works on something.

    The operating system holds the lock and releases it when the process ends,
    however it ends: no lock file is ever left to be cleared away by hand. All
    processes must see the same local file system.

    Args:
        path: the lock file; made if it is missing, and kept.
        wait: wait until whoever holds it is done.

    Yields:
        Whether the claim is this process's.

    Example:
    >>> with claim(pathlib.Path("runs/a.lock")) as mine:
    ...     if mine:
    ...         work()
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        file.truncate(0)
        file.write(f"{os.getpid()}\n")  # For whoever looks into the folder.
        file.flush()
        yield True
