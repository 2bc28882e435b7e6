"""`timirec serve` as a user starts it: a process, real ports, SIGTERM."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.request

import numpy as np
import pytest

from tests.serving.server.toy_server import export_toy
from tests.serving.toy_exports import LENGTH, make_films, make_model
from tfrs_timirec.cli.main import main
from tfrs_timirec.serving import RecommenderModule, export
from tfrs_timirec.serving.batch_padding import batch_padding

PROGRAM = "import sys; from tfrs_timirec.cli.main import main; sys.exit(main())"


@pytest.fixture(scope="module")
def log():
    return make_films()


@pytest.fixture(scope="module")
def model(log):
    return make_model(log)


@contextlib.contextmanager
def launched(*arguments, before="", environment=None):
    """Yields the process, in which `before` is run first."""
    process = subprocess.Popen(
        [
            *(sys.executable, "-c", f"{before}\n{PROGRAM}", "serve"),
            *(*arguments, "--grpc-port=0", "--rest-port=0"),
        ],
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def read_until(process, pattern):
    """Reads the log up to a line with the pattern; returns the match."""
    for line in process.stderr:
        if found := re.search(pattern, line):
            return found
    pytest.fail("the server ended")


@contextlib.contextmanager
def started(*arguments):
    """Yields the process and its ports, REST first."""
    with launched(*arguments) as process:
        found = read_until(process, r"gRPC .*?:(\d+), REST http://.*?:(\d+)/")
        drain = threading.Thread(target=process.stderr.read, daemon=True)
        drain.start()
        yield process, int(found[2]), int(found[1])


def predict(port, name, content):
    url = f"http://127.0.0.1:{port}/v1/models/{name}:predict"
    request = urllib.request.Request(url, json.dumps(content).encode())
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.load(response)


def test_export_is_served_and_sigterm_is_graceful(tmp_path, model, log):
    export(model, log, tmp_path / "films", max_history_length=LENGTH)
    history = log.items[[3, 1]].tolist()
    inputs = {
        "item_ids": [history],
        "k": 3,
        "exclude_ids": [[""]],
        "exclude_seen": True,
    }
    module = RecommenderModule(model, log, LENGTH)
    expected = module.recommend([history], k=3)["item_ids"].numpy()[0]

    with started(str(tmp_path / "films")) as (process, port, _):
        answer = predict(port, "films", {"inputs": inputs})
        assert answer["outputs"]["item_ids"] == [
            [raw.decode() for raw in expected]
        ]
        # What padding lets a server do changes nothing.
        inputs["item_ids"] = [[*history, "", ""]]
        padded = predict(port, "films", {"inputs": inputs})
        assert padded["outputs"]["item_ids"] == answer["outputs"]["item_ids"]

        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


def test_log_is_the_servers_own(tmp_path, model, log):
    export(model, log, tmp_path / "films", max_history_length=LENGTH)
    environment = dict(os.environ)
    environment.pop("TF_CPP_MIN_LOG_LEVEL", None)

    with launched(tmp_path / "films", environment=environment) as process:
        lines = []
        for line in process.stderr:
            lines.append(line)
            if "Ready" in line:
                break

    assert [line for line in lines if " INFO " not in line] == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_within_a_load_ends_it_at_once(tmp_path, number):
    (tmp_path / "1").mkdir()
    slow = (
        "import time; from tfrs_timirec.serving.server import model_versions;"
        " model_versions.Servable = lambda *_: time.sleep(600)"
    )

    with launched(str(tmp_path), before=slow) as process:
        read_until(process, "version 1: loading")
        process.send_signal(number)

        assert process.wait(60) == 128 + number


def test_signal_within_the_load_of_a_new_version(tmp_path):
    export_toy(tmp_path, 1)
    slow = (
        "import time; from tfrs_timirec.serving.server import model_versions;"
        " load = model_versions.Servable;"
        " model_versions.Servable = lambda folder, version:"
        " time.sleep(600) if version == 2 else load(folder, version)"
    )

    with launched(str(tmp_path), before=slow) as process:
        read_until(process, "Ready")
        (tmp_path / "2").mkdir()
        read_until(process, "version 2: loading")
        process.send_signal(signal.SIGTERM)

        # The old version is closed all the same.
        read_until(process, "version 1: closed")
        assert process.wait(60) == 0


def test_padding_is_written_where_it_is_exact(tmp_path, model, log):
    folder = export(model, log, tmp_path, max_history_length=LENGTH)

    path = folder / "assets.extra" / "batch_padding.json"
    padding = json.loads(path.read_text())
    assert padding["serving_default"] == {"item_ids": "", "exclude_ids": ""}
    # Its attention has a place for every item of the request.
    assert padding["interests"] == {}
    module = RecommenderModule(model, log, LENGTH)
    assert set(padding) == set(module.signatures)
    # Of all values that pad one is an item.
    assert batch_padding(module, np.array([module.reader.no_item])) == {
        signature: {} for signature in padding
    }


def test_out_of_connections_is_said_once_and_passes(tmp_path, model, log):
    export(model, log, tmp_path / "films", max_history_length=LENGTH)
    few = (
        "import resource;resource.setrlimit(resource.RLIMIT_NOFILE, (120, 120))"
    )

    with launched(tmp_path / "films", before=few) as process:
        port = int(read_until(process, r"REST http://.*?:(\d+)/")[1])
        with contextlib.ExitStack() as clients:
            for _ in range(150):
                client = socket.create_connection(("127.0.0.1", port))
                clients.enter_context(client)
            read_until(process, r"may have 120 files and connections")
        url = f"http://127.0.0.1:{port}/healthz"
        assert urllib.request.urlopen(url, timeout=60).status == 200
        process.send_signal(signal.SIGTERM)
        rest = process.stderr.read()

    assert "Traceback" not in rest
    assert "No new connection" not in rest


def test_the_address_of_ipv6_is_a_url(tmp_path, model, log):
    export(model, log, tmp_path / "films", max_history_length=LENGTH)

    with launched(tmp_path / "films", "--host=::1") as process:
        read_until(process, r"gRPC \[::1\]:\d+, REST http://\[::1\]:\d+/v1/")


def test_mistakes_are_one_line(tmp_path, capsys):
    assert main(["serve", str(tmp_path / "nowhere")]) == 2
    assert main(["serve", str(tmp_path), "--max-batch-size", "0"]) == 2
    assert main(["serve", str(tmp_path), "--host", ""]) == 2

    first, second, third = capsys.readouterr().err.splitlines()
    assert "must be a folder of versions" in first
    assert "`max_batch_size` must be a positive integer" in second
    assert "`host` must be an address of this machine" in third


def test_missing_extra_is_named(tmp_path, monkeypatch, capsys):
    for name in [*sys.modules]:
        if name.startswith("tfrs_timirec.serving.server"):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "aiohttp", None)

    assert main(["serve", str(tmp_path)]) == 2

    error = capsys.readouterr().err
    assert "pip install 'tfrs-timirec[serving]'" in error
