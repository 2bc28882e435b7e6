"""The best unseen items against a choice one case at a time."""

import numpy as np
import pytest
import tensorflow as tf

from tests.evaluation.test_ranking import LENGTH, SPLIT, make_model
from tfrs_timirec.evaluation import recommend_held_out
from tfrs_timirec.models import SequentialRecommender


def choose(model, part, k):
    """Scores every item of the catalogue for one case after the other."""
    log = SPLIT.interactions
    lists = []
    for position in SPLIT.held_out_positions(part):
        start = log.row_splits[log.user_indices[position]]
        history = log.item_ids[start:position]
        ids = np.zeros((1, LENGTH), np.int32)
        newest = history[-LENGTH:]
        ids[0, LENGTH - len(newest) :] = newest
        scores = model.score_all(model({"item_ids": tf.constant(ids)}))[0]
        scores = scores.numpy()
        scores[:2] = -np.inf
        scores[history] = -np.inf
        lists.append(np.argsort(-scores)[:k].tolist())
    return lists


@pytest.mark.parametrize("batch_size", [7, 1000])
@pytest.mark.parametrize("part", ["validation", "test"])
def test_every_batch_leaves_out_what_its_own_cases_met(part, batch_size):
    model = make_model()

    best = recommend_held_out(
        model,
        SPLIT,
        part,
        k=2,
        max_history_length=LENGTH,
        batch_size=batch_size,
    )

    assert best.dtype == np.int32
    assert best.tolist() == choose(model, part, 2)


def test_list_ends_where_every_item_has_been_met():
    log = SPLIT.interactions

    best = recommend_held_out(make_model(), SPLIT, k=log.num_items)

    positions = SPLIT.held_out_positions("test")
    for position, found in zip(positions, best, strict=True):
        start = log.row_splits[log.user_indices[position]]
        every = np.arange(2, log.vocabulary_size)
        unseen = np.setdiff1d(every, log.item_ids[start:position])
        assert sorted(found[: len(unseen)]) == unseen.tolist()
        assert not found[len(unseen) :].any()


def test_no_model_scores_the_whole_catalogue_at_once(monkeypatch):
    monkeypatch.setattr(SequentialRecommender, "score_all", None)

    assert recommend_held_out(make_model(), SPLIT, k=1).all()


def test_longer_lists_than_the_catalogue_are_an_error():
    with pytest.raises(ValueError, match="number of items, 20. Received: k=21"):
        recommend_held_out(make_model(), SPLIT, k=21)


@pytest.mark.parametrize("name", ["k", "batch_size"])
def test_sizes_must_be_positive(name):
    with pytest.raises(ValueError, match=f"`{name}`.*Received: {name}=0"):
        recommend_held_out(make_model(), SPLIT, **{name: 0})
