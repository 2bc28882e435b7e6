"""Models whose instances share the negatives of the batch."""

import math

import numpy as np
import pytest
import tensorflow as tf

from tests.models.toys import SOFTMAX_MODELS, FixedExtractor, make_batch
from tfrs_timirec.models import ComiRec

# Items 2, 3 and 4 lie along the axes and between them.
ITEMS = [[0, 0], [9, 9], [1, 0], [0, 1], [0.5, 0.5]]
INTERESTS = [[2.0, 0.0], [0.0, 3.0]]

every_model = pytest.mark.parametrize(
    "make", SOFTMAX_MODELS.values(), ids=list(SOFTMAX_MODELS)
)


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


def test_unknown_loss():
    with pytest.raises(ValueError, match="`loss` must be one of bpr, samp.*ce"):
        ComiRec(12, loss="ce")
