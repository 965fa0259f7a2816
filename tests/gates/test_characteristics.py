"""
What gates and guards promise, shown: errors within their levels, power as planned. Exactly where that can be, else by
simulation with fixed seeds. The long forms of everything here are printed by `python -m benchmarks.gates`.
"""

from math import log
from random import Random
from statistics import mean, stdev

import pytest

from benchmarks.gates import PLANNED
from benchmarks.stopping import (
    Boundary,
    Draw,
    chances,
    crossed,
    naively_crossed,
    quantiles,
    run_length,
    run_length_one_by_one,
    stopped,
)
from proxy.gates.gate import judge_gate
from proxy.gates.spec import GateEvidence, GateSpec, RouteCounts
from proxy.gates.statistics import ChangeDetector, Direction, binomial_tail, evidence

BUDGETS = (0.001, 0.005, 0.05, 0.5)
DIRECTIONS: tuple[Direction, ...] = ("above", "below")
RATES = (0.01, 0.02, 0.05, 0.2, 0.6)


def most_of(runs: int, level: float) -> int:
    """
    More than this many of the runs are seen with a chance of one in 10,000 at most, if each has a chance of `level`.
    """
    return next(most for most in range(runs + 1) if binomial_tail(most, runs, level) >= 0.9999)


# Errors


@pytest.mark.parametrize("budget", [0.001, 0.005, 0.05])
@pytest.mark.parametrize(("direction", "level"), [("above", 0.001), ("above", 0.01), ("below", 0.05)])
def test_a_gate_errs_as_seldom_as_promised(budget: float, direction: Direction, level: float) -> None:
    """
    Exactly: at the budget, looked at every 50 up to 20,000, the chance of ever saying yes is at most the level.
    """
    *_, (_, done) = stopped(budget, direction, level, budget, look=50, longest=20_000)

    assert 0.0 < done <= level


@pytest.mark.parametrize("budget", BUDGETS)
@pytest.mark.parametrize(("direction", "level"), [("above", 0.001), ("above", 0.01), ("below", 0.05)])
def test_600_runs_at_the_boundary(budget: float, direction: Direction, level: float) -> None:
    """
    Looked at every 50 up to 50,000: those that err are within the binomial bounds of the level.
    """
    wrong = crossed(budget, direction, level, look=50, longest=50_000, runs=600, seed=5)

    assert wrong <= most_of(600, level)


@pytest.mark.prove
@pytest.mark.parametrize("budget", BUDGETS)
@pytest.mark.parametrize(("direction", "level"), [("above", 0.001), ("above", 0.01), ("below", 0.05)])
def test_exactly_up_to_50000(budget: float, direction: Direction, level: float) -> None:
    """
    As above, for as long as the simulations; and 6,000 simulated runs agree with what is computed.
    """
    *_, (_, done) = stopped(budget, direction, level, budget, look=50, longest=50_000)
    seen = crossed(budget, direction, level, look=50, longest=50_000, runs=6_000, seed=7)

    assert done <= level
    assert seen <= most_of(6_000, done)
    assert 6_000 - seen <= most_of(6_000, 1.0 - done)


@pytest.mark.parametrize("budget", BUDGETS)
def test_a_naive_test_beside_it_errs_all_the_time(budget: float) -> None:
    """
    A z-test at 5 %, repeated at each look of the same runs, gives a false alarm in more than a third of them.
    """
    assert naively_crossed(budget, look=50, longest=50_000, runs=600, seed=5) > 600 / 3


def test_bursts_are_above_the_budget_while_they_last() -> None:
    """
    What is not promised: a rate below the budget by itself is never failed, and often if bad ones come ten at a time.
    """
    by_burst = [
        crossed(0.005, "above", 0.001, look=50, longest=50_000, runs=200, seed=5, rate=0.004, burst=burst)
        for burst in (1, 10)
    ]

    assert by_burst[0] == 0
    assert by_burst[1] > 20


@pytest.mark.parametrize(("direction", "level"), [("above", 0.001), ("below", 0.05)])
@pytest.mark.parametrize(("n", "rate"), [(1_000, 0.005), (1_000, 0.02), (3_000, 0.002)])
def test_one_look_is_a_binomial_test(direction: Direction, level: float, n: int, rate: float) -> None:
    """
    With a single look at a fixed n, the chance to say yes is the binomial tail beyond the boundary.
    """
    *_, (_, done) = stopped(0.005, direction, level, rate, look=n, longest=n)
    edge = Boundary(0.005, direction, level).at(n)
    closed = binomial_tail(edge, n, rate) if direction == "below" else 1.0 - binomial_tail(edge - 1, n, rate)

    assert done == pytest.approx(closed, abs=1e-9)


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("budget", BUDGETS)
def test_boundaries_are_where_keptcrosses(budget: float, direction: Direction) -> None:
    """
    What is walked along is the gate's own evidence: yes on one side of the boundary, and not on the other.
    """
    boundary = Boundary(budget, direction, 0.01)
    sign = 1 if direction == "above" else -1
    for n in (500, 5_000, 50_000):
        edge = boundary.at(n)
        if 0 <= edge <= n:
            assert evidence(edge, n, budget, direction) >= -log(0.01)
        if 0 <= edge - sign <= n:
            assert evidence(edge - sign, n, budget, direction) < -log(0.01)


