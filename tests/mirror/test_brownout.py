"""
Copies that make live answers slower are shed, and come back when they don't; under a simulated clock.
"""

from bisect import bisect_left
from collections.abc import Callable
from random import Random

import pytest

from proxy.metrics.books import SECONDS
from proxy.mirror.brownout import ANSWERS, BAD, EVERY, FIRST, REST, WINDOW, Brownout
from proxy.routing.table import NEW, OLD

STEP = 0.25
# Of a live answer without copies, in seconds.
USUAL = 0.01


def alone(_share: float) -> float:
    """
    Copies cost nothing.
    """
    return USUAL


def shared(share: float) -> float:
    """
    All copies together make answers take five times as long.
    """
    return USUAL * (1 + 4 * share)


class Simulated:
    """
    A worker that answers `rate` requests a second; `takes` says how long an answer takes at this share of copies.
    """

    def __init__(self, factor: float, takes: Callable[[float], float] = alone, *, rate: int = 400) -> None:
        self.brownout = Brownout(factor)
        self.takes = takes
        self.now = 1000.0
        self.side = OLD
        self.rate = rate
        self.mirrors = True
        # The share of copies at each step, and the steps at which they were shed.
        self.shares: list[float] = []
        self.shed: list[bool] = []
        self._counts = ([0] * (len(SECONDS) + 1), [0] * (len(SECONDS) + 1))
        self._dice = Random(5)

    def run(self, seconds: float) -> None:
        """
        So much time passes.
        """
        for _ in range(int(seconds / STEP)):
            self.now += STEP
            share = self.brownout.share if self.mirrors else 0.0
            for _ in range(int(self.rate * STEP)):
                took = self.takes(share) * self._dice.lognormvariate(0.0, 0.3)
                self._counts[self.side][bisect_left(SECONDS, took)] += 1
            self.brownout.look(self.now, self._read, copied=self.mirrors)
            self.shares.append(self.brownout.share)
            self.shed.append(self.brownout.is_on)

    def _read(self) -> tuple[list[int], list[int]]:
        old, new = self._counts
        return old.copy(), new.copy()

    def forget(self) -> None:
        """
        Look only at what comes.
        """
        self.shares.clear()
        self.shed.clear()


# Long enough for the first baseline.
BEGINNING = WINDOW * (FIRST + 2)


def test_without_a_factor_nothing_is_looked_at() -> None:
    """
    The default.
    """
    worker = Simulated(0.0, shared)
    worker.run(60)

    assert set(worker.shares) == {1.0}


def test_the_first_copies_wait_for_a_baseline() -> None:
    """
    A few windows.
    """
    worker = Simulated(2.0)
    worker.run(WINDOW * FIRST)
    assert set(worker.shares) == {0.0}
    worker.run(WINDOW * 2)

    assert worker.shares[-1] == 1.0


def test_copies_that_cost_nothing_are_made_nearly_always() -> None:
    """
    Ten minutes: but for one window in a hundred.
    """
    worker = Simulated(2.0)
    worker.run(BEGINNING)
    worker.forget()
    worker.run(WINDOW * EVERY * 3)

    assert not any(worker.shed)
    assert 0.0 < worker.shares.count(0.0) / len(worker.shares) < 2 / EVERY


@pytest.mark.parametrize("side", [OLD, NEW])
def test_copies_that_make_live_answers_slower_are_shed(side: int) -> None:
    """
    Within a few windows, whichever side answers; the figures say why.
    """
    worker = Simulated(2.0, shared)
    worker.side = side
    worker.run(BEGINNING + WINDOW * (BAD + 1))
    brownout = worker.brownout

    assert brownout.is_on
    assert brownout.side == side
    assert brownout.p99 > 2 * brownout.baseline > 2 * USUAL


def test_what_is_too_much_comes_back_ever_more_rarely() -> None:
    """
    Half an hour: nearly always shed, or so few that it isn't felt.
    """
    worker = Simulated(2.0, shared)
    worker.run(BEGINNING)
    worker.run(900)
    worker.forget()
    worker.run(900)

    felt = [worker.takes(share) > 2 * USUAL for share in worker.shares]
    assert sum(felt) / len(felt) < 0.1


def test_they_come_back_for_good_once_they_cost_nothing() -> None:
    """
    A tenth first, then ever more.
    """
    worker = Simulated(2.0, shared)
    worker.run(BEGINNING + WINDOW * (BAD + 1))
    assert worker.brownout.is_on
    worker.takes = alone
    worker.forget()
    worker.run(WINDOW * (REST + 8))
    rising = [share for share, before in zip(worker.shares[1:], worker.shares, strict=False) if share != before]

    assert rising == [0.1, 0.2, 0.4, 0.8, 1.0]
    assert not worker.brownout.is_on


def test_a_side_that_is_slow_by_itself_gets_its_copies_back() -> None:
    """
    They are shed at first, which changes nothing; then its baseline is another.
    """
    worker = Simulated(2.0)
    worker.run(BEGINNING)
    worker.takes = lambda _: USUAL * 8
    worker.run(WINDOW * (BAD + 1))
    assert worker.brownout.is_on
    worker.run(WINDOW * (REST + 8))
    worker.forget()
    worker.run(WINDOW * 50)

    assert not any(worker.shed)
    assert worker.shares[-1] == 1.0


def test_one_slow_moment_is_a_hiccup() -> None:
    """
    It may be in two windows; three decide.
    """
    worker = Simulated(2.0)
    worker.run(BEGINNING)
    worker.takes = lambda _: USUAL * 20
    worker.run(WINDOW / 2)
    worker.takes = alone
    worker.run(WINDOW * 10)

    assert not any(worker.shed)


def test_few_answers_make_long_windows() -> None:
    """
    Of a hundred no one can say what the slowest one in a hundred takes before they are there.
    """
    worker = Simulated(2.0, rate=int(1 / STEP))
    worker.run(ANSWERS * STEP * FIRST / 2)
    assert set(worker.shares) == {0.0}
    worker.run(ANSWERS * STEP * FIRST)

    assert worker.shares[-1] == 1.0


def test_what_is_quick_anyway_is_not_felt() -> None:
    """
    Ten times nothing is nothing.
    """
    worker = Simulated(2.0, lambda share: 0.00005 * (1 + 9 * share))
    worker.run(BEGINNING + WINDOW * 20)

    assert not any(worker.shed)


def test_where_nothing_is_copied_everything_is_baseline() -> None:
    """
    However slow.
    """
    worker = Simulated(2.0)
    worker.mirrors = False
    worker.run(BEGINNING)
    worker.takes = lambda _: USUAL * 20
    worker.run(60)

    assert not any(worker.shed)
