"""
The copy of a write, held back until the live side has done it, and made at most once; and any copy, held back until the
live answer is complete, where `mirror.order` says so.

What is held: the request, in the pair's budget and up to `mirror.max_body`. Who holds it: this, in the place of the
shadow leg, which it becomes. When the live answer is complete and says that it was done (2xx or 3xx), the request's key
is claimed at the supervisor (`mirror/claims.py`); with its first yes the copy is sent, on a connection that the side
isn't about to close, and never again, whatever becomes of it.

What can fail: the live side refuses or fails (nothing to repeat); the request has no key; the key was used before; the
supervisor doesn't answer in time; old and new are switched off, the budget is used up, the client or the worker goes
away. Then there is no copy and there won't be one later: what new lacks then, the books count. Nothing of this waits
for a client, or makes one wait.

A copy of what only reads has no key, and is made whatever became of the live side.
"""

from proxy.course import Course
from proxy.mirror.breaker import CLOSED
from proxy.mirror.claims import FIRST, REPEATED
from proxy.mirror.pair import Pair
from proxy.plane import Plane
from proxy.routing.writes import Keys, digest
from proxy.shadow import ShadowLeg
from proxy.twins import ask_twin
from proxy.wire.body import unchunk
from proxy.wire.forward import MARKER


class WaitingCopy:
    """
    One copy that isn't made yet. `request` is its head without the closing empty line, `sent` that there is no content;
    without `keys` it only waits, and a twin may be asked when it is made.
    """

    __slots__ = (
        "_asks_twin",
        "_content",
        "_course",
        "_digest",
        "_keys",
        "_pair",
        "_plane",
        "_request",
        "_sent",
        "_size",
    )

    def __init__(
        self,
        plane: Plane,
        course: Course,
        pair: Pair,
        request: bytes,
        keys: Keys | None,
        sent: bool,
        *,
        asks_twin: bool = False,
    ) -> None:
        pair.later = True
        self._asks_twin = asks_twin
        self._plane = plane
        self._course = course
        self._pair = pair
        self._keys = keys
        self._request = request
        self._content: list[bytes] = []
        self._size = 0
        self._sent = sent
        self._digest = b""

    # While the live side is at work...

    def content(self, data: bytes) -> None:
        """
        A piece of the request's content, framed already.
        """
        pair = self._pair
        self._size += len(data)
        if pair.settled:
            return
        if self._size > self._course.mirror.max_body:
            pair.drop("body_too_large")
        elif pair.hold(len(data)):
            self._content.append(data)

    def request_end(self) -> None:
        """
        The request is complete.
        """
        self._sent = True

    def live_went_on(self) -> None:
        """
        The live answer is longer now, or complete.
        """
        live, pair = self._pair.live, self._pair
        if not live.done or pair.settled:
            return
        if self._keys is None:
            self.granted(FIRST)
        elif live.cause is not None or live.head is None or not self._sent:
            pair.drop("both_failed")
        elif not 200 <= live.head.status < 400:
            pair.drop("method")
        else:
            self._claim(self._keys)

    def _claim(self, keys: Keys) -> None:
        """
        It was done: ask whether this is the first time.
        """
        head = self._pair.request
        key = keys.own(head)
        if not key:
            pieces = map(unchunk, self._content) if head.chunked else self._content
            key = keys.derive(head, pieces)
            self._request += keys.line(key)
        self._digest = digest(key)
        self._plane.claims.ask(self._digest, self, self._plane.now)

    # ... and afterwards.

    def granted(self, outcome: int) -> None:
        """
        The supervisor's answer, or that there is none.
        """
        pair, course, plane = self._pair, self._course, self._plane
        if pair.settled:
            return
        reach = course.sides[1 - pair.live_side]
        if outcome == REPEATED:
            pair.drop("method")
        elif outcome != FIRST:
            plane.books.error("shadow", "unclaimed")
            pair.drop("concurrency")
        elif plane.closing:
            pair.drop("draining")
        elif reach.breaker.state != CLOSED and not reach.breaker.allows(plane.now, plane.random()):
            pair.drop("breaker_open")
        elif reach.copies >= course.mirror.concurrency:
            pair.drop("concurrency")
        else:
            whole = b"".join((self._request, MARKER, *self._content))
            self._content.clear()
            method = pair.request.method
            pair.shadow_leg = leg = ShadowLeg(plane, reach, pair, head_only=method == b"HEAD")
            leg.begin(whole, sent=True, repeatable=pair.request.is_read)
            if self._asks_twin and pair.way is not None and not pair.settled:
                ask_twin(plane, course, pair.way, pair, pair.request, pair.lines)

    # The pair's end...

    def overran(self) -> None:
        """
        There is no answer yet that could.
        """

    def stop(self) -> None:
        """
        The pair no longer wants a copy.
        """
        self._content.clear()
        self._plane.claims.forget(self._digest, self)
