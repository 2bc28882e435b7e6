"""Every model by its name: made, trained a step, and its settings checked."""

import math

import numpy as np
import pytest
import tensorflow as tf

from tests.models.toys import make_batch
from tfrs_timirec.experiments import MODEL_NAMES, TrainingSettings
from tfrs_timirec.experiments.model_builders import (
    MODEL_BUILDERS,
    foreign_settings,
)
from tfrs_timirec.experiments.pluggable_parts import (
    EXTRACTOR_NAMES,
    PREDICTOR_NAMES,
)
from tfrs_timirec.experiments.settings import OPTIMIZERS
from tfrs_timirec.layers import DeepFMInterestPredictor, MINDExtractor
from tfrs_timirec.training import StoppingRule

VOCABULARY_SIZE = 12
CHANGED = {
    "num_interests": 3,
    "attention_dim": 5,
    "num_hidden_layers": 1,
    "dropout": 0.25,
    "num_blocks": 2,
    "max_interval": 16,
    "positions_in_sum": True,
    "temperature": 2.0,
    "num_projection_layers": 1,
    "pretraining": False,
    "distillation": False,
    "stop_gradient": False,
    "finetuning_rate_factor": 0.1,
    "extractor": "dynamic_routing",
    "adaptive_interests": True,
    "predictor": "transformer",
    "context_features": "item_genres",
}
SMALL = {"embedding_dim": 4, "max_history_length": 4}
DISTILLATION = ("temperature", "pretraining", "distillation", "stop_gradient")
SIZES_OF_PARTS = ("num_interests", "num_projection_layers")
# What another setting is needed for, where a model has that other one.
TOGETHER = {
    "adaptive_interests": {"extractor": "mind"},
    "context_features": {"predictor": "deepfm"},
}

every_name = pytest.mark.parametrize("name", MODEL_NAMES)


@every_name
def test_model_is_made_and_trains(name):
    settings = TrainingSettings(
        model=name, embedding_dim=4, max_history_length=4
    )
    model = settings.build_model(VOCABULARY_SIZE)
    batch = make_batch()

    assert model.item_embeddings.shape == (VOCABULARY_SIZE, 4)
    assert "loss" in model.train_step(batch)
    assert model.user_vectors(batch).shape[0] == 6


@every_name
@pytest.mark.parametrize("length", [1, 2])
def test_model_reads_the_shortest_histories(name, length):
    model = TrainingSettings(
        model=name, embedding_dim=4, max_history_length=length
    ).build_model(VOCABULARY_SIZE)
    batch = make_batch()
    for feature in ("item_ids", "timestamps"):
        batch[feature] = batch[feature][:, -length:]

    assert np.isfinite(model.user_vectors(batch)).all()


LOSSES = [
    *({"model": name} for name in MODEL_NAMES),
    *(
        {"model": model, "extractor": extractor}
        for model in ("comirec", "timirec")
        for extractor in EXTRACTOR_NAMES
    ),
]


@pytest.mark.parametrize("choice", LOSSES, ids=lambda c: "-".join(c.values()))
def test_loss_is_that_of_the_settings(choice):
    batch = make_batch()
    losses = {}
    for loss in ("bpr", "sampled_softmax"):
        model = TrainingSettings(
            **choice, embedding_dim=4, max_history_length=4, loss=loss
        ).build_model(VOCABULARY_SIZE)
        losses[loss] = float(model.compute_loss(batch))

    # Untrained, log 2 against log of all of a batch's twelve negatives and 1.
    assert losses["bpr"] == pytest.approx(np.log(2), rel=0.02)
    assert losses["sampled_softmax"] > 1.5


@pytest.mark.parametrize(
    ("name", "setting"),
    [
        (name, setting)
        for name in MODEL_NAMES
        for setting in sorted(foreign_settings(name))
    ],
)
def test_setting_of_other_models_is_an_error(name, setting):
    with pytest.raises(ValueError, match=rf"`{setting}`.*model='{name}'"):
        TrainingSettings(model=name, **{setting: CHANGED[setting]})


@pytest.mark.parametrize(
    ("name", "setting"),
    [
        (name, setting)
        for name in MODEL_NAMES
        for setting in MODEL_BUILDERS[name].all_settings
        if setting in CHANGED
    ],
)
def test_every_own_setting_may_be_given(name, setting):
    together = {
        part: value
        for part, value in TOGETHER.get(setting, {}).items()
        if part in MODEL_BUILDERS[name].settings
    }

    settings = TrainingSettings(
        model=name, **{setting: CHANGED[setting]}, **together
    )

    assert getattr(settings, setting) == CHANGED[setting]


@every_name
def test_every_own_setting_reaches_the_model(name):
    own = MODEL_BUILDERS[name].settings
    # Those of the parts have a test of their own.
    parts = {"extractor", "predictor"} & set(own)
    of_parts = {"adaptive_interests", "context_features"} if parts else set()
    given = {
        setting: value
        for setting, value in (SMALL | CHANGED).items()
        if setting in own and setting not in parts | of_parts
    }

    config = (
        TrainingSettings(model=name, **given)
        .build_model(VOCABULARY_SIZE)
        .get_config()
    )

    if name == "comirec_dr":  # Its sizes are those of its extractor.
        config |= config["extractor"]["config"]
    assert {setting: config[setting] for setting in given} == given


