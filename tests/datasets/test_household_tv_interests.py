"""The planted interests: calibrated, history-dependent, and predictable."""

import numpy as np
import pytest
from tfrs_timirec.datasets.household_tv import members, settings
from tfrs_timirec.datasets.household_tv.settings import HouseholdSettings
from tfrs_timirec.datasets.household_tv.simulator import simulate

import tfrs_timirec  # noqa: F401

THREE = HouseholdSettings(
    num_users=400, num_items=600, num_interactions=12_000, num_interests=3
)


@pytest.fixture(scope="module")
def small():
    return simulate(settings.SMALL)


def run_lengths(world):
    """Items watched in a row by the active member before each step; 0 first."""
    first = np.zeros(len(world.items), bool)
    first[world.row_splits[:-1]] = True
    active = world.active_interests
    new_run = first | (active != np.roll(active, 1))
    run_starts = np.maximum.accumulate(
        np.where(new_run, np.arange(len(active)), 0)
    )
    lengths = np.arange(len(active)) - run_starts + 1
    return np.where(first, 0, np.roll(lengths, 1))


@pytest.mark.parametrize("preset", [settings.SMALL, THREE], ids=["2", "3"])
def test_planted_distributions_are_calibrated(preset):
    world = simulate(preset)
    truth = world.interest_distributions.astype(np.float64)
    assert truth.shape == (preset.num_interactions, preset.num_interests)
    np.testing.assert_allclose(truth.sum(axis=1), 1, atol=1e-6)
    assert truth.min() >= 0
    for interest in range(preset.num_interests):
        p = truth[:, interest]
        hit = world.active_interests == interest
        bins = np.minimum((p * 10).astype(int), 9)
        expected = np.bincount(bins, p, minlength=10)
        variance = np.bincount(bins, p * (1 - p), minlength=10)
        observed = np.bincount(bins, hit, minlength=10)
        # The draws are independent given the past, so in a bin observed minus
        # expected is a sum of martingale differences of this variance. Ten
        # bins and five interests over both cases are 50 comparisons; 4.5
        # standard deviations are left by 7e-6 each, 0.04 % of all runs of
        # such a test if it had a new seed each time. 1 is for empty bins.
        assert (
            np.abs(observed - expected) <= 4.5 * np.sqrt(variance) + 1
        ).all()


def test_a_wrong_distribution_would_not_be_calibrated(small):
    """The tolerance above is narrow enough to notice a hazard that is off."""
    p = small.interest_distributions[:, 0].astype(np.float64)
    logit = np.log(p + 1e-9) - np.log1p(1e-9 - p)
    wrong = 1 / (1 + np.exp(-(logit + 0.2)))
    hit = small.active_interests == 0
    bins = np.minimum((wrong * 10).astype(int), 9)
    gap = np.bincount(bins, hit - wrong, minlength=10)
    variance = np.bincount(bins, wrong * (1 - wrong), minlength=10)
    assert (np.abs(gap) > 4.5 * np.sqrt(variance) + 1).any()


def test_chance_of_a_switch_grows_with_the_run(small):
    runs = run_lengths(small)
    previous = np.roll(small.active_interests, 1)
    switched = small.active_interests != previous
    for interest in range(2):
        shares = []
        for run in range(1, 6):
            chosen = (runs == run) & (previous == interest)
            if chosen.sum() >= 100:
                shares.append(switched[chosen].mean())
        assert len(shares) >= 4
        # Neighbouring runs differ by `hazard_slope` = 2 logits, less what the
        # households' different patience and hours blur: clear of noise, as
        # 100 cases have a standard error of at most 0.05.
        assert (np.diff(shares) > 0).all()
        assert shares[-1] - shares[0] > 0.5


def test_switch_probability_by_hand():
    def probability(run, patience, near):
        return float(
            members.switch_probability(run, patience, near, settings.TINY)
        )

    # At the patience, hour neutral: sigmoid(0).
    assert probability(4, 4.0, 0.0) == 0.5
    # One item on, slope 2: sigmoid(2) = 1 / (1 + e^-2) = 1 / 1.1353353.
    assert probability(5, 4.0, 0.0) == pytest.approx(0.8807971)
    # At its best hour the member stays: sigmoid(-0.8) = 1 / (1 + 2.2255409).
    assert probability(4, 4.0, 1.0) == pytest.approx(0.3100255)


def test_cartoons_are_watched_in_the_afternoon_and_movies_at_night(small):
    cartoons = small.active_interests == 0
    afternoon = np.isin(small.hours, [15, 16, 17])
    night = np.isin(small.hours, [21, 22, 23])
    assert cartoons[afternoon].mean() > cartoons[night].mean() + 0.05


def test_run_length_predicts_the_next_interest_better_than_the_history(small):
    """A table over (last interest, run length), from other households."""
    runs = np.minimum(run_lengths(small), 8)
    previous = np.roll(small.active_interests, 1)
    first = small.row_splits[:-1]
    users = np.repeat(np.arange(small.num_users), np.diff(small.row_splits))
    steps = np.arange(len(users)) - first[users]
    cartoons = (small.active_interests == 0).astype(float)
    before = np.cumsum(cartoons) - cartoons
    average = (before - before[first][users] + 1) / (steps + 2)
    learn = (users % 2 == 0) & (steps > 0)
    judge = (users % 2 == 1) & (steps > 0)
    cell = previous * 9 + runs
    table = (np.bincount(cell[learn], cartoons[learn], minlength=18) + 1) / (
        np.bincount(cell[learn], minlength=18) + 2
    )
    truth = small.interest_distributions[:, 0].astype(np.float64)

    def js(predicted):
        p = np.stack([truth, 1 - truth])[:, judge]
        q = np.stack([predicted, 1 - predicted])[:, judge]
        m = (p + q) / 2
        return (
            0.5
            * (
                (p * np.log((p + 1e-12) / m)).sum(0)
                + (q * np.log((q + 1e-12) / m)).sum(0)
            ).mean()
        )

    by_run = js(table[cell])
    by_average = js(average)
    by_nothing = js(np.full(len(truth), 0.5))
    # The items alone (which tell the runs) explain most of the truth.
    assert by_run < by_average / 3
    assert by_run < by_nothing / 3

    def accuracy(predicted):
        return ((predicted > 0.5) == (cartoons == 1))[judge].mean()

    assert accuracy(table[cell]) > accuracy(average) + 0.1


def test_after_a_long_run_of_cartoons_a_movie_is_likely(small):
    runs = run_lengths(small)
    previous = np.roll(small.active_interests, 1)
    long = (runs >= 5) & (previous == 0)
    assert long.sum() > 1_000
    assert (small.active_interests[long] == 1).mean() > 0.7
