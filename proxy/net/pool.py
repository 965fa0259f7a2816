"""
The connections to one side in one role: lent last-in first-out where least is outstanding, aged out, bounded, never
queued for.

Live and shadow legs have pools of their own, so that a side's shadow traffic can't take a connection from a client.
"""

import asyncio
import ssl
from errno import EMFILE, ENFILE
from math import inf

from proxy.clock import TICK, monotonic
from proxy.net.leg import Leg
from proxy.net.lifetime import Lifetime
from proxy.net.place import Place, in_order
from proxy.net.places import Places
from proxy.net.resuming import Awaited, Resuming
from proxy.net.upstream import UpstreamConnection
from proxy.routing.patience import Patience
from proxy.routing.table import Limits, Side, Timeouts
from proxy.tasks import spawn
from proxy.wire.answer import AnswerParser

# A side that says `Keep-Alive: timeout=5` may close at any moment of the fifth second.
MARGIN = 1.0


class Pool:
    """
    `now` is the worker's coarse clock, set by `tick`.
    """

    def __init__(
        self,
        side: Side,
        patience: Patience,
        limits: Limits,
        timeouts: Timeouts,
        parser: AnswerParser,
        limit: int,
        now: float,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.now = now
        self.patience = patience
        self.limits = limits
        self.parser = parser
        self._side = side
        self._idle_timeout = timeouts.upstream_idle
        self._age = timeouts.upstream_age
        self._limit = limit
        self._all: set[UpstreamConnection] = set()
        self._attempts: set[object] = set()
        self.closing = False
        self.lifetime = Lifetime()
        # What the system said of the last connection that couldn't be made.
        self.detail = ""
        self.places = Places(side, timeouts.dns_ttl)
        self._knocking: set[Place] = set()
        self._tls = tls

    @property
    def open(self) -> int:
        """
        How many connections stand or are being made.
        """
        return len(self._all) + len(self._attempts)

    # Lending...

    def lend(self, *, repeatable: bool) -> UpstreamConnection | None:
        """
        An idle connection on which nothing is readable, or None.

        For a request that is not `repeatable` it must also be one that the side won't be closing at this moment.
        """
        place = self.places.only or self.places.least()
        if place is None:
            return None
        unused = place.idle
        now = monotonic()
        while unused:
            connection = unused[-1]
            idle = now - connection.idle_since
            if not repeatable and not self.lifetime.trusts(idle):
                return None
            unused.pop()
            if connection.is_stale():
                self.lifetime.closed_after(idle)
            elif not connection.idle_limit or idle < connection.idle_limit - MARGIN:
                connection.idle = idle
                if place.pause:
                    place.taken(self.now)
                return connection
            connection.transport.abort()
        return None

    def give_back(self, connection: UpstreamConnection) -> None:
        """
        Take back a connection whose answer was read to its end.
        """
        connection.idle_since = now = monotonic()
        place = connection.place
        if self.closing or place.is_gone or now - connection.born > self._age:
            connection.transport.close()
            return
        place.idle.append(connection)

    # Connecting...

    @property
    def lacking(self) -> str:
        """
        Why no handshake with this side can be made now; "" if one can.
        """
        return self._tls.lacking if isinstance(self._tls, Awaited) else ""

    def connect(self, leg: Leg) -> "asyncio.Task[None] | None":
        """
        Open a connection for `leg`, which gets `connected` or `failed`; cancel the task to give up. None at the limit.
        """
        if self.open >= self._limit:
            return None
        attempt = object()
        self._attempts.add(attempt)
        task = spawn(self._connect(leg, attempt), name=f"connect {self._side.address}")
        # A task that is cancelled before its first step never gets to its `finally`.
        task.add_done_callback(lambda _: self._attempts.discard(attempt))
        return task

    async def _connect(self, leg: Leg, attempt: object) -> None:
        """
        Try each address until one accepts or the time is over.
        """
        if lacking := self.lacking:
            self._attempts.discard(attempt)
            self.detail = lacking
            leg.failed("certificate")
            return
        connection: UpstreamConnection | None = None
        place: Place | None = None
        cause = "dns"
        try:
            async with asyncio.timeout(None if self.patience.connect == inf else self.patience.connect) as limit:
                untried = list(self.places.all or await self.places.known())
                while untried and connection is None:
                    usable, others = in_order(untried)
                    place = (usable or others)[0]
                    untried.remove(place)
                    connection, cause = await self._try(place, _share(limit.when(), len(usable)))
        except TimeoutError:
            cause = "connect_timeout" if self.places.all else "dns"
            if place is not None:
                place.failed(self.now)
        finally:
            self._attempts.discard(attempt)
        if cause == "dns":
            self.detail = self.places.detail
        if connection is None:
            leg.failed(cause)
        elif connection.transport.is_closing():
            leg.failed("terminated")
        else:
            leg.connected(connection)

    async def _try(self, place: Place, until: float | None) -> "tuple[UpstreamConnection | None, str]":
        """
        One connection to one place, and why there is none. Gives up at `until`, by the loop's clock.
        """
        place.taken(self.now)
        place.open += 1
        try:
            async with asyncio.timeout_at(until):
                try:
                    return await self._open(place), ""
                except (ssl.SSLError, ConnectionError):
                    if place.tls is None or not place.tls.forget():
                        raise
                    # Some sides break off where they should just not resume.
                    return await self._open(place), ""
        except TimeoutError:
            cause = "connect_timeout"
        except (OSError, ssl.SSLError) as error:
            cause = _cause(error)
            self.detail = getattr(error, "verify_message", None) or error.strerror or type(error).__name__
        finally:
            place.open -= 1
        place.failed(self.now)
        return None, cause

    async def _open(self, place: Place) -> UpstreamConnection:
        """
        One connection to one place.
        """
        loop = asyncio.get_running_loop()
        name = None
        if self._tls is not None:
            name = self._side.server_name
            place.tls = place.tls or Resuming(self._tls)
        if place.path:
            _, protocol = await loop.create_unix_connection(
                lambda: UpstreamConnection(self, place), place.path, ssl=place.tls, server_hostname=name
            )
        else:
            _, protocol = await loop.create_connection(
                lambda: UpstreamConnection(self, place), place.host, place.port, ssl=place.tls, server_hostname=name
            )
        return protocol

    def served(self, connection: UpstreamConnection) -> None:
        """
        A connection has brought its first answer.
        """
        tls = connection.place.tls
        if tls is not None:
            tls.remember(connection.transport.get_extra_info("ssl_object"))

    def opened(self, connection: UpstreamConnection) -> None:
        """
        A connection stands.
        """
        self._all.add(connection)
        connection.place.open += 1

    def closed(self, connection: UpstreamConnection) -> None:
        """
        A connection is gone.
        """
        self._all.discard(connection)
        place = connection.place
        place.open -= 1
        if connection in place.idle:
            place.idle.remove(connection)

    # Ageing...

    def tick(self, now: float) -> None:
        """
        Called by the worker's one timer: expire what is owed, close what has been idle too long, refresh addresses.
        """
        self.now = now
        # Deadlines were reckoned from a clock that may have been a tick behind: a side gets all the time it was given.
        certain = now - TICK
        for connection in list(self._all):
            if connection.deadline:
                connection.expire(certain)
        for place in self.places.all:
            while place.idle and now - place.idle[0].idle_since > self._idle_timeout:
                place.idle.pop(0).transport.close()
        self.places.tick(now)
        self.lifetime.tick()
        if self.places.only is None and not self.closing and not self.lacking:
            self._knock(now)

    def _knock(self, now: float) -> None:
        """
        At each of several places that has failed, once its time is over.
        """
        for place in self.places.all:
            if place.is_due(now) and place not in self._knocking:
                self._knocking.add(place)
                spawn(self._knock_at(place), name=f"knock {self._side.address}")

    async def _knock_at(self, place: Place) -> None:
        """
        Make a connection there; a request that tries the place makes use of it.
        """
        limit = self.patience.connect
        try:
            until = None if limit == inf else asyncio.get_running_loop().time() + limit
            connection, _ = await self._try(place, until)
        finally:
            self._knocking.discard(place)
        if connection is not None:
            place.knocked()
            self.give_back(connection)

    def close(self) -> None:
        """
        Close what is idle, and what is lent as soon as it comes back.
        """
        self.closing = True
        self.rest()

    def rest(self) -> None:
        """
        Close what is idle now.
        """
        for place in self.places.all:
            for connection in place.idle:
                connection.transport.close()
            place.idle.clear()

    def cut(self) -> None:
        """
        Close what is lent, and tell the legs.
        """
        for connection in list(self._all):
            connection.fail("reload")


def _share(until: float | None, places: int) -> float | None:
    """
    Until when to try the first of so many places, if all have until then: one that says nothing leaves the others their
    share of the time. None: as long as there is.
    """
    if until is None or places < 2:
        return None
    now = asyncio.get_running_loop().time()
    return now + (until - now) / places


def _cause(error: Exception) -> str:
    """
    What went wrong with a connection attempt, as a key of `wire.own.CAUSES`.
    """
    if isinstance(error, ssl.SSLCertVerificationError):
        return "certificate"
    if isinstance(error, ssl.SSLError):
        return "tls"
    if isinstance(error, OSError) and error.errno in (EMFILE, ENFILE):
        return "descriptors"
    if isinstance(error, ConnectionRefusedError):
        return "refused"
    if isinstance(error, ConnectionResetError):
        return "terminated"
    return "unreachable"
