"""Both stages in one `fit`: order, best weights, Keras's own callbacks."""

import csv
import math

import numpy as np
import pytest
import tensorflow as tf

from tests.training.toy_runs import (
    THREE_EPOCHS,
    Recorder,
    assert_equal_weights,
    fit,
    make_model,
    trainable,
)
from tfrs_timirec.models import ComiRec
from tfrs_timirec.training import StagedTraining, StoppingRule


def stages_of(staged):
    return [entry["stage"] for entry in staged.history]


def test_both_stages_learn_in_one_fit():
    model = make_model()
    staged = StagedTraining(stopping_rule=StoppingRule(max_epochs=5))

    history = fit(model, staged).history

    assert stages_of(staged) == [1] * 5 + [2] * 5
    assert history["stage"] == stages_of(staged)
    assert model.stage == "finetuning"
    assert staged.finished
    values = [entry["val_ndcg_at_5"] for entry in staged.history]
    assert values == history["val_ndcg_at_5"]
    # Ten negatives: of 11 ranks the first five hit by chance in 5 of 11.
    hits = [entry["val_hit_rate_at_5"] for entry in staged.history]
    assert max(hits[:5]) > 0.6
    assert max(hits[5:]) > 0.6
    losses = np.array([entry["distillation_loss"] for entry in staged.history])
    assert (losses[:5] == 0).all()
    assert (losses[5:] > 0).all()
    # What fit returned is the best of the last stage.
    assert_equal_weights(
        model.get_weights(), staged.stage_weights["finetuning"]
    )


def test_each_stage_ends_with_its_best_weights_and_a_fresh_optimizer():
    # Patience 2 ends stage 1 after (.1 .3 .2 .1) and stage 2 after
    # (.05 .04 .03), whose values count by themselves.
    recorder = Recorder(script=(0.1, 0.3, 0.2, 0.1, 0.05, 0.04, 0.03))
    model = make_model()
    staged = StagedTraining(stopping_rule=StoppingRule(patience=2))

    fit(model, staged, callbacks=(recorder,))

    assert stages_of(staged) == [1, 1, 1, 1, 2, 2, 2]
    assert_equal_weights(recorder.start_weights[4], recorder.end_weights[1])
    assert_equal_weights(trainable(model), recorder.end_weights[4])
    assert any(values.any() for values in recorder.start_optimizers[3])
    for values in recorder.start_optimizers[4]:
        assert not values.any()
    assert model.optimizer.learning_rate.numpy() == pytest.approx(0.02)
    # The predictor rested in stage 1, the extractor learned in both.
    names = [variable.name for variable in model.trainable_variables]
    for name, *weights in zip(
        names,
        recorder.start_weights[0],
        recorder.start_weights[4],
        recorder.end_weights[5],
        strict=True,
    ):
        first, second, later = weights
        rested = (first == second).all()
        assert rested == name.startswith("predictor"), name
        assert (second != later).any(), name


def largest_moves(recorder):
    """How far a weight moved in the first epoch of each stage."""
    return [
        max(
            np.abs(end - start).max()
            for start, end in zip(
                recorder.start_weights[epoch],
                recorder.end_weights[epoch],
                strict=True,
            )
        )
        for epoch in (0, 3)
    ]


def test_stage_with_a_learning_rate_of_its_own():
    model = make_model()
    # The second run is as a cell of a notebook that is run again.
    for _ in range(2):
        staged = StagedTraining(
            stopping_rule=THREE_EPOCHS, learning_rates={"finetuning": 1e-9}
        )
        recorder = Recorder()

        fit(model, staged, callbacks=(recorder,))

        assert stages_of(staged) == [1, 1, 1, 2, 2, 2]
        # Adam moves a weight by the rate a step.
        pretraining, finetuning = largest_moves(recorder)
        assert pretraining > 1e-3
        assert finetuning < 1e-6
        assert not any(values.any() for values in recorder.start_optimizers[0])
        rate = model.optimizer.learning_rate.numpy()
        assert rate == pytest.approx(0.02)


