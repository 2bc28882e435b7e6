"""GRUInterestPredictor: its parts in order, dropout, and errors."""

import numpy as np
import pytest
import tensorflow as tf

from tfrs_timirec.layers import GRUInterestPredictor

IDS = np.array([[0, 0, 3, 5], [4, 3, 4, 2]], np.int32)


def make(**options):
    predictor = GRUInterestPredictor(
        vocabulary_size=7, num_interests=3, embedding_dim=4, **options
    )
    predictor(IDS)
    rng = np.random.default_rng(0)
    for weight in predictor.weights:
        weight.assign(rng.normal(size=weight.shape))
    return predictor


def state_of(predictor):
    items = predictor.item_embedding.embeddings.numpy()[IDS]
    return predictor.gru(items, mask=tf.constant(IDS != 0)).numpy()


def dense(layer, inputs):
    return inputs @ layer.kernel.numpy() + layer.bias.numpy()


def test_one_projection_layer_is_linear():
    predictor = make(num_projection_layers=1)

    np.testing.assert_allclose(
        predictor(IDS, training=True),  # There is no dropout.
        dense(predictor.logits, state_of(predictor)),
        atol=1e-5,
    )


def test_two_projection_layers_have_a_relu_between():
    predictor = make()
    hidden = dense(predictor.hidden, state_of(predictor))
    assert (hidden < 0).any(), "the ReLU would have nothing to do"

    np.testing.assert_allclose(
        predictor(IDS),
        dense(predictor.logits, np.maximum(hidden, 0)),
        atol=1e-5,
    )


def test_dropout_is_for_training_and_new_at_every_call():
    predictor = make(dropout=0.5)

    assert (predictor(IDS).numpy() == predictor(IDS).numpy()).all()
    first = predictor(IDS, training=True).numpy()
    second = predictor(IDS, training=True).numpy()
    assert (first != second).any()


def test_dropout_keeps_the_mean_and_drops_the_share_it_should():
    predictor = make(dropout=0.25)
    # Every hidden unit is 1 and each logit their mean; dropout makes a unit
    # 0 or 1 / 0.75, and a logit i / 3 with i the units kept of 4.
    predictor.hidden.set_weights([np.zeros((4, 4)), np.ones(4)])
    predictor.logits.set_weights([np.full((4, 3), 0.25), np.zeros(3)])
    ids = np.ones((2000, 2), np.int32)

    kept = predictor(ids, training=True).numpy()[:, 0] * 3

    np.testing.assert_allclose(kept, np.round(kept), atol=1e-4)
    # 8,000 units, 75 % kept: deviation sqrt(.75 * .25 / 8000) = 0.005.
    assert kept.mean() / 4 == pytest.approx(0.75, abs=0.02)


def test_dropout_follows_the_seed():
    def logits():
        tf.keras.utils.set_random_seed(5)
        return make(dropout=0.5)(IDS, training=True).numpy()

    np.testing.assert_array_equal(logits(), logits())


def test_dropout_goes_on_from_a_checkpoint(tmp_path):
    predictor = make(dropout=0.5)
    predictor(IDS, training=True)
    path = tf.train.Checkpoint(layer=predictor).save(tmp_path / "state")
    expected = predictor(IDS, training=True).numpy()

    other = make(dropout=0.5)
    tf.train.Checkpoint(layer=other).restore(path).assert_consumed()

    np.testing.assert_array_equal(other(IDS, training=True), expected)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("vocabulary_size", 0),
        ("num_interests", 0),
        ("embedding_dim", 0),
        ("num_projection_layers", 3),
        ("dropout", 1.0),
        ("dropout", -0.1),
    ],
)
def test_bad_argument_is_named(name, value):
    with pytest.raises(ValueError, match=f"`{name}`.*Received: {name}={value}"):
        GRUInterestPredictor(**{"vocabulary_size": 7, name: value})
