"""TiMiRec: aggregation, both stages' losses, and who learns what."""

import math

import numpy as np
import pytest
import tensorflow as tf

from tests.models.toys import (
    SIZES,
    FixedExtractor,
    LastItemPredictor,
    MeanExtractor,
    finetuning,
    gradients,
    make_batch,
    make_model,
)
from tfrs_timirec.layers import UniformInterestPredictor
from tfrs_timirec.models import ComiRec, TiMiRec, aggregate

ITEMS = [[0, 0], [9, 9], [1, 0], [0, 1], [0.5, 0.5]]
INTERESTS = [[2.0, 0.0], [0.0, 3.0]]


def make_fixed(logits, temperature=1.0, items=ITEMS):
    """Returns a model whose interests and logits are given."""
    predictor = LastItemPredictor()
    predictor(tf.zeros((1, 1), tf.int32))
    predictor.table.set_weights([np.tile(logits, (12, 1))])
    model = TiMiRec(
        extractor=FixedExtractor(INTERESTS, items),
        predictor=predictor,
        temperature=temperature,
    )
    return finetuning(model)


def without_ranking(batch):
    """Makes the negative the target: BPR then gives no gradient at all."""
    return batch | {"negative_ids": batch["target_id"][:, tf.newaxis]}


def test_aggregate_by_hand():
    # Softmax of (0, ln 3) is (1/4, 3/4).
    vector = aggregate(
        tf.constant([INTERESTS]), tf.constant([[0.0, math.log(3)]])
    )

    np.testing.assert_allclose(vector, [[[0.5, 2.25]]], atol=1e-6)


def test_finetuning_loss_by_hand():
    model = make_fixed([0.0, math.log(3)], temperature=2.0)
    batch = {
        "item_ids": tf.constant([[2, 3]]),
        "target_id": tf.constant([2]),
        "negative_ids": tf.constant([[3]]),
    }
    # User vector (0.5, 2.25): the target scores 0.5, the negative 2.25.
    bpr = math.log1p(math.exp(1.75))
    # Cosines of item 2 with the interests: 1 and 0.
    target = np.exp([0.5, 0.0]) / np.exp([0.5, 0.0]).sum()
    predicted = np.array([1, math.sqrt(3)]) / (1 + math.sqrt(3))
    distillation = -4 * target @ np.log(predicted)

    loss = model.compute_loss(batch)

    assert loss.numpy() == pytest.approx(bpr + distillation, rel=1e-5)


def test_pretraining_loss_is_that_of_comirec():
    model, comirec = make_model(), make_model(ComiRec)
    comirec.extractor.set_weights(model.extractor.get_weights())
    batch = make_batch()

    np.testing.assert_allclose(
        model.compute_loss(batch), comirec.compute_loss(batch), rtol=1e-6
    )
    np.testing.assert_allclose(model(batch), comirec(batch), atol=1e-6)


@pytest.mark.parametrize("stage", TiMiRec.stages)
def test_one_interest_makes_it_comirec(stage):
    model = make_model(num_interests=1)
    comirec = make_model(ComiRec, num_interests=1)
    comirec.extractor.set_weights(model.extractor.get_weights())
    model.set_stage(stage)
    batch = make_batch()

    np.testing.assert_allclose(model(batch), comirec(batch), atol=1e-6)
    np.testing.assert_allclose(
        model.score_all(model(batch)),
        comirec.score_all(comirec(batch)),
        atol=1e-6,
    )
    # Both distributions are (1), their cross-entropy 0.
    np.testing.assert_allclose(
        model.compute_loss(batch), comirec.compute_loss(batch), rtol=1e-6
    )


def test_user_vectors_of_each_stage():
    model = make_model()
    assert model(make_batch()).shape == (6, 3, 4)
    model.set_stage("finetuning")
    assert model(make_batch()).shape == (6, 1, 4)


def test_parts_make_up_the_vector():
    model = finetuning(make_model())
    interests, logits = model(make_batch(), return_parts=True)

    np.testing.assert_allclose(
        aggregate(interests, logits), model(make_batch()), atol=1e-6
    )


