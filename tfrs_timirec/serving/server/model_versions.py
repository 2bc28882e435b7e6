"""The versions of a model: loads the newest, swaps, and drains the old."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import os
import pathlib
import re

import grpc
import tensorflow as tf
from tensorflow_serving.apis import get_model_status_pb2

from tfrs_timirec.serving.server.metrics import Metrics
from tfrs_timirec.serving.server.servable import Servable
from tfrs_timirec.serving.server.serving_error import (
    ServingError,
    from_tensorflow,
)

State = get_model_status_pb2.ModelVersionStatus.State

_log = logging.getLogger(__name__)
_VERSION = re.compile(r"[0-9]{1,18}")
_Fingerprint = tuple[tuple[str, int, int, int], ...]


@dataclasses.dataclass(frozen=True)
class VersionStatus:
    """What `GetModelStatus` says of a version.

    Args:
        state: START, LOADING, AVAILABLE, UNLOADING or END.
        code: why it ended; OK if nothing went wrong.
        message: the error in words.
    """

    state: int
    code: grpc.StatusCode = grpc.StatusCode.OK
    message: str = ""


class ModelVersions:
    """Serves the newest version that loads, out of a folder of versions.

    A new version is loaded beside the one that answers and takes over when it
    is ready; the old one is closed after its last request. A version that does
    not load is reported and tried again when its files or their permissions
    change, or when its folder has been away. When the newest version is
    removed, the next older one returns. The last one stays in memory even if
    its files are gone.

    All methods belong to the event loop.

    Args:
        name: of the model.
        folder: holds one folder a version, named by a number.
        metrics: where loads are counted.

    Raises:
        ValueError: if `folder` is no folder, or a version itself.
    """

    def __init__(self, name: str, folder: pathlib.Path, metrics: Metrics):
        if not folder.is_dir():
            raise ValueError(
                "`model_dir` must be a folder of versions, as"
                " saved_models/beauty with a folder 1 in it. Received:"
                f" model_dir={str(folder)!r}"
            )
        if (folder / "saved_model.pb").exists():
            raise ValueError(
                "`model_dir` must be the folder that holds the versions, not"
                f" a version. Received: model_dir={str(folder)!r}; give its"
                f" parent, {str(folder.absolute().parent)!r}."
            )
        self.name = name
        self.folder = folder
        self.current: Servable | None = None
        self.statuses: dict[int, VersionStatus] = {}
        self._metrics = metrics
        self._failed: dict[int, _Fingerprint] = {}
        self._draining: dict[asyncio.Task[None], Servable] = {}

    @property
    def is_loading(self) -> bool:
        """Whether a version is being loaded, also after `watch` has ended."""
        states = {status.state for status in self.statuses.values()}
        return State.LOADING in states

    def find(self, name: str, version: int | None) -> Servable:
        """Returns the version that is to answer.

        Args:
            name: of the model that was asked for.
            version: the version that was asked for; None for the newest.

        Raises:
            ServingError: NOT_FOUND if it is not loaded.
        """
        servable = self.current
        if (
            name != self.name
            or servable is None
            or version not in (None, servable.version)
        ):
            request = (
                f"Latest({name})"
                if version is None
                else f"Specific({name}, {version})"
            )
            raise ServingError(
                grpc.StatusCode.NOT_FOUND,
                f"Servable not found for request: {request}",
            )
        return servable

    async def update(self) -> None:
        """Looks at the folder, and loads a version if it should answer."""
        folders = await asyncio.to_thread(_list_versions, self.folder)
        self.statuses = {
            version: status
            for version, status in self.statuses.items()
            if version in folders or status.state != State.END
        }
        self._failed = {
            version: fingerprint
            for version, fingerprint in self._failed.items()
            if version in folders
        }
        for version in sorted(folders, reverse=True):
            if self.current and version == self.current.version:
                return
            fingerprint = await asyncio.to_thread(
                _fingerprint, folders[version]
            )
            if self._failed.get(version) == fingerprint:
                continue
            loaded = await self._load(folders[version], version)
            if loaded:
                self._failed.pop(version, None)
                self._swap(loaded)
                return
            self._failed[version] = fingerprint

    async def watch(self, poll_seconds: float) -> None:
        """Updates for ever.

        Args:
            poll_seconds: pause between two looks at the folder.
        """
        complaint = ""
        while True:
            await asyncio.sleep(poll_seconds)
            try:
                await self.update()
                complaint = ""
            except OSError as error:
                if str(error) != complaint:  # Once is enough.
                    complaint = str(error)
                    _log.warning("Cannot look for new versions: %s", complaint)

    async def close(self, patience_seconds: float = 0.0) -> None:
        """Closes all versions after their last request.

        Args:
            patience_seconds: how long requests are waited for; then the
                versions are closed under them.
        """
        if self.current:
            self._retire(self.current)
            self.current = None
        if self._draining:
            await asyncio.wait(self._draining, timeout=patience_seconds)
        for servable in self._draining.values():
            if num_users := servable.abandon():
                _log.warning(
                    "%s version %d: closed while still in use (requests: %d)",
                    self.name,
                    servable.version,
                    num_users,
                )
        while self._draining:
            await asyncio.wait(self._draining)

    async def _load(
        self, folder: pathlib.Path, version: int
    ) -> Servable | None:
        self.statuses[version] = VersionStatus(State.LOADING)
        _log.info("%s version %d: loading", self.name, version)
        try:
            servable = await asyncio.to_thread(Servable, folder, version)
        # A corrupt file may raise anything, and must not end the server.
        except Exception as error:  # noqa: BLE001
            code, message = _explain(error)
            self.statuses[version] = VersionStatus(State.END, code, message)
            self._metrics.loads.labels("error").inc()
            _log.error(
                "%s version %d: cannot be loaded: %s",
                self.name,
                version,
                message,
            )
            return None
        self._metrics.loads.labels("ok").inc()
        return servable

    def _swap(self, servable: Servable) -> None:
        old, self.current = self.current, servable
        self.statuses[servable.version] = VersionStatus(State.AVAILABLE)
        self._metrics.served_version.labels(self.name).set(servable.version)
        _log.info("%s version %d: answers", self.name, servable.version)
        if old:
            self._retire(old)

    def _retire(self, servable: Servable) -> None:
        status = VersionStatus(State.UNLOADING)
        self.statuses[servable.version] = status
        task = asyncio.create_task(self._drain(servable, status))
        self._draining[task] = servable
        task.add_done_callback(self._draining.pop)

    async def _drain(self, servable: Servable, status: VersionStatus) -> None:
        await servable.wait_idle()
        await asyncio.to_thread(servable.close)
        # Unless the number has been loaded anew meanwhile.
        if self.statuses.get(servable.version) is status:
            self.statuses[servable.version] = VersionStatus(State.END)
        _log.info("%s version %d: closed", self.name, servable.version)


def _list_versions(folder: pathlib.Path) -> dict[int, pathlib.Path]:
    with os.scandir(folder) as entries:
        return {
            int(entry.name): pathlib.Path(entry.path)
            for entry in entries
            if _VERSION.fullmatch(entry.name) and entry.is_dir()
        }


def _fingerprint(folder: pathlib.Path) -> _Fingerprint:
    """Returns what changes when a file of a version does, or who may read it.

    The time of the last change also tells of permissions, and of the folder's
    return between two looks.
    """
    files = []
    for path in [folder, *sorted(folder.rglob("*"))]:
        try:
            status = path.stat()
        except OSError:  # It goes as we look.
            continue
        times = status.st_mtime_ns, status.st_ctime_ns
        files.append((str(path), status.st_size, *times))
    return tuple(files)


def _explain(error: Exception) -> tuple[grpc.StatusCode, str]:
    if isinstance(error, tf.errors.OpError):
        error = from_tensorflow(error)
    if isinstance(error, ServingError):
        return error.code, error.message
    message = str(error).split("\n", 1)[0] or type(error).__name__
    if isinstance(error, OSError):
        return grpc.StatusCode.NOT_FOUND, message
    return grpc.StatusCode.UNKNOWN, message
