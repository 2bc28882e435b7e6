"""Batches: histories, negatives, and epochs that follow from the seed."""

import numpy as np
import pytest
import tensorflow as tf

from tests.data.small_logs import make_log, make_random_log, one_epoch
from tfrs_timirec.data.batches import evaluation_dataset, training_dataset
from tfrs_timirec.data.splits import LeaveOneOut

# The ids of a to g are 2 to 8. Training targets: bob's b, dan's a, b and d.
SPLIT = LeaveOneOut(
    make_log({"ann": "g", "bob": "ab", "cat": "abf", "dan": "cabdef"}),
    num_negatives=3,
)


def instances(epoch):
    """Returns (history, target) of each instance, sorted."""
    return sorted(
        (tuple(history.tolist()), int(target))
        for history, target in zip(
            epoch["item_ids"], epoch["target_id"], strict=True
        )
    )


def fold_in(seed, number):
    return tf.random.experimental.stateless_fold_in(
        seed, tf.constant(number, tf.int64)
    )


def test_training_instances_by_hand():
    epoch = one_epoch(training_dataset(SPLIT, max_history_length=2))

    # The third item of dan sees (c, a), his fourth only the newest two.
    assert instances(epoch) == [
        ((0, 2), 3),
        ((0, 4), 2),
        ((2, 3), 5),
        ((4, 2), 3),
    ]
    assert {name: array.dtype for name, array in epoch.items()} == {
        "item_ids": np.int32,
        "target_id": np.int32,
        "negative_ids": np.int32,
    }


def test_held_out_cases_by_hand():
    validation = one_epoch(
        evaluation_dataset(SPLIT, "validation", max_history_length=4)
    )
    test = one_epoch(evaluation_dataset(SPLIT, "test", max_history_length=4))

    # In the order of the users; the test sees the validation item.
    assert validation["item_ids"].tolist() == [[0, 0, 0, 2], [4, 2, 3, 5]]
    assert validation["target_id"].tolist() == [3, 6]
    assert test["item_ids"].tolist() == [[0, 0, 2, 3], [2, 3, 5, 6]]
    assert test["target_id"].tolist() == [7, 7]
    np.testing.assert_array_equal(
        test["candidate_ids"], SPLIT.negatives("test")
    )


def test_full_ranking_has_no_candidates():
    epoch = one_epoch(evaluation_dataset(SPLIT, "test", candidates="full"))

    assert set(epoch) == {"item_ids", "target_id"}


def test_evaluation_is_the_same_in_every_pass_and_batch_size():
    split = LeaveOneOut(make_random_log(), num_negatives=9)
    dataset = evaluation_dataset(split, "test", batch_size=7)
    first, second = one_epoch(dataset), one_epoch(dataset)
    at_once = one_epoch(evaluation_dataset(split, "test"))

    for name, expected in first.items():
        np.testing.assert_array_equal(second[name], expected)
        np.testing.assert_array_equal(at_once[name], expected)


def test_every_instance_comes_once_an_epoch_in_a_new_order():
    split = LeaveOneOut(make_random_log())
    dataset = training_dataset(split, batch_size=16)
    first, second = one_epoch(dataset), one_epoch(dataset)

    log = split.interactions
    expected = []
    for position in split.train_positions:
        start = log.row_splits[log.user_indices[position]]
        history = log.item_ids[max(start, position - 20) : position].tolist()
        history = [0] * (20 - len(history)) + history
        expected.append((tuple(history), int(log.item_ids[position])))
    assert instances(first) == sorted(expected)
    assert instances(second) == sorted(expected)
    assert (first["target_id"] != second["target_id"]).any()
    assert (first["target_id"] != log.item_ids[split.train_positions]).any()


@pytest.mark.parametrize("name", ["batch_size", "num_negatives"])
def test_sizes_are_positive(name):
    split = LeaveOneOut(make_random_log())

    with pytest.raises(ValueError, match=f"`{name}` must.*{name}=0"):
        training_dataset(split, **{name: 0})
    with pytest.raises(ValueError, match="`batch_size` must"):
        evaluation_dataset(split, batch_size=-1)


def test_batch_sizes_and_cardinality():
    split = LeaveOneOut(make_random_log())
    num_instances = len(split.train_positions)
    batch_size = 16
    assert num_instances % batch_size, "the last batch should be smaller"
    dataset = training_dataset(split, batch_size=batch_size)

    sizes = [len(batch["target_id"]) for batch in dataset.as_numpy_iterator()]

    assert dataset.cardinality().numpy() == len(sizes)
    assert sizes[:-1] == [batch_size] * (len(sizes) - 1)
    assert sizes[-1] == num_instances % batch_size
    assert dataset.element_spec["item_ids"].shape.as_list() == [None, 20]
    assert dataset.element_spec["negative_ids"].shape.as_list() == [None, 1]


