"""Planted interests: mappings, distributions and ranks by hand."""

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

import tfrs_timirec  # noqa: F401
from tfrs_timirec.data.interactions import Interactions
from tfrs_timirec.data.splits import LeaveOneOut
from tfrs_timirec.evaluation import rank_held_out
from tfrs_timirec.evaluation.case_study import study_case
from tfrs_timirec.evaluation.planted_truth import (
    PlantedTruth,
    mean_divergence,
    weigh_interests,
)
from tfrs_timirec.evaluation.recommendations import recommend_held_out
from tfrs_timirec.models import ComiRec, TiMiRec

# Items a, b, c are of interest 0, items x, y, z of interest 1; ids 2 to 7.
ITEMS = list("abcxyz")
HISTORIES = {"u": "axby", "v": "abcx", "w": "zyxc"}


@pytest.fixture(scope="module")
def log() -> Interactions:
    rows = [
        (user, item, time)
        for user, items in HISTORIES.items()
        for time, item in enumerate(items)
    ]
    return Interactions.from_dataframe(
        pd.DataFrame(rows, columns=["user_id", "item_id", "timestamp"]),
        item_metadata=pd.DataFrame(
            {"interest": [0, 0, 0, 1, 1, 1]}, index=ITEMS
        ),
    )


@pytest.fixture(scope="module")
def truth(log) -> PlantedTruth:
    first = np.linspace(0, 1, log.num_interactions, dtype=np.float32)
    return PlantedTruth(
        item_interests=np.array([-1, -1, 0, 0, 0, 1, 1, 1], np.int32),
        distributions=np.stack([first, 1 - first], axis=1),
    )


@pytest.fixture(scope="module")
def split(log) -> LeaveOneOut:
    return LeaveOneOut(log, num_negatives=2)


@pytest.fixture(scope="module")
def model(log) -> TiMiRec:
    """A finetuned model with large random weights."""
    tf.keras.utils.set_random_seed(1)
    model = TiMiRec(
        log.vocabulary_size,
        num_interests=2,
        embedding_dim=8,
        max_history_length=5,
        num_projection_layers=1,
    )
    for weight in model.trainable_variables:
        weight.assign(tf.random.normal(weight.shape))
    model.set_stage("finetuning")
    return model


def test_truth_is_read_from_columns_and_metadata(log, truth):
    columns = {"interest_distributions": truth.distributions}
    with_truth = Interactions(
        **{
            field: getattr(log, field)
            for field in log.__dataclass_fields__
            if field != "columns"
        },
        columns=columns,
    )

    read = PlantedTruth.from_interactions(with_truth)

    np.testing.assert_array_equal(read.item_interests, truth.item_interests)
    np.testing.assert_array_equal(read.distributions, truth.distributions)
    assert read.num_interests == 2
    with pytest.raises(ValueError, match="planted interests"):
        PlantedTruth.from_interactions(log)


def test_histories_are_averaged_up_to_the_target(split, truth):
    # The test targets are y, x and c; before them came a x b, a b c, z y x.
    np.testing.assert_allclose(
        truth.of_histories(split, "test"),
        [[2 / 3, 1 / 3], [1, 0], [0, 1]],
        rtol=1e-6,
    )


def test_truth_is_that_of_the_target_itself(split, truth):
    # Validation targets are interactions 2, 6 and 10 of 12.
    np.testing.assert_allclose(
        truth.of_held_out(split, "validation")[:, 0],
        [2 / 11, 6 / 11, 10 / 11],
        rtol=1e-6,
    )


def test_shares_of_a_list_leave_out_padding(truth):
    # a and x; padding, unknown item and z; nothing at all.
    lists = np.array([[2, 5, 0], [0, 1, 7], [0, 0, 1]])

    np.testing.assert_allclose(
        truth.of_items(lists), [[0.5, 0.5], [0, 1], [0.5, 0.5]]
    )


def test_mapping_is_attention_by_planted_interest(model, truth):
    item_ids = tf.constant([[0, 2, 5, 3, 6], [0, 0, 2, 3, 4]])

    _, attention = model.extractor(item_ids, return_attention=True)
    mapping = truth.map_interests(model, item_ids).numpy()

    # In the first history places 1 and 3 are of interest 0.
    np.testing.assert_allclose(
        mapping[0, :, 0], attention[0, :, 1] + attention[0, :, 3], rtol=1e-5
    )
    np.testing.assert_allclose(mapping.sum(axis=2), 1, rtol=1e-5)
    np.testing.assert_allclose(mapping[1], [[1, 0], [1, 0]], atol=1e-6)


