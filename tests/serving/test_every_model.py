"""Every model and predictor exports, loads anywhere, and scores as it did."""

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

import tfrs_timirec  # noqa: F401
from tests.serving.fresh_process import run_fresh
from tests.serving.toy_exports import draw_weights
from tfrs_timirec.data.context_features import (
    ContextFeatures,
    attribute_sizes,
)
from tfrs_timirec.data.interactions import NUM_RESERVED_IDS, Interactions
from tfrs_timirec.experiments import MODEL_NAMES, TrainingSettings
from tfrs_timirec.experiments.pluggable_parts import PREDICTOR_NAMES
from tfrs_timirec.serving import export

LENGTH = 3
NUM_ITEMS = 8
CASES = {
    **{name: {"model": name} for name in MODEL_NAMES},
    **{
        f"timirec, {name}": {"model": "timirec", "predictor": name}
        for name in PREDICTOR_NAMES
        if name != "gru"  # The model's own.
    },
}
CASES["timirec, deepfm"]["context_features"] = (
    "request_timestamp,item_genres,user_group"
)


@pytest.fixture(scope="module")
def log():
    items = [f"item {number}" for number in range(NUM_ITEMS)]
    return Interactions.from_dataframe(
        pd.DataFrame(
            {
                "user_id": "u",
                "item_id": items,
                "timestamp": 50_000 * np.arange(NUM_ITEMS),
            }
        ),
        item_metadata=pd.DataFrame({"genres": [["x"], ["y", "z"]] * 4}, items),
        user_metadata=pd.DataFrame({"group": ["old"]}, ["u"]),
    )


@pytest.fixture(scope="module")
def exports(log, tmp_path_factory):
    """By case: the model, and the answers by both loaders."""
    models, tasks = {}, []
    for name, case in CASES.items():
        settings = TrainingSettings(
            embedding_dim=4, max_history_length=LENGTH, **case
        )
        model = draw_weights(
            settings.build_model(
                log.vocabulary_size,
                attribute_sizes(log, settings.attribute_names),
            )
        )
        folder = export(
            model,
            log,
            tmp_path_factory.mktemp("export"),
            max_history_length=LENGTH,
        )
        models[name] = model
        raw = request(log, model.feature_names)
        everything = {"candidate_ids": [log.items.tolist()]}
        requests = [("score", raw | everything), ("serving_default", raw)]
        tasks += [(str(folder), loader, requests) for loader in ("tf2", "tf1")]
    answers = run_fresh(tasks)
    return {
        name: (model, answers[2 * number : 2 * number + 2])
        for number, (name, model) in enumerate(models.items())
    }


def request(log, names):
    """The first items of the log, and what else a model reads."""
    known = {
        "item_ids": [log.items[:LENGTH].tolist()],
        "timestamps": [log.timestamps[:LENGTH].tolist()],
        "request_timestamp": [int(log.timestamps[LENGTH])],
        "user_group": [["old"]],
    }
    return {name: known[name] for name in names if name in known}


def features(log, names):
    """The same as the model reads it while it is trained."""
    item_ids = tf.constant(log.item_ids[np.newaxis, :LENGTH], tf.int32)
    context = ContextFeatures(log, names)
    places = tf.range(LENGTH)[tf.newaxis]
    return {
        "item_ids": item_ids,
        **context(tf.constant([LENGTH]), places, item_ids),
    }


@pytest.mark.parametrize("name", CASES)
def test_export_scores_as_the_model(exports, log, name):
    model, answers = exports[name]
    vectors = model.user_vectors(features(log, model.feature_names)).numpy()
    items = model.item_embeddings.numpy()[NUM_RESERVED_IDS:]
    expected = np.einsum("bvd,id->bvi", vectors, items).max(axis=1)
    best = np.argsort(-expected[0, LENGTH:])[:3] + LENGTH

    for scored, recommended in answers:
        np.testing.assert_allclose(
            scored["scores"], expected, rtol=1e-3, atol=1e-5
        )
        assert recommended["item_ids"][0][:3] == log.items[best].tolist()
    assert len(answers) == 2


def test_all_contexts_are_tried(exports):
    read = {
        name for model, _ in exports.values() for name in model.feature_names
    }

    assert read == {
        *("item_ids", "timestamps", "request_timestamp"),
        *("item_genres", "user_group"),
    }
