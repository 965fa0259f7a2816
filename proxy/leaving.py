"""
Leaving new: after a kill, or once a weight is 0, tunnels and answers that have begun there end within a time.

Whoever new would not be asked for any more, whatever chance says, has that long; then a tunnel is closed and an answer
visibly cut short. What waits for the first byte of its answer has a timeout of its own and is left to it. Brought back
in time, new keeps them all.
"""

from typing import Final

from proxy.exchange import Exchange
from proxy.net.front import Front, Guest
from proxy.plane import Plane

# Connections that are looked at in one tick: a few microseconds each, and nobody should wait for all of 10,000.
SLICE: Final = 500
# The timer's step, at most: whoever has no more than this much time has to go now, so that none stays longer.
STEP: Final = 0.25


class Leaving:
    """
    All of one worker: `begin` whenever other decisions are in force, `tick` with the worker's one timer. Times are
    coarse seconds.
    """

    def __init__(self, plane: Plane, front: Front) -> None:
        self._plane = plane
        self._front = front
        self._unseen: list[Guest] = []
        self._until = 0.0
        self._left: dict[Exchange, float] = {}

    def begin(self, now: float) -> None:
        """
        A table, or the kill latch, is in force since now: only what is under way at this moment can be on the wrong
        side.
        """
        self._unseen = list(self._front.connections)
        self._until = now + self._plane.table.streams

    def tick(self, now: float) -> None:
        """
        Find out who has to go, and see off those whose time is over.
        """
        course = self._plane.course
        for client in self._unseen[-SLICE:]:
            exchange = client.exchange
            if isinstance(exchange, Exchange) and exchange.is_left(course):
                self._left.setdefault(exchange, self._until)
        del self._unseen[-SLICE:]
        for exchange in [exchange for exchange, until in self._left.items() if until <= now + STEP]:
            if not exchange.is_left(course) or exchange.leave():
                del self._left[exchange]
