"""How the cores are divided, and that freed memory is used again."""

import os
import platform
import subprocess
import sys

import pytest

from tfrs_timirec.training import tune_for_cpu


@pytest.fixture(autouse=True)
def _restore_environment(monkeypatch):
    for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
        monkeypatch.setenv(name, "")  # So that it is undone.
        monkeypatch.delenv(name)


def test_environment_has_precedence(monkeypatch):
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "3")

    tune_for_cpu()

    cores = len(os.sched_getaffinity(0))
    assert os.environ["TF_NUM_INTRAOP_THREADS"] == "3"
    assert os.environ["TF_NUM_INTEROP_THREADS"] == str(cores)


# Three blocks of 20 MB, again and again: more than the C library keeps.
_PAGES_OF_FREED_MEMORY = """
import resource
import numpy as np
from tfrs_timirec.training import tune_for_cpu

def fill_blocks():
    blocks = [np.ones(5_000_000, np.float32) for _ in range(3)]

def page_faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

tune_for_cpu()
fill_blocks()
before = page_faults()
for _ in range(5):
    fill_blocks()
print(page_faults() - before)
"""


@pytest.mark.parametrize(
    ("environment", "is_kept"),
    [({}, True), ({"MALLOC_TRIM_THRESHOLD_": "131072"}, False)],
)
def test_freed_memory_is_kept_unless_the_environment_says_otherwise(
    environment, is_kept
):
    if platform.libc_ver()[0] != "glibc":
        pytest.skip("only the GNU C library can be told to keep memory")
    printed = subprocess.run(
        [sys.executable, "-c", _PAGES_OF_FREED_MEMORY],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert (int(printed) < 1000) == is_kept
