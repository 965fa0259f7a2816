"""
Tests of "how many more": against exact medians, and against simulated ones.
"""

from math import ceil, log, log1p
from random import Random
from statistics import median

import pytest

from benchmarks.stopping import Draw, quantiles, run_length, stopped
from proxy.gates.forecast import delay, needed_pairs
from proxy.gates.statistics import ChangeDetector, Direction, binomial_tail

RATES = (0.01, 0.02, 0.05, 0.2, 0.6)


@pytest.mark.parametrize(
    ("budget", "rate"),
    [
        (0.001, 0.005),
        (0.005, 0.02),
        (0.05, 0.1),
        (0.5, 0.6),
        (0.001, 0.0),
        (0.001, 0.0003),
        (0.005, 0.0025),
        (0.5, 0.4),
    ],
)
def test_a_gate_needs_about_as_many_as_were_said(budget: float, rate: float) -> None:
    """
    The exact median, looked at every 10, is within a sixth of what was forecast.
    """
    direction: Direction = "above" if rate > budget else "below"
    level = 0.001 if rate > budget else 0.05
    exact, *_ = quantiles(stopped(budget, direction, level, rate, look=10, longest=50_000), 0.5)

    assert needed_pairs(budget, rate) == pytest.approx(exact, rel=1 / 6)


def test_what_was_seen_counts() -> None:
    """
    Half way there, half is needed; who has decided needs none.
    """
    assert needed_pairs(0.005, 0.0, bad=0, n=406) == pytest.approx(406, rel=0.02)
    assert needed_pairs(0.005, 0.0, bad=0, n=2_000) == 0
    assert needed_pairs(0.005, 0.05, bad=50, n=1_000) == 0


def test_a_bad_one_costs_many_good_ones() -> None:
    """
    After one of 400, even a clean rest takes longer than a clean run from the start.
    """
    spoiled, clean = needed_pairs(0.005, 0.0, bad=1, n=400), needed_pairs(0.005, 0.0)
    assert spoiled is not None
    assert clean is not None

    assert spoiled + 400 > 1.4 * clean


@pytest.mark.parametrize("rate", [0.005, 0.00500001, 0.00499999])
def test_at_the_budget_nothing_can_be_said(rate: float) -> None:
    """
    A gate never decides about a rate that is its budget, or all but.
    """
    assert needed_pairs(0.005, rate) is None


@pytest.mark.parametrize(("budget", "known"), [(0.001, 2_995), (0.005, 598), (0.01, 299)])
def test_a_clean_run_of_fixed_length(budget: float, known: int) -> None:
    """
    It is the least n of an exact binomial test with no bad one, and what betting on a rate of 0 alone would need.
    """
    n = ceil(log(0.05) / log1p(-budget))

    assert n == known
    assert binomial_tail(0, n, budget) <= 0.05 < binomial_tail(0, n - 1, budget)
    assert n * -log1p(-budget) >= -log(0.05) > (n - 1) * -log1p(-budget)


@pytest.mark.parametrize("rate", [0.01, 0.02, 0.05, 0.2, 1.0])
@pytest.mark.parametrize("batch", [1, 200])
def test_a_guard_notices_about_as_soon_as_was_said(rate: float, batch: int) -> None:
    """
    The median of simulated delays, in whole batches, is within a sixth of what was forecast.
    """
    random, draw = Random(11), Draw(batch, rate)
    runs = (
        run_length(ChangeDetector(budget=0.005, rates=RATES, every=5e6), draw, random, batch=batch, longest=100_000)
        for _ in range(25 if rate == 0.01 and batch == 1 else 201)
    )

    assert delay(0.005, RATES, 5e6, rate, batch=batch) == pytest.approx(median(runs), rel=1 / 6, abs=1)


def test_a_guard_may_never_notice_what_is_within_the_budget() -> None:
    """
    Nor what is hardly above: its level doesn't grow.
    """
    assert delay(0.005, RATES, 5e6, 0.005) is None
    assert delay(0.005, (0.2,), 5e6, 0.006) is None


def test_multiples_beyond_one_are_passed_over() -> None:
    """
    Forty times 5 % is no rate: forecast without it, as the guard is judged without it.
    """
    assert delay(0.05, (0.1, 2.0), 5e6, 0.2) == delay(0.05, (0.1,), 5e6, 0.2)
