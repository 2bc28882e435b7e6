"""An interrupted run ends as an unbroken one, to the last bit."""

import pytest

from tests.training.toy_runs import (
    THREE_EPOCHS,
    Recorder,
    assert_equal_weights,
    fit,
    make_model,
    trainable,
)
from tfrs_timirec.models import ComiRec
from tfrs_timirec.training import AdamL2, StagedTraining


def make_staged(folder):
    return StagedTraining(
        stopping_rule=THREE_EPOCHS,
        backup_dir=folder,
        learning_rates={"finetuning": 0.01},
    )


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    """Folder, model and callback of a run that nothing stopped."""
    folder = tmp_path_factory.mktemp("unbroken")
    model, staged = make_model(), make_staged(folder)
    fit(model, staged)
    return folder, model, staged


def test_run_stopped_after_every_epoch_equals_the_unbroken(unbroken, tmp_path):
    _, expected_model, expected = unbroken

    for epoch in range(6):
        # A new process would start like this.
        model, staged = make_model(), make_staged(tmp_path)
        assert staged.initial_epoch == epoch
        assert not staged.finished
        fit(model, staged, epochs=epoch + 1)

    assert staged.finished
    assert staged.history == expected.history
    assert_equal_weights(trainable(model), trainable(expected_model))
    assert list(staged.stage_weights) == list(expected.stage_weights)
    for stage, weights in expected.stage_weights.items():
        assert_equal_weights(staged.stage_weights[stage], weights)


def test_dropout_of_the_second_stage_matters_for_that(unbroken):
    _, expected_model, expected = unbroken
    model = make_model()
    model.predictor.hidden_dropout.random_generator.reset_from_seed(1)
    staged = make_staged(None)

    fit(model, staged)

    # The first stage has no dropout, the second another one.
    assert staged.history[:3] == expected.history[:3]
    losses = [entry["loss"] for entry in staged.history[3:]]
    assert losses != [entry["loss"] for entry in expected.history[3:]]
    del expected_model


@pytest.mark.parametrize("epochs", [None, 50])
def test_finished_run_started_again_stays_as_it_is(unbroken, epochs):
    folder, expected_model, expected = unbroken
    model, staged = make_model(), make_staged(folder)
    recorder = Recorder()

    fit(model, staged, epochs=epochs, callbacks=(recorder,))

    # At most the one batch that Keras takes before it looks.
    assert len(recorder.end_weights) <= 1
    assert model.stage == "finetuning"
    assert staged.history == expected.history
    assert_equal_weights(trainable(model), trainable(expected_model))


@pytest.mark.parametrize(
    "other", [{"num_interests": 3}, {"transformer": True}, {"class": ComiRec}]
)
def test_backup_of_another_model_is_an_error(unbroken, other):
    folder, *_ = unbroken
    options = dict(other)
    model_class = options.pop("class", None)
    model = (
        make_model(model_class, **options)
        if model_class
        else make_model(**options)
    )

    with pytest.raises(ValueError, match="must be the one that was saved"):
        fit(model, StagedTraining(backup_dir=folder), epochs=50)


@pytest.mark.parametrize(
    ("setting", "value"), [("learning_rate", 0.5), ("l2", 0.5)]
)
def test_other_settings_of_the_optimizer_are_an_error(setting, value, tmp_path):
    model, staged = make_model(), make_staged(tmp_path)
    fit(model, staged, epochs=1)
    model, staged = make_model(), make_staged(tmp_path)
    options = {"learning_rate": 0.02, "l2": 1e-5} | {setting: value}
    model.compile(optimizer=AdamL2(**options))

    with pytest.raises(ValueError, match=f"{setting}=0.5 instead of"):
        fit(model, staged)


def test_epochs_of_a_backup_are_not_trained_again(tmp_path):
    fit(make_model(), make_staged(tmp_path), epochs=2)
    model, staged = make_model(), make_staged(tmp_path)

    with pytest.raises(ValueError, match="has 2. Received: initial_epoch=0"):
        fit(model, staged, initial_epoch=0)
