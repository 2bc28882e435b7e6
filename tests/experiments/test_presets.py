"""Presets by name."""

import pytest

from tfrs_timirec.experiments import MODEL_NAMES, TrainingSettings, preset
from tfrs_timirec.experiments.presets import PRESET_NAMES


@pytest.mark.parametrize("model", MODEL_NAMES)
def test_paper_has_the_defaults_for_unknown_data(model):
    assert preset(model, "a log", "paper") == TrainingSettings(model=model)


@pytest.mark.parametrize("model", MODEL_NAMES)
def test_unknown_data_gets_what_is_best_on_beauty(model):
    settings = preset(model, "a log")

    assert settings == preset(model, "amazon_beauty", "validated")
    assert (settings.loss, settings.l2) == ("sampled_softmax", 0)


@pytest.mark.parametrize("model", MODEL_NAMES)
@pytest.mark.parametrize("dataset", ["a log", "amazon_beauty"])
def test_large_batch_is_large(model, dataset):
    assert preset(model, dataset, "large_batch").batch_size == 4096


def test_paper_is_the_authors_command():
    # Their command for Beauty: lr 1e-4, l2 1e-6, K 4, temperature 0.1, one
    # layer; batch 256 and everything else are their code's defaults.
    settings = preset("timirec_plus", "amazon_beauty", "paper")

    assert settings == TrainingSettings(
        model="timirec_plus",
        learning_rate=1e-4,
        l2=1e-6,
        num_interests=4,
        temperature=0.1,
        num_projection_layers=1,
        batch_size=256,
    )


@pytest.mark.parametrize(
    ("name", "plus", "dataset"),
    [
        (name, plus, dataset)
        for name in PRESET_NAMES
        for plus in ("", "_plus")
        for dataset in ("amazon_beauty", "movielens_sequences/1m", "a log")
    ],
)
def test_first_stage_of_timirec_is_comirec(name, plus, dataset):
    both = preset(f"timirec{plus}", dataset, name)

    assert both.of_pretraining == preset(f"comirec{plus}", dataset, name)


def test_unknown_name_lists_the_known():
    with pytest.raises(ValueError, match="validated.*paper"):
        preset("comirec", "amazon_beauty", "papers")
