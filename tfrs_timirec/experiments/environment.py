"""When and with what a result was made."""

from __future__ import annotations

import datetime
import importlib.metadata
import pathlib
import platform
from typing import Any

import tensorflow as tf

_LIBRARIES = (
    "tfrs-timirec",
    "tensorflow",
    "tf-keras",
    "tensorflow-recommenders",
    "numpy",
)


def describe_environment() -> dict[str, Any]:
    """Returns when, with which versions and on what a result is made."""
    return {
        "finished_at": datetime.datetime.now(datetime.UTC).isoformat(
            timespec="seconds"
        ),
        **describe_machine(),
    }


def describe_machine() -> dict[str, Any]:
    """Returns with which versions and on what something is computed.

    The processor counts: kernels for another one round otherwise, and after
    some epochs a training is another one.
    """
    return {
        "processor": processor_name(),
        "python": platform.python_version(),
        "libraries": {
            name: importlib.metadata.version(name) for name in _LIBRARIES
        },
    }


def describe_training(
    strategy: tf.distribute.Strategy | None,
) -> dict[str, Any]:
    """Returns what a training is computed with.

    Args:
        strategy: how it is spread, if it is.
    """
    spread = strategy and (
        f"{type(strategy).__name__}, {strategy.num_replicas_in_sync} in sync"
    )
    return {**describe_machine(), "strategy": spread}


def processor_name() -> str:
    """Returns the name of the processor, as "AMD EPYC"."""
    info = pathlib.Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
