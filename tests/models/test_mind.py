"""MIND: label-aware attention by hand, and its place in TiMiRec."""

import math

import numpy as np
import pytest
import tensorflow as tf

from tests.models.toys import SIZES, finetuning, gradients, make_batch
from tfrs_timirec.layers import (
    DynamicRoutingExtractor,
    GRUInterestPredictor,
    MINDExtractor,
)
from tfrs_timirec.models import MIND, ComiRec, TiMiRec

EXTRACTORS = {
    "dynamic_routing": DynamicRoutingExtractor,
    "mind": MINDExtractor,
}


def make(**options):
    model = MIND(**{**SIZES, "num_interests": 2, **options})
    rng = np.random.default_rng(0)
    for weight in model.trainable_variables:
        weight.assign(rng.normal(size=weight.shape))
    return model


def bpr_by_hand(scores):
    """Mean of softplus(negative - target) over instances and negatives."""
    return np.mean(np.log1p(np.exp(scores[:, 1:] - scores[:, :1])))


@pytest.mark.parametrize("power", [1.0, 2.0, 1.5])
def test_the_target_attends_to_the_interests(power):
    model = make(attention_power=power)
    batch = make_batch()
    ids = np.concatenate(
        [batch["target_id"].numpy()[:, None], batch["negative_ids"]], axis=1
    )
    interests = model(batch).numpy()
    items = model.item_embeddings.numpy()[ids]
    scores = np.einsum("bkd,bid->bki", interests, items)
    fit = scores[:, :, 0]
    assert (fit < 0).any()
    attention = np.exp(np.sign(fit) * np.abs(fit) ** power)
    attention /= attention.sum(axis=1, keepdims=True)
    expected = bpr_by_hand(np.einsum("bk,bki->bi", attention, scores))

    assert model.compute_loss(batch).numpy() == pytest.approx(expected)


def test_infinite_power_is_comirec():
    model = make(attention_power=math.inf)
    greedy = ComiRec(extractor=model.extractor, max_history_length=4)
    batch = make_batch()

    assert model.compute_loss(batch) == greedy.compute_loss(batch)


@pytest.mark.parametrize("power", [60.0, 1e4])
def test_large_power_attends_to_the_best_interest_alone(power):
    model = make(attention_power=power)
    greedy = ComiRec(extractor=model.extractor, max_history_length=4)
    batch = make_batch()
    ids = np.random.default_rng(1).integers(7, 12, (6, 4))
    batch["item_ids"] = tf.constant(ids, tf.int32)
    # The histories' items, from id 7 on, have positive entries and so have
    # the interests. They meet targets of either sign and of both.
    items = np.abs(model.item_embeddings.numpy())
    items[2:7] *= np.array(
        [[60] * 4, [-60] * 4, [90, -60, 60, -90], [30] * 4, [-30] * 4]
    )
    model.item_embeddings.assign(items)
    model.extractor.vote_kernel.assign(tf.eye(4))
    fit = np.einsum("bkd,bd->bk", model(batch), items[batch["target_id"]])
    assert fit.max() > 10
    assert fit.max(axis=1).min() < -10

    values = gradients(model, batch)

    expected = greedy.compute_loss(batch).numpy()
    assert model.compute_loss(batch).numpy() == pytest.approx(expected)
    assert all(np.isfinite(value) for value in values.values())


def test_inactive_interests_get_no_attention():
    # Histories of 4 and 2 items have 2 and 1 of the 3 interests; with copies
    # counted, the first interest would weigh twice or three times.
    model = make(num_interests=3, adaptive_interests=True)
    batch = make_batch()
    batch["item_ids"] = tf.constant([[0, 0, 3, 5]] * 3 + [[4, 3, 6, 2]] * 3)
    ids = tf.concat([batch["target_id"][:, None], batch["negative_ids"]], 1)
    interests = model(batch).numpy()
    items = model.item_embeddings.numpy()[ids]
    scores = np.einsum("bkd,bid->bki", interests, items)
    attention = np.exp(scores[:, :, 0])
    attention[:3, 1:] = 0
    attention[3:, 2:] = 0
    attention /= attention.sum(axis=1, keepdims=True)
    expected = bpr_by_hand(np.einsum("bk,bki->bi", attention, scores))

    assert model.compute_loss(batch).numpy() == pytest.approx(expected)


@pytest.mark.parametrize("adaptive_interests", [False, True])
def test_trains(adaptive_interests):
    model = MIND(**SIZES, adaptive_interests=adaptive_interests)
    model.compile(optimizer=tf.keras.optimizers.Adam(0.05))
    data = tf.data.Dataset.from_tensors(make_batch())

    losses = model.fit(data, epochs=40, verbose=0).history["loss"]

    assert losses[-1] < 0.9 * losses[0]


@pytest.mark.parametrize("extractor", EXTRACTORS.values(), ids=list(EXTRACTORS))
def test_plugs_into_timirec(extractor):
    model = TiMiRec(
        extractor=extractor(**SIZES, num_interests=3),
        predictor=GRUInterestPredictor(12, num_interests=3, embedding_dim=4),
        max_history_length=4,
    )
    rng = np.random.default_rng(1)
    for weight in model.trainable_variables:
        weight.assign(rng.normal(scale=0.5, size=weight.shape))
    batch = make_batch()

    assert model(batch).shape == (6, 3, 4)
    in_pretraining = gradients(model, batch)
    in_finetuning = gradients(finetuning(model), batch)
    assert model(batch).shape == (6, 1, 4)
    for name, value in in_finetuning.items():
        assert np.isfinite(value), name
        assert value > 0, name
        is_extractor = in_pretraining[name] is not None
        assert is_extractor == any(
            name == weight.name for weight in model.extractor.weights
        )


def test_attention_power_must_be_at_least_1():
    with pytest.raises(ValueError, match="`attention_power`.*Received: .*=0.5"):
        make(attention_power=0.5)


def test_options_of_comirec_are_refused():
    with pytest.raises(TypeError, match="dropout"):
        make(dropout=0.5)
