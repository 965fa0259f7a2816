"""
What all exchanges of one worker share: the course, the books, the pairs, chance and the coarse clock.

It lives as long as the worker. A new table makes a new course; the plane swaps it in one assignment, and lets what only
the old one used come to its end.
"""

from collections import deque
from collections.abc import Callable
from random import Random
from typing import Protocol

from proxy.clock import monotonic, time
from proxy.course import Course, Reach
from proxy.metrics.books import Books, Page
from proxy.metrics.endpoints import Known, template
from proxy.metrics.versions import Versions, name_in, version_of
from proxy.mirror.breaker import CLOSED
from proxy.mirror.claims import Claims
from proxy.mirror.pair import Pair, Pairs
from proxy.overload import Gate
from proxy.routing.flags import FlagMemory
from proxy.routing.table import Table
from proxy.wire.request import RequestHead

# Request lines whose endpoint is remembered. Beyond, the memory starts anew: ids in paths would fill any size.
REMEMBERED = 8192
# Only keys up to this many bytes are remembered: 8,192 of them stay under 3 MiB.
LONGEST = 256
OTHER = "other"
# Overlong shadow answers that are read on in one tick: a read is 256 KiB at most, and must not add up to a pause.
SLOWLY = 2
# Templates proposed within `FORGET` seconds: control learns 200 in all.
OFFERS, FORGET = 1000, 5.0
# Retries within `RETRY_WINDOW` seconds: a share of the requests (Envoy's default budget), and always a few.
RETRY_SHARE, RETRIES, RETRY_WINDOW = 0.2, 10, 10.0
# Requests, a power of two, after which somebody is told: more than a loop should begin in one turn.
MANY = 1024
# Twins asked at once: the next ones have time.
TWINS = 8
# Seconds for what is in flight on connections that the table in force has no use for.
LEAVING = 60.0


class Slowed(Protocol):
    """
    A shadow leg whose answer is read a piece at a time.
    """

    def go_on(self) -> bool:
        """
        Read the next piece; False when it has ended meanwhile.
        """


