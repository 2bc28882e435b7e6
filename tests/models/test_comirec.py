"""ComiRec: greedy choice of the interest, by hand."""

import math

import numpy as np
import pytest
import tensorflow as tf

from tests.models.toys import (
    SIZES,
    FixedExtractor,
    LastItemPredictor,
    MeanExtractor,
    make_batch,
    make_model,
)
from tfrs_timirec.layers import DynamicRoutingExtractor
from tfrs_timirec.models import ComiRec

# Items 2, 3 and 4 lie along the axes and between them.
ITEMS = [[0, 0], [9, 9], [1, 0], [0, 1], [0.5, 0.5]]
INTERESTS = [[2.0, 0.0], [0.0, 3.0]]


def make_batch_of(target, negatives):
    return {
        "item_ids": tf.constant([[2, 3]]),
        "target_id": tf.constant([target]),
        "negative_ids": tf.constant([negatives]),
    }


def make_fixed():
    return ComiRec(extractor=FixedExtractor(INTERESTS, ITEMS))


@pytest.mark.parametrize(
    ("target", "negative", "margin"),
    [
        # Interest 0 fits item 2 (score 2) and gives item 3 nothing, though
        # the greedy score of item 3 would be 3.
        (2, 3, 2 - 0),
        (3, 2, 3 - 0),  # Interest 1.
        (4, 2, 1.5 - 0),  # 1.5 by interest 1, 1 by interest 0.
        (2, 4, 2 - 1),
    ],
)
def test_loss_takes_the_interest_that_fits_the_target(target, negative, margin):
    loss = make_fixed().compute_loss(make_batch_of(target, [negative]))

    assert loss.numpy() == pytest.approx(math.log1p(math.exp(-margin)))


def test_loss_is_the_mean_over_negatives_and_instances():
    batch = {
        "item_ids": tf.constant([[2, 3], [2, 3]]),
        "target_id": tf.constant([2, 3]),
        "negative_ids": tf.constant([[3, 4], [2, 4]]),
    }
    # Margins 2 and 1 for item 2, 3 and 1.5 for item 3.
    expected = np.mean(np.log1p(np.exp([-2, -1, -3, -1.5])))

    loss = make_fixed().compute_loss(batch)
    assert loss.numpy() == pytest.approx(expected)


def test_only_the_chosen_interest_learns():
    model = make_fixed()
    with tf.GradientTape() as tape:
        loss = model.compute_loss(make_batch_of(2, [3]))
    gradient = tape.gradient(loss, model.extractor.interests).numpy()

    assert gradient[0].any()
    assert not gradient[1].any()


def test_scores_are_the_largest_over_interests():
    model = make_fixed()
    vectors = model({"item_ids": tf.constant([[2, 3]])})

    # Item 3: 3 by interest 1; item 4: 1.5 by interest 1.
    np.testing.assert_allclose(
        model.score(vectors, tf.constant([[2, 3, 4, 4]])), [[2, 3, 1.5, 1.5]]
    )
    np.testing.assert_allclose(model.score_all(vectors), [[0, 27, 2, 3, 1.5]])


def test_score_all_and_score_agree():
    model = make_model(ComiRec)
    batch = make_batch()
    vectors = model(batch)
    everything = tf.tile(tf.range(12)[tf.newaxis], [6, 1])

    np.testing.assert_allclose(
        model.score_all(vectors), model.score(vectors, everything), atol=1e-5
    )


def test_candidate_ranks_by_hand():
    model = make_fixed()
    features = {
        "item_ids": tf.constant([[2, 3], [2, 3]]),
        "target_id": tf.constant([2, 4]),
        "candidate_ids": tf.constant([[3, 4, 4], [2, 3, 4]]),
    }
    # Scores: items 2, 3, 4 have 2, 3, 1.5. Item 2 is behind 3; item 4 is
    # behind 2 and 3 and tied with itself.
    ranks = model.candidate_ranks(features, model(features))

    assert ranks.numpy().tolist() == [2, 3.5]


@pytest.mark.parametrize("vocabulary_size", [12, 100])
def test_data_set_need_not_say_how_many_candidates_there_are(vocabulary_size):
    model = make_model(ComiRec, vocabulary_size=vocabulary_size)
    model.compile()
    batch = make_batch()
    spec = {
        name: tf.TensorSpec(values.shape, values.dtype)
        for name, values in batch.items()
    }
    spec["candidate_ids"] = tf.TensorSpec((None, None), tf.int32)
    known = tf.data.Dataset.from_tensors(batch)
    unknown = tf.data.Dataset.from_generator(
        lambda: [batch], output_signature=spec
    )

    assert model.evaluate(unknown, verbose=0) == pytest.approx(
        model.evaluate(known, verbose=0)
    )


@pytest.mark.parametrize("transformer", [False, True])
def test_interests_have_their_shape(transformer):
    model = make_model(ComiRec, transformer=transformer)

    assert model(make_batch()).shape == (6, 3, 4)
    assert model.item_embeddings.shape == (12, 4)


def test_options_reach_the_extractor():
    model = ComiRec(**SIZES, attention_dim=5, positions_in_sum=True)

    config = model.extractor.get_config()
    assert config["attention_dim"] == 5
    assert config["positions_in_sum"]
    assert not config["transformer"]
    assert config["max_history_length"] == 4


def test_custom_extractor_trains():
    model = ComiRec(extractor=MeanExtractor())
    model.compile(optimizer="adam")
    data = tf.data.Dataset.from_tensors(make_batch())
    losses = model.fit(data, epochs=30, verbose=0).history["loss"]

    assert losses[-1] < losses[0]
    # Built without training, then trained.
    assert model.extractor.training_flags[0] is False
    assert model.extractor.training_flags[-1] is True
    assert model(make_batch()).shape == (6, 2, 4)


def test_extractor_of_shorter_histories_is_built_with_its_own_length():
    extractor = DynamicRoutingExtractor(12, max_history_length=3)
    model = ComiRec(extractor=extractor)
    assert model({"item_ids": tf.zeros((1, 3), tf.int32)}).shape == (1, 4, 64)
    with pytest.raises(ValueError, match=r"`max_history_length` \(3\)"):
        model({"item_ids": tf.zeros((1, 4), tf.int32)})


def test_ranking_the_catalogue_is_not_what_evaluate_does():
    model = make_model(ComiRec)
    model.compile()
    batch = {
        name: values
        for name, values in make_batch().items()
        if name != "candidate_ids"
    }
    with pytest.raises(ValueError, match="rank_held_out"):
        model.evaluate(tf.data.Dataset.from_tensors(batch), verbose=0)


def test_vocabulary_size_or_extractor():
    with pytest.raises(ValueError, match="exactly one of `vocabulary_size`"):
        ComiRec()
    with pytest.raises(ValueError, match="exactly one of `vocabulary_size`"):
        ComiRec(12, extractor=MeanExtractor())


def test_extractor_must_have_an_item_embedding():
    with pytest.raises(ValueError, match="attribute `item_embedding`"):
        ComiRec(extractor=LastItemPredictor())


def test_unknown_stage_is_an_error():
    with pytest.raises(ValueError, match="`stage`.*'pretraining'.*Received"):
        make_model(ComiRec).set_stage("finetuning")
