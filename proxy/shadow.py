"""
The shadow leg: one copy, sent to the side that doesn't answer the client, and what became of it.

Nothing here can reach the client, wait for it or make it wait: this leg has a connection, a pool and a timeout of its
own, and its observation ends in the pair.
"""

from asyncio import Task

from proxy.clock import monotonic
from proxy.course import Reach
from proxy.metrics.books import SHADOW
from proxy.mirror.breaker import STOPPED
from proxy.mirror.pair import SLACK, Pair
from proxy.net.upstream import UpstreamConnection
from proxy.plane import Plane
from proxy.routing.table import OLD
from proxy.wire.answer import AnswerHead


class ShadowLeg:
    """
    One copy under way. The request is kept until a connection stands; then only the pair is.
    """

    __slots__ = (
        "_cause",
        "_connecting",
        "_connection",
        "_ended",
        "_head_only",
        "_pair",
        "_plane",
        "_queue",
        "_reach",
        "_sent",
        "_waited",
        "_waits",
        "upgrade",
    )

    def __init__(self, plane: Plane, reach: Reach, pair: Pair, head_only: bool) -> None:
        self.upgrade = b""
        self._plane = plane
        self._reach = reach
        self._pair = pair
        self._head_only = head_only
        self._connection: UpstreamConnection | None = None
        self._connecting: Task[None] | None = None
        self._queue: list[bytes] = []
        self._sent = False
        self._ended = False
        self._waits = False
        self._waited = False
        self._cause = STOPPED

    # Sending the copy...

    def begin(self, request: bytes, sent: bool, *, repeatable: bool = True) -> None:
        """
        Send a request head (all of a request when `sent`) on an idle connection, or on a new one as soon as it stands.
        What is not `repeatable` doesn't go out on one that the side may be closing.
        """
        reach = self._reach
        reach.copies += 1
        self._sent = sent
        connection = reach.shadow.lend(repeatable=repeatable)
        if connection is not None:
            self._start(connection, request)
            return
        self._queue.append(request)
        self._connecting = reach.shadow.connect(self)
        if self._connecting is None:
            self._pair.drop("concurrency")

    def connected(self, connection: UpstreamConnection) -> None:
        """
        A new connection stands.
        """
        self._connecting = None
        if self._ended:
            connection.pool.give_back(connection)
            return
        pair = self._pair
        pair.shadow.connected = True
        pair.page.connected(1 - pair.live_side, SHADOW)
        self._start(connection, b"".join(self._queue))
        self._queue.clear()

    def _start(self, connection: UpstreamConnection, request: bytes) -> None:
        self._connection = connection
        connection.start(self, request, self._head_only, self._sent)
        self._pair.shadow.sent = monotonic()

    def content(self, data: bytes) -> None:
        """
        A piece of the request's content, framed already; held in the budget until this leg has ended.
        """
        if self._ended or not self._pair.hold(len(data)):
            return
        if self._connection is not None:
            self._connection.send(data)
        else:
            self._queue.append(data)

    def request_end(self) -> None:
        """
        The request is complete.
        """
        self._sent = True
        if self._connection is not None and not self._ended:
            self._pair.shadow.sent = monotonic()
            self._connection.sent()

    # Observing the answer...

    def interim(self, head: AnswerHead) -> None:
        """
        Not compared.
        """

    def answer(self, head: AnswerHead) -> None:
        """
        The answer's head: its time is the latency of this pair.
        """
        pair = self._pair
        observation = pair.shadow
        observation.head = head
        observation.at = monotonic()
        pair.page.answered(1 - pair.live_side, SHADOW, head.status, observation.at - observation.sent)
        if head.told is not None and not pair.is_twin:
            self._plane.note_version(1 - pair.live_side, head.told)
        if self._reach.ejection.is_out:
            self._reach.ejection.copied(observation.at)
        pair.announced(observation, head)

    def data(self, data: bytes) -> None:
        """
        A piece of the answer's content.
        """
        pair = self._pair
        live, shadow = pair.live, pair.shadow
        pair.keep(shadow, data)
        if shadow.size > live.size + SLACK and self._connection is not None:
            if live.done:
                # Longer than the live answer was: the rest is read in no hurry, since reading as fast as a side can
                # send costs clients (measured at 1,000 endless copies a second: 55 ms of p99).
                self._connection.pause()
                self._plane.slowed.append(self)
            elif shadow.digest is not None:
                # Too long to be kept, and ahead of the live answer: it waits for that, for the same reason.
                self._connection.pause()
                self._waits = self._waited = True

    def live_went_on(self) -> None:
        """
        The live answer is longer now, or complete: read on if it has caught up.
        """
        pair = self._pair
        if self._waits and (pair.live.done or pair.shadow.size <= pair.live.size + SLACK):
            self._waits = False
            if self._connection is not None:
                self._connection.resume()

    def go_on(self) -> bool:
        """
        Called by the worker's one timer: read the next piece of an answer that is longer than the live one, unless this
        leg has ended.
        """
        if self._connection is None:
            return False
        self._connection.resume()
        return True

    def lull(self) -> None:
        """
        The pair waits for the whole answer.
        """

    def end(self, trailers: list[bytes]) -> None:
        """
        The answer is complete.
        """
        self._connection = None
        self._finish(None)
        self._pair.ended(self._pair.shadow, None)

    def failed(self, cause: str) -> None:
        """
        The new connection, or the answer, failed.
        """
        self._connecting = self._connection = None
        if self._ended:
            return
        if cause == "reload":
            # We cut it; the side did nothing.
            self._pair.drop("draining")
            return
        if cause == "descriptors":
            # Our own limit, too.
            self._pair.drop("concurrency")
            return
        if self._waited:
            # We kept it from sending for a while; who knows how it would have ended.
            self._pair.drop("body_too_large")
            return
        side = OLD if self._pair.is_twin else 1 - self._pair.live_side
        self._reach.troubles.note(side, SHADOW, cause)
        self._finish(cause)
        self._pair.ended(self._pair.shadow, cause)

    def full(self) -> None:
        """
        The side doesn't take the copy as fast as it comes; the budget bounds what waits.
        """
        self._pair.shadow.paused = True

    def drained(self) -> None:
        """
        The side caught up.
        """

    # Ending...

    def overran(self) -> None:
        """
        The answer goes on past what is compared without having said how long it is, and the live one was short: a side
        that keeps doing that costs much for nothing.
        """
        self._cause = "overran"

    def stop(self) -> None:
        """
        The pair no longer wants an observation.
        """
        if self._ended:
            return
        self._finish(self._cause)
        connecting, self._connecting = self._connecting, None
        if connecting is not None:
            connecting.cancel()
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.abandon()

    def _finish(self, cause: str | None) -> None:
        """
        Give back the place among the copies under way, and tell the breaker.
        """
        self._ended = True
        self._queue.clear()
        plane, reach = self._plane, self._reach
        reach.copies -= 1
        reach.breaker.ended(cause, plane.now, plane.random())
