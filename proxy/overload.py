"""
The overload ladder: what a worker stops doing, in which order, when it runs out of memory, time or descriptors. Pure.

Four times a second the worker looks at its pressures, each a share of its own limit: memory held, descriptors open,
and lag, the shortest of the loop's turns since the last look: only a queue that stands makes every turn long, a
hiccup of the machine makes one (CoDel judges queues by their least delay for the same reason). The highest counts:

    level 1, BODIES    70 %   copies are made, but answers are no longer kept to be compared
    level 2, COPIES    80 %   no more copies are made
    level 3, CLIENTS   90 %   copies under way are dropped, clients that rest are let go
    level 4, REQUESTS  95 %   some requests get a 503

At most one step up a look, so that a 503 needs four bad looks in a row and always comes after the last copy; all of
them at once when a request gets a 503 anyway, because the live side has no connection left. Down again 5 points
below, one step at a time. Copies may be what was too much, so they come back a few at a time, after a rest that
doubles while they turn out to be; or soon and all at once if requests are fewer than when they were given up.

At level 4 as many requests are let in as can be served, and no share of them is guessed: Envoy's overload manager
refuses all, and a share that is adjusted look by look swings, since a queue sums up what the share got wrong. Each
turn of the loop lets so many requests in and refuses a few of those that wait; clients that have been answered are
read from again in turn, so many a turn. So the worker is always busy, mostly serving, and what else is asked waits
unread: refusing isn't cheap. Memory and descriptors aren't used up by turns: for them a share is refused that grows
from nothing at 95 % to nearly all at 100 %, never all, since something must show that it is over.
"""

from collections import deque
from collections.abc import Callable
from math import inf
from typing import NamedTuple

CALM, BODIES, COPIES, CLIENTS, REQUESTS = range(5)
LEVELS = ("calm", "bodies", "copies", "clients", "requests")
# By level: from this pressure on it goes one further; back at this less `EASE`.
THRESHOLDS = (0.70, 0.80, 0.90, 0.95)
EASE = 0.05
# Looks below the threshold before a step down, and before copies come back: at first, and at most.
PATIENCE = 2
REST, LONGEST_REST = 4, 128
# Copies that are too much again within so many looks after they came back were too much all along.
AGAIN = 120
# Requests that have become fewer than this share of what they were make room for copies.
FEWER = 0.8
# What more of the copies is made at each look, while they come back.
GROWTH = 0.01
# While they do, they are given up again at this lag: a queue begins to stand, and no client should come to feel it.
SIGN = 0.45
# Under overload every turn takes longer than the last by a factor, so lag is felt by its order of magnitude: of a limit
# of 0.5 s, the thresholds are 120, 205, 328 and 407 ms, and the sign above is 20 ms.
FELT = 0.25
# Requests that are let in at level 4 in one turn, some 4 ms of work. Few, so that they need few connections to the live
# side: let in for 25 ms of each turn, they needed hundreds, and most of the time went into opening those.
QUOTA = 64
# Clients that are read from again in one turn, after they have had an answer: to refuse costs about half of what it
# costs to serve, so this bounds what refusing takes from serving, whatever is asked. The others wait, unread.
READ = 80
# Refused so many, and it still is the same turn: it is taken for another.
ENDLESS = 4 * QUOTA
# The most that is refused for memory and descriptors.
MOST = 0.95


class Pressures(NamedTuple):
    """
    What is used of each limit: 1.0 is all of it.
    """

    memory: float = 0.0
    lag: float = 0.0
    descriptors: float = 0.0

    @property
    def highest(self) -> float:
        """
        The one that counts.
        """
        return max(self)

    @property
    def stocks(self) -> float:
        """
        The higher one of those that are held, not spent: letting go of clients and copies gives them back.
        """
        return max(self.memory, self.descriptors)


def lag_pressure(turn: float, limit: float) -> float:
    """
    How much of what a turn may take is taken; a limit of 0 isn't looked at.
    """
    return float((turn / limit) ** FELT) if limit else 0.0


