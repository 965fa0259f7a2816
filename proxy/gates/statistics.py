"""
Tests of "how often", valid however often they are looked at. Standard library only, no clock, no dice.

Everything that is asked is one question: of n opportunities, `bad` were bad; is the rate above (or below) a budget p0?
It is answered by betting (Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting", 2020):
a wealth that can't grow on average while the rate is within the budget. By Ville's inequality it ever reaches 1/alpha
with probability alpha at most, whatever the dependence and however often one looks; so its logarithm is evidence in
nats, and there is no penalty for peeking.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from math import exp, expm1, inf, lgamma, log, log1p
from typing import Final, Literal

Direction = Literal["above", "below"]

# Rates that are bet on when the question is "above", as shares of the way up from the budget: dense near it, as small
# excesses hide there. Each rate costs the others some evidence (the logarithm of their number), each gap what is in it.
ABOVE: Final = tuple(expm1(step / 2.0) / expm1(8.0) for step in range(1, 17))
# The same for "below", as shares of the budget.
BELOW: Final = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
HIGHEST: Final = 0.999
# Wealth beyond this has long since decided; kept finite so that it can be saved and goes on.
LARGEST: Final = 1e300


@lru_cache(maxsize=1024)
def alternatives(budget: float, direction: Direction) -> tuple[float, ...]:
    """
    The rates that a test against `budget` bets on. Raises `ValueError` for a budget that leaves nothing to bet on.
    """
    if not 0.0 < budget < 1.0:
        raise ValueError(f"a budget of {budget} can't be tested; it has to lie between 0 and 1")
    if direction == "below":
        return tuple(budget * share for share in BELOW)
    top = max(HIGHEST, (1.0 + budget) / 2.0)
    return tuple(budget + (top - budget) * share for share in ABOVE)


@lru_cache(maxsize=1024)
def _bets(budget: float, direction: Direction) -> tuple[tuple[float, float], ...]:
    """
    What each bet wins by a bad one and by a good one, in nats.
    """
    return tuple(
        (log(rate / budget) if rate else -inf, log1p(-rate) - log1p(-budget))
        for rate in alternatives(budget, direction)
    )


def log_ratio(bad: float, n: float, rate: float, budget: float) -> float:
    """
    The logarithm of how much likelier these counts are at `rate` than at `budget`; −inf if they can't be at `rate`.
    """
    good = n - bad
    gained = bad * log(rate / budget) if rate > 0.0 else (-inf if bad else 0.0)
    return gained + (good * (log1p(-rate) - log1p(-budget)) if good else 0.0)


def evidence(bad: float, n: float, budget: float, direction: Direction) -> float:
    """
    In nats, that the rate is above, or below, `budget`: the logarithm of the mean wealth. At −ln(alpha) and more the
    question is answered with yes, with a chance of error of at most `alpha` over all looks together.

    Only totals count, so counts may come in batches of any size, in any order. Expected counts needn't be whole.
    """
    good = n - bad
    return log_mean_exp([(bad * win if bad else 0.0) + good * lose for win, lose in _bets(budget, direction)])


@dataclass(slots=True, kw_only=True)
class ChangeDetector:
    """
    A mixture of Shiryaev–Roberts detectors (Shin, Ramdas and Rinaldo, "E-detectors", 2022): trips some time after a
    rate has risen above `budget`, and before that on average not sooner than after `every` opportunities.

    `rates` are the ones it is meant to notice, all above the budget. A batch counts as if all of it came at once:
    R ← (n + R) · ratio(batch), which is free of order within the batch and keeps the bound.
    """

    budget: float
    rates: Sequence[float]
    every: float
    levels: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not self.rates or not all(self.budget < rate < 1.0 for rate in self.rates) or self.budget <= 0.0:
            raise ValueError("the rates to be noticed have to lie above the budget and below 1")
        self.levels = self.levels or [0.0] * len(self.rates)

    def add(self, bad: int, n: int) -> bool:
        """
        `bad` of `n` more opportunities were bad. True when it has tripped.
        """
        if n:
            self.levels = [
                min(LARGEST, (n + level) * exp(min(log_ratio(bad, n, rate, self.budget), 600.0)))
                for level, rate in zip(self.levels, self.rates, strict=True)
            ]
        return self.tripped

    @property
    def share(self) -> float:
        """
        How near it is to tripping: 1 and more is tripped.
        """
        return sum(self.levels) / len(self.levels) / self.every

    @property
    def tripped(self) -> bool:
        """
        Has the rate risen?
        """
        return self.share >= 1.0


def noticed(budget: float, rates: Sequence[float]) -> tuple[float, ...]:
    """
    The rates between the budget and 1, which a guard can notice; where there are none, one half way up.
    """
    return tuple(rate for rate in rates if budget < rate < 1.0) or ((1.0 + budget) / 2.0,)


def binomial_tail(most: int, n: int, rate: float) -> float:
    """
    The probability of at most `most` bad ones among n. Summed from the largest term down until it no longer matters.
    """
    if rate <= 0.0:
        return 1.0
    if rate >= 1.0:
        return 1.0 if most >= n else 0.0
    odds = rate / (1.0 - rate)
    start = min(most, int((n + 1) * rate))
    first = exp(log_choose(n, start) + start * log(rate) + (n - start) * log1p(-rate))
    return min(1.0, first + sum(_terms_down(first, start, n, odds)) + sum(_terms_up(first, start, most, n, odds)))


def _terms_down(term: float, at: int, n: int, odds: float) -> Iterable[float]:
    least = term * 1e-18
    while at > 0 and term > least:
        term *= at / ((n - at + 1) * odds)
        at -= 1
        yield term


def _terms_up(term: float, at: int, most: int, n: int, odds: float) -> Iterable[float]:
    least = term * 1e-18
    while at < most and term > least:
        term *= (n - at) * odds / (at + 1)
        at += 1
        yield term


def log_choose(n: int, k: int) -> float:
    """
    The logarithm of the number of ways to choose k of n.
    """
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)


def log_mean_exp(logs: Sequence[float]) -> float:
    """
    The logarithm of the mean of numbers given by their logarithms.
    """
    largest = max(logs)
    if largest == -inf:
        return largest
    return largest + log(sum(exp(one - largest) for one in logs) / len(logs))