def test_weights_give_the_truth_back_where_interests_are_pure():
    pure = tf.constant([[[0.0, 1.0], [1.0, 0.0]]])

    weights = weigh_interests(pure, tf.constant([[0.2, 0.8]]))

    # Learned interest 0 is planted interest 1, and the other way round.
    np.testing.assert_allclose(weights, [[0.8, 0.2]], rtol=1e-6)


def test_weights_are_shared_evenly_where_nobody_looks():
    # Both look at interest 0 alone, hence share its weight, 0.15 each; nobody
    # looks at interest 1, so its 0.7 is shared out evenly: 0.35 each.
    blind = tf.constant([[[1.0, 0.0], [1.0, 0.0]]])

    weights = weigh_interests(blind, tf.constant([[0.3, 0.7]]))

    np.testing.assert_allclose(weights, [[0.5, 0.5]], rtol=1e-6)


def test_predictions_are_mapped(model, split, truth):
    predicted = truth.of_predictions(model, split, "test")

    # User v's history is a b c: whatever is predicted, it is interest 0.
    np.testing.assert_allclose(predicted[1], [1, 0], atol=1e-6)
    np.testing.assert_allclose(predicted.sum(axis=1), 1, rtol=1e-5)
    item_ids = tf.constant([[0, 0, 2, 5, 3]])  # User u: a x b.
    weights = tf.nn.softmax(model.predictor(item_ids)).numpy()[0]
    mapping = truth.map_interests(model, item_ids).numpy()[0]
    np.testing.assert_allclose(predicted[0], weights @ mapping, rtol=1e-4)


def test_ranks_with_truth_are_those_of_a_predictor_that_knows_it(
    model, split, truth, monkeypatch
):
    ranks = truth.rank_with_truth(model, split, "test")

    targets = iter(truth.of_held_out(split, "test"))

    def know(item_ids, training=None):
        mapping = truth.map_interests(model, item_ids)
        distributions = np.stack([next(targets) for _ in item_ids])
        return tf.math.log(weigh_interests(mapping, distributions))

    monkeypatch.setattr(model, "predictor", know)
    tf.config.run_functions_eagerly(True)
    try:
        expected = rank_held_out(model, split, "test", max_history_length=5)
    finally:
        tf.config.run_functions_eagerly(False)
    np.testing.assert_array_equal(ranks, expected)


def test_recommendations_are_the_best_unseen_items(log, split):
    model = ComiRec(log.vocabulary_size, num_interests=2, embedding_dim=8)
    best = recommend_held_out(model, split, "test", k=3)

    # Three of six items were seen by each user, the other three are left:
    # a-x-b leaves c y z, a-b-c leaves x y z, z-y-x leaves a b c.
    assert [set(row) for row in best.tolist()] == [
        {4, 6, 7},
        {5, 6, 7},
        {2, 3, 4},
    ]
    item_ids = tf.constant([[0] * 17 + [2, 5, 3]])
    scores = model.score_all(model({"item_ids": item_ids})).numpy()[0]
    assert (np.diff(scores[best[0]]) <= 0).all()


def test_divergence_is_a_mean_in_nats():
    # Nothing in common: ln 2. The same: 0.
    truth = np.array([[1.0, 0.0], [0.3, 0.7]])
    others = np.array([[0.0, 1.0], [0.3, 0.7]])

    assert mean_divergence(truth, others) == pytest.approx(np.log(2) / 2)


def test_case_is_told_as_it_was(model, split, truth):
    # User w met z, y and x; the target is c, interaction 11.
    study = study_case(
        model,
        split,
        "test",
        truth,
        ("letters", "others"),
        case=2,
        greedy_ids=np.array([2, 3]),
        timirec_ids=np.array([4, 7]),
    )

    assert study.user == "w"
    assert study.history == ("z", "y", "x")
    assert study.history_interests == (1, 1, 1)
    assert (study.target, study.target_interest) == ("c", 0)
    assert (study.greedy, study.greedy_interests) == (("a", "b"), (0, 0))
    assert (study.timirec, study.timirec_interests) == (("c", "z"), (0, 1))
    np.testing.assert_allclose(study.truth, truth.distributions[11])
    padded = tf.constant([[0, 0, 7, 6, 5]])
    _, attention = model.extractor(padded, return_attention=True)
    np.testing.assert_allclose(study.attention, attention[0, :, 2:], rtol=1e-5)
    # All that was met is of one interest, and so is what is predicted.
    np.testing.assert_allclose(study.learned_interests, [[0, 1]] * 2)
    np.testing.assert_allclose(study.predicted, [0, 1], atol=1e-6)