def test_negatives_are_never_among_the_training_items_of_the_user():
    # In a log of users that share no item with another, an instance tells its
    # user; each has an item for validation and one for test.
    log = make_log({"ann": "abcdeghi"[:6], "bob": "ghijkl"})
    split = LeaveOneOut(log)
    dataset = training_dataset(split, batch_size=4, num_negatives=40)
    allowed = {
        # Training items: a-d (2-5) and g-j (8-11); ids reach from 2 to 12.
        "ann": set(range(2, log.vocabulary_size)) - set(log.item_ids[:4]),
        "bob": set(range(2, log.vocabulary_size)) - set(log.item_ids[6:10]),
    }
    drawn = {"ann": set(), "bob": set()}

    for _ in range(3):
        epoch = one_epoch(dataset)
        for target, negatives in zip(
            epoch["target_id"], epoch["negative_ids"], strict=True
        ):
            user = "ann" if target in log.item_ids[:6] else "bob"
            drawn[user] |= set(negatives.tolist())

    # 3 epochs * 3 instances * 40 draws: all that is allowed comes, the
    # held-out items and the last id among it.
    assert drawn == allowed
    assert set(log.item_ids[4:6]) <= drawn["ann"]


def test_negatives_differ_within_a_batch_between_steps_and_epochs():
    split = LeaveOneOut(make_random_log())
    dataset = training_dataset(split, batch_size=32, num_negatives=8)
    batches = [batch["negative_ids"] for batch in dataset.as_numpy_iterator()]
    again = next(dataset.as_numpy_iterator())["negative_ids"]

    assert (batches[0][0] != batches[0][1]).any()
    assert (batches[0] != batches[1]).any()
    assert (batches[0] != again).any()


def test_epoch_follows_from_seed_and_number():
    split = LeaveOneOut(make_random_log())
    unbroken = training_dataset(split, seed=5)
    epochs = [one_epoch(unbroken) for _ in range(3)]

    for number, expected in enumerate(epochs):
        resumed = training_dataset(split, seed=5, first_epoch=number)
        for name, array in one_epoch(resumed).items():
            np.testing.assert_array_equal(array, expected[name])
    other_seed = one_epoch(training_dataset(split, seed=6))
    for name in ("target_id", "negative_ids"):
        assert (other_seed[name] != epochs[0][name]).any()


@pytest.mark.parametrize(("seed", "number"), [(0, 0), (0, 7), (3, 1)])
def test_epochs_stay_what_they_were(seed, number):
    # The order and the negatives of a seed are those of every earlier version:
    # here they are drawn step by step, negatives until none is seen.
    log = make_random_log()
    split = LeaveOneOut(log)
    epoch_seed = fold_in(tf.constant([seed, 0], tf.int64), number)
    order = tf.random.experimental.stateless_shuffle(
        split.train_positions, epoch_seed
    ).numpy()
    seen = {
        (log.user_indices[position], log.item_ids[position])
        for position in np.flatnonzero(split.is_training)
    }

    def is_seen(user, item):
        return item < 2 or (user, item) in seen

    dataset = training_dataset(
        split, batch_size=16, num_negatives=2, seed=seed, first_epoch=number
    )
    for step, batch in enumerate(dataset.as_numpy_iterator()):
        positions = order[16 * step : 16 * (step + 1)]
        users = np.repeat(log.user_indices[positions], 2).reshape(-1, 2)
        draw_seed = fold_in(epoch_seed, step)
        negatives = np.zeros(users.shape, np.int32)
        while (again := np.vectorize(is_seen)(users, negatives)).any():
            drawn = tf.random.stateless_uniform(
                users.shape, draw_seed, 2, log.vocabulary_size, tf.int32
            )
            negatives = np.where(again, drawn, negatives)
            draw_seed = fold_in(draw_seed, 1)
        np.testing.assert_array_equal(
            batch["target_id"], log.item_ids[positions]
        )
        np.testing.assert_array_equal(batch["negative_ids"], negatives)


def test_epoch_that_is_left_early_counts():
    split = LeaveOneOut(make_random_log())
    dataset = training_dataset(split, batch_size=8)
    next(iter(dataset))

    expected = one_epoch(training_dataset(split, batch_size=8, first_epoch=1))
    np.testing.assert_array_equal(
        one_epoch(dataset)["target_id"], expected["target_id"]
    )


def test_users_who_trained_on_everything_are_an_error():
    log = make_log({"ann": "abcab", "bob": "ab", "cid": "bcacab"})
    split = LeaveOneOut(log)

    with pytest.raises(ValueError, match="2 that.*all 3 items.*user='ann'"):
        training_dataset(split)


def test_nothing_to_train_on_is_an_error():
    with pytest.raises(ValueError, match="`split` must hold training"):
        training_dataset(LeaveOneOut(make_log({"ann": "a", "bob": "b"})))


def test_nothing_held_out_is_an_error():
    split = LeaveOneOut(make_log({"ann": "ab", "bob": "bc"}))

    for candidates in ("sampled", "full"):
        with pytest.raises(ValueError, match="three interactions"):
            evaluation_dataset(split, "test", candidates=candidates)


@pytest.mark.parametrize("make", [training_dataset, evaluation_dataset])
def test_history_length_must_be_positive(make):
    with pytest.raises(ValueError, match="`max_history_length`.*Received"):
        make(SPLIT, max_history_length=0)
    with pytest.raises(ValueError, match="max_history_length=2.5"):
        make(SPLIT, max_history_length=2.5)


@pytest.mark.parametrize("make", [training_dataset, evaluation_dataset])
def test_features_are_not_one_text(make):
    with pytest.raises(ValueError, match=r"`features`.*\['timestamps'\]"):
        make(SPLIT, features="timestamps")


def test_unknown_words_are_errors():
    with pytest.raises(ValueError, match="`candidates`.*'some'"):
        evaluation_dataset(SPLIT, candidates="some")
    with pytest.raises(ValueError, match="`part`.*'train'"):
        evaluation_dataset(SPLIT, "train")
