"""`timirec train` as several processes of one machine."""

import contextlib
import json
import os
import pathlib
import random
import signal
import socket
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).parents[2]
TIMIREC = (str(pathlib.Path(sys.executable).with_name("timirec")),)
_CONNECTIONS = pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range")
_PORTS_A_PROCESS = 500


class Cluster:
    """Processes of one training run; none of them outlives the `with`.

    Args:
        command: the words behind `timirec`.
        logs: folder for what the processes print.
        program: what is called in the place of `timirec`.
        **sizes: number of processes of each task.
    """

    def __init__(
        self,
        command: list[str],
        logs: pathlib.Path,
        program: tuple[str, ...] = TIMIREC,
        **sizes: int,
    ):
        self._command = [*program, *command]
        self._logs = logs
        self.processes: dict[tuple[str, int], subprocess.Popen[bytes]] = {}
        ports = iter(free_ports(sum(sizes.values())))
        self._addresses = {
            task: [f"localhost:{next(ports)}" for _ in range(size)]
            for task, size in sizes.items()
        }

    def __enter__(self) -> "Cluster":
        for task, addresses in self._addresses.items():
            for index in range(len(addresses)):
                self.start(task, index)
        return self

    def __exit__(self, *args: object) -> None:
        for task, index in self.processes:
            self.kill(task, index)

    def start(self, task: str, index: int) -> None:
        """Starts a process, also one that has ended."""
        config = {
            "cluster": self._addresses,
            "task": {"type": task, "index": index},
        }
        with open(self.log(task, index), "ab") as log:
            self.processes[task, index] = subprocess.Popen(
                self._command,
                cwd=ROOT,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={
                    **os.environ,
                    "TF_CPP_MIN_LOG_LEVEL": "2",
                    "TF_CONFIG": json.dumps(config),
                },
            )

    def kill(self, task: str, index: int) -> None:
        """Kills a process and waits until it is gone."""
        process = self.processes[task, index]
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.wait(timeout=30)

    def log(self, task: str, index: int) -> pathlib.Path:
        """Returns the file of what a process printed."""
        return self._logs / f"{task}-{index}.log"

    def wait_for_line(
        self, task: str, index: int, beginning: str, timeout: float = 500
    ) -> None:
        """Waits until a process has printed a line."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            text = self.log(task, index).read_text(errors="replace")
            if any(line.startswith(beginning) for line in text.splitlines()):
                return
            code = self.processes[task, index].poll()
            assert code is None, text
            time.sleep(0.05)
        raise AssertionError(f"no line {beginning!r} in time in:\n{text}")

    def finish(self, task: str, index: int, timeout: float = 500) -> int:
        """Waits until a process ends; returns its exit code."""
        return self.processes[task, index].wait(timeout=timeout)


def free_ports(number: int) -> list[int]:
    """Returns ports that nobody listens on.

    They are taken some seconds later. Until then no connection gets them, for
    they lie below the range that those come from, and no other process of
    pytest-xdist takes them, for each has a range of its own.
    """
    end = int(_CONNECTIONS.read_text().split()[0])
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    end -= int(worker) * _PORTS_A_PROCESS
    candidates = list(range(end - _PORTS_A_PROCESS, end))
    random.SystemRandom().shuffle(candidates)  # Tests share Python's seed.
    ports = []
    while len(ports) < number:
        port = candidates.pop()
        with socket.socket() as one, contextlib.suppress(OSError):
            one.bind(("", port))
            ports.append(port)
    return ports
