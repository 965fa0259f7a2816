"""
What a worker does about too much work: four times a second it looks at its pressures, and makes the plane and the front
shed what `proxy/overload.py` says.
"""

import asyncio
import resource
from collections.abc import Callable

from proxy.clock import monotonic
from proxy.mirror.brownout import Brownout
from proxy.mirror.pair import Pair, Unkept
from proxy.net.front import Front
from proxy.overload import (
    BODIES,
    CALM,
    CLIENTS,
    EASE,
    LEVELS,
    REQUESTS,
    THRESHOLDS,
    Gate,
    Ladder,
    Pressures,
    lag_pressure,
)
from proxy.plane import MANY, Plane
from proxy.pressure import Memory, Turns, available
from proxy.routing.table import RESERVED, SIDES, Overload, Table

# From here on, at level 3, clients that rest are let go for memory or descriptors. Lag is none of their doing, and when
# they come back it costs more time than to let them be.
SCARCE = THRESHOLDS[CLIENTS - 1] - EASE
# Seconds without a request after which a client is resting then.
RESTING = 1.0
# New clients taken after a turn that was long: usually, and where requests are refused.
SWEEP, FEW = 64, 4
# Seconds after a look when the next, a quarter of a second after it, is late.
LATE = 0.4
# Seconds between two attempts to give memory back, and between two lines about the level.
TRIMMING = 2.0
TELLING = 1.0


class Shedding:
    """
    `report` takes an event, its level for the log, and its fields; `on_busy` takes so many new clients at most.
    """

    def __init__(
        self,
        plane: Plane,
        front: Front,
        report: Callable[..., None],
        on_busy: Callable[[int], None] = lambda at_most: None,
    ) -> None:
        self._plane = plane
        self._front = front
        self._report = report
        self._ladder = Ladder()
        self._on_busy = on_busy
        loop = asyncio.get_running_loop()
        self._soon: Callable[[Callable[[], None]], object] = loop.call_soon
        self._turns = Turns(loop, self._busy)
        self._memory = Memory()
        self._overload: Overload
        self._gate = Gate(self._soon, paced=True)
        self.brownout = Brownout(0.0)
        self.obey(plane.table)
        self._pressures = Pressures()
        # At the last look: when it was, and how many exchanges had begun.
        self._looked = plane.now
        self._begun = plane.requests
        self._trimmed = 0.0
        # What was said last, when, and how many requests were refused since.
        self._told = CALM
        self._told_at = 0.0
        self._refused = 0
        plane.on_full = self._full
        plane.on_many = self._many

    @property
    def level(self) -> int:
        """
        The level of the ladder.
        """
        return self._ladder.level

    def obey(self, table: Table) -> None:
        """
        Limits of a new table.
        """
        self._overload = overload = table.overload
        self._memory_limit = self._memory.limit(overload, available())
        self._descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        self._gate.open()
        self._gate = Gate(self._soon, paced=overload.lag > 0.0)
        if table.mirror.brownout != self.brownout.factor:
            self.brownout = Brownout(table.mirror.brownout)
        self._shed()

    def look(self, now: float) -> None:
        """
        Called by the worker's one timer.
        """
        pressures, plane = self._measure(now), self._plane
        refused = self._gate.look(pressures.stocks)
        # The plane counts anew every now and then.
        begun = plane.requests - self._begun if plane.requests >= self._begun else plane.requests
        rate = (begun + refused) / max(now - self._looked, 0.001)
        self._looked, self._begun = now, plane.requests
        self._refused += refused
        self._pressures = pressures
        self._ladder.look(pressures, rate, refused)
        self._look_at_live(now)
        self._shed()
        if pressures.memory >= THRESHOLDS[CALM] and now - self._trimmed > TRIMMING:
            self._trimmed = now
            self._memory.trim()
        if self.level >= CLIENTS and pressures.stocks >= SCARCE:
            self._let_go(now)
        self._tell(now)

    def _look_at_live(self, now: float) -> None:
        """
        Whether copies make live answers slower, and one line when that begins or ends.
        """
        plane, brownout, was_on = self._plane, self.brownout, self.brownout.is_on
        if self.level == CALM:
            # Else it is we who are slow, and copies are given up for that.
            brownout.look(now, plane.books.live_seconds, copied=plane.table.mirror.percent > 0.0)
        if brownout.is_on and not was_on:
            figures = {"p99": round(brownout.p99, 4), "baseline": round(brownout.baseline, 4)}
            self._report("brownout", "warning", side=SIDES[brownout.side], factor=brownout.factor, **figures)
        elif was_on and not brownout.is_on:
            self._report("brownout_over", "info", side=SIDES[brownout.side])

    def _measure(self, now: float) -> Pressures:
        plane, overload = self._plane, self._overload
        used = RESERVED + len(self._front.connections) + sum(reach.open for reach in plane.reaches())
        turn = self._turns.least(now)
        return Pressures(
            memory=self._memory.resident() / self._memory_limit,
            lag=lag_pressure(turn, overload.lag),
            descriptors=used / self._descriptors,
        )

    def _busy(self) -> None:
        """
        A long turn is over: new clients have waited for it. Where requests are refused they may wait a little longer,
        since each is one more to refuse.
        """
        self._on_busy(SWEEP if self.level < REQUESTS else FEW)

    def _full(self) -> None:
        """
        A request is about to be refused for want of a connection: no copy may outlive that.
        """
        self._ladder.full()
        self._shed()

    def _many(self) -> None:
        """
        Many requests have begun. If it is long since the timer came, they all did in one turn of the loop, and nobody
        else will look before that is over.
        """
        now = monotonic()
        if now - self._looked > LATE:
            self._front.now = now
            self.look(now)
            self._front.rest = self._front.rest or self._soon

    def _shed(self) -> None:
        """
        Make the present level so.
        """
        plane, level = self._plane, self.level
        plane.copies = self._ladder.copies * self.brownout.share
        plane.make_pair = Unkept if level >= BODIES else Pair
        plane.gate = self._gate if level == REQUESTS else None
        if level >= CLIENTS:
            plane.pairs.drop_all("memory_budget")
            plane.pairs.judge.drop_waiting("memory_budget")
        if level == REQUESTS:
            self._front.rest = self._gate.rest
            return
        # With more than 1,024 sockets ready at a time, libuv polls up to 48 times before it turns: for seconds no timer
        # would run. A client that isn't read before the next turn is none of them.
        self._front.rest = self._soon if level > CALM and len(self._front.connections) >= MANY else None
        self._gate.open()

    def _let_go(self, now: float) -> None:
        """
        Close what rests: clients, and connections for copies, of which there are none now.
        """
        for client in list(self._front.connections):
            if client.is_idle() and now - client.idle_since() > RESTING:
                client.close()
        for reach in self._plane.reaches():
            reach.shadow.rest()

    def _tell(self, now: float) -> None:
        """
        One line when the level is another, at most one a second.
        """
        level = self.level
        if level == self._told or now - self._told_at < TELLING:
            return
        self._report(
            "overload",
            "warning" if level else "info",
            step=level,
            sheds=LEVELS[level],
            before=self._told,
            refused=self._refused,
            **{name: round(pressure, 3) for name, pressure in self._pressures._asdict().items()},
        )
        self._told, self._told_at, self._refused = level, now, 0
