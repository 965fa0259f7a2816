"""
Is one rate above another, when both are only known by counts? Valid however often it is asked, while both counts grow.

Old's rate p is unknown, so every p is asked for its evidence: that old's own counts lie below p, and that new's lie
above it (two bets, `proxy/gates/statistics.py`, whose wealths multiply, as the counts are independent). If new's rate
is not above old's, the bet at the true p can't grow on average; so the least evidence of all p is evidence that new's
rate is above. Against a fixed upper bound of old's rate it finds the same change a fifth sooner, and nothing has to be
spent on looking at old's counts again when there are more of them.

A test that has run for a million pairs needs about as many to notice a change, so four of them run side by side: over
everything, and over the present stretch of 10,000, 100,000 and 1,000,000 pairs. The k-th stretch gets a share of
1/(k(k + 1)) of the wealth, which adds up to one: the error is bounded for all time.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf, log, log1p
from typing import Final

from proxy.gates.statistics import HIGHEST, log_mean_exp, log_ratio

# What is bet on above p, as shares of the way up to certainty. Fewer than gates have, which are held to smaller rates;
# the figures in docs/noise.md are measured with these.
ABOVE: Final = tuple(1.6**-step for step in range(12))
# What is bet on below p: shares of it that are left. Dense near it, since old's counts are many and its excess is none.
BELOW: Final = tuple(1.0 - 2.0**-step for step in range(1, 9))
# The part of old's bet that is never put down, so that a p below old's rate can't ruin it.
KEPT: Final = 0.25
# Rates p that are asked, from old's own to new's own: the least evidence lies between. It is smooth: ten times as many
# make a difference of hundredths where it is near any threshold.
ASKED: Final = 32
STRETCHES: Final = (10_000, 100_000, 1_000_000)


def excess(old_bad: int, old_n: int, new_bad: int, new_n: int) -> float:
    """
    Evidence in nats that new's rate is above old's; −inf as long as it doesn't even look like it.
    """
    if not old_n or not new_n or new_bad * old_n <= old_bad * new_n:
        return -inf
    low, high = old_bad / old_n, new_bad / new_n
    asked = (low + (high - low) * step / ASKED for step in range(ASKED + 1))
    return min(_above(new_bad, new_n, p) + _below(old_bad, old_n, p) for p in asked if 0.0 < p < 1.0)


def most_excess(old_bad: int, old_n: int, new_bad: int, new_n: int) -> float:
    """
    More evidence than this is not in the counts: how much likelier they are with two rates than with one. Cheap.
    """
    if not old_n or not new_n or new_bad * old_n <= old_bad * new_n:
        return -inf
    one = (old_bad + new_bad) / (old_n + new_n)
    if one >= 1.0:
        return -inf
    return log_ratio(old_bad, old_n, old_bad / old_n, one) + _largest(new_bad, new_n, one)


def _largest(bad: int, n: int, rate: float) -> float:
    """
    As `log_ratio` at the observed rate, which may be 1.
    """
    return -n * log(rate) if bad == n else log_ratio(bad, n, bad / n, rate)


def _above(bad: int, n: int, rate: float) -> float:
    top = max(HIGHEST, (1.0 + rate) / 2.0)
    return log_mean_exp([log_ratio(bad, n, rate + (top - rate) * share, rate) for share in ABOVE])


def _below(bad: int, n: int, rate: float) -> float:
    bets = log_mean_exp([log_ratio(bad, n, rate * share, rate) for share in BELOW])
    return log(2.0) + log_mean_exp([log(KEPT), log1p(-KEPT) + bets])


@dataclass(slots=True, kw_only=True)
class Stretch:
    """
    What was counted since this stretch, the `turn`-th of its length, began.
    """

    bad: int = 0
    n: int = 0
    turn: int = 1


@dataclass(slots=True, kw_only=True)
class Excess:
    """
    The four tests of one rate of new against one of old, whose counts are told at each look.
    """

    bad: int = 0
    n: int = 0
    stretches: list[Stretch] = field(default_factory=lambda: [Stretch() for _ in STRETCHES])

    def add(self, bad: int, n: int) -> None:
        """
        `bad` of `n` more pairs of new were bad. A stretch that is over makes room for the next.
        """
        self.bad += bad
        self.n += n
        for length, stretch in zip(STRETCHES, self.stretches, strict=True):
            if stretch.n >= length:
                stretch.bad = stretch.n = 0
                stretch.turn += 1
            stretch.bad += bad
            stretch.n += n

    def evidence(self, old_bad: int, old_n: int, *, needed: float = -inf) -> float:
        """
        In nats, of all four tests together; −inf, for little work, where it can't be as much as `needed`.
        """
        if max(self._each(most_excess, old_bad, old_n)) < needed:
            return -inf
        return log_mean_exp(self._each(excess, old_bad, old_n))

    def says(self, alpha: float, old_bad: int, old_n: int) -> bool:
        """
        Is new's rate above old's, with a chance of error of at most `alpha` over all looks together?
        """
        return self.evidence(old_bad, old_n, needed=-log(alpha)) >= -log(alpha)

    def _each(self, test: Callable[[int, int, int, int], float], old_bad: int, old_n: int) -> list[float]:
        shares = [test(old_bad, old_n, one.bad, one.n) - log(one.turn * (one.turn + 1)) for one in self.stretches]
        return [test(old_bad, old_n, self.bad, self.n), *shares]
