"""Models whose instances share the negatives of the batch."""

import math

import numpy as np
import pytest
import tensorflow as tf

from tests.models.toys import (
    FixedExtractor,
    finetuning,
    make_batch,
    make_model,
    make_single,
)
from tfrs_timirec.models import MIND, ComiRec, GRU4Rec, TiMiRec
from tfrs_timirec.training import AdamL2

# Items 2, 3 and 4 lie along the axes and between them.
ITEMS = [[0, 0], [9, 9], [1, 0], [0, 1], [0.5, 0.5]]
INTERESTS = [[2.0, 0.0], [0.0, 3.0]]

MODELS = {
    "ComiRec": lambda: make_model(ComiRec, loss="sampled_softmax"),
    "MIND": lambda: make_model(
        MIND, attention_power=1.0, loss="sampled_softmax"
    ),
    "TiMiRec": lambda: finetuning(make_model(TiMiRec, loss="sampled_softmax")),
    "GRU4Rec": lambda: make_single(GRU4Rec, loss="sampled_softmax"),
}
every_model = pytest.mark.parametrize("make", MODELS.values(), ids=list(MODELS))


def test_negatives_of_the_batch_are_everybodys_but_the_target():
    model = ComiRec(
        extractor=FixedExtractor(INTERESTS, ITEMS), loss="sampled_softmax"
    )
    batch = {
        "item_ids": tf.constant([[2, 3], [2, 3]]),
        "target_id": tf.constant([2, 3]),
        "negative_ids": tf.constant([[3], [4]]),
    }
    # Interest 0 for item 2: scores 2 against 0 and 1. Interest 1 for item 3,
    # which is the first negative: 3 against 1.5.
    expected = [
        math.log(1 + math.exp(-2) + math.exp(-1)),
        math.log(1 + math.exp(-1.5)),
    ]

    assert model.compute_loss(batch).numpy() == pytest.approx(np.mean(expected))


@every_model
def test_one_instance_with_one_negative_is_bpr(make):
    model = make()
    batch = make_batch(size=1, num_negatives=1)
    loss = model.compute_loss(batch).numpy()
    model._shares_negatives = False

    assert loss == pytest.approx(model.compute_loss(batch).numpy(), rel=1e-5)


@every_model
def test_loss_falls(make):
    model = make()
    model.compile(optimizer=AdamL2(learning_rate=0.03))
    batch = make_batch(size=10)
    before = model.compute_loss(batch).numpy()
    data = tf.data.Dataset.from_tensors(batch).repeat(60)

    model.fit(data, epochs=1, verbose=0)

    assert model.compute_loss(batch).numpy() < 0.5 * before


def test_unknown_loss():
    with pytest.raises(ValueError, match="`loss` must be one of bpr, samp.*ce"):
        ComiRec(12, loss="ce")
