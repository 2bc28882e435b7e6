"""What all benchmarks share: a table for people and JSON for machines.

A benchmark adds a row for each measurement, prints the table, and with
`--json FILE` writes it with its circumstances:

    parser = argparse.ArgumentParser(description="Measures how logs are read.")
    add_json_argument(parser)
    args = parser.parse_args()
    report = Report("loading", args)
    report.add(step="read", seconds=1.25, peak_memory_gib=0.8)
    report.finish()
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import platform
import re
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import rich.box
import rich.console
import rich.table

from tfrs_timirec.experiments.environment import (
    describe_environment,
    processor_name,
)


def add_json_argument(parser: argparse.ArgumentParser) -> None:
    """Adds `--json FILE` to a benchmark.

    Args:
        parser: the benchmark's parser.
    """
    parser.add_argument(
        "--json",
        type=pathlib.Path,
        metavar="FILE",
        help="write the rows, the machine and the versions there",
    )


class Report:
    """The measurements of one benchmark.

    Args:
        benchmark: name of the benchmark.
        args: its parsed arguments; they are recorded, and `json` is the file.
        title: what stands above the table; the benchmark's name by default.
    """

    def __init__(
        self, benchmark: str, args: argparse.Namespace, title: str | None = None
    ):
        self.benchmark = benchmark
        self.settings = {
            name: value
            for name, value in vars(args).items()
            if name != "json" and not callable(value)
        }
        self.path: pathlib.Path | None = getattr(args, "json", None)
        self.title = title or benchmark.replace("_", " ")
        self.rows: list[dict[str, Any]] = []
        # Before the benchmark has made a load of its own.
        self.machine = describe_machine()

    def add(self, **row: Any) -> None:
        """Adds a measurement.

        Args:
            **row: its columns. A name ends in its unit, as `seconds`,
                `milliseconds`, `users_per_second` or `peak_memory_gib`.
        """
        self.rows.append(row)

    def finish(self) -> None:
        """Prints the table; writes the JSON file if one was asked for."""
        self.print()
        if self.path:
            self.write(self.path)

    def print(self, console: rich.console.Console | None = None) -> None:
        """Prints the table and what it was measured on.

        What all of several rows have in common stands below the table.

        Args:
            console: where to print; the standard output by default.
        """
        console = console or rich.console.Console(highlight=False)
        names = list(dict.fromkeys(name for row in self.rows for name in row))
        shared = self._shared_values(names)
        table = rich.table.Table(
            title=self.title,
            title_justify="left",
            box=rich.box.SIMPLE_HEAD,
            padding=0,
        )
        for name in names:
            if name in shared:
                continue
            numeric = any(
                isinstance(row.get(name), int | float) for row in self.rows
            )
            table.add_column(
                name.replace("_", " "),
                justify="right" if numeric else "left",
                overflow="fold",  # Nothing is cut where the table is narrow.
            )
        for row in self.rows:
            table.add_row(
                *(_cell(row.get(name)) for name in names if name not in shared)
            )
        console.print(table)
        for name, value in shared.items():
            console.print(f"{name.replace('_', ' ')}: {_cell(value)}")
        machine = self.machine
        console.print(
            f"{machine['processor']}, {machine['cores']} cores,"
            f" {machine['memory_gib']} GiB; load {machine['load']} at the start"
        )

    def _shared_values(self, names: list[str]) -> dict[str, Any]:
        """Returns the columns with one value only."""
        if len(self.rows) < 2:
            return {}
        first = self.rows[0]
        return {
            name: first[name]
            for name in names
            if all(
                name in row and row[name] == first.get(name)
                for row in self.rows
            )
        }

    def write(self, path: pathlib.Path) -> None:
        """Writes rows, settings, machine, versions and command as JSON.

        Args:
            path: the file; its folder is made if it is missing.
        """
        content = {
            "benchmark": self.benchmark,
            "command": ["python", *sys.argv],
            "settings": self.settings,
            "rows": self.rows,
            "machine": self.machine,
            **describe_environment(),
            "commit": _commit(),
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".draft-{path.name}")
        draft.write_text(json.dumps(content, indent=2, default=str) + "\n")
        draft.replace(path)


def describe_machine() -> dict[str, Any]:
    """Returns processor, cores, memory (GiB), system and current load.

    The load is the mean number of running processes of the last minute: on a
    machine fit for timing it is near 0 before the benchmark begins.
    """
    page, pages = os.sysconf("SC_PAGE_SIZE"), os.sysconf("SC_PHYS_PAGES")
    return {
        "processor": processor_name(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(page * pages / 2**30, 1),
        "system": platform.platform(),
        "load": round(os.getloadavg()[0], 2),
    }


def peak_memory_gib() -> float:
    """Returns the most memory that this process has held so far, in GiB."""
    status = pathlib.Path("/proc/self/status")
    if status.exists():
        # `ru_maxrss` of a new process begins with the peak of its parent.
        peak = re.search(
            r"^VmHWM:\s*(\d+) kB", status.read_text(), re.MULTILINE
        )
        if peak:
            return int(peak[1]) / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def median_seconds(function: Callable[[], object], repeats: int) -> float:
    """Returns the median time of a call, after one that is not counted.

    Args:
        function: what to time.
        repeats: calls that count.
    """
    function()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _commit() -> str | None:
    """Returns the checkout's commit, "-dirty" if files were changed."""
    folder = pathlib.Path(__file__).parent
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return described.stdout.strip()
