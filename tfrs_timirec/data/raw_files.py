"""Finds, downloads and reads the raw files that data sets are made from."""

import contextlib
import dataclasses
import fnmatch
import gzip
import hashlib
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

import requests
import tensorflow_datasets as tfds
from etils import epath
from tensorflow_datasets.core.download import downloader

_MAX_RETRIES = 4  # With TFDS's pauses, 3 seconds.

# What gzip and zipfile raise on a file that is cut off or damaged.
_DAMAGE = (gzip.BadGzipFile, EOFError, zlib.error, zipfile.BadZipFile)


@dataclasses.dataclass(frozen=True)
class RawFile:
    """A file as its publisher offers it.

    Args:
        patterns: the file's name, or glob patterns of which one must match it.
        url: where it can be downloaded; None if it is the user's own.
    """

    patterns: tuple[str, ...]
    url: str | None = None

    @property
    def description(self) -> str:
        """The file's name, for messages."""
        return " or ".join(self.patterns)


def find_file(raw_file: RawFile, folder: epath.PathLike) -> epath.Path | None:
    """Looks for a file in a folder and below, the shallowest level first.

    Args:
        raw_file: the file.
        folder: where to begin; it need not exist.

    Returns:
        The file's path, or None if there is none.

    Raises:
        ValueError: if a level has several such files.
    """
    level = [epath.Path(folder).expanduser()]
    seen: set[epath.Path] = set()  # Links may lead back up.
    while level := _new_folders(level, seen):
        entries = sorted(entry for parent in level for entry in _list(parent))
        found = [
            entry
            for entry in entries
            if any(
                fnmatch.fnmatchcase(entry.name, pattern)
                for pattern in raw_file.patterns
            )
            and entry.is_file()
        ]
        if len(found) > 1:
            raise ValueError(
                f"There must be one file {raw_file.description} on the"
                f" shallowest level of {folder}. Received:"
                f" {', '.join(map(str, found))}. Name a folder that holds just"
                " one of them."
            )
        if found:
            return found[0]
        level = [entry for entry in entries if not entry.name.startswith(".")]
    return None


def find_or_download(
    raw_file: RawFile, dl_manager: tfds.download.DownloadManager, dataset: str
) -> epath.Path:
    """Takes a file from the manual directory, or else from the network.

    Args:
        raw_file: the file.
        dl_manager: what TFDS hands to `_split_generators`.
        dataset: the data set's name, for messages.

    Returns:
        The path of the file.

    Raises:
        FileNotFoundError: if the file is not there and cannot be downloaded.
            The message names the file, the URL and the folder to put it in.
        ValueError: if there are several such files.
    """
    try:
        path = find_file(raw_file, dl_manager.manual_dir)
    except AssertionError:  # TFDS: the folder is empty or does not exist.
        path = None
    if path is not None:
        return path
    missing = (
        f"{dataset} needs the file {raw_file.description}. Received: no such"
        f" file in {_manual_dir(dl_manager)} or below"
    )
    if raw_file.url is None:
        raise FileNotFoundError(f"{missing}. Put it there.")
    try:
        with _few_retries():
            return epath.Path(dl_manager.download(raw_file.url))
    except (
        requests.exceptions.RequestException,
        tfds.download.DownloadError,
    ) as error:
        raise FileNotFoundError(
            f"{missing}, and the download from {raw_file.url} failed ({error})."
            " Download the file yourself and put it there."
        ) from error


def read_gzip_lines(path: epath.Path) -> Iterator[tuple[int, str]]:
    """Reads a gzip-compressed UTF-8 file.

    Args:
        path: the file.

    Yields:
        The number of each line, from 1, and the line without its line break.

    Raises:
        ValueError: if the file is cut off or damaged, or not UTF-8.
    """
    line = 0
    try:
        with path.open("rb") as file, gzip.open(file) as lines:
            for line, data in enumerate(lines, start=1):
                yield line, _decode(data, "utf-8", path, line)
    except _DAMAGE as error:
        raise _damaged(path, f"after line {line}", error) from error


def read_zip_lines(
    path: epath.Path, member: str, encoding: str
) -> Iterator[tuple[int, str]]:
    """Reads one text file inside a zip file.

    Args:
        path: the zip file.
        member: the path inside the zip file.
        encoding: of the text.

    Yields:
        The number of each line, from 1, and the line without its line break.

    Raises:
        ValueError: if the zip file is cut off or damaged, lacks the member, or
            holds a line of another encoding.
    """
    line = 0
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            if member not in archive.namelist():
                raise ValueError(
                    f"{path} must hold {member}. Received: a zip file with"
                    f" {archive.namelist()[:5]}. Get the publisher's own file."
                )
            with archive.open(member) as lines:
                for line, data in enumerate(lines, start=1):
                    yield line, _decode(data, encoding, path, line)
    except _DAMAGE as error:
        place = f"after line {line} of {member}" if line else "at its start"
        raise _damaged(path, place, error) from error


def bad_line(path: Any, line: int, rule: str, received: str) -> ValueError:
    """Makes the error about a line of a raw file.

    Args:
        path: the file.
        line: the line's number, from 1.
        rule: what each line must be.
        received: the line; it is cut in the message.
    """
    return ValueError(
        f"Each line of {path} must {rule}. Received: line {line}:"
        f" {received[:120]!r}. Correct it, or download the file again."
    )


def fingerprint_files(paths: Iterable[epath.PathLike]) -> str:
    """Returns a SHA-256 (hex) of the bytes of files, in the order given.

    Args:
        paths: the files.
    """
    digest = hashlib.sha256()
    for path in paths:
        with epath.Path(path).open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())  # type: ignore[arg-type]
    return digest.hexdigest()


def _new_folders(
    paths: Iterable[epath.Path], seen: set[epath.Path]
) -> list[epath.Path]:
    folders = []
    for path in paths:
        if path.is_dir() and path.resolve() not in seen:
            seen.add(path.resolve())
            folders.append(path)
    return folders


def _list(folder: epath.Path) -> list[epath.Path]:
    try:
        return list(folder.iterdir())
    except PermissionError:
        return []


@contextlib.contextmanager
def _few_retries() -> Iterator[None]:
    """Without a network, TFDS tries for more than three minutes."""
    before = downloader.MAX_RETRIES
    downloader.MAX_RETRIES = _MAX_RETRIES
    try:
        yield
    finally:
        downloader.MAX_RETRIES = before


def _manual_dir(dl_manager: tfds.download.DownloadManager) -> epath.Path:
    # The public property raises when the folder does not exist.
    return dl_manager._manual_dir


def _decode(data: bytes, encoding: str, path: epath.Path, line: int) -> str:
    try:
        return data.decode(encoding).rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise bad_line(path, line, f"be {encoding} text", repr(data)) from error


def _damaged(path: epath.Path, place: str, error: Exception) -> ValueError:
    return ValueError(
        f"{path} must be a whole file. Received: a file that is cut off or"
        f" damaged {place} ({error}). Delete it and download it again."
    )
