"""A `fit` that is broken off and run again with the same model.

As a cell of a notebook: no callback hears of it.
"""

import pytest
import tensorflow as tf

from tests.training.toy_runs import fit, make_model
from tfrs_timirec.training import Backup, StagedTraining, StoppingRule


def broken_off(model, staged, epoch):
    """Fits until an epoch begins; returns the step sizes of all epochs."""
    rates = []

    def begin(number, logs):
        rates.append(float(model.optimizer.learning_rate.numpy()))
        if number == epoch:
            raise KeyboardInterrupt

    callback = tf.keras.callbacks.LambdaCallback(on_epoch_begin=begin)
    if epoch is None:
        fit(model, staged, callbacks=(callback,))
    else:
        with pytest.raises(KeyboardInterrupt):
            fit(model, staged, callbacks=(callback,))
    return rates


@pytest.mark.parametrize("epoch", [0, 1, 3])
def test_epoch_whose_backup_broke_off_is_trained_again(
    tmp_path, monkeypatch, epoch
):
    def make_staged(name):
        return StagedTraining(
            stopping_rule=StoppingRule(max_epochs=2), backup_dir=tmp_path / name
        )

    whole, staged = make_staged("whole"), make_staged("broken")
    fit(make_model(), whole)
    model, save = make_model(), Backup.save

    def broken_save(self, model, progress):
        if len(progress["history"]) == epoch + 1:
            monkeypatch.undo()
            raise KeyboardInterrupt
        save(self, model, progress)

    monkeypatch.setattr(Backup, "save", broken_save)
    with pytest.raises(KeyboardInterrupt):
        fit(model, staged)
    if epoch == 0:  # Nothing was saved: as a new run.
        model = make_model()
    fit(model, staged)  # The cell of the notebook again.

    assert staged.history == whole.history
    assert staged.initial_epoch == 4


def test_rate_of_the_stage_that_broke_off_stays_its_own():
    model = make_model()

    def make_staged():
        return StagedTraining(
            stopping_rule=StoppingRule(max_epochs=1),
            learning_rates={"finetuning": 1e-9},
        )

    rates = broken_off(model, make_staged(), epoch=1)
    rates += broken_off(model, make_staged(), epoch=None)

    assert rates == pytest.approx([0.02, 1e-9, 0.02, 1e-9])
    assert model.optimizer.learning_rate.numpy() == pytest.approx(0.02)


def test_rate_that_a_backup_brought_stays_that_of_its_stage(tmp_path):
    def make_staged():
        return StagedTraining(
            stopping_rule=StoppingRule(max_epochs=2),
            learning_rates={"pretraining": 1e-9},
            backup_dir=tmp_path,
        )

    broken_off(make_model(), make_staged(), epoch=1)
    model = make_model()  # As in a new process.
    rates = broken_off(model, make_staged(), epoch=1)
    rates += broken_off(model, make_staged(), epoch=None)

    assert rates == pytest.approx([1e-9, 1e-9, 0.02, 0.02])
    assert model.optimizer.learning_rate.numpy() == pytest.approx(0.02)


def test_rate_that_was_set_after_it_counts():
    model = make_model()
    staged = StagedTraining(
        stopping_rule=StoppingRule(max_epochs=1),
        learning_rates={"finetuning": 1e-9},
    )
    broken_off(model, staged, epoch=1)
    model.optimizer.learning_rate = 0.5

    assert broken_off(model, staged, epoch=0) == [0.5]
