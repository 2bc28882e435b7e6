"""Divergences between targets', best items' and predicted interests."""

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from tests.data.small_logs import make_random_log
from tests.models.toys import (
    FixedExtractor,
    LastItemPredictor,
    finetuning,
    make_model,
)
from tfrs_timirec.data import Interactions, LeaveOneOut
from tfrs_timirec.evaluation.interest_agreement import (
    compare_interests,
    divergence_shares,
)
from tfrs_timirec.models import ComiRec, TiMiRec

INTERESTS = [[2.0, 0.0], [0.0, 3.0]]
# Padding and the unknown item, then a, b, c, d.
ITEMS = [[0, 0], [9, 9], [1, 0], [0, 1], [1, 1], [5, 5]]


@pytest.fixture(scope="module")
def split():
    """One user met a, b, then c as validation and d as test target."""
    frame = pd.DataFrame(
        {"user_id": 1, "item_id": list("abcd"), "timestamp": range(4)}
    )
    return LeaveOneOut(Interactions.from_dataframe(frame), num_negatives=1)


def make_timirec(temperature):
    predictor = LastItemPredictor()
    predictor(tf.zeros((1, 1), tf.int32))
    predictor.table.set_weights([np.zeros((12, 2))])
    return finetuning(
        TiMiRec(
            extractor=FixedExtractor(INTERESTS, ITEMS),
            predictor=predictor,
            temperature=temperature,
        )
    )


def divergence(p, q):
    middle = (p + q) / 2
    return (p @ np.log(p / middle) + q @ np.log(q / middle)) / 2


def test_by_hand(split):
    # At validation c = (1, 1) and d = (5, 5) are unseen. Best is d, with the
    # same cosines as the target c, (1, 1) / sqrt(2): divergence 0. So uniform,
    # as the prediction with logits 0 is: divergence 0 as well.
    agreement = compare_interests(
        make_timirec(0.5), split, "validation", temperature=0.5
    )

    np.testing.assert_allclose(agreement.recommended, [0], atol=1e-9)
    np.testing.assert_allclose(agreement.predicted, [0], atol=1e-9)
    # (2, 0) and (0, 3).
    assert agreement.interest_distance == pytest.approx(np.sqrt(13))
    summary = agreement.summary()
    assert summary["js_recommended_shares"] == [1, 0, 0, 0, 0]
    assert summary["temperature"] == 0.5


def test_best_item_of_another_interest_by_hand(split):
    # The vector is (1, 1.5): d = (9, 0) scores 9 and the target c = (1, 1) 2.5.
    # The cosines of d are (1, 0), those of c are equal.
    items = [*ITEMS[:-1], [9, 0]]
    model = ComiRec(extractor=FixedExtractor(INTERESTS, items))

    agreement = compare_interests(model, split, "validation", temperature=0.5)

    p = np.exp([2.0, 0.0]) / np.exp([2.0, 0.0]).sum()
    assert agreement.recommended == pytest.approx(
        [divergence(np.array([0.5, 0.5]), p)], rel=1e-5
    )


def test_prediction_at_temperature_by_hand(split):
    model = make_timirec(0.5)
    model.predictor.table.set_weights([np.tile([0.0, 1.0], (12, 1))])

    agreement = compare_interests(model, split, "test", temperature=0.5)

    # The target's distribution is uniform, the logits over T are (0, 2).
    q = np.exp([0.0, 2.0]) / np.exp([0.0, 2.0]).sum()
    assert agreement.predicted == pytest.approx(
        [divergence(np.array([0.5, 0.5]), q)], rel=1e-5
    )


def test_greedy_model_has_no_prediction(split):
    model = ComiRec(extractor=FixedExtractor(INTERESTS, ITEMS))

    agreement = compare_interests(model, split, temperature=1.0)

    assert agreement.predicted is None
    assert agreement.summary()["js_predicted"] is None
    assert agreement.recommended.shape == (1,)


def test_agreement_does_not_depend_on_the_batches():
    split = LeaveOneOut(make_random_log())
    model = finetuning(make_model(vocabulary_size=22))  # Of 20 items.
    few, all_at_once = (
        compare_interests(
            model, split, max_history_length=4, batch_size=batch_size
        )
        for batch_size in (7, 1000)
    )

    assert len(few.recommended) == len(split.held_out_positions("test")) > 7
    for name in ("recommended", "predicted"):
        values = getattr(few, name)
        np.testing.assert_allclose(
            values, getattr(all_at_once, name), atol=1e-6
        )
        assert np.ptp(values) > 1e-3
    assert few.interest_distance == pytest.approx(
        all_at_once.interest_distance, rel=1e-5
    )


def test_shares_by_hand():
    values = [0, 1e-12, 0.005, 0.01, 0.015, 0.02, 0.03, 0.05, 0.051, 0.69]

    shares = divergence_shares(np.array(values))

    assert shares == pytest.approx([0.2, 0.2, 0.2, 0.2, 0.2])
