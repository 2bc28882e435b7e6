"""Measures what `timirec serve` holds: latencies, requests/s, memory.

    python benchmarks/serving_load.py --minutes 10

Starts the server in a process of its own, this process is the client, and:

1. sends requests of one history at random times at `--rate` a second, whether
   or not earlier ones are answered (open loop: a slow answer delays no other
   request, and its wait counts), by gRPC and by REST, with and without
   micro-batching;
2. keeps `--concurrency` requests on their way (closed loop: saturation);
3. sends `--rate` by gRPC and by REST in turns for `--minutes` while two new
   versions are published, counts failed requests, and follows the memory.

A line for each measurement goes to the standard error as it ends. Of the
server's use of processors `server core milliseconds` tells what a request took,
which depends less than the latency on what else the machine does.

Without `--model-dir` it exports a TiMiRec of Beauty's size with drawn weights.
Client and server share the machine; on two cores the client takes its part.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import dataclasses
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Iterator

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import aiohttp
import grpc.aio
import numpy as np
import tensorflow as tf
from load_loops import Send, closed_loop, open_loop
from reporting import Report, add_json_argument
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

NUM_ITEMS = 12_101  # Beauty's.
MAX_LENGTH = 20
PAGE_LENGTH = 1000  # The most that an export gives at once, by default.
WARMUP_REQUESTS = 300
NAME = "recommender"
COMMAND = "import sys; from tfrs_timirec.cli.main import main; sys.exit(main())"


@dataclasses.dataclass
class Running:
    """A server process."""

    process: subprocess.Popen[str]
    grpc_port: int
    rest_port: int

    @property
    def memory_mib(self) -> float:
        """What the server holds now."""
        return int(self._read("status", r"VmRSS:\s*(\d+)")) / 1024

    @property
    def processor_seconds(self) -> float:
        """What the server has used so far."""
        ticks = self._read("stat", r"\) \w (?:-?\d+ ){10}(\d+ \d+)").split()
        return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")

    def _read(self, name: str, pattern: str) -> str:
        text = pathlib.Path(f"/proc/{self.process.pid}/{name}").read_text()
        return re.search(pattern, text)[1]


def main() -> None:
    """Prints a table of all measurements."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--model-dir", type=pathlib.Path)
    parser.add_argument("--rate", type=float, default=200, help="requests/s")
    parser.add_argument("--seconds", type=float, default=20, help="of 1 and 2")
    parser.add_argument("--minutes", type=float, default=10, help="of 3")
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--k", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    add_json_argument(parser)
    args = parser.parse_args()
    report = Report("serving_load", args)
    with tempfile.TemporaryDirectory(prefix="timirec-load-") as folder:
        models = pathlib.Path(folder) / NAME
        models.mkdir()
        newest = newest_version(args.model_dir) if args.model_dir else None
        shutil.copytree(newest or export_drawn(models.parent), models / "1")
        requests = make_requests(models / "1", args)
        for batching in (True, False):
            with serve(models, batching) as server:
                asyncio.run(measure(server, requests, batching, args, report))
        if args.minutes:
            with serve(models, True) as server:
                asyncio.run(endure(server, models, requests, args, report))
    report.finish()


def newest_version(folder: pathlib.Path) -> pathlib.Path:
    """Returns the newest version in a folder of versions."""
    return max(
        (path for path in folder.iterdir() if path.name.isdecimal()),
        key=lambda path: int(path.name),
    )


