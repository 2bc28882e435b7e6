"""Diverse lists, place by place."""

import numpy as np
import pytest
import tensorflow as tf

import tfrs_timirec  # noqa: F401
from tfrs_timirec.serving.diversity import choose_diverse, first_occurrences

LOWEST = np.finfo(np.float32).min


@pytest.mark.parametrize(
    ("diversity", "expected"),
    [
        # Categories a a a b b c, scores 9 8 7 6 5 1.
        (0.0, [0, 1, 2, 3, 4, 5]),
        # After 0 (a): 8, 7, 6+2.5, 5+2.5, 1+2.5, so 3 (b); then 8+2.5,
        # 7+2.5, 5+2.5, 1+5: 1; then 7+2.5, 5+5, 1+7.5: 4; then 7+5, 1+10: 2.
        (2.5, [0, 3, 1, 4, 2, 5]),
        # More than any score: each category as soon as possible.
        (100.0, [0, 3, 5, 1, 4, 2]),
    ],
)
def test_each_place_takes_the_best_sum(diversity, expected):
    chosen = choose_diverse(
        [[9.0, 8.0, 7.0, 6.0, 5.0, 1.0]],
        [[0, 0, 0, 1, 1, 2]],
        [diversity],
        6,
    )

    assert chosen.numpy().tolist() == [expected]


def greedy(scores, categories, diversity):
    """The rule as it is written down."""
    chosen, left = [], list(range(len(scores)))
    while left:
        sums = [
            scores[i]
            + diversity * sum(categories[i] != categories[j] for j in chosen)
            for i in left
        ]
        chosen.append(left.pop(int(np.argmax(sums))))
    return chosen


@pytest.mark.parametrize("diversity", [0.0, 0.25, 1.5, 64.0])
def test_order_is_the_greedy_rules(diversity):
    rng = np.random.default_rng(0)
    # All sums of the rule are exact, and all different.
    scores = np.stack([rng.permutation(40) for _ in range(20)])
    parts = np.stack([rng.permutation(40) for _ in range(20)])
    scores = scores + parts * 2.0**-12
    categories = rng.integers(0, 6, scores.shape)

    chosen = choose_diverse(scores, categories, [diversity] * 20, 40).numpy()

    expected = [
        greedy(*row, diversity) for row in zip(scores, categories, strict=True)
    ]
    assert chosen.tolist() == expected


@pytest.mark.parametrize("diversity", [0.0, 0.5, 1e38])
def test_a_candidate_comes_up_once_and_what_is_none_last(diversity):
    scores = [[LOWEST, 3.0, LOWEST, 2.0], [LOWEST] * 4]

    chosen = choose_diverse(
        scores, [[0, 0, 1, 1]] * 2, [diversity] * 2, 4
    ).numpy()

    assert np.sort(chosen).tolist() == [[0, 1, 2, 3]] * 2
    assert chosen[0, :2].tolist() == [1, 3]


def test_rows_have_their_own_diversity_and_k_may_be_0():
    scores, categories = [[3.0, 2.0, 1.0]] * 2, [[0, 0, 1]] * 2

    chosen = choose_diverse(scores, categories, [0.0, 5.0], 2)

    assert chosen.numpy().tolist() == [[0, 1], [0, 2]]
    assert choose_diverse(scores, categories, [0.0, 5.0], 0).shape == (2, 0)


def test_first_occurrences():
    rng = np.random.default_rng(0)
    values = rng.integers(0, 9, (20, 30))

    firsts = first_occurrences(tf.constant(values)).numpy()

    expected = [
        [value not in row[:place] for place, value in enumerate(row)]
        for row in values.tolist()
    ]
    assert firsts.tolist() == expected
