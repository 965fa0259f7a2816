"""
Tests of rates: against exact arithmetic, and by simulation with fixed seeds.
"""

from collections.abc import Iterator
from fractions import Fraction
from math import comb, exp, inf, log
from random import Random
from statistics import mean, median

import pytest

from proxy.gates.statistics import (
    ChangeDetector,
    Direction,
    alternatives,
    binomial_tail,
    evidence,
    log_choose,
    log_mean_exp,
    log_ratio,
    noticed,
)


def tail(most: int, n: int, rate: Fraction) -> Fraction:
    """
    The probability of at most `most` of n, exactly.
    """
    return sum((comb(n, bad) * rate**bad * (1 - rate) ** (n - bad) for bad in range(most + 1)), Fraction(0))


def batches(random: Random, rate: float, size: int, count: int) -> Iterator[int]:
    """
    How many were bad of each `size` opportunities.
    """
    for _ in range(count):
        yield sum(random.random() < rate for _ in range(size))


# Binomials


@pytest.mark.parametrize("rate", [Fraction(1, 1000), Fraction(1, 20), Fraction(1, 2), Fraction(99, 100)])
@pytest.mark.parametrize("n", [1, 7, 200])
def test_the_tail_is_the_exact_one(n: int, rate: Fraction) -> None:
    """
    Every tail of a binomial agrees with exact fractions to twelve digits.
    """
    for most in range(0, n + 1, max(1, n // 20)):
        assert binomial_tail(most, n, float(rate)) == pytest.approx(float(tail(most, n, rate)), rel=1e-11)


def test_the_tail_of_certain_things() -> None:
    """
    Nothing is bad at rate 0, everything at rate 1.
    """
    assert binomial_tail(0, 5, 0.0) == 1.0
    assert binomial_tail(4, 5, 1.0) == 0.0
    assert binomial_tail(5, 5, 1.0) == 1.0


def test_logarithms_of_sums_and_choices() -> None:
    """
    The small functions agree with the plain ones, where those can be computed.
    """
    assert log_choose(50, 20) == pytest.approx(log(comb(50, 20)))
    assert log_mean_exp([log(1.0), log(3.0)]) == pytest.approx(log(2.0))
    assert log_mean_exp([-inf, -inf]) == -inf
    assert log_mean_exp([5000.0, -inf]) == pytest.approx(5000.0 - log(2.0))


def test_a_ratio_of_likelihoods() -> None:
    """
    It is that of two binomials, and nothing is possible at rate 0 but no bad one.
    """
    assert log_ratio(3, 10, 0.4, 0.1) == pytest.approx(log((0.4**3 * 0.6**7) / (0.1**3 * 0.9**7)))
    assert log_ratio(1, 10, 0.0, 0.1) == -inf
    assert log_ratio(0, 10, 0.0, 0.1) == pytest.approx(-10 * log(0.9))


# Betting


@pytest.mark.parametrize("direction", ["above", "below"])
@pytest.mark.parametrize("budget", [0.001, 0.05, 0.5, 0.999])
def test_wealth_does_not_grow_on_average_at_the_budget(direction: Direction, budget: float) -> None:
    """
    Exactly: the mean wealth after n opportunities, over all outcomes at the budget, is 1, where it started.
    """
    n = 12
    wealth = sum(
        comb(n, bad) * budget**bad * (1 - budget) ** (n - bad) * exp(evidence(bad, n, budget, direction))
        for bad in range(n + 1)
    )

    assert wealth == pytest.approx(1.0)


def test_evidence_is_that_of_the_mean_wealth() -> None:
    """
    It agrees with the wealth of each bet, computed plainly.
    """
    wealth = [exp(log_ratio(4, 30, rate, 0.1)) for rate in alternatives(0.1, "above")]

    assert evidence(4, 30, 0.1, "above") == pytest.approx(log(mean(wealth)))
    assert evidence(0, 0, 0.1, "above") == evidence(0, 0, 0.1, "below") == 0.0


@pytest.mark.parametrize("budget", [0.0, 1.0, -0.1, 1.5])
def test_some_budgets_leave_nothing_to_bet_on(budget: float) -> None:
    """
    Nothing is below 0 or above 1.
    """
    with pytest.raises(ValueError, match="between 0 and 1"):
        evidence(1, 10, budget, "above")


# Changes

RATES = (0.01, 0.02, 0.05, 0.2, 0.6)


@pytest.mark.parametrize(("rate", "known"), [(0.02, 770), (0.05, 166), (0.2, 26), (1.0, 4)])
def test_a_detector_notices_a_change_as_soon_as_planned(rate: float, known: int) -> None:
    """
    The median of opportunities from the change until it trips is within a third of the planned one.
    """
    random = Random(11)

    def run() -> int:
        detector = ChangeDetector(budget=0.005, rates=RATES, every=5e6)
        return next(turn for turn, bad in enumerate(batches(random, rate, 1, 20_000), 1) if detector.add(bad, 1))

    assert median(run() for _ in range(61)) == pytest.approx(known, rel=0.34, abs=1)


def test_a_detector_does_not_forget_after_a_long_good_time() -> None:
    """
    A million good ones do not delay the alarm: the level can't fall below what a fresh start has.
    """
    fresh = ChangeDetector(budget=0.005, rates=RATES, every=5e6)
    seasoned = ChangeDetector(budget=0.005, rates=RATES, every=5e6)
    seasoned.add(5_000, 1_000_000)
    for _ in range(1_000):
        seasoned.add(0, 1_000)

    for detector in (fresh, seasoned):
        detector.add(30, 30)

    assert fresh.tripped
    assert seasoned.tripped


def test_a_tripped_detector_stays_finite() -> None:
    """
    However much more is bad, its level can be saved and goes on from there.
    """
    detector = ChangeDetector(budget=0.005, rates=RATES, every=100.0)
    for _ in range(10):
        detector.add(100_000, 100_000)
    again = ChangeDetector(budget=0.005, rates=RATES, every=100.0, levels=detector.levels)

    assert detector.tripped
    assert again.share == detector.share < inf


@pytest.mark.parametrize("rates", [(), (0.005,), (0.001, 0.1), (1.0,)])
def test_a_detector_has_something_to_notice(rates: tuple[float, ...]) -> None:
    """
    Rates at the budget, below it, or certain are refused.
    """
    with pytest.raises(ValueError, match="above the budget"):
        ChangeDetector(budget=0.005, rates=rates, every=100.0)


def test_rates_that_the_budget_leaves_no_room_for_are_passed_over() -> None:
    """
    Forty times 5 % is no rate; and something can always be noticed.
    """
    assert noticed(0.05, (0.1, 0.2, 2.0)) == (0.1, 0.2)
    assert noticed(0.5, (1.0, 2.0)) == (0.75,)
