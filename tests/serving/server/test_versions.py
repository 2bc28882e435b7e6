"""Versions: swaps under load, corrupt ones, and what startup says."""

import asyncio
import errno
import json
import os
import shutil
import socket
import threading
import time

import pytest

from tests.serving.server.toy_server import RunningServer, ask, export_toy
from tfrs_timirec.serving.publishing import draft_version
from tfrs_timirec.serving.server import (
    ModelServer,
    ServerSettings,
    model_versions,
)

PATIENCE = 60  # Seconds; a swap takes less than one.


def wait_for(condition):
    end = time.monotonic() + PATIENCE
    while not (value := condition()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)
    return value


def answering(server):
    return server.get("/readyz")[1]["version"]


def states(server):
    _, answer = server.get("/v1/models/toy")
    return {
        int(status["version"]): status["state"]
        for status in answer["model_version_status"]
    }


def test_swaps_lose_no_request(tmp_path):
    export_toy(tmp_path, 1)
    results, ends = [], threading.Event()

    def send():
        while not ends.is_set():
            results.append(server.predict(ask([["four"]])))

    def versions():
        return {
            tuple(answer["outputs"]["version"])
            for status, answer in list(results)
            if status == 200
        }

    with RunningServer(tmp_path) as server:
        clients = [threading.Thread(target=send) for _ in range(4)]
        for client in clients:
            client.start()
        try:
            wait_for(lambda: (1,) in versions())
            for version in (2, 10):  # A number, not a word: 10 comes after 2.
                export_toy(tmp_path, version)
                wait_for(lambda v=version: (v,) in versions())
        finally:
            ends.set()
            for client in clients:
                client.join()
        wait_for(
            lambda: states(server) == {1: "END", 2: "END", 10: "AVAILABLE"}
        )
        # An unloaded version is not found; the newest still answers.
        assert server.predict(ask([["a"]]), "/versions/2")[0] == 404
        assert server.predict(ask([["a"]]), "/versions/10")[0] == 200

    assert {status for status, _ in results} == {200}
    assert versions() == {(1,), (2,), (10,)}


async def acquire(versions):
    """Returns the version that answers, used as by a request."""
    versions.current.acquire()
    return versions.current


async def release(servable):
    servable.release()


def test_running_request_keeps_its_version(tmp_path):
    export_toy(tmp_path, 1)
    with RunningServer(tmp_path) as server:
        servable = server.call(acquire(server.server.versions))
        export_toy(tmp_path, 2)
        wait_for(lambda: answering(server) == 2)
        assert states(server) == {1: "UNLOADING", 2: "AVAILABLE"}

        server.call(release(servable))
        wait_for(lambda: states(server) == {1: "END", 2: "AVAILABLE"})


def test_version_that_returns_is_available_after_its_first_load_ends(
    tmp_path, caplog
):
    caplog.set_level("INFO", "tfrs_timirec")
    export_toy(tmp_path, 1)
    newest = export_toy(tmp_path, 2)
    with RunningServer(tmp_path) as server:
        servable = server.call(acquire(server.server.versions))
        aside = newest.rename(tmp_path / ".aside")
        wait_for(lambda: answering(server) == 1)
        aside.rename(newest)
        wait_for(lambda: answering(server) == 2)

        server.call(release(servable))

        wait_for(lambda: "version 2: closed" in caplog.text)
        assert states(server)[2] == "AVAILABLE"


