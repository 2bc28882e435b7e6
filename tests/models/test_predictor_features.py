"""What predictors get: item ids, or the features that they name."""

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from tests.models.toys import SIZES, LastItemPredictor, make_batch
from tfrs_timirec.data import (
    Interactions,
    LeaveOneOut,
    attribute_sizes,
    evaluation_dataset,
    training_dataset,
)
from tfrs_timirec.evaluation import rank_held_out
from tfrs_timirec.layers import (
    DeepFMInterestPredictor,
    TimeAwareInterestPredictor,
    TransformerInterestPredictor,
)
from tfrs_timirec.models import TiMiRec, empty_features, feature_spec

NUM_INTERESTS = 2


class HourPredictor(tf.keras.layers.Layer):
    """A predictor of a user's own: the first interest before six, else both."""

    feature_names = ("request_timestamp",)

    def call(self, features):
        assert set(features) == {"request_timestamp"}
        is_early = features["request_timestamp"] % 86400 < 6 * 3600
        return tf.where(is_early[:, tf.newaxis], [[50.0, 0.0]], [[0.0, 0.0]])


def make(predictor):
    model = TiMiRec(**SIZES, num_interests=NUM_INTERESTS, predictor=predictor)
    model.set_stage("finetuning")
    return model


def make_split():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "user_id": np.repeat(np.arange(12), 6),
            "item_id": rng.integers(0, 10, 72),
            "timestamp": rng.integers(0, 10**6, 72),
        }
    )
    log = Interactions.from_dataframe(
        frame.assign(item_id=np.append(frame["item_id"][:62], np.arange(10))),
        item_metadata=pd.DataFrame(
            {"genres": [["x", "y"], ["x"], [], ["z"]]}, index=[0, 1, 2, 3]
        ),
        user_metadata=pd.DataFrame({"age": range(5)}, index=range(5)),
    )
    return LeaveOneOut(log, num_negatives=3)


PREDICTORS = {
    "transformer": lambda log: TransformerInterestPredictor(
        log.vocabulary_size,
        max_history_length=4,
        num_interests=NUM_INTERESTS,
        embedding_dim=4,
    ),
    "time_aware": lambda log: TimeAwareInterestPredictor(
        log.vocabulary_size, num_interests=NUM_INTERESTS, embedding_dim=4
    ),
    "deepfm": lambda log: DeepFMInterestPredictor(
        log.vocabulary_size,
        attribute_sizes=attribute_sizes(log, ["item_genres", "user_age"]),
        num_interests=NUM_INTERESTS,
        embedding_dim=4,
    ),
}


def test_a_predictor_without_names_gets_item_ids():
    model = make(LastItemPredictor())

    assert model.feature_names == ("item_ids",)
    assert model(make_batch()).shape == (6, 1, 4)


def test_a_predictor_with_names_gets_these():
    model = make(HourPredictor())
    batch = make_batch(2) | {
        "request_timestamp": tf.constant([86400 + 3600, 7 * 3600], tf.int64)
    }

    vectors = model(batch).numpy()[:, 0]

    assert model.feature_names == ("item_ids", "request_timestamp")
    interests = model.extractor(batch["item_ids"]).numpy()
    np.testing.assert_allclose(vectors[0], interests[0, 0], atol=1e-6)
    np.testing.assert_allclose(vectors[1], interests[1].mean(0), atol=1e-6)


def test_a_missing_feature_is_named():
    with pytest.raises(
        ValueError, match="without request_timestamp.*`features=m"
    ):
        make(HourPredictor())(make_batch())


def test_pretraining_needs_no_context():
    model = make(HourPredictor())
    model.set_stage("pretraining")

    assert model(make_batch()).shape == (6, 2, 4)


def test_an_unknown_feature_is_an_error():
    predictor = HourPredictor()
    predictor.feature_names = ("item_ids", "weather")

    with pytest.raises(
        ValueError, match="request_timestamp.*Received: .*weather"
    ):
        make(predictor)


@pytest.mark.parametrize("name", PREDICTORS)
def test_trains_and_ranks_on_what_the_data_set_holds(name):
    split = make_split()
    log = split.interactions
    model = TiMiRec(
        log.vocabulary_size,
        num_interests=NUM_INTERESTS,
        embedding_dim=4,
        max_history_length=4,
        predictor=PREDICTORS[name](log),
    )
    num_variables = len(model.trainable_variables)
    model.set_stage("finetuning")
    model.compile(optimizer=tf.keras.optimizers.Adam(0.05))
    features = model.feature_names
    assert ("request_timestamp" in features) == (name != "transformer")

    history = model.fit(
        training_dataset(split, max_history_length=4, features=features),
        validation_data=evaluation_dataset(
            split, max_history_length=4, features=features
        ),
        epochs=30,
        verbose=0,
    ).history

    assert np.mean(history["loss"][-5:]) < np.mean(history["loss"][:5])
    # All weights were there from the start.
    assert len(model.trainable_variables) == num_variables
    for candidates in ("sampled", "full"):
        ranks = rank_held_out(
            model, split, candidates=candidates, max_history_length=4
        )
        assert np.isfinite(ranks).all()


@pytest.mark.parametrize("name", ["time_aware", "deepfm"])
def test_specs_are_those_of_the_batches(name):
    split = make_split()
    predictor = PREDICTORS[name](split.interactions)
    dataset = training_dataset(
        split, max_history_length=4, features=predictor.feature_names
    )

    for feature in predictor.feature_names:
        assert feature_spec(feature, 4).is_compatible_with(
            dataset.element_spec[feature]
        )


def test_empty_features_fit_their_specs():
    names = ("item_ids", "timestamps", "request_timestamp", "item_x", "user_y")

    for name, tensor in empty_features(names, 3).items():
        assert feature_spec(name, 3).is_compatible_with(tensor)