def test_learning_rate_of_one_stage_is_not_that_of_the_next():
    staged = StagedTraining(
        stopping_rule=THREE_EPOCHS, learning_rates={"pretraining": 1e-9}
    )
    recorder = Recorder()

    fit(make_model(), staged, callbacks=(recorder,))

    pretraining, finetuning = largest_moves(recorder)
    assert pretraining < 1e-6
    assert finetuning > 1e-3


def test_learning_rate_of_no_stage():
    staged = StagedTraining(learning_rates={"finetune": 1e-4})

    with pytest.raises(
        ValueError, match="`learning_rates`.*Received: finetune"
    ):
        fit(make_model(), staged)


def test_averaged_weights_would_take_the_place_of_the_best():
    model = make_model(ComiRec)
    model.compile(optimizer=tf.keras.optimizers.Adam(use_ema=True))

    with pytest.raises(ValueError, match="Leave `use_ema` out"):
        fit(model, StagedTraining())


def test_nadam_cannot_be_cleared():
    model = make_model(ComiRec)
    model.compile(optimizer=tf.keras.optimizers.Nadam())

    with pytest.raises(ValueError, match="must not be Nadam"):
        fit(model, StagedTraining())


def test_adagrad_starts_each_stage_with_its_own_accumulators():
    model = make_model()
    model.compile(
        optimizer=tf.keras.optimizers.Adagrad(
            0.1, initial_accumulator_value=0.25
        )
    )
    recorder = Recorder()

    fit(
        model,
        StagedTraining(stopping_rule=THREE_EPOCHS),
        callbacks=(recorder,),
    )

    iterations, *accumulators = recorder.start_optimizers[3]
    assert iterations == 0
    assert len(accumulators) == len(model.trainable_variables)
    for values in accumulators:
        assert (values == np.float32(0.25)).all()


def test_value_that_is_no_number_is_never_the_best():
    nan = math.nan
    recorder = Recorder(script=(nan, 0.2, nan))
    model = make_model(ComiRec)
    staged = StagedTraining(stopping_rule=THREE_EPOCHS)

    fit(model, staged, callbacks=(recorder,))

    assert_equal_weights(trainable(model), recorder.end_weights[1])
    assert [entry["val_ndcg_at_5"] for entry in staged.history] == [
        -math.inf,
        0.2,
        -math.inf,
    ]


def test_model_of_one_stage_ends_after_it():
    model = make_model(ComiRec)
    staged = StagedTraining(stopping_rule=StoppingRule(max_epochs=2))

    fit(model, staged, epochs=10)

    assert stages_of(staged) == [1, 1]
    assert list(staged.stage_weights) == ["pretraining"]
    assert staged.max_epochs(model) == 2


def test_other_monitor_decides():
    # The script lets NDCG rise; hit rates decide by themselves.
    model = make_model(ComiRec)
    staged = StagedTraining(
        monitor="val_hit_rate_at_10", stopping_rule=THREE_EPOCHS
    )
    recorder = Recorder(script=(0.1, 0.2, 0.3))

    fit(model, staged, callbacks=(recorder,))

    values = [entry["val_hit_rate_at_10"] for entry in staged.history]
    best = recorder.end_weights[int(np.argmax(values))]
    assert_equal_weights(trainable(model), best)