@pytest.mark.parametrize("damage", ["no graph", "garbage", "half", "padding"])
def test_corrupt_version_is_reported_and_the_old_one_goes_on(tmp_path, damage):
    export_toy(tmp_path, 1)
    with RunningServer(tmp_path) as server:
        export_toy(tmp_path / "..", 2).rename(tmp_path / ".later")
        later = tmp_path / ".later"
        shutil.copytree(later, tmp_path / ".draft")
        graph = tmp_path / ".draft" / "saved_model.pb"
        if damage == "no graph":
            graph.unlink()
        elif damage == "garbage":
            graph.write_bytes(b"\xff" * 100)
        elif damage == "half":
            graph.write_bytes(graph.read_bytes()[:-500])
        else:
            padding = graph.parent / "assets.extra" / "batch_padding.json"
            padding.write_text("[]")
        (tmp_path / ".draft").rename(tmp_path / "2")

        wait_for(lambda: states(server).get(2) == "END")
        _, answer = server.get("/v1/models/toy/versions/2")
        (status,) = answer["model_version_status"]
        assert status["status"]["error_code"] != "OK"
        assert status["status"]["error_message"]
        assert server.predict(ask([["a"]]))[1]["outputs"]["version"] == [1]

        # Once its files are whole it is loaded.
        shutil.rmtree(tmp_path / "2")
        later.rename(tmp_path / "2")
        wait_for(lambda: answering(server) == 2)


class PassingTrouble:
    """Loads no version 2 as long as it is there, though its files are whole."""

    def __init__(self, monkeypatch):
        self.is_there = True
        self._load = model_versions.Servable
        monkeypatch.setattr(model_versions, "Servable", self)

    def __call__(self, folder, version):
        if self.is_there and version == 2:
            raise PermissionError("not now")
        return self._load(folder, version)


def test_version_is_tried_again_after_its_permissions_change(
    tmp_path, monkeypatch
):
    trouble = PassingTrouble(monkeypatch)
    export_toy(tmp_path, 1)
    newest = export_toy(tmp_path, 2)
    with RunningServer(tmp_path) as server:
        assert states(server) == {1: "AVAILABLE", 2: "END"}

        trouble.is_there = False
        (newest / "saved_model.pb").chmod(0o644)

        wait_for(lambda: answering(server) == 2)


def test_version_is_tried_again_after_its_return(tmp_path, monkeypatch):
    trouble = PassingTrouble(monkeypatch)
    # Nor does a move change a file.
    monkeypatch.setattr(model_versions, "_fingerprint", lambda folder: ())
    export_toy(tmp_path, 1)
    newest = export_toy(tmp_path, 2)
    with RunningServer(tmp_path) as server:
        for is_there, expected in ((True, "END"), (False, "AVAILABLE")):
            aside = newest.rename(tmp_path / ".aside")
            wait_for(lambda: 2 not in states(server))
            trouble.is_there = is_there
            aside.rename(newest)

            wait_for(lambda: 2 in states(server))
            wait_for(lambda state=expected: states(server)[2] == state)


@pytest.mark.parametrize("name", ["_list_versions", "_fingerprint"])
def test_files_are_looked_at_beside_the_loop(tmp_path, monkeypatch, name):
    export_toy(tmp_path, 1)
    threads = []
    look = getattr(model_versions, name)

    def watched(folder):
        threads.append(threading.current_thread())
        return look(folder)

    with RunningServer(tmp_path) as server:
        monkeypatch.setattr(model_versions, name, watched)
        (tmp_path / "2").mkdir()  # Fails, and is looked at again and again.
        wait_for(lambda: len(threads) > 2)

        assert server.thread not in threads


def test_version_is_on_the_disk_before_it_appears(tmp_path, monkeypatch):
    """Else a power loss could leave its name without its data, for ever."""
    events = []
    rename = os.rename

    def watched_rename(source, target):
        events.append("rename")
        rename(source, target)

    def watched_fsync(descriptor):
        events.append(os.readlink(f"/proc/self/fd/{descriptor}"))

    with draft_version(tmp_path) as draft:
        (draft.folder / "variables").mkdir()
        for name in ("saved_model.pb", "variables/variables.index"):
            (draft.folder / name).write_text("content")
        everything = {draft.folder, *draft.folder.rglob("*")}
        monkeypatch.setattr(os, "rename", watched_rename)
        monkeypatch.setattr(os, "fsync", watched_fsync)
        assert draft.publish() == tmp_path / "1"

    *synced, renamed, last = events
    assert set(synced) == set(map(str, everything))
    assert (renamed, last) == ("rename", str(tmp_path))