def test_every_setting_reaches_parts_and_the_model_around_them():
    model = TrainingSettings(
        model="timirec",
        extractor="mind",
        adaptive_interests=True,
        predictor="deepfm",
        context_features="item_genres",
        **SMALL,
        **{setting: CHANGED[setting] for setting in DISTILLATION},
        **{setting: CHANGED[setting] for setting in SIZES_OF_PARTS},
    ).build_model(VOCABULARY_SIZE, {"item_genres": 3})

    config = model.get_config()
    assert {name: config[name] for name in DISTILLATION} == {
        name: CHANGED[name] for name in DISTILLATION
    }
    assert isinstance(model.extractor, MINDExtractor)
    assert model.extractor.get_config()["adaptive_interests"] is True
    assert isinstance(model.predictor, DeepFMInterestPredictor)
    predictor = model.predictor.get_config()
    for part in (model.extractor.get_config(), predictor):
        assert part["num_interests"] == CHANGED["num_interests"]
        assert part["embedding_dim"] == 4
    assert predictor["num_projection_layers"] == 1
    assert model.feature_names == ("item_ids", "item_genres")


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_optimizer_is_that_of_the_settings(optimizer):
    model = TrainingSettings(
        model="comirec",
        optimizer=optimizer,
        learning_rate=0.02,
        l2=0.25,
        steps_per_execution=3,
    ).build_model(VOCABULARY_SIZE)

    assert type(model.optimizer) is OPTIMIZERS[optimizer]
    assert model.optimizer.l2 == 0.25
    assert float(model.optimizer.learning_rate) == pytest.approx(0.02)
    assert model.get_compile_config()["steps_per_execution"] == 3


def test_stages_end_as_the_settings_say():
    settings = TrainingSettings(
        model="timirec",
        max_epochs=7,
        patience=3,
        min_epochs=2,
        learning_rate=0.02,
        finetuning_rate_factor=0.5,
    )

    assert settings.stopping_rule == StoppingRule(
        max_epochs=7, patience=3, min_epochs=2
    )
    assert settings.learning_rates == {"finetuning": 0.01}


@pytest.mark.parametrize("extractor", EXTRACTOR_NAMES)
@pytest.mark.parametrize("predictor", PREDICTOR_NAMES)
def test_every_extractor_goes_with_every_predictor(extractor, predictor):
    settings = TrainingSettings(
        model="timirec",
        extractor=extractor,
        predictor=predictor,
        embedding_dim=4,
        max_history_length=4,
    )
    model = settings.build_model(VOCABULARY_SIZE)
    batch = make_batch() | {
        "timestamps": tf.zeros((6, 4), tf.int64),
        "request_timestamp": tf.zeros(6, tf.int64),
    }
    first_stage = settings.of_pretraining.build_model(VOCABULARY_SIZE)

    assert "loss" in model.train_step(batch)
    model.set_stage("finetuning")
    assert model(batch).shape == (6, 1, 4)
    assert settings.of_pretraining.extractor == extractor
    assert type(first_stage.extractor) is type(model.extractor)


def test_attributes_need_their_sizes():
    settings = TrainingSettings(
        model="timirec",
        predictor="deepfm",
        context_features="item_genres, request_timestamp,user_age",
    )
    sizes = {"item_genres": 4, "user_age": 3}

    assert settings.attribute_names == ("item_genres", "user_age")
    assert settings.build_model(VOCABULARY_SIZE, sizes).feature_names == (
        *("item_ids", "request_timestamp", "item_genres", "user_age"),
    )
    with pytest.raises(ValueError, match="`attribute_sizes` must have all of"):
        settings.build_model(VOCABULARY_SIZE, {"user_age": 3})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"extractor": "minds"}, "`extractor` must be one of.*Did you mean m"),
        ({"predictor": "lstm"}, "`predictor` must be one of gru, transformer"),
        (
            {"context_features": "item_genres"},
            "`context_features` must.*predictor='deepfm'.*predictor='gru'",
        ),
        (
            {"adaptive_interests": True},
            "`adaptive_interests` must.*extractor='mind'.*'self_attentive'",
        ),
        (
            {"extractor": "mind", "positions_in_sum": True},
            "`positions_in_sum` must.*with extractor='mind'",
        ),
    ],
)
def test_parts_must_be_known_and_chosen(options, message):
    with pytest.raises(ValueError, match=message):
        TrainingSettings(model="timirec", **options)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("learning_rate", -1.0),
        ("learning_rate", math.nan),
        ("temperature", 0.0),
        ("finetuning_rate_factor", math.inf),
        ("l2", -1e-6),
        ("dropout", 1.0),
        ("num_projection_layers", 3),
        ("batch_size", 0),
    ],
)
def test_numbers_out_of_their_range(name, value):
    with pytest.raises(ValueError, match=f"`{name}` must.*{name}={value!r}"):
        TrainingSettings(model="timirec_plus", **{name: value})


def test_first_stages_are_models_of_one_stage():
    for builder in MODEL_BUILDERS.values():
        if builder.first_stage is not None:
            assert MODEL_BUILDERS[builder.first_stage].first_stage is None