def test_callbacks_of_keras_work_beside(tmp_path):
    model = make_model()
    staged = StagedTraining(stopping_rule=StoppingRule(max_epochs=1))
    keras = tf.keras.callbacks
    # `fit` of the toy runs puts these before the staged callback; CSVLogger
    # then writes what the model gave.
    fit(
        model,
        staged,
        callbacks=(
            keras.TensorBoard(tmp_path / "tensorboard"),
            keras.CSVLogger(tmp_path / "log.csv"),
            keras.ModelCheckpoint(
                tmp_path / "epoch{epoch}",
                monitor="val_ndcg_at_5",
                save_weights_only=True,
            ),
            keras.BackupAndRestore(tmp_path / "keras"),
            keras.EarlyStopping("val_ndcg_at_5", mode="max", patience=5),
        ),
    )

    with open(tmp_path / "log.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["0", "1"]
    for row, entry in zip(rows, staged.history, strict=True):
        for name in ("loss", "ranking_loss", "val_ndcg_at_5"):
            assert float(row[name]) == pytest.approx(entry[name])
    assert (tmp_path / "epoch1.index").exists()
    assert (tmp_path / "epoch2.index").exists()
    assert len(list((tmp_path / "tensorboard").rglob("*.tfevents*"))) == 2
    copy = make_model()
    copy.load_weights(tmp_path / "epoch2").expect_partial()
    assert_equal_weights(trainable(copy), trainable(model))


def test_wrong_monitor_is_an_error():
    model = make_model(ComiRec)

    with pytest.raises(ValueError, match="`monitor`.*'val_auc'.*val_ndcg_at_5"):
        fit(model, StagedTraining(monitor="val_auc"), epochs=1)


def test_missing_validation_is_an_error():
    model = make_model(ComiRec)

    with pytest.raises(ValueError, match="Give `fit` a `validation_data`"):
        fit(model, StagedTraining(), epochs=1, validation_data=None)


def test_first_of_equal_epochs_is_the_best():
    recorder = Recorder(script=(0.3, 0.3, 0.1))
    model = make_model(ComiRec)

    fit(
        model,
        StagedTraining(stopping_rule=THREE_EPOCHS),
        callbacks=(recorder,),
    )

    assert_equal_weights(trainable(model), recorder.end_weights[0])


def test_epochs_that_end_with_a_stage_leave_the_model_in_it(caplog):
    recorder = Recorder(script=(0.1, 0.3, 0.2))
    model = make_model()
    staged = StagedTraining(stopping_rule=THREE_EPOCHS)

    fit(model, staged, callbacks=(recorder,), epochs=3)

    assert not staged.finished
    assert model.stage == "pretraining"
    assert_equal_weights(trainable(model), recorder.end_weights[1])
    assert "ended before the stage 'finetuning'" in caplog.text


def test_second_fit_of_a_callback_starts_anew():
    staged = StagedTraining(stopping_rule=THREE_EPOCHS)
    fit(make_model(), staged)
    first = staged.history
    model = make_model()

    fit(model, staged)

    assert stages_of(staged) == [1, 1, 1, 2, 2, 2]
    assert staged.history is not first
    assert [entry["val_ndcg_at_5"] for entry in staged.history] == (
        pytest.approx([entry["val_ndcg_at_5"] for entry in first])
    )
    assert_equal_weights(
        model.get_weights(), staged.stage_weights["finetuning"]
    )


def test_rate_that_a_callback_changed_is_not_that_of_the_next_stage():
    model = make_model()
    rates = []

    def divide(epoch, logs):
        rates.append(float(model.optimizer.learning_rate.numpy()))
        model.optimizer.learning_rate = rates[-1] / 10

    fit(
        model,
        StagedTraining(stopping_rule=THREE_EPOCHS),
        callbacks=(tf.keras.callbacks.LambdaCallback(on_epoch_begin=divide),),
    )

    assert rates == pytest.approx([0.02, 0.002, 0.0002] * 2)


def test_schedule_decides_alone():
    schedule = tf.keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)
    model = make_model()
    model.compile(optimizer=tf.keras.optimizers.Adam(schedule))

    fit(model, StagedTraining(stopping_rule=THREE_EPOCHS))

    assert model.stage == "finetuning"
    with pytest.raises(ValueError, match="`learning_rates` must be left out"):
        fit(model, StagedTraining(learning_rates={"finetuning": 1e-4}))


def test_best_weights_come_back_when_the_epochs_run_out():
    recorder = Recorder(script=(0.3, 0.1))
    model = make_model()
    staged = StagedTraining()  # Its rule would go on.

    fit(model, staged, epochs=2, callbacks=(recorder,))

    assert not staged.finished
    assert_equal_weights(trainable(model), recorder.end_weights[0])
