"""
STORY 1: one client request, first byte to last.

An exchange is opened when a request's head is complete. It decides which side is live and whether the other gets a
copy, sends both at the same moment, passes the live answer on as it comes, and ends when the client has it. Its pair
lives on until the shadow's answer is in too. It sees head, data, end, abort and pause; never a parser or a socket.
"""

from asyncio import Task

from proxy.clock import monotonic
from proxy.copying import send_copy, why_not
from proxy.course import Course, Reach
from proxy.deciding import TOLD, decide, may_reach_new, pinning, told
from proxy.metrics.books import LIVE
from proxy.mirror.counting import count_answer
from proxy.mirror.pair import Pair
from proxy.net.client import ClientConnection
from proxy.net.upstream import UpstreamConnection
from proxy.plane import MANY, Plane
from proxy.retrying import LINES, NO_ROOM, OURS, end_live, goes_over, may_retry
from proxy.routing.table import OLD
from proxy.shadow import ShadowLeg
from proxy.waiting import WaitingCopy
from proxy.wire.answer import AnswerHead
from proxy.wire.body import chunk, last_chunk
from proxy.wire.forward import EXPECT, added_lines, count_down, passes, request_bytes
from proxy.wire.request import RequestHead

LOOP = 3


def begin(plane: Plane, course: Course, client: ClientConnection, head: RequestHead) -> None:
    """
    A request's head is complete: answer it here, or open its exchange.
    """
    if plane.gate is not None and not plane.gate.admits(plane.random()):
        plane.books.error("client", "overload")
        client.answer_own("overload")
    elif head.vias and passes(head.vias, course.table.pseudonym) >= LOOP:
        plane.books.error("client", "loop")
        client.answer_own("loop")
    elif head.max_forwards == 0 and head.method == b"OPTIONS":
        client.local(200, [b"Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"])
    else:
        client.exchange = exchange = Exchange(plane, course, client, head)
        exchange.send()


