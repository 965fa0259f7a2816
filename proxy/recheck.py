"""
Asking again: does a divergent pair still differ a moment later? What agrees then was transient.

Who asks: the worker, at its timer and off every client's path. 250 ms after the verdict, and 2 s after it if need be,
the same request goes to both sides, on connections for copies and marked as one, so that nobody takes it for a client.
Who judges: bytes, else a comparer, which says its verdict and notes nothing (flag `RECHECK`). Who counts: the worker,
by endpoint in its books (`Page.rechecks`), by signature for control (`take`). The verdict stays what it was.

Safe requests without content only, so many a second and so many at once; and none while copies are off, killed or shed,
while a breaker isn't closed, after a reload that changed a side, or while draining.
"""

from collections import Counter
from typing import Final

from proxy.course import Reach
from proxy.metrics.books import Page, RecheckPage
from proxy.mirror.breaker import CLOSED
from proxy.mirror.pair import Pair, RecheckPair
from proxy.plane import Plane
from proxy.routing.table import NEW, OLD
from proxy.routing.ways import Way
from proxy.shadow import ShadowLeg
from proxy.wire.forward import MARKER, request_bytes
from proxy.wire.request import RequestHead

# Seconds after the verdict; the timer makes up to a quarter more of them.
PAUSES: Final = (0.25, 2.0)
# Requests under way at once; the others have time.
AT_ONCE: Final = 8
# Of one signature, the share of those in flight: a frequent one must not keep out the rare.
SHARE: Final = 4
# Signatures told of at once; the books have all.
MOST: Final = 1000


class Recheck:
    """
    One divergent pair: what to ask, of whom, and what came of it. `size` bytes are taken from the budget.
    """

    __slots__ = ("at", "differed", "length", "lines", "page", "request", "sides", "signature", "size", "tried")

    def __init__(self, pair: Pair, signature: int, sides: tuple[Reach, Reach], at: float) -> None:
        self.request: RequestHead = pair.request
        self.lines = pair.lines
        self.page = pair.page
        self.signature = signature
        self.sides = sides
        self.at = at
        # Of old's content: as much is read as fast as it comes.
        self.length = (pair.shadow if pair.live_side else pair.live).size
        # What it was sent in is about what it takes.
        self.size = len(pair.lines) + len(pair.request.target) + sum(map(len, pair.request.lines))
        self.tried = 0
        self.differed = False

    @property
    def kind(self) -> tuple[str, int]:
        """
        What it is one of many of.
        """
        return self.page.name, self.signature


class Rechecks:
    """
    All of one worker. `note` every divergent pair, `tick` with the worker's one timer.
    """

    def __init__(self, plane: Plane) -> None:
        self._plane = plane
        self._now = plane.now
        # Those that may still begin now.
        self._left = float(plane.table.recheck.per_second)
        self._open: Counter[tuple[str, int]] = Counter()
        self._waiting: list[Recheck] = []
        self._asked = 0
        self._found: dict[int, list[int]] = {}

    def note(self, pair: Pair, signature: int) -> None:
        """
        A divergent pair that still has its bytes; `signature` 0 where only those were looked at.
        """
        plane, request = self._plane, pair.request
        if self._left < 1.0 or not self._may_ask():
            return
        if not request.is_read or request.has_body:
            return
        if request.credentials and not plane.course.mirror.credentials:
            return
        recheck = Recheck(pair, signature, plane.sides, plane.now)
        limit = plane.table.recheck.in_flight
        if self._open.total() >= limit or self._open[recheck.kind] >= max(1, limit // SHARE):
            return
        if plane.pairs.budget.take(recheck.size):
            self._left -= 1.0
            self._open[recheck.kind] += 1
            self._waiting.append(recheck)

    def tick(self, now: float) -> None:
        """
        Ask what is due, as far as there is room.
        """
        per_second = self._plane.table.recheck.per_second
        self._left = min(float(per_second), self._left + per_second * (now - self._now))
        self._now = now
        waiting, self._waiting = self._waiting, []
        may_ask = self._may_ask()
        for recheck in waiting:
            way = self._way(recheck) if may_ask else None
            if way is None:
                self._end(recheck, None)
            elif self._asked < AT_ONCE and now - recheck.at >= PAUSES[recheck.tried]:
                self._ask(recheck, way)
            else:
                self._waiting.append(recheck)

    def take(self) -> dict[str, list[int]]:
        """
        By signature how many differed still, and how many agreed, since it was taken last.
        """
        found, self._found = self._found, {}
        return {f"{signature:016x}": counts for signature, counts in found.items()}

    def _may_ask(self) -> bool:
        plane = self._plane
        return (
            plane.table.recheck.per_second > 0
            and plane.course.mirror.percent > 0.0
            and plane.copies >= 1.0
            and plane.make_pair is Pair
            and not plane.closing
        )

    def _way(self, recheck: Recheck) -> Way | None:
        """
        What is made of its request now, None where the sides are others by now, none of its kind is copied, or copies
        are without something: both would be asked for less than the client had.
        """
        course, request = self._plane.course, recheck.request
        old, new = course.sides
        if recheck.sides[OLD] is not old or recheck.sides[NEW] is not new:
            return None
        way = course.ways.only or course.ways.find(request)
        return way if way.percent > 0.0 and way.copies is way.destinations else None

    def _ask(self, recheck: Recheck, way: Way) -> None:
        """
        The same request to both sides. Old's answer is the observation of a pair of its own, which gives it to the one
        that is judged.
        """
        self._asked += 1
        course, request, name = self._plane.course, recheck.request, recheck.page.name
        pairs, most = course.twins, course.mirror.concurrency
        new = RecheckPair(pairs, request, RecheckPage(name, lambda agree: self._answered(recheck, agree)), OLD)
        old = Pair(pairs, request, Page(name), NEW)
        new.way = way
        old.live.done, old.live.size, old.twin = True, recheck.length, new
        if any(reach.breaker.state != CLOSED or reach.copies >= most for reach in recheck.sides):
            old.drop("concurrency")
            return
        for pair, reach, destination in zip((old, new), recheck.sides, way.destinations, strict=True):
            text = request_bytes(request, destination, recheck.lines) + MARKER
            if pair.hold(len(text)):
                pair.shadow_leg = leg = ShadowLeg(self._plane, reach, pair, request.method == b"HEAD")
                leg.begin(text, sent=True)
        if new.settled:
            old.drop("concurrency")

    def _answered(self, recheck: Recheck, agree: bool | None) -> None:
        """
        Both sides have been asked: they agree, or not, or nobody can say.
        """
        self._asked -= 1
        recheck.tried += 1
        recheck.differed |= agree is False
        if agree or recheck.tried == len(PAUSES):
            self._end(recheck, True if agree else False if recheck.differed else None)
        else:
            self._waiting.append(recheck)

    def _end(self, recheck: Recheck, agree: bool | None) -> None:
        """
        Count it, unless nobody could say.
        """
        self._plane.pairs.budget.give(recheck.size)
        self._open[recheck.kind] -= 1
        if not self._open[recheck.kind]:
            del self._open[recheck.kind]
        if agree is None:
            return
        recheck.page.rechecks[agree] += 1
        signature = recheck.signature
        if signature and (signature in self._found or len(self._found) < MOST):
            self._found.setdefault(signature, [0, 0])[agree] += 1