def test_pretraining_leaves_the_predictor_alone():
    model = make_model()
    largest = gradients(model, make_batch())

    for name, value in largest.items():
        assert (value is None) == name.startswith("predictor"), name
    assert {variable.ref() for variable in model.stage_variables} == {
        variable.ref() for variable in model.extractor.trainable_variables
    }
    model.compile(optimizer="sgd")
    before = model.predictor.get_weights()
    model.train_step(make_batch())
    for old, new in zip(before, model.predictor.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("transformer", [False, True])
@pytest.mark.parametrize("num_projection_layers", [1, 2])
def test_finetuning_reaches_every_weight(transformer, num_projection_layers):
    model = finetuning(
        make_model(
            transformer=transformer,
            num_projection_layers=num_projection_layers,
        )
    )
    largest = gradients(model, make_batch())

    for name, value in largest.items():
        assert value is not None, name
        assert 1e-7 < value < 1e3, name


@pytest.mark.parametrize("stop_gradient", [True, False])
def test_distillation_teaches_the_extractor_only_on_request(stop_gradient):
    model = finetuning(make_model(stop_gradient=stop_gradient, temperature=1.0))
    largest = gradients(model, without_ranking(make_batch()))

    for name, value in largest.items():
        if name.startswith("predictor"):
            assert value > 1e-6, name
        elif stop_gradient:
            assert value < 1e-7, name
        elif "recency" not in name:  # Positions count only in the attention.
            assert value > 1e-7, name


def test_without_distillation_the_ranking_loss_is_all_there_is():
    model = finetuning(make_model(distillation=False))
    batch = make_batch()
    vectors = model(batch)[:, 0]
    items = tf.gather(model.item_embeddings, batch["negative_ids"])
    targets = tf.gather(model.item_embeddings, batch["target_id"])
    margins = tf.einsum("bd,bnd->bn", vectors, targets[:, None] - items)

    loss = model.compute_loss(batch)

    # BPR (Eq. 10) is the mean of log(1 + exp(-margin)).
    expected = np.log1p(np.exp(-margins.numpy())).mean()
    assert loss.numpy() == pytest.approx(expected, rel=1e-5)
    largest = gradients(model, batch)
    assert all(value > 0 for value in largest.values())


def test_uniform_predictor_means_the_mean_of_the_interests():
    model = TiMiRec(
        extractor=FixedExtractor(INTERESTS, ITEMS),
        predictor=UniformInterestPredictor(2),
        distillation=False,
    )

    vectors = finetuning(model)({"item_ids": tf.constant([[2, 3]])})

    np.testing.assert_allclose(vectors, [[[1.0, 1.5]]])


def test_joint_training_starts_with_the_second_stage():
    model = make_model(pretraining=False)

    assert tuple(model.stages) == ("finetuning",)
    assert model.stage == "finetuning"
    assert model(make_batch()).shape == (6, 1, 4)
    with pytest.raises(ValueError, match="`stage` must be one of"):
        model.set_stage("pretraining")


def test_dropout_is_for_training_only():
    model = finetuning(make_model())
    batch = make_batch()

    assert model.compute_loss(batch) == model.compute_loss(batch)
    first = model.compute_loss(batch, training=True).numpy()
    assert first != model.compute_loss(batch, training=True).numpy()


def test_custom_layers_fit_in():
    model = TiMiRec(extractor=MeanExtractor(), predictor=LastItemPredictor())
    model.compile(optimizer="adam")
    data = tf.data.Dataset.from_tensors(make_batch())
    for stage in TiMiRec.stages:
        model.set_stage(stage)
        flags = model.extractor.training_flags
        flags.clear()
        losses = model.fit(data, epochs=25, verbose=0).history["loss"]
        assert losses[-1] < losses[0]
        assert flags[-1] is True, f"no training mode in {stage}"
    assert model(make_batch()).shape == (6, 1, 4)
    assert flags[-1] is False


def test_validation_judges_the_predictor():
    model = make_fixed([0.0, 0.5], temperature=0.5)
    model.compile(optimizer="sgd")
    batch = {
        "item_ids": tf.constant([[2, 3]]),
        "target_id": tf.constant([2]),
        "candidate_ids": tf.constant([[3]]),
    }
    # User vector (0.76, 1.87): the target, with 0.76, is behind item 3.
    # Cosines 1 and 0 against logits 0 and 0.5, both at temperature 0.5.
    p = np.exp([2.0, 0.0]) / (np.exp(2.0) + 1)
    q = np.exp([0.0, 1.0]) / (1 + np.e)
    middle = (p + q) / 2
    divergence = (p @ np.log(p / middle) + q @ np.log(q / middle)) / 2

    logs = model.evaluate(
        tf.data.Dataset.from_tensors(batch), return_dict=True, verbose=0
    )

    assert logs["ndcg_at_5"] == pytest.approx(1 / math.log2(3))
    assert logs["hit_rate_at_20"] == 1
    assert logs["js_divergence"] == pytest.approx(divergence, rel=1e-4)
    # (2, 0) and (0, 3).
    assert logs["interest_distance"] == pytest.approx(math.sqrt(13))
    model.set_stage("pretraining")
    logs = model.evaluate(
        tf.data.Dataset.from_tensors(batch), return_dict=True, verbose=0
    )
    assert "js_divergence" not in logs


def test_length_of_a_target_says_nothing_about_its_interests():
    # Items 2 and 5 are (1, 0) and (3, 0).
    model = make_fixed([0.0, 0.5], 0.5, [*ITEMS, [3.0, 0.0]])
    model.compile(optimizer="sgd")
    losses, divergences = [], []
    for target in (2, 5):
        batch = {
            "item_ids": tf.constant([[2, 3]]),
            "target_id": tf.constant([target]),
            "candidate_ids": tf.constant([[3]]),
        }
        # The ranking loss is log 2 then, whichever the target.
        losses.append(model.compute_loss(without_ranking(batch)).numpy())
        model.reset_metrics()
        divergences.append(model.test_step(batch)["js_divergence"].numpy())

    assert losses[1] == pytest.approx(losses[0], rel=1e-6)
    assert divergences[1] == pytest.approx(divergences[0], rel=1e-6)


def test_different_numbers_of_interests_are_an_error():
    with pytest.raises(ValueError, match=r"`predictor` must give one logit"):
        TiMiRec(
            extractor=MeanExtractor(),
            predictor=LastItemPredictor(num_interests=3),
        )


def test_extractor_needs_a_predictor():
    with pytest.raises(ValueError, match="`predictor` must be given"):
        TiMiRec(extractor=MeanExtractor())


def test_bad_options_are_errors():
    with pytest.raises(ValueError, match="`temperature`"):
        TiMiRec(**SIZES, temperature=0)
    with pytest.raises(ValueError, match="`num_projection_layers`"):
        TiMiRec(**SIZES, num_projection_layers=3)
    with pytest.raises(ValueError, match="`stage` must be one of"):
        make_model().set_stage("distilling")
