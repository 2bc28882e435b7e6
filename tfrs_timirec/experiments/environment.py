"""When and with what a result was made."""

from __future__ import annotations

import datetime
import importlib.metadata
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
    """Returns when and with which versions a result is made."""
    return {
        "finished_at": datetime.datetime.now(datetime.UTC).isoformat(
            timespec="seconds"
        ),
        "python": platform.python_version(),
        "libraries": {
            name: importlib.metadata.version(name) for name in _LIBRARIES
        },
    }
