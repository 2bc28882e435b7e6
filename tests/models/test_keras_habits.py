"""What people do with any Keras model, done with these."""

import numpy as np
import pytest
import tensorflow as tf

from tests.data.small_logs import make_random_log
from tfrs_timirec.data import (
    LeaveOneOut,
    evaluation_dataset,
    training_dataset,
)
from tfrs_timirec.evaluation import rank_held_out, summarize_ranks
from tfrs_timirec.layers import TimeAwareInterestPredictor
from tfrs_timirec.losses import SampledSoftmaxLoss
from tfrs_timirec.models import ComiRec, GRU4Rec, SASRec, TiMiRec, YouTubeDNN
from tfrs_timirec.models.feature_specs import length_to_read
from tfrs_timirec.training import AdamL2, StagedTraining

SPLIT = LeaveOneOut(make_random_log(), num_negatives=30)
SIZE = SPLIT.interactions.vocabulary_size
LENGTH = 30
BATCHES = {"batch_size": 16, "max_history_length": LENGTH}


def make_timirec():
    predictor = TimeAwareInterestPredictor(
        SIZE, num_interests=2, embedding_dim=4
    )
    return TiMiRec(
        SIZE,
        num_interests=2,
        embedding_dim=4,
        max_history_length=LENGTH,
        predictor=predictor,
        pretraining=False,
    )


MODELS = [
    lambda: GRU4Rec(SIZE, embedding_dim=4),
    lambda: YouTubeDNN(SIZE, embedding_dim=4),
    lambda: SASRec(SIZE, embedding_dim=4, max_history_length=LENGTH),
    make_timirec,
]


def fitted(make):
    model = make()
    model.compile(AdamL2())
    names = model.feature_names
    model.fit(training_dataset(SPLIT, features=names, **BATCHES), verbose=0)
    return model


@pytest.mark.parametrize("make", MODELS)
def test_folder_of_keras_brings_back_the_model(make, tmp_path):
    model = fitted(make)
    cases = evaluation_dataset(SPLIT, features=model.feature_names, **BATCHES)

    model.save(tmp_path / "model")
    loaded = tf.keras.models.load_model(tmp_path / "model")

    assert type(loaded) is type(model)
    assert loaded.stage == model.stage
    assert loaded.evaluate(cases, verbose=0) == model.evaluate(cases, verbose=0)


def test_names_of_metrics_begin_with_what_evaluate_returns():
    model = fitted(make_timirec)
    cases = evaluation_dataset(SPLIT, features=model.feature_names, **BATCHES)

    values = model.evaluate(cases, verbose=0)

    assert dict(zip(model.metrics_names, values, strict=False)) == (
        model.evaluate(cases, verbose=0, return_dict=True)
    )


@pytest.mark.parametrize("make", MODELS)
def test_ranks_are_those_of_all_that_a_model_reads(make):
    model = make()
    if isinstance(model, SASRec | TiMiRec):
        assert length_to_read("a test", model, None) == LENGTH
    else:  # Any number.
        assert length_to_read("a test", model, None) == 20
    model.compile(AdamL2())
    cases = evaluation_dataset(
        SPLIT,
        features=model.feature_names,
        max_history_length=length_to_read("a test", model, None),
    )

    ranks = summarize_ranks(rank_held_out(model, SPLIT, "validation"))

    expected = model.evaluate(cases, verbose=0, return_dict=True)
    assert ranks["ndcg_at_20"] == pytest.approx(expected["ndcg_at_20"])


def test_length_of_an_extractor_of_ones_own():
    class First(tf.keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.item_embedding = tf.keras.layers.Embedding(SIZE, 4)

        def call(self, item_ids):
            return self.item_embedding(item_ids[:, -2:])

    model = ComiRec(extractor=First(), max_history_length=50)

    assert length_to_read("a test", model, None) == 50


@pytest.mark.parametrize("dtype", ["int16", "uint8", "int64"])
def test_ids_of_any_integer_type(dtype):
    model = SASRec(SIZE, embedding_dim=4, max_history_length=LENGTH)
    model.compile(AdamL2())
    (batch, *_) = training_dataset(SPLIT, **BATCHES).as_numpy_iterator()
    history = {"item_ids": batch["item_ids"].astype(dtype)}

    np.testing.assert_array_equal(model(history), model(batch))
    batch["negative_ids"] = batch["negative_ids"].astype(dtype)
    assert np.isfinite(model.train_on_batch(batch))
    (cases, *_) = evaluation_dataset(SPLIT, **BATCHES).as_numpy_iterator()
    expected = model.test_on_batch(cases, reset_metrics=True)
    cases["candidate_ids"] = cases["candidate_ids"].astype(dtype)
    assert model.test_on_batch(cases, reset_metrics=True) == expected


def test_cases_are_nothing_to_train_on():
    model = SASRec(SIZE, embedding_dim=4, max_history_length=LENGTH)
    model.compile(AdamL2())

    with pytest.raises(ValueError, match="without negative_ids.*training_data"):
        model.fit(evaluation_dataset(SPLIT, **BATCHES), verbose=0)


def batches_of_numpy():
    return list(training_dataset(SPLIT, **BATCHES).as_numpy_iterator())


class NumpySequence(tf.keras.utils.Sequence):
    def __init__(self):
        self.batches = batches_of_numpy()

    def __len__(self):
        return len(self.batches)

    def __getitem__(self, index):
        return self.batches[index]


@pytest.mark.parametrize(
    "make", [MODELS[0], MODELS[2]], ids=["GRU4Rec", "SASRec"]
)
def test_sequence_that_says_no_length(make):
    model = make()
    model.compile(AdamL2())

    with pytest.raises(ValueError, match="known length.*from_generator"):
        model.fit(NumpySequence(), verbose=0)


def test_generator_that_says_its_length():
    model = SASRec(SIZE, embedding_dim=4, max_history_length=LENGTH)
    model.compile(AdamL2())
    signature = {
        "item_ids": tf.TensorSpec((None, LENGTH), tf.int32),
        "target_id": tf.TensorSpec((None,), tf.int32),
        "negative_ids": tf.TensorSpec((None, 1), tf.int32),
    }

    data = tf.data.Dataset.from_generator(
        batches_of_numpy, output_signature=signature
    )

    history = model.fit(data, verbose=0).history
    assert np.isfinite(history["loss"][0])


def test_schedule_without_a_configuration():
    class Halving(tf.keras.optimizers.schedules.LearningRateSchedule):
        def __call__(self, step):
            return 0.5 ** tf.cast(step, tf.float32)

    model = SASRec(SIZE, embedding_dim=4, max_history_length=LENGTH)
    model.compile(AdamL2(Halving()))

    model.fit(
        training_dataset(SPLIT, **BATCHES),
        validation_data=evaluation_dataset(SPLIT, **BATCHES),
        callbacks=[StagedTraining()],
        verbose=0,
    )

    assert model.optimizer.iterations > 0


def test_softmax_of_half_and_full_precision():
    half, full = tf.ones((2, 1), tf.float16), tf.ones((2, 3))

    assert SampledSoftmaxLoss()(half, full) == SampledSoftmaxLoss()(full, half)