@pytest.mark.parametrize("code", [errno.EINVAL, errno.EIO])
def test_folder_need_not_be_synced_where_that_is_unknown(
    tmp_path, monkeypatch, code
):
    def refuse_folders(descriptor):
        if os.path.isdir(f"/proc/self/fd/{descriptor}"):
            raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", refuse_folders)
    with draft_version(tmp_path) as draft:
        (draft.folder / "saved_model.pb").write_text("content")
        if code == errno.EINVAL:
            draft.publish()
        else:
            with pytest.raises(OSError, match=os.strerror(code)):
                draft.publish()

    assert (tmp_path / "1").exists() == (code == errno.EINVAL)


def test_removed_version_gives_way_to_an_older_one(tmp_path):
    export_toy(tmp_path, 1)
    newest = export_toy(tmp_path, 2)
    (tmp_path / "notes").mkdir()  # Not a version.
    (tmp_path / "3").write_text("not a folder")
    with RunningServer(tmp_path) as server:
        assert answering(server) == 2
        shutil.rmtree(newest)
        wait_for(lambda: answering(server) == 1)
        # With the last one gone too, memory still has it.
        shutil.rmtree(tmp_path / "1")
        time.sleep(0.3)
        assert server.predict(ask([["a"]]))[0] == 200


def start(folder, **settings):
    server = ModelServer(
        folder,
        settings=ServerSettings(**{"grpc_port": 0, "rest_port": 0, **settings}),
    )
    return asyncio.run(server.start())


def test_nothing_to_serve_is_said(tmp_path, toy_version):
    with pytest.raises(ValueError, match="must be a folder of versions"):
        ModelServer(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="give its parent"):
        ModelServer(toy_version)
    with pytest.raises(ValueError, match="must hold a version"):
        start(tmp_path)
    (tmp_path / "1").mkdir()
    with pytest.raises(ValueError, match="of version 1: .*saved_model.pb"):
        start(tmp_path)
    with pytest.raises(ValueError, match="without / and :"):
        ModelServer(toy_version.parent, "a/b")


@pytest.mark.parametrize("name", ["grpc_port", "rest_port"])
def test_port_in_use_is_named_with_its_flag(tmp_path, name):
    export_toy(tmp_path, 1)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        flag = f"--{name.replace('_', '-')}"
        with pytest.raises(OSError, match=f"cannot listen on .*{port}.*{flag}"):
            start(tmp_path, **{name: port})


def test_broken_warmup_is_a_version_that_does_not_load(tmp_path):
    folder = export_toy(tmp_path, 1)
    warmup = folder / "assets.extra" / "tf_serving_warmup_requests"
    warmup.write_bytes(b"not a TFRecord file")

    with pytest.raises(ValueError, match="of version 1: "):
        start(tmp_path)


def test_padding_file_that_is_none_is_named(tmp_path):
    path = export_toy(tmp_path, 1) / "assets.extra" / "batch_padding.json"
    path.write_text("garbage")

    with pytest.raises(ValueError, match=f"JSON file. Received: {path}"):
        start(tmp_path)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"max_batch_size": 0}, "`max_batch_size` must be a positive integer"),
        ({"max_body_mib": 2048}, "`max_body_mib` must be at most 2047"),
        ({"grpc_port": 70_000}, "`grpc_port` must lie between"),
        ({"grpc_port": 9, "rest_port": 9}, "must differ"),
        ({"poll_seconds": 0.0}, "`poll_seconds` must be above 0"),
        ({"grace_seconds": -1.0}, "`grace_seconds` must not be negative"),
    ],
)
def test_settings_are_checked(settings, words):
    with pytest.raises(ValueError, match=words):
        ServerSettings(**settings)


def test_longest_body_of_all_is_taken(tmp_path):
    export_toy(tmp_path, 1)

    with RunningServer(tmp_path, max_body_mib=2047) as server:
        assert answering(server) == 1


def test_padding_file_is_json(toy_version):
    path = toy_version / "assets.extra" / "batch_padding.json"

    assert json.loads(path.read_text()) == {
        "serving_default": {"words": ""},
        "double": {},
    }
