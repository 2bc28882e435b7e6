"""What a run writes down: settings, history and results, never half."""

from __future__ import annotations

import csv
import datetime
import importlib.metadata
import json
import os
import pathlib
import platform
from collections.abc import Callable, Sequence
from typing import Any

_LIBRARIES = (
    "tfrs-timirec",
    "tensorflow",
    "tf-keras",
    "tensorflow-recommenders",
    "numpy",
)


def describe_environment() -> dict[str, Any]:
    """Returns when and with which versions a result is made."""
    return {
        "finished_at": datetime.datetime.now(datetime.UTC).isoformat(
            timespec="seconds"
        ),
        "python": platform.python_version(),
        "libraries": {
            name: importlib.metadata.version(name) for name in _LIBRARIES
        },
    }


def write_whole(
    path: pathlib.Path, write: Callable[[pathlib.Path], Any]
) -> None:
    """Writes a file so that it is never seen half-written.

    Args:
        path: the file; its folder is made if it is missing.
        write: writes the file at the path it is given, which has the suffix
            of `path`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".draft-{path.name}")
    write(draft)
    with open(draft, "rb") as file:
        os.fsync(file.fileno())
    draft.replace(path)


def write_json(path: pathlib.Path, content: dict[str, Any]) -> None:
    """Writes a JSON file that is never seen half-written.

    Args:
        path: the file; its folder is made if it is missing.
        content: what to write.
    """
    text = json.dumps(content, indent=2) + "\n"
    write_whole(path, lambda draft: draft.write_text(text))


def write_history(
    path: pathlib.Path, history: Sequence[dict[str, Any]]
) -> None:
    """Writes a CSV file with one row an epoch.

    Args:
        path: the file.
        history: the logs of every epoch; not all need have the same names.
    """
    names = ["epoch", "stage"]
    for entry in history:
        names += [name for name in entry if name not in names]

    def write(draft: pathlib.Path) -> None:
        with open(draft, "w", newline="") as file:
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            writer.writerows(history)

    write_whole(path, write)