def export_drawn(folder: pathlib.Path) -> pathlib.Path:
    """Exports a model of Beauty's size; speed does not ask for training."""
    program = f"""
import pandas as pd
import tfrs_timirec
from tfrs_timirec.data.interactions import Interactions
from tfrs_timirec.models import TiMiRec
from tfrs_timirec.serving import export
items = [f"B{{i:09d}}" for i in range({NUM_ITEMS})]
log = Interactions.from_dataframe(pd.DataFrame(
    {{"user_id": "u", "item_id": items, "timestamp": range(len(items))}}))
model = TiMiRec(log.vocabulary_size, max_history_length={MAX_LENGTH})
model.set_stage("finetuning")
print(export(model, log, {str(folder / "drawn")!r}))
"""
    output = subprocess.run(
        [sys.executable, "-c", program],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    return pathlib.Path(output.splitlines()[-1])


def make_requests(
    version: pathlib.Path, args: argparse.Namespace
) -> list[dict[str, tf.Tensor | np.ndarray]]:
    """Returns histories of 3 to 20 items, as inputs of `serving_default`."""
    rng = np.random.default_rng(args.seed)
    loaded = tf.saved_model.load(version)
    signature = loaded.signatures["serving_default"]
    specs = signature.structured_input_signature[1]
    is_text = specs["item_ids"].dtype == tf.string
    nothing = np.array([[b""]] if is_text else [[-1]])
    items = list_items(loaded, nothing)
    requests = []
    for _ in range(1000):
        values = {
            "item_ids": rng.choice(
                items, (1, rng.integers(3, MAX_LENGTH + 1)), replace=False
            ),
            "k": np.int32(args.k),
            "exclude_ids": nothing,
            "exclude_seen": np.bool_(True),
        }
        requests.append({name: values[name] for name in specs})
    return requests


def list_items(loaded: tf.Module, nothing: np.ndarray) -> np.ndarray:
    """Returns the raw ids of the catalogue, as pages of lists without end."""
    found = nothing[0]
    while True:
        page = loaded.recommend(nothing, k=PAGE_LENGTH, exclude_ids=[found])
        page = page["item_ids"].numpy()[0]
        page = page[page != nothing[0, 0]]
        if not len(page):
            return found[1:]
        found = np.concatenate([found, page])


@contextlib.contextmanager
def serve(models: pathlib.Path, batching: bool) -> Iterator[Running]:
    """Starts the server; yields it when it is ready."""
    process = subprocess.Popen(
        [
            *(sys.executable, "-c", COMMAND, "serve", models),
            *("--grpc-port=0", "--rest-port=0"),
            *([] if batching else ["--no-batching"]),
        ],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        ready = None
        while ready is None:
            line = process.stderr.readline()  # type: ignore[union-attr]
            if not line:
                raise RuntimeError("The server has ended.")
            ready = re.search(r"gRPC .*?:(\d+), REST http://.*?:(\d+)/", line)
        # A full pipe would stop a server that has much to say.
        threading.Thread(
            target=shutil.copyfileobj,
            args=(process.stderr, sys.stderr),
            daemon=True,
        ).start()
        yield Running(process, int(ready[1]), int(ready[2]))
    finally:
        process.terminate()
        process.wait(60)


@contextlib.asynccontextmanager
async def connect(
    server: Running, interface: str, requests: list
) -> AsyncIterator[Send]:
    """Yields a function that sends request number i and waits for it."""
    if interface == "grpc":
        messages = [_to_proto(request) for request in requests]
        address = f"127.0.0.1:{server.grpc_port}"
        async with grpc.aio.insecure_channel(address) as channel:
            stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)

            async def send(number: int) -> None:
                await stub.Predict(messages[number % len(messages)], timeout=30)

            yield send
        return
    bodies = [_to_json(request) for request in requests]
    url = f"http://127.0.0.1:{server.rest_port}/v1/models/{NAME}:predict"
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0)
    ) as session:

        async def send_body(number: int) -> None:
            body = bodies[number % len(bodies)]
            async with session.post(url, data=body) as response:
                text = await response.read()
                if response.status != 200:
                    raise RuntimeError(text)

        yield send_body


def _to_proto(request: dict) -> predict_pb2.PredictRequest:
    message = predict_pb2.PredictRequest()
    message.model_spec.name = NAME
    for name, value in request.items():
        message.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    return message


