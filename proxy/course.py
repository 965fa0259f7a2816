"""
What comes of one table: both sides within reach, and what exchanges are decided by.

Replaced whole and never changed: every exchange keeps the course that it began on, and so sees one table from its first
byte to its last. What the next table leaves as it was is shared with the next course: connections, breakers, counts.
"""

from collections.abc import Mapping
from ssl import SSLContext

from proxy.clock import time
from proxy.metrics.versions import name_in
from proxy.mirror.breaker import Breaker
from proxy.mirror.pair import Pairs
from proxy.mirror.troubles import Troubles
from proxy.net.checkup import Checkup, request_for
from proxy.net.ejection import Ejection
from proxy.net.knock import Knock
from proxy.net.pool import Pool
from proxy.routing.belonging import Backing
from proxy.routing.keyset import KeySet
from proxy.routing.patience import Patience
from proxy.routing.route import KeyFile
from proxy.routing.table import NEW, OLD, Side, Table
from proxy.routing.ways import Ways
from proxy.wire.answer import AnswerParser
from proxy.wire.fields import answer_names


class Reach:
    """
    One side within reach: its connections by role, its shadow traffic, why it fails, and whether it gets live requests.
    """

    __slots__ = ("breaker", "checkup", "copies", "ejection", "live", "made_of", "shadow", "troubles", "url")

    def __init__(self, table: Table, address: Side, parser: AnswerParser, now: float, tls: SSLContext | None) -> None:
        limits, timeouts, mirror = table.limits, table.timeouts.patient(), table.mirror
        live = Patience(connect=timeouts.connect, head=timeouts.answer_head, body=timeouts.answer_idle)
        shadow = Patience(connect=mirror.connect_timeout, head=mirror.head_timeout, body=mirror.body_timeout)
        self.made_of = _reaching(table, address)
        self.url = address.url
        self.live = Pool(address, live, limits, timeouts, parser, limits.upstream_connections, now, tls)
        self.shadow = Pool(address, shadow, limits, timeouts, parser, mirror.concurrency * 2, now, tls)
        self.breaker = Breaker(mirror.breaker)
        self.ejection = Ejection(address.eject, address.health)
        self.checkup: Checkup | None = None
        if (health := address.health) is not None:
            asked = Patience(connect=health.timeout, head=health.timeout, body=health.timeout)
            # One at a time, while the one before is being closed.
            pool = Pool(address, asked, limits, timeouts, parser, 2, now, tls)
            self.checkup = Checkup(
                pool, request_for(address, health.path), health, self.ejection, (self.live, self.shadow)
            )
        self.troubles = Troubles()
        self.copies = 0

    @property
    def open(self) -> int:
        """
        How many connections stand or are being made.
        """
        return self.live.open + self.shadow.open + (0 if self.checkup is None else self.checkup.open)

    def tick(self, now: float, roll: float) -> None:
        """
        Called by the worker's one timer; `roll` in [0, 1).
        """
        if self.ejection.is_out and not self.live.closing and self.ejection.is_due(now, roll):
            self.live.connect(Knock(self.ejection))
        if self.checkup is not None:
            self.checkup.tick(now, roll)
        self.live.tick(now)
        self.shadow.tick(now)

    def close(self) -> None:
        """
        Close the idle connections, and the others as they come back.
        """
        self.live.close()
        self.shadow.close()
        if self.checkup is not None:
            self.checkup.close()

    def cut(self) -> None:
        """
        Close the others too, whatever they are in the middle of.
        """
        self.live.cut()
        self.shadow.cut()


class Course:
    """
    `ways` are the compiled routes. `tls` has a context for every side that wants one, `keysets` a set for every
    file of keys; `before` is the course whose
    connections may serve on. `twin` is within reach where noise is learned, and `twins` are the pairs with it.
    """

    __slots__ = ("mirror", "pairs", "parser", "sides", "table", "twin", "twins", "ways")

    def __init__(
        self,
        table: Table,
        pairs: Pairs,
        now: float,
        tls: Mapping[Side, SSLContext],
        keysets: Mapping[KeyFile, KeySet],
        before: "Course | None" = None,
    ) -> None:
        self.table = table
        self.ways = Ways(table, Backing(time, keysets))
        self.mirror = table.mirror
        self.pairs = pairs.under(table.mirror.max_body)
        self.parser: AnswerParser = self._parser(before)
        old, new = table.sides
        known: tuple[Reach | None, ...] = (None, None) if before is None else before.sides
        self.sides: tuple[Reach, Reach] = (
            self._reach(old, tls, now, known[OLD]),
            self._reach(new, tls, now, known[NEW]),
        )
        self.twin: Reach | None = None
        self.twins = self.pairs.of_twins()
        if table.noise.sample > 0.0:
            self.twin = self._reach(table.noise.twin or old, tls, now, None if before is None else before.twin)

    @property
    def reaches(self) -> tuple[Reach, ...]:
        """
        Both sides, and the twin if there is one.
        """
        return self.sides if self.twin is None else (*self.sides, self.twin)

    def instead_of(self, side: int, now: float, roll: float, *, is_safe: bool) -> int:
        """
        Who answers what an ejected side was to answer: the other, unless this is the request that tries it, or the
        other is no better.
        """
        other = 1 - side
        if self.sides[other].ejection.is_out or self.sides[side].ejection.admits(now, roll, is_safe=is_safe):
            return side
        return other

    def _parser(self, before: "Course | None") -> AnswerParser:
        """
        The parser of answers: both sides' is the same, since what it remembers of one helps with the other.
        """
        if before is not None and _parsing(self.table) == _parsing(before.table):
            return before.parser
        table = self.table
        names = answer_names(table.headers, attributes=table.cookie_attributes)
        return AnswerParser(names, table.limits.fields, frozenset(map(name_in, table.versions)) - {b""})

    def _reach(self, address: Side, tls: Mapping[Side, SSLContext], now: float, known: Reach | None) -> Reach:
        """
        One side: as it is `known`, if nothing that it was made of is different now.
        """
        if known is not None and known.made_of == _reaching(self.table, address):
            return known
        return Reach(self.table, address, self.parser, now, tls[address] if address.scheme == "https" else None)


def _parsing(table: Table) -> tuple[object, ...]:
    """
    All that a parser of answers is made of.
    """
    return table.headers, table.cookie_attributes, table.limits.fields, tuple(map(name_in, table.versions))


def _reaching(table: Table, address: Side) -> tuple[object, ...]:
    """
    All that the reach of a side is made of. A client's own limits and timeouts are not among it: changing those costs
    no connection.
    """
    limits, timeouts, mirror = table.limits, table.timeouts, table.mirror
    return (
        *(address, *_parsing(table)),
        *(limits.line, limits.head, limits.chunk_extensions, limits.interim, limits.upstream_connections),
        *(timeouts.connect, timeouts.answer_head, timeouts.answer_idle),
        *(timeouts.upstream_idle, timeouts.upstream_age, timeouts.dns_ttl),
        *(mirror.connect_timeout, mirror.head_timeout, mirror.body_timeout, mirror.concurrency, mirror.breaker),
    )
