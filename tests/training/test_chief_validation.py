"""Validation by the chief gives what `fit` itself would."""

import pytest
import tensorflow as tf

from tests.models.toys import with_large_weights
from tests.training.toy_runs import LENGTH, SPLIT, make_model
from tfrs_timirec.data.batches import EvaluationCases, training_dataset
from tfrs_timirec.training import ChiefValidation, StagedTraining, StoppingRule


class Collector(tf.keras.callbacks.Callback):
    """Keeps the validation metrics of every epoch, and takes them away."""

    def __init__(self):
        super().__init__()
        self.metrics = []

    def on_epoch_end(self, epoch, logs=None):
        names = [name for name in logs if name.startswith("val_")]
        self.metrics.append({name: logs.pop(name) for name in names})


def test_logs_are_those_of_validation_data_in_both_stages():
    model = with_large_weights(make_model())
    model.compile(optimizer="sgd", run_eagerly=True)  # No graph to be made.
    cases = EvaluationCases(SPLIT, max_history_length=LENGTH)
    collector = Collector()
    staged = StagedTraining(stopping_rule=StoppingRule(max_epochs=1))

    model.fit(
        training_dataset(SPLIT, max_history_length=LENGTH).take(1),
        validation_data=cases.dataset(),
        epochs=staged.max_epochs(model),
        callbacks=[collector, ChiefValidation(cases), staged],
        verbose=0,
    )

    assert [entry["stage"] for entry in staged.history] == [1, 2]
    first, second = collector.metrics
    assert first["val_ndcg_at_10"] != second["val_ndcg_at_10"]
    assert set(second) - set(first) >= {"val_js_divergence"}
    for entry, expected in zip(staged.history, collector.metrics, strict=True):
        found = {n: value for n, value in entry.items() if n[:4] == "val_"}
        assert found == pytest.approx(expected, rel=1e-4, abs=1e-6)


def test_next_fit_validates_its_own_model():
    cases = EvaluationCases(SPLIT, max_history_length=LENGTH)
    validation = ChiefValidation(cases)
    found, expected = [], []
    for scale in (1.0, -1.0):
        model = with_large_weights(make_model())
        embeddings = model.extractor.item_embedding.embeddings
        embeddings.assign(scale * embeddings)
        history = model.fit(
            training_dataset(SPLIT, max_history_length=LENGTH).take(1),
            callbacks=[validation],
            verbose=0,
        ).history
        found.append(history["val_ndcg_at_10"][0])
        metrics = model.evaluate(cases.dataset(), verbose=0, return_dict=True)
        expected.append(metrics["ndcg_at_10"])

    assert found == pytest.approx(expected, rel=1e-4)
    assert found[0] != found[1]
