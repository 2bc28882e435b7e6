"""Runs `loading_program.py` in a process that has TensorFlow alone."""

import json
import os
import pathlib
import subprocess
import sys

PROGRAM = pathlib.Path(__file__).with_name("loading_program.py")


def run_fresh(tasks: list) -> list:
    """Returns the answers to each task's requests."""
    output = subprocess.run(
        [sys.executable, str(PROGRAM)],
        input=json.dumps(tasks),
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        cwd="/",
        env={
            name: value
            for name, value in os.environ.items()
            if name not in ("TF_USE_LEGACY_KERAS", "PYTHONPATH")
        },
    ).stdout
    return json.loads(output)
