"""The requests of benchmarks/serving_load.py."""

import argparse
import importlib
import pathlib

import numpy as np
import pytest

from tests.serving.toy_exports import LENGTH, make_films, make_model
from tfrs_timirec.serving import export

BENCHMARKS = pathlib.Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def serving_load(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("serving_load")


def test_requests_draw_from_the_whole_catalogue(
    serving_load, tmp_path, monkeypatch
):
    log = make_films()
    model = make_model(log)
    version = export(model, log, tmp_path, max_history_length=LENGTH, max_k=5)
    monkeypatch.setattr(serving_load, "PAGE_LENGTH", 5)
    monkeypatch.setattr(serving_load, "MAX_LENGTH", LENGTH)

    requests = serving_load.make_requests(
        version, argparse.Namespace(seed=0, k=3)
    )

    drawn = np.concatenate([request["item_ids"][0] for request in requests])
    assert {raw.decode() for raw in drawn} == set(log.items)