def _to_json(request: dict) -> bytes:
    values = {name: value.tolist() for name, value in request.items()}
    return json.dumps({"inputs": values}, default=bytes.decode).encode()


async def describe(
    server: Running, load: Awaitable[tuple[list[float], int]]
) -> dict[str, float]:
    """Awaits a load; returns the columns of the measurement."""
    used, start = server.processor_seconds, time.perf_counter()
    latencies, failures = await load
    seconds = time.perf_counter() - start
    used = server.processor_seconds - used
    p50, p95, p99 = np.percentile(latencies or [np.nan], (50, 95, 99)) * 1000
    return {
        "requests_per_second": len(latencies) / seconds,
        "p50_milliseconds": float(p50),
        "p95_milliseconds": float(p95),
        "p99_milliseconds": float(p99),
        "server_core_milliseconds": 1000 * used / max(1, len(latencies)),
        "failed": failures,
        "memory_mib": server.memory_mib,
    }


def note(report: Report, **row: object) -> None:
    """Adds a measurement, and shows it at once: all of them take long."""
    report.add(**row)
    cells = (
        f"{name}={value:.4g}" if isinstance(value, float) else f"{name}={value}"
        for name, value in row.items()
    )
    print(*cells, file=sys.stderr, flush=True)


async def measure(
    server: Running,
    requests: list,
    batching: bool,
    args: argparse.Namespace,
    report: Report,
) -> None:
    """Measures both loops by both interfaces."""
    for interface in ("grpc", "rest"):
        async with connect(server, interface, requests) as send:
            for number in range(WARMUP_REQUESTS):
                await send(number)
            loads = {
                f"{args.rate:g}/s": open_loop(
                    send, args.rate, args.seconds, args.seed
                ),
                f"{args.concurrency} at once": closed_loop(
                    send, args.concurrency, args.seconds
                ),
            }
            for load, run in loads.items():
                note(
                    report,
                    load=load,
                    interface=interface,
                    batching="yes" if batching else "no",
                    **await describe(server, run),
                )


async def endure(
    server: Running,
    models: pathlib.Path,
    requests: list,
    args: argparse.Namespace,
    report: Report,
) -> None:
    """Sends for minutes, with two version swaps on the way."""
    parts = 6  # gRPC, REST, gRPC, ...; a new version in the parts 2 and 4.
    seconds = 60 * args.minutes / parts
    for part in range(parts):
        interface = ("grpc", "rest")[part % 2]
        swaps = part in (2, 4)
        async with connect(server, interface, requests) as send:
            await send(0)
            load = asyncio.create_task(
                describe(
                    server,
                    open_loop(send, args.rate, seconds, args.seed + part),
                )
            )
            if swaps:
                await asyncio.sleep(seconds / 3)
                await asyncio.to_thread(publish, models)
                await wait_for_version(server, newest_version(models).name)
            row = await load
        note(
            report,
            load=f"{args.rate:g}/s, part {part + 1}" + ", swap" * swaps,
            interface=interface,
            batching="yes",
            **row,
        )


async def wait_for_version(server: Running, number: str) -> None:
    """Waits until a published version answers, a minute at most."""
    url = f"http://127.0.0.1:{server.rest_port}/readyz"
    end = time.monotonic() + 60
    async with aiohttp.ClientSession() as session:
        while time.monotonic() < end:
            async with session.get(url) as response:
                if str((await response.json()).get("version")) == number:
                    return
            await asyncio.sleep(0.2)
    raise RuntimeError(f"Version {number} has not been loaded.")


def publish(models: pathlib.Path) -> None:
    """Publishes the newest version once more, under the next number."""
    newest = newest_version(models)
    draft = models / ".draft"
    shutil.copytree(newest, draft)
    draft.rename(models / str(int(newest.name) + 1))


if __name__ == "__main__":
    main()
