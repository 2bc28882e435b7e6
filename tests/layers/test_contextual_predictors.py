"""Transformer, time-aware and DeepFM predictor: their parts in order."""

import numpy as np
import pytest
import tensorflow as tf

from tfrs_timirec.layers import (
    DeepFMInterestPredictor,
    TimeAwareInterestPredictor,
    TransformerInterestPredictor,
)

IDS = np.array([[0, 0, 3, 5], [4, 3, 4, 2]], np.int32)
HOUR = 3600
FEATURES = {
    "item_ids": IDS,
    # The last two items of the second history come at once, and out of order.
    "timestamps": np.array(
        [[9, 9, 2 * HOUR, 3 * HOUR], [0, 6, 5 * HOUR, 5 * HOUR - 1]]
    ),
    "request_timestamp": np.array([3 * HOUR + 1, 4 * HOUR]),
    "item_kind": np.array(
        [
            [[2, 1], [2, 0], [1, 0], [1, 2]],
            [[0, 0], [2, 0], [2, 0], [0, 0]],
        ],
        np.int32,
    ),
    "user_age": np.array([[3], [0]], np.int32),
}
SIZES = {"vocabulary_size": 7, "num_interests": 3, "embedding_dim": 4}
ATTRIBUTES = {"item_kind": 3, "user_age": 4}


def make(predictor_class, features, **options):
    predictor = predictor_class(**SIZES, **options)
    predictor(features)
    rng = np.random.default_rng(0)
    for weight in predictor.weights:
        weight.assign(rng.normal(size=weight.shape))
    return predictor


def dense(layer, inputs):
    return inputs @ layer.kernel.numpy() + layer.bias.numpy()


def project(predictor, states):
    return dense(
        predictor.logits, np.maximum(dense(predictor.hidden, states), 0)
    )


def run_gru(predictor, items):
    return predictor.gru(
        items.astype(np.float32), mask=tf.constant(IDS != 0)
    ).numpy()


def items_of(predictor):
    return predictor.item_embedding.embeddings.numpy()[IDS]


def test_transformer_reads_the_newest_item():
    predictor = make(TransformerInterestPredictor, IDS, max_history_length=4)
    table = predictor.recency_embedding.embeddings.numpy()
    hidden = items_of(predictor) + table[[[0, 0, 2, 1], [4, 3, 2, 1]]]
    states = predictor.transformer_block(hidden, mask=tf.constant(IDS != 0))

    np.testing.assert_allclose(
        predictor(IDS), project(predictor, states.numpy()[:, -1]), atol=1e-4
    )


def test_transformer_refuses_what_is_too_long():
    predictor = make(TransformerInterestPredictor, IDS, max_history_length=4)

    with pytest.raises(ValueError, match=r"_history_length` \(4\).*5 places"):
        predictor(np.ones((1, 5), np.int32))


def test_time_aware_embeds_items_and_request_in_time():
    predictor = make(TimeAwareInterestPredictor, FEATURES)
    hours = predictor.item_time.hour_embeddings.numpy()
    gaps = predictor.item_time.gap_embeddings.numpy()
    # Class 0 for the first item. One hour: 1 + floor(log2(3601)) = 12; 6 s: 3;
    # 5 h less 6 s: 1 + floor(log2(17995)) = 15; backwards counts as 0 s: 1.
    items = (
        items_of(predictor)
        + hours[[[0, 0, 2, 3], [0, 0, 5, 4]]]
        + gaps[[[0, 0, 0, 12], [0, 3, 15, 1]]]
    )
    request_hours = predictor.request_time.hour_embeddings.numpy()
    request_gaps = predictor.request_time.gap_embeddings.numpy()
    # One second after the last item: class 2; an hour before it: 0 s, class 1.
    request = request_hours[[3, 4]] + request_gaps[[2, 1]]
    states = run_gru(predictor, items) + request

    np.testing.assert_allclose(
        predictor(FEATURES), project(predictor, states), atol=1e-4
    )


def test_time_aware_answers_differently_at_another_hour():
    predictor = make(TimeAwareInterestPredictor, FEATURES)
    later = {**FEATURES, "request_timestamp": np.array([5 * HOUR, 9 * HOUR])}

    assert (predictor(later) != predictor(FEATURES)).numpy().all()


def test_deepfm_by_numpy():
    predictor = make(
        DeepFMInterestPredictor, FEATURES, attribute_sizes=ATTRIBUTES
    )
    kinds, ages, hours = (
        {
            "vector": predictor.vectors[name].embeddings.numpy(),
            "weight": predictor.first_order[name].embeddings.numpy(),
        }
        for name in ("item_kind", "user_age", "request_timestamp")
    )
    kind = kinds["vector"]
    zeros = np.zeros(4)
    items = items_of(predictor) + [
        [zeros, zeros, kind[1], (kind[1] + kind[2]) / 2],
        [zeros, kind[2], kind[2], zeros],
    ]
    state = run_gru(predictor, items)

    # Over both histories: kinds 1, 1 and 2; 2 and 2. What pads does not count.
    def means(table):
        return np.array([(2 * table[1] + table[2]) / 3, table[2]])

    def of_user(table):
        return np.array([table[3], 0 * table[0]])

    fields = [
        state,
        hours["vector"][[4, 5]],  # Hours 3 and 4; row 0 is none.
        means(kinds["vector"]),
        of_user(ages["vector"]),
    ]
    first_order = (hours["weight"][[4, 5]] + means(kinds["weight"])) + of_user(
        ages["weight"]
    )
    products = sum(fields[f] * fields[g] for g in range(4) for f in range(g))
    expected = (
        project(predictor, np.concatenate(fields, axis=1))
        + first_order
        + products @ predictor.pair_kernel.numpy()
    )

    np.testing.assert_allclose(predictor(FEATURES), expected, atol=1e-4)


def test_deepfm_names_what_it_reads():
    def names(**options):
        return DeepFMInterestPredictor(**SIZES, **options).feature_names

    assert names() == ("item_ids", "request_timestamp")
    assert names(attribute_sizes=ATTRIBUTES) == (
        *("item_ids", "request_timestamp", "item_kind", "user_age"),
    )
    assert names(attribute_sizes=ATTRIBUTES, time_of_day=False) == (
        *("item_ids", "item_kind", "user_age"),
    )


def test_deepfm_needs_context():
    with pytest.raises(ValueError, match="must be context.*time_of_day=False"):
        DeepFMInterestPredictor(7, time_of_day=False)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"genres": 3}, "`attribute_sizes` must name.*Received: 'genres'"),
        ({"item_kind": 0}, "attribute_sizes.*'item_kind'.*positive integer"),
    ],
)
def test_deepfm_attributes_must_be_known(sizes, message):
    with pytest.raises(ValueError, match=message):
        DeepFMInterestPredictor(7, attribute_sizes=sizes)


@pytest.mark.parametrize(
    "predictor_class",
    [
        DeepFMInterestPredictor,
        TimeAwareInterestPredictor,
        TransformerInterestPredictor,
    ],
)
def test_bad_argument_names_the_class(predictor_class):
    name = predictor_class.__name__
    with pytest.raises(ValueError, match=f"{name}: `dropout`.*Received: .*=1"):
        predictor_class(7, dropout=1)
