"""
When does a sequential test stop? Exactly, for gates, and by simulation with seeds, for guards and for a naive test.

Evidence of a gate depends on two totals alone, so a walk over "how many were bad so far" says everything: at each
look, what has crossed the threshold is taken out. No dice, and no error but that of floating point.
"""

from bisect import bisect_right
from collections.abc import Iterator
from math import exp, log, log1p
from random import Random
from typing import Final

from proxy.gates.statistics import ChangeDetector, Direction, evidence, log_choose

# Chances below this are left out of a walk; all that is lost of them together is far below what is reported.
NEGLIGIBLE: Final = 1e-14


def chances(n: int, rate: float) -> list[float]:
    """
    The chance of 0, 1, 2 … bad ones of n, up to where it no longer matters.
    """
    if rate in {0.0, 1.0}:
        return [1.0] if rate == 0.0 else [0.0] * n + [1.0]
    win, lose = log(rate), log1p(-rate)
    terms = [exp(log_choose(n, bad) + bad * win + (n - bad) * lose) for bad in range(n + 1)]
    while len(terms) > 1 and terms[-1] < NEGLIGIBLE:
        terms.pop()
    return terms


class Boundary:
    """
    Where a gate's test against `budget` says yes: asked for ever more opportunities.
    """

    def __init__(self, budget: float, direction: Direction, level: float) -> None:
        self._budget = budget
        self._direction = direction
        self._threshold = -log(level)
        self._bad = 0 if direction == "above" else -1

    def _says(self, bad: int, n: int) -> bool:
        return evidence(bad, n, self._budget, self._direction) >= self._threshold

    def at(self, n: int) -> int:
        """
        The fewest bad ones of n that say "above" (n + 1 if none do), or the most that say "below" (−1 if none do).
        """
        if self._direction == "above":
            while self._bad <= n and not self._says(self._bad, n):
                self._bad += 1
        else:
            while self._bad + 1 <= n and self._says(self._bad + 1, n):
                self._bad += 1
        return self._bad


def stopped(
    budget: float, direction: Direction, level: float, rate: float, *, look: int, longest: int
) -> Iterator[tuple[int, float]]:
    """
    After each look, every `look` opportunities: how many there were, and the chance that the test has said yes by then,
    if the rate is `rate` and nothing depends on anything else.
    """
    boundary = Boundary(budget, direction, level)
    step = chances(look, rate)
    walk, lowest, done = [1.0], 0, 0.0
    for n in range(look, longest + 1, look):
        walk = _one_further(walk, step)
        cut = max(0, boundary.at(n) - lowest + (direction == "below"))
        if direction == "above":
            done += sum(walk[cut:])
            walk = walk[:cut] or [0.0]
        else:
            done += sum(walk[:cut])
            walk, lowest = walk[cut:] or [0.0], lowest + cut
        while len(walk) > 1 and walk[-1] < NEGLIGIBLE:
            walk.pop()
        while len(walk) > 1 and walk[0] < NEGLIGIBLE:
            walk, lowest = walk[1:], lowest + 1
        yield n, done


def _one_further(walk: list[float], step: list[float]) -> list[float]:
    after = [0.0] * (len(walk) + len(step) - 1)
    for bad, chance in enumerate(walk):
        for more, factor in enumerate(step, start=bad):
            after[more] += chance * factor
    return after


def quantiles(walk: Iterator[tuple[int, float]], *shares: float) -> tuple[int | None, ...]:
    """
    After how many opportunities `shares` (ascending) of the runs have stopped; None if they don't.
    """
    found: list[int] = []
    for n, done in walk:
        while len(found) < len(shares) and done >= shares[len(found)]:
            found.append(n)
        if len(found) == len(shares):
            break
    return (*found, *[None] * (len(shares) - len(found)))


class Draw:
    """
    How many of n are bad, at random: one number of `random` and one search each.
    """

    def __init__(self, n: int, rate: float) -> None:
        total = 0.0
        self._sums = [total := total + chance for chance in chances(n, rate)]

    def __call__(self, random: Random) -> int:
        """
        Another batch.
        """
        return min(bisect_right(self._sums, random.random()), len(self._sums) - 1)


def crossed(
    budget: float,
    direction: Direction,
    level: float,
    *,
    look: int,
    longest: int,
    runs: int,
    seed: int,
    rate: float | None = None,
    burst: int = 1,
) -> int:
    """
    How many of so many simulated runs say yes at any look, at the budget if no `rate` is given. Bad ones come by
    themselves, or `burst` at a time.
    """
    random, draw = Random(seed), Draw(look, (budget if rate is None else rate) / burst)
    boundary = Boundary(budget, direction, level)
    cuts = [boundary.at(n) for n in range(look, longest + 1, look)]
    sign = 1 if direction == "above" else -1
    count = 0
    for _ in range(runs):
        bad = 0
        for cut in cuts:
            bad += burst * draw(random)
            if sign * (bad - cut) >= 0:
                count += 1
                break
    return count


def naively_crossed(budget: float, *, look: int, longest: int, runs: int, seed: int, least: int = 500) -> int:
    """
    The same for a z-test at 5 %, two-sided, that is repeated at each look from `least` opportunities on, as if each
    were the only one.
    """
    random, draw = Random(seed), Draw(look, budget)
    count = 0
    for _ in range(runs):
        bad = 0
        for n in range(look, longest + 1, look):
            bad += draw(random)
            if n >= least and (bad - n * budget) ** 2 > 1.96**2 * n * budget * (1.0 - budget):
                count += 1
                break
    return count


def run_length(detector: ChangeDetector, draw: Draw, random: Random, *, batch: int, longest: int) -> int:
    """
    How many opportunities until `detector` trips, fed with batches; `longest` if it doesn't.
    """
    for n in range(batch, longest + 1, batch):
        if detector.add(draw(random), batch):
            return n
    return longest


def run_length_one_by_one(detector: ChangeDetector, draw: Draw, random: Random, *, batch: int, longest: int) -> int:
    """
    The same for batches that are fed one by one, the good ones first: as nobody should, see `docs/gates.md`.
    """
    for n in range(batch, longest + 1, batch):
        bad = draw(random)
        if any(detector.add(one >= batch - bad, 1) for one in range(batch)):
            return n
    return longest
