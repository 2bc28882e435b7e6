"""Ranks of held-out items against a ranking one case at a time."""

import numpy as np
import pytest
import tensorflow as tf

from tests.data.small_logs import make_log, make_random_log
from tests.models.toys import FixedExtractor, LastItemExtractor
from tfrs_timirec.data.splits import LeaveOneOut
from tfrs_timirec.evaluation import rank_held_out, summarize_ranks
from tfrs_timirec.models import ComiRec, TiMiRec

LENGTH = 5
SPLIT = LeaveOneOut(make_random_log(), num_negatives=30)


def make_model(model_class=ComiRec, split=SPLIT):
    model = model_class(
        split.interactions.vocabulary_size,
        num_interests=3,
        embedding_dim=6,
        max_history_length=LENGTH,
    )
    rng = np.random.default_rng(0)
    for weight in model.trainable_variables:
        weight.assign(rng.normal(scale=0.5, size=weight.shape))
    return model


def make_fixed(scores):
    """Returns a model that gives everyone the same scores."""
    items = np.stack([scores, np.zeros(len(scores))], axis=1)
    return ComiRec(extractor=FixedExtractor([[1.0, 0.0]], items))


def brute_force(model, split, part, candidates):
    """Ranks one case after the other, with nothing but NumPy's comparisons."""
    log = split.interactions
    items = model.item_embeddings.numpy()
    ranks = []
    for case, position in enumerate(split.held_out_positions(part)):
        start = log.row_splits[log.user_indices[position]]
        history = log.item_ids[start:position]
        newest = history[-LENGTH:]
        ids = np.concatenate([np.zeros(LENGTH - len(newest), int), newest])
        vectors = model({"item_ids": tf.constant(ids[None], tf.int32)})[0]
        scores = (vectors.numpy() @ items.T).max(axis=0)
        target = log.item_ids[position]
        if candidates == "sampled":
            others = split.negatives(part)[case]
        else:
            unseen = np.setdiff1d(np.arange(2, log.vocabulary_size), history)
            others = unseen[unseen != target]
        better = np.sum(scores[others] > scores[target])
        tied = np.sum(scores[others] == scores[target])
        ranks.append(1 + better + tied / 2)
    return ranks


@pytest.mark.parametrize("candidates", ["sampled", "full"])
@pytest.mark.parametrize("part", ["validation", "test"])
@pytest.mark.parametrize("stage", ["pretraining", "finetuning"])
@pytest.mark.parametrize("block_size", [3, 10_000])
def test_equals_brute_force(block_size, stage, part, candidates):
    model = make_model(TiMiRec)
    model.set_stage(stage)

    ranks = rank_held_out(
        model,
        SPLIT,
        part,
        candidates=candidates,
        max_history_length=LENGTH,
        batch_size=7,  # Does not divide the cases.
        block_size=block_size,
    )

    assert ranks.dtype == np.float32
    expected = brute_force(model, SPLIT, part, candidates)
    assert len(expected) % 7
    assert ranks.tolist() == expected


def test_log_holds_targets_that_were_seen_before():
    # What the brute-force test claims to cover.
    log = SPLIT.interactions
    repeated = [
        log.item_ids[position]
        in log.item_ids[log.row_splits[log.user_indices[position]] : position]
        for position in SPLIT.held_out_positions("test")
    ]
    assert any(repeated)
    assert not all(repeated)


# The ids of a to e are 2 to 6; scores fall from a to e. Ann's test item is c
# after (a, b), bob's is a again after (a, e, d), both once more in the end.
SEEN_SPLIT = LeaveOneOut(make_log({"ann": "abc", "bob": "aeda"}))
FALLING = [9.0, 9.0, 5.0, 4.0, 3.0, 2.0, 1.0]


def test_seen_items_stand_in_nobodys_way():
    ranks = rank_held_out(
        make_fixed(FALLING), SEEN_SPLIT, "test", candidates="full"
    )

    # Ann: a and b are seen, c is before d and e. Bob: a is the best, though
    # seen; padding and the unknown item score 9 and count for nothing.
    assert ranks.tolist() == [1, 1]