class Exchange:
    """
    One client request and everything that came of it. Also the live leg: what the live side answers arrives here.
    """

    __slots__ = (
        "_added", "_chunked", "_client", "_connecting", "_connection", "_course", "_halves", "_head", "_kept", "_lines",
        "_live", "_over", "_page", "_pair", "_plane", "_queue", "_reach", "_request", "_retried", "_seconds", "_sent",
        "_sent_at", "_shadow", "_status", "_tunnel", "_way", "upgrade",
    )  # fmt: skip

    def __init__(self, plane: Plane, course: Course, client: ClientConnection, head: RequestHead) -> None:
        self._plane, self._course = plane, course
        self._client: ClientConnection | None = client
        self._head = head
        self.upgrade = head.upgrade
        # Deciding who answers...
        self._way = way = course.ways.only or course.ways.find(head)
        decision = decide(plane, course, way, head, client.hop.address)
        self._live = live = decision.live
        self._reach: Reach = course.sides[live]
        self._added = told(decision, way, head) if decision.by in TOLD else ()
        # No other side but this: it is the other already, or a tester wants to see this one fail.
        self._over = decision.by == "forced"
        self._kept = decision.by == "write"
        self._page = page = plane.page(head)
        page.eligible[live] += 1
        plane.requests = begun = plane.requests + 1
        if not begun % MANY:
            plane.on_many()
        if (traffic := plane.tally.traffic) is not None:
            traffic[way.name] = traffic.get(way.name, 0) + 1
        # Live leg
        self._connection: UpstreamConnection | None = None
        self._connecting: Task[None] | None = None
        self._request = b""
        self._queue: list[bytes] = []
        self._chunked = head.chunked
        self._sent = not head.has_body
        self._sent_at = 0.0
        self._status = 0
        self._seconds = 0.0
        self._retried = False
        self._tunnel = False
        self._halves = 0
        # Shadow leg
        self._pair: Pair | None = None
        self._shadow: ShadowLeg | WaitingCopy | None = None

    # Sending the request, to both sides at the same moment...

    def send(self) -> None:
        """
        Compose the request once and send it to the live side and, unless there is a reason not to, to the other.
        """
        plane, head, client, way = self._plane, self._head, self._client, self._way
        if client is None:
            return
        if head.max_forwards > 0 and head.method == b"OPTIONS":
            count_down(head)
        refusal = why_not(plane, self._course, way, head, self._live)
        self._lines = lines = added_lines(head, client.hop, plane.bits(256))
        text = request_bytes(head, way.destinations[self._live], lines)
        if head.expects:
            self._request = text + EXPECT + b"\r\n"
        elif head.upgrade:
            self._request = text + b"Connection: Upgrade\r\nUpgrade: " + head.upgrade + b"\r\n\r\n"
        else:
            self._request = text + b"\r\n"
        if refusal is None:
            self._pair = pair = plane.make_pair(self._course.pairs, head, self._page, self._live)
            pair.address, pair.way, pair.lines = client.hop.address, way, lines
            if pair.hold(len(text)) and head.length > self._course.mirror.max_body:
                pair.drop("body_too_large")
            elif plane.closing:
                pair.drop("draining")
        else:
            self._page.skip(self._live, refusal)
        self._send_live()
        if self._pair is not None and not self._pair.settled:
            self._shadow = send_copy(plane, self._course, way, self._pair, text, lines, self._sent)

    def _send_live(self) -> None:
        """
        The live leg: on an idle connection, or on a new one as soon as it stands.
        """
        repeatable = not self._head.has_body and self._head.is_idempotent
        connection = None if self._retried else self._reach.live.lend(repeatable=repeatable)
        if connection is not None:
            self._start(connection)
            return
        self._connecting = self._reach.live.connect(self)
        if self._connecting is None:
            self.failed("limit")
        elif not self._sent and self._client is not None:
            self._client.pause()

    def connected(self, connection: UpstreamConnection) -> None:
        """
        A new connection stands.
        """
        self._connecting = None
        client = self._client
        if client is None:
            connection.pool.give_back(connection)
            return
        self._page.connected(self._live, LIVE)
        if self._pair is not None:
            self._pair.live.connected = True
        self._start(connection)
        for data in self._queue:
            connection.send(data)
        self._queue.clear()
        if not self._sent:
            client.resume()

    def _start(self, connection: UpstreamConnection) -> None:
        self._connection = connection
        connection.start(self, self._request, self._head.method == b"HEAD", self._sent, self._way.waits)
        self._sent_at = monotonic()

    def content(self, data: bytes, copied: bytes | None = None) -> None:
        """
        A piece of the request's content, to both legs in the same framing, unless another is `copied`; in a tunnel,
        bytes for the live side.
        """
        if self._chunked:
            data = chunk(data)
        if self._connection is not None:
            self._connection.send(data)
        elif self._connecting is not None:
            self._queue.append(data)
        if self._shadow is not None:
            self._shadow.content(data if copied is None else copied)

    def request_end(self, trailers: list[bytes]) -> None:
        """
        The request is complete; in a tunnel, the client's half is closed.
        """
        if self._tunnel:
            self._half_closed()
        if self._chunked:
            self._chunked = False
            way, live = self._way, self._live
            own, copied = way.destinations[live].trailers(trailers), way.copies[1 - live].trailers(trailers)
            self.content(last_chunk(own), last_chunk(copied))
        self._sent = True
        if self._connection is not None:
            self._sent_at = monotonic()
            self._connection.sent()
        elif self._connecting is not None and self._client is not None:
            # Nothing more comes that would have to wait for the connection; the client's going away should be seen.
            self._client.resume()
        if self._shadow is not None:
            self._shadow.request_end()

    # Passing the live answer on...

    def interim(self, head: AnswerHead) -> None:
        """
        A 1xx answer.
        """
        if self._client is not None:
            self._client.interim(head)

    def answer(self, head: AnswerHead) -> None:
        """
        The live answer's head: to the client at once, to the pair for later.
        """
        now = monotonic()
        client, pair, page = self._client, self._pair, self._page
        if client is None:
            return
        self._status = head.status
        self._seconds = seconds = now - self._sent_at
        ejection = self._reach.ejection
        if ejection.trouble:
            ejection.answered(now)
        page.answered(self._live, LIVE, head.status, seconds)
        if head.told is not None:
            self._plane.note_version(self._live, head.told)
        if head.status < 400 and page is self._plane.other:
            self._plane.offer(self._head)
        if pair is not None and not pair.settled:
            live = pair.live
            live.head, live.sent, live.at = head, self._sent_at, now
            pair.announced(live, head)
        if head.status == 101:
            self._tunnel = True
            self._count(complete=True)
        if not self._head.is_read:
            self._added += pinning(self._course, self._way, self._live, head.status, client.hop.scheme, kept=self._kept)
        client.answer(head, self._added)

    def data(self, data: bytes) -> None:
        """
        A piece of the live answer's content.
        """
        client, pair = self._client, self._pair
        if client is None:
            return
        client.answer_data(data)
        if pair is not None and not pair.settled:
            if pair.live.digest is not None:
                client.flush()  # before a tenth of a millisecond of adding up
            pair.keep(pair.live, data)

    def lull(self) -> None:
        """
        What has come of the live answer goes out now.
        """
        if self._client is not None:
            self._client.flush()

    def end(self, trailers: list[bytes]) -> None:
        """
        The live answer is complete; in a tunnel, the side's half is closed.
        """
        client, pair = self._client, self._pair
        if client is None:
            return
        if self._tunnel:
            client.answer_end(trailers)
            self._half_closed()
            return
        if self._plane.tally.live is not None:
            self._count(complete=True)
        self._let_go()
        if not self._sent and pair is not None:
            # Answered before the request was complete: the copy will never be.
            pair.drop("client_gone")
        elif pair is not None and not pair.settled:
            pair.ended(pair.live, None)
        client.answer_end(trailers)

    def failed(self, cause: str) -> None:
        """
        The live side gave no complete answer: try once more where that is safe, else tell the client.
        """
        connection, self._connection, self._connecting = self._connection, None, None
        client, pair = self._client, self._pair
        if client is None:
            return
        if not self._status and not self._retried and may_retry(self._plane, self._head, cause, connection):
            self._retried = True
            self._send_live()
            return
        if not self._status:
            self._reach.ejection.failed(cause, self._plane.now, self._plane.random())
        if cause not in OURS:
            self._reach.troubles.note(self._live, LIVE, cause)
            if cause not in NO_ROOM and not self._tunnel:
                self._count(complete=False)
        if not self._over and goes_over(self._plane, self._way, self._head, self._live, cause, connection):
            self._go_over(cause)
            return
        sent = self._sent
        self._let_go()
        self._plane.books.error("live", cause)
        if pair is not None and not pair.settled:
            end_live(pair, cause, sent=sent)
        if cause in NO_ROOM:
            self._plane.on_full()
        client.answer_own(cause)

    def _go_over(self, cause: str) -> None:
        """
        The other side answers instead. What this one did is the pair's, which lives on without us.
        """
        pair, way, live = self._pair, self._way, self._live
        self._page.failovers[live] += 1
        if pair is not None and cause == "limit":
            pair.drop("failover")
        elif pair is not None and not pair.settled:
            pair.ended(pair.live, cause)
        self._pair = self._shadow = None
        self._over, self._retried, self._added = True, False, LINES[live]
        self._live = other = 1 - live
        self._reach = self._course.sides[other]
        self._request = request_bytes(self._head, way.destinations[other], self._lines) + b"\r\n"
        self._send_live()

    def _count(self, *, complete: bool) -> None:
        """
        The live side's answer is complete, or will never be: what that is to events.
        """
        sheets, client, live, got = self._plane.tally.live, self._client, self._live, (self._status, self._seconds)
        if sheets is not None and client is not None:
            count_answer(sheets[live], live, self._way, self._head, client.hop.address, *got, complete=complete)

    # Ending...

    def _half_closed(self) -> None:
        """
        One half of a tunnel is closed; with the other, the tunnel is. To a side over TLS it has no halves.
        """
        client, connection = self._client, self._connection
        self._halves += 1
        if self._halves < 2 and connection is not None and connection.transport.can_write_eof():
            return
        self._let_go()
        if client is not None:
            client.close()
        if connection is not None:
            connection.finish()

    def gone(self) -> None:
        """
        The client went away: nobody wants the answer.
        """
        if self._client is None:
            return
        connection, connecting = self._connection, self._connecting
        self._let_go()
        if self._pair is not None:
            self._pair.drop("client_gone")
        if connecting is not None:
            connecting.cancel()
        if connection is not None:
            connection.abandon()

    def _let_go(self) -> None:
        """
        No reference to a connection stays, so that no cycle is left to collect.
        """
        self._client = None
        self._connection = None
        self._connecting = None
        self._shadow = None
        self._queue.clear()

    # Leaving a side...

    @property
    def live(self) -> int:
        """
        The side that answers: 0 old, 1 new.
        """
        return self._live

    def is_left(self, course: Course) -> bool:
        """
        Whether new answers, and would not be asked any more on this course.
        """
        client, stands_in = self._client, LINES[OLD][0] in self._added
        if client is None or self._live == OLD:
            return False
        return not may_reach_new(course, self._head, client.hop.address, stands_in=stands_in)

    def leave(self) -> bool:
        """
        Close a tunnel, or cut short an answer that has begun; False if none has.
        """
        connection = self._connection
        if not self._status or connection is None:
            return False
        connection.fail("left")
        return True

    # Flow control, between the client and the live side only...

    def full(self) -> None:
        """
        The live side takes the request slower than it comes.
        """
        if self._client is not None:
            self._client.pause()

    def drained(self) -> None:
        """
        The live side caught up.
        """
        if self._client is not None and self._connection is not None:
            self._client.resume()

    def client_full(self) -> None:
        """
        The client takes the answer slower than it comes.
        """
        if self._pair is not None:
            self._pair.live.paused = True
        if self._connection is not None:
            self._connection.pause()

    def client_drained(self) -> None:
        """
        The client caught up.
        """
        if self._connection is not None:
            self._connection.resume()

    def waited(self) -> None:
        """
        The live side said nothing about an Expect: ask the client for its content ourselves.
        """
        if self._client is not None:
            self._client.can_continue()
