"""Exports answer the same in a process that has TensorFlow alone.

Each process starts TensorFlow, which takes seconds: one a loader and export.
"""

import numpy as np
import pytest
import tensorflow as tf

import tfrs_timirec  # noqa: F401
from tests.serving.fresh_process import run_fresh
from tests.serving.toy_exports import (
    LENGTH,
    NUM_ITEMS,
    make_comirec,
    make_films,
    make_log,
    make_model,
)
from tfrs_timirec.serving import RecommenderModule, export


@pytest.fixture(scope="module", params=["text, TiMiRec", "integers, ComiRec"])
def served(request, tmp_path_factory):
    """(module, folder of its export, requests)."""
    if request.param.startswith("text"):
        log = make_films()
        model = make_model(log)
        histories = [["film 05 é", "film 03 é"], ["no such film", ""]]
    else:
        log = make_log(list(range(100, 100 + NUM_ITEMS)))
        model = make_comirec(log)
        histories = [[105, 103], [7, -1]]
    folder = export(
        model,
        log,
        tmp_path_factory.mktemp("export"),
        max_history_length=LENGTH,
    )
    history = {"item_ids": histories}
    some = log.items[3:6].tolist()
    requests = [
        ("serving_default", history),
        (
            "serving_default",
            history
            | {"k": [3, 100], "exclude_ids": [some], "exclude_seen": False},
        ),
        ("serving_default", history | {"k": 0}),
        ("interests", history | {"k": 2}),
        ("user_embedding", history),
        ("score", history | {"candidate_ids": [[*some, histories[1][0]]]}),
        ("recommend_diverse", history | {"diversity": 0.5, "k": 4}),
    ]
    return RecommenderModule(model, log, LENGTH), folder, requests


@pytest.mark.parametrize("loader", ["tf2", "tf1"])
def test_a_process_without_the_package_gets_the_same_answers(served, loader):
    module, folder, requests = served
    (answers,) = run_fresh([(str(folder), loader, requests)])
    for (signature, inputs), answer in zip(requests, answers, strict=True):
        expected = module.signatures[signature](**inputs)
        assert set(answer) == set(expected)
        for name, value in expected.items():
            if value.dtype == tf.string:
                raw = np.char.decode(value.numpy().astype("S"), "utf-8")
                assert answer[name] == raw.tolist()
            else:
                np.testing.assert_allclose(answer[name], value, rtol=1e-4)