def test_unseen_items_do():
    rising = [9.0, 9.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    ranks = rank_held_out(
        make_fixed(rising), SEEN_SPLIT, "test", candidates="full"
    )

    # Ann: c is behind e and d. Bob: a is behind b and c; d and e are seen.
    assert ranks.tolist() == [3, 3]


def test_validation_has_seen_less_than_the_test():
    ranks = rank_held_out(
        make_fixed(FALLING), SEEN_SPLIT, "validation", candidates="full"
    )

    # Ann: b after a, before c, d, e. Bob: d after (a, e), behind b and c.
    assert ranks.tolist() == [1, 3]


def test_ties_take_the_middle():
    ranks = rank_held_out(
        make_fixed([1.0] * 7), SEEN_SPLIT, "test", candidates="full"
    )

    # Ann: c, d and e tie, the mean of 1 to 3. Bob: a, b and c.
    assert ranks.tolist() == [2, 2]


@pytest.mark.parametrize("num_users", [1, 2, 5, 64])
@pytest.mark.parametrize("num_items", [23, 229])
@pytest.mark.parametrize("candidates", ["sampled", "full"])
def test_equal_items_tie(candidates, num_items, num_users):
    """Whatever a product rounds by: its size, or an item's place in it."""
    items = [f"i{item:03d}" for item in range(num_items)]
    users = {
        f"u{user}": [items[0], items[1 + user % 20], items[21]]
        for user in range(num_users)
    }
    log = make_log(users | {"x": items[:12], "y": items[12:]})
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(log.vocabulary_size, 64))
    equal = np.repeat(rng.normal(size=(1, 64)), log.vocabulary_size, axis=0)
    model = ComiRec(extractor=LastItemExtractor(vectors, equal))

    ranks = rank_held_out(
        model,
        LeaveOneOut(log, num_negatives=20),
        "test",
        candidates=candidates,
        batch_size=num_users,
    )

    # A target ties with 20 negatives, or with all items but the two seen.
    middle = 11 if candidates == "sampled" else (num_items - 1) / 2
    assert ranks[:num_users].tolist() == [middle] * num_users


@pytest.mark.parametrize("candidates", ["sampled", "full"])
def test_model_that_says_nothing_hits_nothing(candidates):
    vocabulary_size = SPLIT.interactions.vocabulary_size
    model = make_fixed([np.nan] * vocabulary_size)

    ranks = rank_held_out(model, SPLIT, "test", candidates=candidates)

    # Behind all 30 negatives, or behind all 20 items.
    last = 31 if candidates == "sampled" else 21
    assert set(ranks.tolist()) == {last}
    assert summarize_ranks(ranks)["hit_rate_at_20"] == 0


def test_item_that_has_no_score_is_behind_the_others():
    scores = [9.0, 9.0, 5.0, 4.0, 3.0, np.nan, 7.0]  # d has none.
    ranks = rank_held_out(
        make_fixed(scores), SEEN_SPLIT, "test", candidates="full"
    )

    # Ann: c is behind e alone. Bob: a is the best.
    assert ranks.tolist() == [2, 1]


@pytest.mark.parametrize("candidates", ["sampled", "full"])
def test_one_model_ranks_histories_of_two_lengths(candidates):
    model = make_model()
    both = [
        rank_held_out(
            model, SPLIT, candidates=candidates, max_history_length=length
        )
        for length in (LENGTH, 3)
    ]
    alone = rank_held_out(
        make_model(), SPLIT, candidates=candidates, max_history_length=3
    )
    np.testing.assert_array_equal(both[1], alone)
    assert (both[0] != both[1]).any()


@pytest.mark.parametrize("candidates", ["sampled", "full"])
def test_one_model_ranks_in_both_stages(candidates):
    model = make_model(TiMiRec)
    both = []
    for stage in TiMiRec.stages:
        model.set_stage(stage)
        ranks = rank_held_out(
            model, SPLIT, candidates=candidates, max_history_length=LENGTH
        )
        assert ranks.tolist() == brute_force(model, SPLIT, "test", candidates)
        both.append(ranks)

    assert (both[0] != both[1]).any()


def test_mixed_precision_ranks_too():
    before = tf.keras.mixed_precision.global_policy()
    tf.keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        model = make_model()
    finally:
        tf.keras.mixed_precision.set_global_policy(before)

    for candidates in ("sampled", "full"):
        ranks = rank_held_out(
            model,
            SPLIT,
            "test",
            candidates=candidates,
            max_history_length=LENGTH,
        )
        expected = brute_force(model, SPLIT, "test", candidates)
        # Vectors in half precision may swap neighbours now and then.
        assert np.abs(ranks - expected).mean() < 0.5


def test_unknown_words_are_errors():
    with pytest.raises(ValueError, match="`candidates`"):
        rank_held_out(make_model(), SPLIT, "test", candidates="all")
    with pytest.raises(ValueError, match="`part`"):
        rank_held_out(make_model(), SPLIT, "train")


def test_histories_are_as_long_as_the_model_reads():
    model = make_model()

    ranks = rank_held_out(model, SPLIT, "test")

    assert ranks.tolist() == brute_force(model, SPLIT, "test", "sampled")
