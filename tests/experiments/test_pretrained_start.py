"""A TiMiRec that starts from a ComiRec comes to the same numbers."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from tfrs_timirec.experiments import TrainingRun, TrainingSettings, preset
from tfrs_timirec.experiments.run_folder import RunFolder

SETTINGS = TrainingSettings(
    model="timirec",
    seed=3,
    num_interests=2,
    temperature=0.5,
    finetuning_rate_factor=0.5,
    embedding_dim=4,
    max_history_length=3,
    batch_size=8,
    num_evaluation_negatives=5,
    max_epochs=3,
)


@pytest.fixture(scope="module")
def comirec(log, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "comirec"
    run = TrainingRun(SETTINGS.of_pretraining, log, folder)
    run.train()
    return run


def numbers(history):
    return [
        (entry["stage"], entry["epoch"], entry["loss"], entry["val_ndcg_at_5"])
        for entry in history
    ]


def test_numbers_are_those_of_both_stages(log, comirec, tmp_path):
    # Dropout and all: the settings have two projection layers.
    whole = TrainingRun(SETTINGS, log, tmp_path / "whole")
    whole_history = whole.train()
    short = TrainingRun(
        SETTINGS, log, tmp_path / "short", pretrained_from=comirec.folder
    )
    short_history = short.train()

    assert numbers(short_history) == numbers(whole_history)
    expected, metrics = whole.evaluate(), short.evaluate()
    for key in ("test", "validation", "stage_1", "epochs"):
        assert metrics[key] == expected[key]
    assert metrics["pretrained_from"] == str(comirec.folder)
    assert expected["pretrained_from"] is None
    comirec_metrics = comirec.evaluate()
    assert metrics["stage_1"]["test"] == comirec_metrics["test"]


@pytest.mark.parametrize("predictor", ["gru", "transformer", "time_aware"])
def test_first_stage_draws_what_comirec_draws(predictor):
    settings = dataclasses.replace(
        preset("timirec_plus", "amazon_beauty"),
        predictor=predictor,
        embedding_dim=4,
    )
    features = {
        "item_ids": tf.constant([[0, 2, 3, 4]]),
        "timestamps": tf.constant([[0, 1, 2, 3]], tf.int64),
        "request_timestamp": tf.constant([9], tf.int64),
    }

    interests = []
    for one in (settings, settings.of_pretraining):
        tf.keras.utils.set_random_seed(5)
        extractor = one.build_model(vocabulary_size=9).extractor
        interests.append(extractor(features["item_ids"], training=True))

    assert settings.dropout > 0
    np.testing.assert_array_equal(*interests)


def test_another_start_goes_on_with_the_backup(log, comirec, tmp_path):
    run = TrainingRun(SETTINGS, log, tmp_path, pretrained_from=comirec.folder)
    history = run.train()

    again = TrainingRun(SETTINGS, log, tmp_path)

    assert again.train() == history


@pytest.mark.parametrize(
    "change", [{"seed": 4}, {"num_interests": 3}, {"pretraining": False}]
)
def test_another_pretraining_is_refused(change, log, comirec, tmp_path):
    run = TrainingRun(
        dataclasses.replace(SETTINGS, **change),
        log,
        tmp_path,
        pretrained_from=comirec.folder,
    )

    with pytest.raises(ValueError, match="that is this run's first stage"):
        run.train()


def test_other_data_is_refused(log, comirec, tmp_path):
    other = dataclasses.replace(log, timestamps=log.timestamps + 1)
    run = TrainingRun(SETTINGS, other, tmp_path, pretrained_from=comirec.folder)

    with pytest.raises(ValueError, match="that is this run's first stage"):
        run.train()


def test_unfinished_run_is_refused(log, comirec, tmp_path):
    donor = RunFolder(tmp_path / "donor")
    donor.claim(RunFolder(comirec.folder).record())
    run = TrainingRun(
        SETTINGS, log, tmp_path / "run", pretrained_from=donor.path
    )

    with pytest.raises(FileNotFoundError, match="must hold a finished run"):
        run.train()


@pytest.mark.parametrize(
    ("model", "expected"),
    [("timirec", "comirec"), ("timirec_plus", "comirec_plus")],
)
def test_settings_of_pretraining(model, expected):
    settings = TrainingSettings(
        model=model, temperature=2.0, stop_gradient=False, l2=1e-4
    )

    assert settings.of_pretraining == TrainingSettings(model=expected, l2=1e-4)
    assert settings.of_pretraining.of_pretraining is None
    joint = dataclasses.replace(settings, pretraining=False)
    assert joint.of_pretraining is None


def test_learning_rate_of_finetuning():
    settings = dataclasses.replace(
        SETTINGS, learning_rate=0.01, finetuning_rate_factor=0.25
    )

    assert settings.learning_rates == {"finetuning": 0.0025}
    # Joint training has no first stage whose rate it could be a part of.
    joint = dataclasses.replace(settings, pretraining=False)
    assert joint.learning_rates == {}
    same = dataclasses.replace(settings, finetuning_rate_factor=1.0)
    assert same.learning_rates == {}
