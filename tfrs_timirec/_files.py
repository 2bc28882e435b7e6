"""Files that are never seen half-written, and where they may lie."""

from __future__ import annotations

import json
import os
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np
from etils import epath


def write_whole(
    path: pathlib.Path, write: Callable[[pathlib.Path], Any]
) -> None:
    """Lets `write` write a draft beside `path` and puts it in place.

    Args:
        path: the file; its folder is made if it is missing.
        write: called with the path of the draft.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".draft-{path.name}")
    write(draft)
    with open(draft, "rb") as file:
        os.fsync(file.fileno())
    draft.replace(path)


def check_path(name: str, path: str | os.PathLike[str]) -> None:
    """Raises a ValueError unless TensorFlow can read back what it writes.

    It takes the path of a checkpoint for a pattern.

    Args:
        name: name of the argument.
        path: the folder.

    Raises:
        ValueError: if the path holds a wildcard.
    """
    if found := sorted(set("*?[]\\") & set(os.fspath(path))):
        raise ValueError(
            f"`{name}` must be a path without {' '.join('*?[]')} or a"
            f" backslash, which TensorFlow takes for a pattern. Received:"
            f" {name}='{path}' with {' '.join(found)}. Choose another folder."
        )


def check_beam_path(name: str, path: epath.Path) -> None:
    """Raises a ValueError unless Beam can read back what it writes.

    It makes a path on this machine absolute, which may bring a wildcard in.

    Args:
        name: name of the argument.
        path: the folder, on this machine or in a cloud's storage.

    Raises:
        ValueError: if the path holds a wildcard.
    """
    check_path(name, path if "://" in str(path) else path.absolute())


def write_json(
    path: pathlib.Path, content: dict[str, Any], indent: int = 2
) -> None:
    """Writes a JSON file.

    Args:
        path: the file; its folder is made if it is missing.
        content: what it shall hold.
        indent: spaces a level.
    """
    text = json.dumps(content, indent=indent, default=_to_python) + "\n"
    write_whole(path, lambda draft: draft.write_text(text))


def read_json(
    path: pathlib.Path | epath.Path,
    remedy: str = "Delete it; the command that made it writes it anew.",
) -> dict[str, Any]:
    """Returns what a JSON file holds that a command of ours wrote.

    Args:
        path: the file.
        remedy: what to do if it is no JSON file.

    Raises:
        FileNotFoundError: if there is none.
        ValueError: if it is no JSON file.
    """
    try:
        return json.loads(path.read_text())
    except ValueError as error:
        raise ValueError(
            f"{path.name} must be a JSON file. Received: {path}, which is not"
            f" one ({error}). {remedy}"
        ) from error


def _to_python(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"JSON cannot hold {value!r}")
