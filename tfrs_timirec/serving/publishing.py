"""Numbered versions, each of which appears when it is whole."""

from __future__ import annotations

import contextlib
import errno
import os
import pathlib
import shutil
import tempfile
import time
from collections.abc import Iterator
from typing import Any, TypeVar

import tensorflow as tf
from etils import epath

from tfrs_timirec._files import check_path

_DRAFT = ".draft-"
_MAX_DRAFT_SECONDS = 24 * 60 * 60

Folder = TypeVar("Folder", pathlib.Path, epath.Path)


class VersionDraft:
    """A version in the making.

    Args:
        folder: where to write it.
        versions: the folder of all versions.
        number: its number; by default one above the highest there is.
    """

    def __init__(
        self,
        folder: pathlib.Path,
        versions: pathlib.Path,
        number: int | None = None,
    ):
        self.folder = folder
        self._versions = versions
        self._number = number

    def publish(self) -> pathlib.Path:
        """Renames the draft to its version, though others may do so too.

        The disk has all of it before: no power loss leaves a version that is
        not whole.

        Returns:
            The version's folder.

        Raises:
            ValueError: if there is a version of that number already.
        """
        self.folder.chmod(0o755)  # mkdtemp's folders are private.
        for path in (*self.folder.rglob("*"), self.folder):
            _sync(path)
        while True:
            last = max(version_folders(self._versions), default=0)
            number = self._number or last + 1
            target = self._versions / str(number)
            try:
                if not target.exists():  # An empty folder would be replaced.
                    self.folder.rename(target)
                    break
            except OSError:
                if not target.exists():
                    raise
            if self._number:
                raise _taken(target)
        _sync(self._versions)
        return target


@contextlib.contextmanager
def draft_version(path: str | os.PathLike[str]) -> Iterator[VersionDraft]:
    """Gives a folder to write a version in; what is not published is deleted.

    The draft lies beside the versions, under a name that TF Serving ignores,
    so that publishing is one rename. Drafts that are older than a day, of
    processes that were killed, are deleted.

    Args:
        path: the folder of all versions, made if it is missing; or in it the
            new version, whose name is a number.

    Raises:
        ValueError: if `path` is a version that exists already, the version 0,
            or holds a wildcard.
    """
    check_path("path", path)
    versions, number = pathlib.Path(path), None
    if versions.name.isdecimal():
        versions, number = versions.parent, int(versions.name)
        if not number:
            raise ValueError(
                "`path` must name a new version by a number from 1 on."
                f" Received: path='{path}'. Choose another number, or give"
                f" '{versions}' for the next one."
            )
        if pathlib.Path(path).exists():
            raise _taken(pathlib.Path(path))
    versions.mkdir(parents=True, exist_ok=True)
    _delete_old_drafts(versions)
    folder = pathlib.Path(tempfile.mkdtemp(prefix=_DRAFT, dir=versions))
    try:
        yield VersionDraft(folder, versions, number)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _delete_old_drafts(versions: pathlib.Path) -> None:
    for draft in versions.glob(f"{_DRAFT}*"):
        with contextlib.suppress(FileNotFoundError):  # Others may do so too.
            if time.time() - draft.stat().st_mtime > _MAX_DRAFT_SECONDS:
                shutil.rmtree(draft, ignore_errors=True)


def version_folders(versions: Folder) -> dict[int, Folder]:
    """Returns the folders of the versions by their numbers, ascending.

    Args:
        versions: the folder of all versions, of which "7" and "007" are number
            7, as for TF Serving.
    """
    found = {
        int(folder.name): folder
        for folder in versions.iterdir()
        if folder.name.isdecimal() and folder.is_dir()
    }
    return dict(sorted(found.items()))


def newest_version(folder: Folder) -> Folder | None:
    """Returns the newest version that holds a saved_model.pb, if any does.

    Args:
        folder: the folder of all versions; or of one, which is returned.
    """
    if not folder.is_dir():
        return None
    if (folder / "saved_model.pb").is_file():
        return folder
    for version in reversed(version_folders(folder).values()):
        if (version / "saved_model.pb").is_file():
            return version
    return None


def find_version(path: str | os.PathLike[str]) -> pathlib.Path:
    """Returns the folder of one exported version.

    Args:
        path: the folder of a version, or of all, of which the newest counts
            that holds a model.

    Raises:
        FileNotFoundError: if there is none.
    """
    version = newest_version(pathlib.Path(path))
    if version is None:
        raise no_version("path", path)
    return version


def no_version(name: str, path: str | os.PathLike[str]) -> FileNotFoundError:
    """Returns the error of a folder without an exported model.

    Args:
        name: name of the argument.
        path: the folder.
    """
    return FileNotFoundError(
        f"`{name}` must be an exported model: a folder with a saved_model.pb,"
        f" or one with such folders named 1, 2, ... Received: {name}='{path}'."
        " `timirec export RUN --output FOLDER` makes one."
    )


def load_saved_model(folder: str | os.PathLike[str]) -> Any:
    """Returns a SavedModel.

    Args:
        folder: the folder of a version, also in a cloud's storage.

    Raises:
        ValueError: if a file of it is missing or damaged.
    """
    try:
        return tf.saved_model.load(os.fspath(folder))
    except (
        tf.errors.PermissionDeniedError,
        tf.errors.ResourceExhaustedError,
    ):
        raise  # It may be whole.
    except (FileNotFoundError, IndexError, tf.errors.OpError) as error:
        reason, *_ = str(error).splitlines() or [type(error).__name__]
        raise ValueError(
            "`path` must be a whole SavedModel. Received:"
            f" path='{folder}', which is damaged ({reason}). Copy or export it"
            " again."
        ) from error


def _sync(path: pathlib.Path) -> None:
    """Waits until the disk has a file, or the names in a folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network file systems cannot sync a folder.
        if not (path.is_dir() and error.errno in (errno.EINVAL, errno.ENOTSUP)):
            raise
    finally:
        os.close(descriptor)


def _taken(folder: pathlib.Path) -> ValueError:
    return ValueError(
        "`path` must be a new version: servers may have read the one that is"
        f" there. Received: path='{folder}'. Choose another number, or give"
        f" '{folder.parent}' for the next one."
    )
