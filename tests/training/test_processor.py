"""How the cores are divided."""

import os

from tfrs_timirec.training import tune_for_cpu


def test_environment_has_precedence(monkeypatch):
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "3")
    monkeypatch.setenv("TF_NUM_INTEROP_THREADS", "")  # So that it is undone.
    monkeypatch.delenv("TF_NUM_INTEROP_THREADS")

    tune_for_cpu()

    cores = len(os.sched_getaffinity(0))
    assert os.environ["TF_NUM_INTRAOP_THREADS"] == "3"
    assert os.environ["TF_NUM_INTEROP_THREADS"] == str(cores)
