"""The routing extractors: who votes how, and how many interests there are."""

import pathlib
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from tests.layers.test_routing import route_by_hand
from tfrs_timirec.layers import DynamicRoutingExtractor, MINDExtractor

ROOT = pathlib.Path(__file__).parents[2]
IDS = np.array([[0, 0, 3, 5, 2], [4, 3, 4, 2, 6]], np.int32)
SIZES = {
    "vocabulary_size": 7,
    "num_interests": 3,
    "embedding_dim": 4,
    "max_history_length": 6,
}


def make(extractor_class, **options):
    extractor = extractor_class(**{**SIZES, **options})
    extractor(IDS)
    rng = np.random.default_rng(0)
    for weight in extractor.weights:
        weight.assign(rng.normal(size=weight.shape))
    return extractor


def items_of(extractor, row):
    table = extractor.item_embedding.embeddings.numpy()
    return table[IDS[row][IDS[row] != 0]]


@pytest.mark.parametrize("row", [0, 1])
def test_dynamic_routing_has_a_matrix_for_each_place_and_interest(row):
    extractor = make(DynamicRoutingExtractor)
    items = items_of(extractor, row)
    # The newest item has the last matrix, whatever the history's length.
    kernels = extractor.vote_kernel.numpy()[-len(items) :]
    votes = np.array(
        [
            (item @ kernel).reshape(3, 4)
            for item, kernel in zip(items, kernels, strict=True)
        ]
    )
    expected = route_by_hand(votes, np.zeros((5, 3)), len(items), 3, 3)

    np.testing.assert_allclose(extractor(IDS)[row], expected, atol=1e-4)


@pytest.mark.parametrize("row", [0, 1])
def test_mind_has_one_matrix_and_drawn_logits(row):
    extractor = make(MINDExtractor, routing_seed=7)
    items = items_of(extractor, row)
    votes = np.repeat(
        (items @ extractor.vote_kernel.numpy())[:, np.newaxis], 3, axis=1
    )
    logits = np.random.default_rng(7).normal(size=(6, 3))[-len(items) :]
    expected = route_by_hand(votes, logits, len(items), 3, 3)

    np.testing.assert_allclose(extractor(IDS)[row], expected, atol=1e-4)


def test_mind_has_different_interests_with_another_seed():
    assert (
        make(MINDExtractor)(IDS).numpy()
        != make(MINDExtractor, routing_seed=1)(IDS).numpy()
    ).any()


def test_mind_is_the_same_in_every_call_and_process():
    extractor = make(MINDExtractor)
    expected = extractor(IDS).numpy()
    program = (
        "from tests.layers.test_capsule_extractors import *\n"
        "print(make(MINDExtractor)(IDS).numpy().tobytes().hex())"
    )
    other_process = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()[-1]

    np.testing.assert_array_equal(extractor(IDS), expected)
    np.testing.assert_array_equal(extractor(IDS, training=True), expected)
    assert other_process == expected.tobytes().hex()


@pytest.mark.parametrize(
    ("num_items", "num_interests"),
    # max(1, min(4, floor(log2 n))).
    [(0, 1), (1, 1), (3, 1), (4, 2), (7, 2), (8, 3), (16, 4), (32, 4)],
)
def test_number_of_interests_follows_the_length(num_items, num_interests):
    extractor = MINDExtractor(
        **{**SIZES, "num_interests": 4, "max_history_length": 32},
        adaptive_interests=True,
    )
    item_ids = np.zeros((1, 32), np.int32)
    item_ids[0, :num_items] = 2

    active = extractor.active_interests(item_ids).numpy()[0]

    assert active.sum() == num_interests
    assert active[:num_interests].all()


def test_inactive_interests_repeat_the_first_and_take_no_item():
    adaptive = make(MINDExtractor, adaptive_interests=True)
    three_items, five_items = adaptive(IDS).numpy()
    # With one interest all items are its own, with equal weights.
    votes = items_of(adaptive, 0) @ adaptive.vote_kernel.numpy()
    total = votes.sum(axis=0)
    length = np.linalg.norm(total)

    np.testing.assert_allclose(
        three_items, [total * length / (1 + length**2)] * 3, atol=1e-5
    )
    assert (five_items[0] != five_items[1]).all()
    np.testing.assert_array_equal(five_items[2], five_items[0])


def test_an_inactive_interest_never_wins():
    # All active interests score the item below 0, where zeros would win.
    extractor = make(MINDExtractor, adaptive_interests=True)
    interests = extractor(IDS)
    item = -interests[0, 0]
    scores = tf.einsum("kd,d->k", interests[0], item).numpy()

    assert scores.max() < 0
    assert scores.argmax() == 0


@pytest.mark.parametrize(
    "extractor_class", [DynamicRoutingExtractor, MINDExtractor]
)
def test_history_that_is_too_long_is_an_error(extractor_class):
    with pytest.raises(ValueError, match=r"_history_length` \(6\).*7 places"):
        make(extractor_class)(np.ones((1, 7), np.int32))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("vocabulary_size", 0),
        ("num_interests", 0),
        ("embedding_dim", 0),
        ("max_history_length", 0),
        ("num_iterations", 0),
        ("routing_seed", -1),
        ("routing_seed", 1.5),
    ],
)
def test_bad_argument_is_named(name, value):
    with pytest.raises(ValueError, match=f"`{name}`.*Received: {name}={value}"):
        MINDExtractor(**{**SIZES, name: value})
