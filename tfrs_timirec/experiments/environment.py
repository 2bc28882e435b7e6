"""When and with what a result was made."""

from __future__ import annotations

import datetime
import importlib.metadata
import pathlib
import platform
from typing import Any

_LIBRARIES = (
    "tfrs-timirec",
    "tensorflow",
    "tf-keras",
    "tensorflow-recommenders",
    "numpy",
)


def describe_environment() -> dict[str, Any]:
    """Returns when, with which versions and on what a result is made.

    The processor counts: kernels for another one round otherwise, and after
    some epochs a training is another one.
    """
    return {
        "finished_at": datetime.datetime.now(datetime.UTC).isoformat(
            timespec="seconds"
        ),
        "processor": processor_name(),
        "python": platform.python_version(),
        "libraries": {
            name: importlib.metadata.version(name) for name in _LIBRARIES
        },
    }


def processor_name() -> str:
    """Returns the name of the processor, as "AMD EPYC"."""
    info = pathlib.Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