class Ladder:
    """
    `level` moves with `look`, and with `full`; `copies` is the share of the copies that are made.
    """

    __slots__ = ("_back", "_calm", "_gave_up_at", "_looks", "_rate", "_rest", "copies", "level")

    def __init__(self) -> None:
        self.level = CALM
        self.copies = 1.0
        self._looks = 0
        self._calm = 0
        self._rest = REST
        # Requests a second: at the last look, and when copies were given up.
        self._rate = self._gave_up_at = 0.0
        # The look at which copies came back.
        self._back = -inf

    def look(self, pressures: Pressures, rate: float, refused: int) -> int:
        """
        The level from now on. `rate` is requests a second and `refused` how many got a 503, both since the last look.
        """
        self._looks += 1
        self._rate = rate
        level, highest = self.level, pressures.highest
        if level < COPIES and self.copies < 1.0:
            if pressures.lag >= SIGN:
                self._up(COPIES)
                return self.level
            self.copies = min(1.0, self.copies + GROWTH)
        if level < REQUESTS and highest >= THRESHOLDS[level]:
            self._up(level + 1)
        elif level == CALM or refused or highest >= THRESHOLDS[level - 1] - EASE:
            self._calm = 0
        else:
            self._calm += 1
            if self._calm >= self._patience():
                self._down()
        return self.level

    def full(self) -> int:
        """
        A request is about to be refused because the live side has no connection left: no copy may outlive that, and to
        refuse what is too much before it gets so far costs less.
        """
        if self.level < REQUESTS:
            self._up(REQUESTS)
        self._calm = 0
        return self.level

    def _up(self, level: int) -> None:
        if self.level < COPIES <= level:
            soon = self._looks - self._back < AGAIN
            self._rest = min(self._rest * 2, LONGEST_REST) if soon else REST
            self._gave_up_at = self._rate
            self.copies = 0.0
        self.level = level
        self._calm = 0

    def _patience(self) -> int:
        if self.level != COPIES:
            return PATIENCE
        return REST if self._are_fewer() else self._rest

    def _are_fewer(self) -> bool:
        return self._rate <= self._gave_up_at * FEWER

    def _down(self) -> None:
        if self.level == COPIES:
            self._back = self._looks
            self.copies = 1.0 if self._are_fewer() else GROWTH
        self.level -= 1
        self._calm = 0


class Gate:
    """
    Who is let in at level 4. `soon` runs a call before the next turn; not `paced`, a turn may take any time.
    """

    __slots__ = ("_left", "_paced", "_resting", "_soon", "_turning", "_waiting", "refused", "share")

    def __init__(self, soon: Callable[[Callable[[], None]], object], *, paced: bool) -> None:
        self._soon = soon
        self._paced = paced
        # How many more are let in this turn, how many more are refused then, and whether its end will be heard of.
        self._left = QUOTA
        self._waiting = ENDLESS
        self._turning = False
        # How to read on from clients that have been answered, who came first first.
        self._resting: deque[Callable[[], None]] = deque()
        self.share = 0.0
        self.refused = 0

    def admits(self, roll: float) -> bool:
        """
        Whether a request is let in; `roll` is in [0, 1).
        """
        if roll >= self.share:
            if not self._paced:
                return True
            self._turn()
            if self._left:
                self._left -= 1
                return True
            self._waiting -= 1
            if not self._waiting:
                self._left, self._waiting = QUOTA, ENDLESS
        self.refused += 1
        return False

    def rest(self, read_on: Callable[[], None]) -> None:
        """
        A client has had its answer and isn't read now; `read_on` is called when it is its turn again.
        """
        self._resting.append(read_on)
        self._turn()

    def open(self) -> None:
        """
        Nobody need rest any more.
        """
        self._read_on(len(self._resting))

    def look(self, stocks: float) -> int:
        """
        Adjust the share that is refused for memory and descriptors. How many were refused since the last look.
        """
        refused, self.refused = self.refused, 0
        threshold = THRESHOLDS[-1]
        self.share = min(max(0.0, (stocks - threshold) / (1.0 - threshold)), MOST)
        return refused

    def _turn(self) -> None:
        if not self._turning:
            self._turning = True
            self._soon(self._turned)

    def _turned(self) -> None:
        self._left, self._waiting, self._turning = QUOTA, ENDLESS, False
        self._read_on(READ if self._paced else len(self._resting))
        if self._resting:
            self._turn()

    def _read_on(self, count: int) -> None:
        for _ in range(min(count, len(self._resting))):
            self._resting.popleft()()