@pytest.mark.parametrize(("rate", "result"), [(0.02, "fail"), (0.0, "pass"), (0.001, "pass"), (0.01, "fail")])
def test_a_gate_decides_where_the_boundary_is_crossed(rate: float, result: str) -> None:
    """
    Look by look, the gate itself stops where the walk above says: the figures are its own.
    """
    spec = GateSpec(name="mismatch", budget=0.005)
    random, draw = Random(9), Draw(50, rate)
    fail, good = Boundary(0.005, "above", spec.alpha), Boundary(0.005, "below", spec.beta)
    kept, bad, decided = GateEvidence(), 0, ""
    for n in range(50, 50_001, 50):
        new = draw(random)
        bad += new
        outcome, kept = judge_gate(spec, kept, {"": RouteCounts(bad=new, n=50)})
        known = "fail" if bad >= fail.at(n) else "pass" if bad <= good.at(n) else "inconclusive"
        assert outcome.result == (known if n >= spec.least else "inconclusive")
        if outcome.result != "inconclusive":
            decided = outcome.result
            break

    assert decided == result


# Power


@pytest.mark.parametrize(("budget", "rate", "middle", "most"), PLANNED)
def test_a_gate_decides_as_soon_as_planned(budget: float, rate: float, middle: int, most: int) -> None:
    """
    The exact median of opportunities until it decides, and nine tenths, are within a tenth of the planned ones.
    """
    direction: Direction = "above" if rate > budget else "below"
    level = 0.001 if rate > budget else 0.05
    found = quantiles(stopped(budget, direction, level, rate, look=10, longest=60_000), 0.5, 0.9)

    assert found == pytest.approx((middle, most), rel=0.1)


# Guards


@pytest.mark.parametrize("batch", [1, 200, 1_000])
def test_a_guard_trips_seldom_while_nothing_changes(batch: int) -> None:
    """
    At the budget, the mean run until it trips is not below `every`, in whatever batches it is fed.
    """
    every, runs, longest = 2_000, 60, 20_000
    random, draw = Random(3), Draw(batch, 0.005)
    lengths = [
        run_length(ChangeDetector(budget=0.005, rates=RATES, every=every), draw, random, batch=batch, longest=longest)
        for _ in range(runs)
    ]

    # Cut off at ten times `every`, so the true mean is larger still.
    assert mean(lengths) >= every


@pytest.mark.prove
@pytest.mark.parametrize("batch", [1, 200, 1_000])
def test_a_guard_trips_as_seldom_in_long_runs(batch: int) -> None:
    """
    As above for a bound of 20,000, with hardly any run cut off, and three standard errors to spare.
    """
    random, draw = Random(5), Draw(batch, 0.005)
    lengths = [
        run_length(
            ChangeDetector(budget=0.005, rates=RATES, every=20_000), draw, random, batch=batch, longest=2_000_000
        )
        for _ in range(150)
    ]

    assert mean(lengths) - 3 * stdev(lengths) / len(lengths) ** 0.5 >= 20_000


def test_feeding_a_batch_one_by_one_breaks_the_promise() -> None:
    """
    Why batches are judged whole: sorted, with the good ones first, bad ones look like a change within each batch.
    """
    every, batch = 2_000, 200
    random, draw = Random(3), Draw(batch, 0.005)
    lengths = [
        run_length_one_by_one(
            ChangeDetector(budget=0.005, rates=RATES, every=every), draw, random, batch=batch, longest=40_000
        )
        for _ in range(12)
    ]

    assert mean(lengths) < every / 2


def test_draws_are_binomial() -> None:
    """
    The dice that all of this is shown with: their mean and their chances are those of a binomial.
    """
    random, draw = Random(1), Draw(50, 0.05)
    drawn = [draw(random) for _ in range(20_000)]

    assert mean(drawn) == pytest.approx(2.5, abs=0.05)
    assert drawn.count(2) / 20_000 == pytest.approx(chances(50, 0.05)[2], abs=0.012)
