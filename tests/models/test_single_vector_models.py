"""GRU4Rec, YouTubeDNN, SASRec, TiSASRec: what holds for all, and by hand."""

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from tests.layers.numpy_transformer import transform, weights_of
from tests.models.toys import (
    LENGTH,
    SINGLES,
    VOCABULARY_SIZE,
    gradients,
    make_batch,
    make_single,
)
from tfrs_timirec.data import (
    Interactions,
    LeaveOneOut,
    evaluation_dataset,
    training_dataset,
)
from tfrs_timirec.evaluation import rank_held_out
from tfrs_timirec.models import (
    GRU4Rec,
    SASRec,
    SingleVectorRecommender,
    TiSASRec,
    YouTubeDNN,
)
from tfrs_timirec.training import AdamL2

every_single = pytest.mark.parametrize(
    "make", SINGLES.values(), ids=list(SINGLES)
)
TIMES = [0, 10**9, 10**9 + 50, 10**9 + 170]


def history(item_ids, timestamps=None):
    """Returns the features of a batch of histories."""
    item_ids = np.array(item_ids, np.int32)
    if timestamps is None:
        timestamps = np.where(item_ids, 10**9 + np.arange(item_ids.shape[1]), 0)
    return {
        "item_ids": tf.constant(item_ids),
        "timestamps": tf.constant(timestamps, tf.int64),
    }


@every_single
def test_user_is_one_vector_that_scores_by_inner_product(make):
    model = make()
    batch = make_batch()
    vectors = model(batch)

    assert vectors.shape == (6, 1, 4)
    np.testing.assert_allclose(
        model.score_all(vectors),
        vectors[:, 0].numpy() @ model.item_embeddings.numpy().T,
        atol=1e-5,
    )


@every_single
def test_loss_is_bpr_of_target_and_negatives(make):
    model = make()
    batch = make_batch()
    vectors = model(batch).numpy()[:, 0]
    items = model.item_embeddings.numpy()
    targets = (vectors * items[batch["target_id"]]).sum(-1, keepdims=True)
    negatives = np.einsum("bd,bnd->bn", vectors, items[batch["negative_ids"]])

    np.testing.assert_allclose(
        model.compute_loss(batch),
        np.log1p(np.exp(negatives - targets)).mean(),
        rtol=1e-4,
    )


@every_single
def test_padding_and_other_users_change_nothing(make):
    model = make()
    front = history(
        [[0, 0, 5, 3], [2, 4, 6, 8], [0, 0, 0, 9]],
        [[0, 0, 10, 30], [10, 20, 20, 50], [0, 0, 0, 70]],
    )
    back = history(
        [[5, 3, 0, 0], [2, 4, 6, 8], [9, 0, 0, 0]],
        [[10, 30, 0, 0], [10, 20, 20, 50], [70, 0, 0, 0]],
    )
    together = model(front).numpy()
    np.testing.assert_allclose(model(back), together, atol=1e-5)
    alone = [
        model({name: values[row : row + 1] for name, values in front.items()})
        for row in range(3)
    ]
    np.testing.assert_allclose(np.concatenate(alone), together, atol=1e-5)
    # The row of padding in the table is never read.
    table = model.item_embedding.embeddings
    table.scatter_nd_update([[0]], [[9.0] * 4])
    np.testing.assert_allclose(model(front), together, atol=1e-5)


@every_single
def test_history_without_an_item_stays_finite(make):
    model = make()
    batch = history([[0, 0, 0, 0], [0, 0, 0, 3]])

    assert np.isfinite(model(batch)).all()


@every_single
def test_every_weight_gets_a_gradient(make):
    model = make()
    batch = make_batch(size=12)

    for name, largest in gradients(model, batch).items():
        assert largest is not None, name
        assert np.isfinite(largest), name
        assert largest > 1e-6, name


@pytest.mark.parametrize("model_class", [SASRec, TiSASRec])
def test_weights_start_small(model_class):
    # All but the gammas (1) and betas (0) of the normalizations: N(0, 0.01).
    for weight in model_class(100).trainable_variables:
        if "norm" not in weight.name:
            assert 0.005 < np.std(weight) < 0.02, weight.name


def test_gru4rec_projects_the_last_state():
    model = make_single(GRU4Rec)
    batch = history([[0, 5, 3, 8], [0, 0, 0, 2]])
    states = model.gru(
        model.item_embedding(batch["item_ids"]), mask=batch["item_ids"] != 0
    )
    kernel, bias = model.output_projection.get_weights()

    np.testing.assert_allclose(
        model(batch)[:, 0], states.numpy() @ kernel + bias, atol=1e-5
    )


def test_youtube_dnn_takes_the_mean_of_the_real_items():
    model = make_single(YouTubeDNN, num_hidden_layers=1)
    items = model.item_embeddings.numpy()
    (hidden, hidden_bias), (kernel, bias) = (
        layer.get_weights() for layer in model.perceptron
    )
    means = np.stack([items[[5, 3]].mean(0), items[[2, 2, 8, 4]].mean(0)])
    expected = np.maximum(means @ hidden + hidden_bias, 0) @ kernel + bias

    np.testing.assert_allclose(
        model(history([[0, 0, 5, 3], [2, 2, 8, 4]]))[:, 0], expected, atol=1e-5
    )


