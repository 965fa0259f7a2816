"""
Tests of "more often than": against exact enumeration, and by simulation with fixed seeds.
"""

from math import comb, exp, inf
from random import Random

import pytest

from proxy.gates import excess as room
from proxy.gates.excess import STRETCHES, Excess, excess, most_excess


@pytest.mark.parametrize("rate", [0.05, 0.3, 0.5, 0.8, 0.97])
def test_the_mean_wealth_is_not_above_one(rate: float) -> None:
    """
    Exactly, over all outcomes of 14 twins and 14 pairs at one rate: what would be won on average is at most what was
    put in.
    """
    n = 14
    chance = [comb(n, bad) * rate**bad * (1 - rate) ** (n - bad) for bad in range(n + 1)]
    wealth = sum(
        chance[old] * chance[new] * exp(excess(old, n, new, n)) for old in range(n + 1) for new in range(n + 1)
    )

    assert wealth <= 1.0


def test_less_and_as_often_are_no_evidence() -> None:
    """
    Only what looks like more is asked for evidence.
    """
    assert excess(50, 100, 50, 100) == excess(50, 100, 10, 100) == most_excess(50, 100, 50, 100) == -inf
    assert excess(0, 0, 5, 10) == excess(5, 10, 0, 0) == most_excess(0, 0, 5, 10) == -inf


def test_what_is_always_noisy_cannot_be_noisier() -> None:
    """
    Nothing is above 100 %.
    """
    assert excess(200, 200, 5000, 5000) == -inf


@pytest.mark.parametrize("counts", [(0, 50, 1, 50), (10_000, 20_000, 2_700, 5_000), (1, 200, 9, 9), (0, 9, 9, 9)])
def test_the_cheap_question_is_never_too_pessimistic(counts: tuple[int, int, int, int]) -> None:
    """
    What is ruled out by `most_excess` would not have been found.
    """
    assert excess(*counts) <= most_excess(*counts)


def test_nothing_lies_between_the_rates_that_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Asking thirty times as many rates finds hardly less evidence.
    """
    counts = [(10_000, 20_000, 2_650, 5_000), (20, 20_000, 30, 5_000), (2, 2_000, 20, 1_000)]
    few = [excess(*one) for one in counts]
    monkeypatch.setattr(room, "ASKED", 1000)

    assert few == pytest.approx([excess(*one) for one in counts], abs=0.1)


def test_a_change_is_found_though_it_came_late() -> None:
    """
    After a million pairs as good as old, ten points more are noticed within two of the short stretches.
    """
    live = Excess()
    for _ in range(1_000):
        live.add(500, 1_000)
    assert not live.says(0.01, 10_000, 20_000)

    more = 0
    while not live.says(0.01, 10_000, 20_000):
        live.add(600, 1_000)
        more += 1_000

    assert more <= 2 * STRETCHES[0]


def test_no_false_alarm_for_long() -> None:
    """
    At the same rate, 40 times 100,000 pairs: at most one alarm at alpha 1 %.
    """
    random = Random(9)
    alarms = 0
    for _ in range(40):
        old = sum(random.random() < 0.2 for _ in range(5_000))
        live = Excess()
        for _ in range(100):
            # A binomial of 1,000 at 20 %, near enough.
            live.add(round(random.gauss(200, (1_000 * 0.2 * 0.8) ** 0.5)), 1_000)
            if live.says(0.01, old, 5_000):
                alarms += 1
                break

    assert alarms <= 1


def test_stretches_begin_anew() -> None:
    """
    A stretch that is full makes room for the next, which has a smaller share.
    """
    live = Excess()
    for _ in range(21):
        live.add(1, 1_000)

    assert (live.bad, live.n) == (21, 21_000)
    assert [(one.n, one.turn) for one in live.stretches] == [(1_000, 3), (21_000, 1), (21_000, 1)]
