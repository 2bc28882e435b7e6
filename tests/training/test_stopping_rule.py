"""StoppingRule, worked by hand."""

import dataclasses
import math

import pytest

from tfrs_timirec.training import StoppingRule

RULE = StoppingRule(max_epochs=8, patience=4, min_epochs=4, decline=3)


@pytest.mark.parametrize(
    ("values", "stops"),
    [
        ([], False),
        ([1], False),
        ([1, 2, 3, 4, 5, 6, 7], False),
        ([1, 2, 3, 4, 5, 6, 7, 8], True),  # All eight epochs.
        ([5, 1, 2, 3], False),  # Three without a new best.
        ([5, 1, 2, 3, 4], True),  # Four.
        ([5, 1, 2, 3, 5], True),  # The same again is no new best.
        ([5, 1, 2, 3, 6], False),
        ([1, 9, 8, 7], False),  # Declines, but four epochs are too early.
        ([1, 2, 9, 8, 7], True),
        ([1, 2, 9, 9, 9], True),  # Not rising is enough.
        ([1, 2, 8, 9, 7], False),  # 8 to 9 rises.
        ([1, -math.inf, -math.inf, 2, 3], False),
    ],
)
def test_should_stop(values, stops):
    assert RULE.should_stop(values) is stops


def test_defaults_are_those_of_the_authors():
    rule = StoppingRule()
    rising = list(range(200))

    assert rule.should_stop(rising)
    assert not rule.should_stop(rising[:199])
    # 20 epochs in a row below the best.
    assert not rule.should_stop([9, *([1, 2] * 9), 1])
    assert rule.should_stop([9, *([1, 2] * 10)])
    # Ten values that never rise count after epoch 20.
    down = list(range(10, 0, -1))
    assert not rule.should_stop([*range(1, 11), *down])
    assert rule.should_stop([*range(1, 12), *down])


def test_decline_needs_as_many_values_as_it_says():
    rule = StoppingRule(min_epochs=1, decline=4)

    assert not rule.should_stop([4, 3, 2])
    assert rule.should_stop([4, 3, 2, 1])


@pytest.mark.parametrize(
    "name", [field.name for field in dataclasses.fields(StoppingRule)]
)
@pytest.mark.parametrize("value", [0, 1.5])
def test_numbers_must_be_positive_integers(name, value):
    with pytest.raises(ValueError, match=f"`{name}`.*Received: {name}={value}"):
        StoppingRule(**{name: value})


def test_a_single_value_does_not_decline():
    with pytest.raises(ValueError, match="`decline` must be at least 2"):
        StoppingRule(decline=1)