@pytest.mark.parametrize("num_blocks", [1, 2])
def test_sasrec_is_causal_blocks_read_at_the_newest_item(num_blocks):
    model = make_single(SASRec, num_blocks=num_blocks)
    positions = model.recency_embedding.embeddings.numpy()

    for item_ids in ([5], [5, 3], [2, 2, 8], [2, 4, 6, 8]):
        length = len(item_ids)
        hidden = model.item_embeddings.numpy()[item_ids]
        hidden = hidden + positions[np.arange(length, 0, -1)]
        for block in model.blocks:
            hidden = transform(hidden, weights_of(block), causal=True)
        padded = [[0] * (LENGTH - length) + item_ids]
        np.testing.assert_allclose(
            model(history(padded))[0, 0], hidden[-1], atol=1e-4
        )


@pytest.mark.parametrize("num_blocks", [1, 2])
def test_tisasrec_adds_intervals_and_positions_to_keys_and_values(num_blocks):
    model = make_single(TiSASRec, num_blocks=num_blocks, max_interval=3)
    # Gaps of 50 and 120 seconds: 0, 1 and 2 units, and 170 // 50 is 3.
    intervals = np.array([[0, 1, 3], [1, 0, 2], [3, 2, 0]])
    item_ids = [7, 7, 4]
    pair_keys, pair_values = (
        interval.embeddings.numpy()[intervals]
        + position.embeddings.numpy()[[3, 2, 1]]
        for interval, position in (
            (model.interval_keys, model.position_keys),
            (model.interval_values, model.position_values),
        )
    )
    hidden = model.item_embeddings.numpy()[item_ids]
    for block in model.blocks:
        hidden = transform(
            hidden, weights_of(block), pair_keys, pair_values, causal=True
        )

    np.testing.assert_allclose(
        model(history([[0, *item_ids]], [TIMES]))[0, 0], hidden[-1], atol=1e-4
    )


def test_tisasrec_sees_the_pace_not_the_date():
    model = make_single(TiSASRec)
    item_ids = [[0, 5, 3, 8]]
    before = model(history(item_ids, [TIMES])).numpy()
    real = np.array(TIMES[1:])

    same = model(history(item_ids, [[0, *(3 * (real + 10**6))]])).numpy()
    np.testing.assert_allclose(same, before, atol=1e-6)
    slower = model(history(item_ids, [[0, *(real + [0, 0, 500])]])).numpy()
    assert np.abs(slower - before).max() > 1e-3


def test_intervals_are_cut_off():
    model = make_single(TiSASRec, max_interval=4)
    item_ids = [[0, 5, 3, 8]]

    far, farther = (
        model(history(item_ids, [[0, 0, 1, end]])) for end in (6, 6 * 10**8)
    )

    np.testing.assert_array_equal(far, farther)


def test_tisasrec_gets_its_times_from_the_data():
    # Five users with six of ten items; each has a pace of their own.
    rows = [
        (user, (user + step) % 10, 10**9 + 60 * (user + 1) * step**2)
        for user in range(5)
        for step in range(6)
    ]
    split = LeaveOneOut(
        Interactions.from_dataframe(
            pd.DataFrame(rows, columns=["user_id", "item_id", "timestamp"])
        ),
        num_negatives=3,
    )
    model = make_single(TiSASRec)
    assert model.item_embeddings.shape == (
        split.interactions.vocabulary_size,
        4,
    )
    model.compile(optimizer=AdamL2(learning_rate=0.01))
    options = {
        "max_history_length": LENGTH,
        "features": model.feature_names,
    }

    history = model.fit(
        training_dataset(split, batch_size=4, **options),
        validation_data=evaluation_dataset(split, **options),
        epochs=2,
        verbose=0,
    ).history
    ranks = rank_held_out(
        model, split, candidates="full", max_history_length=LENGTH
    )

    assert np.isfinite(history["loss"]).all()
    assert 0 <= history["val_ndcg_at_5"][-1] <= 1
    # Of ten items five were seen before the target.
    assert ((ranks >= 1) & (ranks <= 5)).all()


@every_single
def test_a_longer_history_than_its_positions_is_an_error(make):
    model = make()
    if isinstance(model, (GRU4Rec, YouTubeDNN)):
        assert model(history([[2] * (LENGTH + 1)])).shape == (1, 1, 4)
    else:
        rule = "`max_history_length` \\(4\\). Received: histories of 20 places"
        with pytest.raises(ValueError, match=rule):
            model(history([[2] * 20]))


@pytest.mark.parametrize(
    ("model_class", "option", "value"),
    [
        (GRU4Rec, "embedding_dim", 0),
        (GRU4Rec, "vocabulary_size", 2.5),
        (YouTubeDNN, "num_hidden_layers", -1),
        (YouTubeDNN, "num_hidden_layers", 1.5),
        (SASRec, "num_blocks", 0),
        (SASRec, "max_history_length", 0),
        (TiSASRec, "num_blocks", 0),
        (TiSASRec, "max_interval", 0),
        (SASRec, "dropout", 1.0),
        (TiSASRec, "dropout", 1.0),
    ],
)
def test_bad_size_is_named(model_class, option, value):
    with pytest.raises(ValueError, match=f"`{option}`.*Received"):
        model_class(**{"vocabulary_size": VOCABULARY_SIZE, option: value})


def test_base_class_says_what_is_missing():
    with pytest.raises(NotImplementedError, match="`encode`"):
        SingleVectorRecommender(VOCABULARY_SIZE)(make_batch())
