"""Every model by its name: made, trained a step, and its settings checked."""

import pytest

from tests.models.toys import make_batch
from tfrs_timirec.experiments import MODEL_NAMES, TrainingSettings
from tfrs_timirec.experiments.model_builders import (
    MODEL_BUILDERS,
    foreign_settings,
)

VOCABULARY_SIZE = 12
CHANGED = {
    "num_interests": 3,
    "attention_dim": 5,
    "positions_in_sum": True,
    "temperature": 2.0,
    "num_projection_layers": 1,
    "pretraining": False,
    "distillation": False,
    "stop_gradient": False,
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


@every_name
def test_every_own_setting_may_be_given(name):
    own = set(MODEL_BUILDERS[name].settings) & set(CHANGED)

    settings = TrainingSettings(
        model=name, **{setting: CHANGED[setting] for setting in own}
    )

    assert all(
        getattr(settings, setting) == CHANGED[setting] for setting in own
    )


def test_first_stages_are_models_of_one_stage():
    for builder in MODEL_BUILDERS.values():
        if builder.first_stage is not None:
            assert MODEL_BUILDERS[builder.first_stage].first_stage is None