class Plane:
    """
    `now` is the coarse clock of timeouts (seconds, moves with `tick`); latencies are measured with `clock.monotonic`.
    """

    def __init__(self, course: Course, books: Books) -> None:
        self.books = books
        self.now = monotonic()
        self.course = course
        self._leaving: list[tuple[float, Reach]] = []
        self.random = Random().random
        self.bits = Random().getrandbits
        self.closing = False
        # What is shed: the share of copies that is made, whether their answers are kept, which requests are let in.
        self.copies = 1.0
        self.make_pair: type[Pair] = Pair
        self.gate: Gate | None = None
        # Told before a request is refused because a side has no connection left, and after every `MANY` requests.
        self.on_full: Callable[[], None] = lambda: None
        self.on_many: Callable[[], None] = lambda: None
        self.slowed: deque[Slowed] = deque()
        self.claims = Claims()
        # Requests that a twin may still be asked now.
        self._twins = 0.0
        # Requests and retries within the window of the retry budget.
        self.requests = 0
        self._retries = 0
        self._counted = self.now
        self.on_candidate: Callable[[str], None] = lambda candidate: None
        self._known = Known(())
        self._pages: dict[bytes, Page] = {}
        # For events, the same one for all tables.
        self.tally = course.pairs.tally
        self.versions = Versions()
        self._offered: set[bytes] = set()
        self._forgot = self.now
        self.other = books.page(OTHER)
        self.flags = FlagMemory(books.flags)

    @property
    def table(self) -> Table:
        """
        The table in force.
        """
        return self.course.table

    @property
    def sides(self) -> tuple[Reach, Reach]:
        """
        Both sides as the table in force has them.
        """
        return self.course.sides

    @property
    def pairs(self) -> Pairs:
        """
        The pairs, whatever table they began by.
        """
        return self.course.pairs

    def follow(self, course: Course) -> None:
        """
        Another table is in force: what only the one before used comes to its end.
        """
        before, self.course = self.course, course
        course.pairs.budget.limit = course.mirror.memory_budget
        for reach in before.reaches:
            if reach not in course.reaches:
                reach.close()
                self._leaving.append((self.now + LEAVING, reach))

    def know(self, known: Known) -> None:
        """
        Use a new list of endpoints.
        """
        self._known = known
        self._pages.clear()
        self._offered.clear()

    def page(self, head: RequestHead) -> Page:
        """
        The page of the endpoint that a request belongs to.
        """
        target = head.target
        query = target.find(b"?")
        key = head.method + (target if query < 0 else target[:query])
        page = self._pages.get(key)
        if page is None:
            method, path = _text(head)
            page = self.books.page(self._known.find(method, path) or OTHER)
            if len(key) <= LONGEST:
                if len(self._pages) >= REMEMBERED:
                    self._pages.clear()
                self._pages[key] = page
        return page

    def offer(self, head: RequestHead) -> None:
        """
        A request that belongs to no known endpoint was answered below 400: propose its template, once in a while.
        """
        key = head.method + head.target.partition(b"?")[0]
        if len(key) <= LONGEST and key not in self._offered and len(self._offered) < OFFERS:
            self._offered.add(key)
            self.on_candidate(template(*_text(head)))

    def note_version(self, side: int, told: dict[bytes, bytes]) -> None:
        """
        What an answer of a side says that may be its version.
        """
        value = told.get(name_in(self.course.table.versions[side]))
        if value is not None:
            self.versions.note(side, version_of(value), time())

    def may_retry(self) -> bool:
        """
        A retry is within the budget, and is taken from it: a side that drops everything isn't asked for it all twice.
        """
        if self._retries >= max(RETRIES, self.requests * RETRY_SHARE):
            return False
        self._retries += 1
        return True

    def asks_twin(self, course: Course) -> bool:
        """
        Whether a twin is asked this time too, which is taken from its rate then. Not while anything is being shed, or
        the twin can't keep up.
        """
        twin = course.twin
        if twin is None or self._twins < 1.0 or self.random() * 100.0 >= course.table.noise.sample:
            return False
        if self.copies < 1.0 or self.make_pair is not Pair or self.closing or twin.copies >= TWINS:
            return False
        if twin.breaker.state != CLOSED and not twin.breaker.allows(self.now, self.random()):
            return False
        self._twins -= 1.0
        return True

    def tick(self, now: float) -> None:
        """
        Called by the worker's one timer.
        """
        if now - self._counted > RETRY_WINDOW:
            self._counted = now
            self.requests = self._retries = 0
        if now - self._forgot > FORGET:
            # An offer may have been lost with the process it went to.
            self._forgot = now
            self._offered.clear()
        turns = SLOWLY
        while self.slowed and turns:
            turns -= self.slowed.popleft().go_on()
        per_second = self.course.table.noise.per_second
        self._twins = min(float(per_second), self._twins + per_second * (now - self.now))
        self.now = now
        self.tally.tick(time())
        self.claims.tick(now)
        for reach in self.course.reaches:
            reach.tick(now, self.random())
        if self._leaving:
            self._leave(now)

    def _leave(self, now: float) -> None:
        """
        Let what only earlier tables used come to its end.
        """
        self._leaving = [(until, reach) for until, reach in self._leaving if reach.open]
        for until, reach in self._leaving:
            reach.tick(now, self.random())
            if now > until:
                reach.cut()

    def reaches(self) -> list[Reach]:
        """
        Every side that something is in flight to, by this table or an earlier one.
        """
        return [*self.course.reaches, *(reach for _, reach in self._leaving)]

    def breakers_open(self) -> list[int]:
        """
        1 for a side whose breaker isn't closed.
        """
        return [int(reach.breaker.state != CLOSED) for reach in self.sides]

    def ejected(self) -> list[int]:
        """
        1 for a side that gets no live requests because they fail there.
        """
        return [int(reach.ejection.is_out) for reach in self.sides]

    def close(self) -> None:
        """
        Close the idle connections, and the others as they come back.
        """
        for reach in self.course.reaches:
            reach.close()


def _text(head: RequestHead) -> tuple[str, str]:
    """
    Method and path as text, for endpoints only: latin-1 keeps every byte.
    """
    return head.method.decode("latin-1"), head.target.partition(b"?")[0].partition(b"#")[0].decode("latin-1")
