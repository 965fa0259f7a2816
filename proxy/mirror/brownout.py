"""
Brownout: whether copies make live answers slower, and so are too many. Pure: callers pass `now` in seconds.

Old and new may share a database, a network or a machine; then copies cost clients time that no limit of Parallax sees.
Measured is each side's 99th percentile of live latency, in windows of at least 2 s and 100 answers. The baseline is the
median of the last windows without copies: three at first, one in a hundred later, and all while copies are shed. After
three windows on end above `factor` times the baseline, copies are shed. They come back after a rest that doubles while
they turn out to be too much again, a tenth of them first, then twice as many with each good window.

A side that gets slow by itself loses its copies for a while too: then its baseline follows, and they come back.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from proxy.metrics.books import SECONDS
from proxy.metrics.quantiles import quantile
from proxy.routing.table import NEW, OLD

WINDOW: Final = 2.0
ANSWERS: Final = 100
QUANTILE: Final = 0.99
# What is below this many seconds isn't felt, whatever the factor.
MARGIN: Final = 0.001
# Windows without copies: at first, one in so many later, and how many of them are remembered.
FIRST, EVERY, KNOWN = 3, 100, 5
# Windows on end that are too slow: one moment may be in two.
BAD: Final = 3
# Windows of rest: at first, and at most. Too slow again within so many windows doubles it.
REST, LONGEST, AGAIN = 5, 150, 60
# The share of the copies that is made when they come back.
BACK: Final = 0.1

# Live latencies so far, in the buckets of `SECONDS`: of old, of new.
Counts = tuple[Sequence[int], Sequence[int]]


class Brownout:
    """
    One for each worker. `share` of the copies is to be made; `is_on` while they are shed because `side` had a `p99`
    that was too far above its `baseline` (seconds). A `factor` of 0 leaves them alone.
    """

    __slots__ = (
        "_back_at", "_bad", "_growth", "_known", "_left", "_next", "_number", "_rest", "_seen", "baseline", "factor",
        "is_on", "p99", "share", "side",
    )  # fmt: skip

    def __init__(self, factor: float) -> None:
        self.factor = factor
        self.is_on = False
        self.share = 0.0 if factor else 1.0
        self.side, self.p99, self.baseline = OLD, 0.0, 0.0
        self._known: tuple[deque[float], deque[float]] = (deque(maxlen=KNOWN), deque(maxlen=KNOWN))
        # The window: when it may end, and what had been counted when it began.
        self._next = 0.0
        self._seen: Counts | None = None
        self._number = 0
        self._growth = 1.0
        self._bad = 0
        self._rest, self._left = REST, 0
        self._back_at = -AGAIN

    def look(self, now: float, read: Callable[[], Counts], *, copied: bool) -> None:
        """
        Called often; `read` is asked for the counts when a window may end, `copied` says whether copies may be made at
        all.
        """
        if not self.factor or now < self._next:
            return
        counts, self._next = read(), now + WINDOW
        if self._seen is None:
            self._seen = counts
            return
        window = [[new - old for new, old in zip(*both, strict=True)] for both in zip(counts, self._seen, strict=True)]
        if sum(map(sum, window)) < ANSWERS:
            return
        self._seen = counts
        self._number += 1
        self._end(window, copied=copied and self.share > 0.0)

    def _end(self, window: list[list[int]], *, copied: bool) -> None:
        """
        A window has ended, in which copies were made or not.
        """
        is_bad = False
        for side in (OLD, NEW):
            if sum(window[side]) < ANSWERS:
                continue
            p99 = quantile(SECONDS, window[side], QUANTILE) or 0.0
            known = self._known[side]
            if not copied:
                known.append(p99)
            elif known and p99 > max((baseline := _median(known)) * self.factor, baseline + MARGIN):
                is_bad, self.side, self.p99, self.baseline = True, side, p99, baseline
        if self.is_on:
            self._left -= 1
            if self._left <= 0:
                self.is_on, self._growth, self._back_at = False, BACK, self._number
        elif copied:
            self._judge(is_bad=is_bad)
        is_known = max(map(len, self._known)) >= FIRST
        # A window for the baseline, once copies are back.
        is_held = self._growth >= 1.0 and self._number % EVERY == 0
        self.share = self._growth if is_known and not self.is_on and not is_held else 0.0

    def _judge(self, *, is_bad: bool) -> None:
        if not is_bad:
            self._bad = 0
            self._growth = min(1.0, self._growth * 2.0)
            return
        self._bad += 1
        if self._bad >= BAD:
            self._rest = min(self._rest * 2, LONGEST) if self._number - self._back_at < AGAIN else REST
            self.is_on, self._left, self._bad = True, self._rest, 0


def _median(values: deque[float]) -> float:
    return sorted(values)[len(values) // 2]
