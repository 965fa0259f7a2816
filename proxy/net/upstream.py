"""
One connection to one side: sends a request, reads its answer, and knows whether it can be used again.

It is lent by a pool to one leg at a time. Whatever the side sends when nothing is outstanding, or past the end of an
answer, costs the connection and reaches nobody (RFC 9112 §9.2).
"""

import asyncio
import select
from typing import TYPE_CHECKING, cast

from proxy.clock import monotonic
from proxy.errors import BadMessage
from proxy.net.leg import Leg
from proxy.net.place import Place
from proxy.routing.patience import Patience
from proxy.wire.answer import AnswerHead
from proxy.wire.body import ChunkedDecoder, Decoder, EndDecoder, LengthDecoder
from proxy.wire.fields import FIELD_BYTES
from proxy.wire.forward import has_content

if TYPE_CHECKING:
    from proxy.net.pool import Pool

# Write buffer marks: robustness needs a bound per direction; 64 KiB keeps 10,000 connections under 640 MiB.
HIGH, LOW = 65536, 16384


class UpstreamConnection(asyncio.Protocol):
    """
    `place` is where it leads, `leg` who it is lent to; `answered` that a byte of the answer has come; `reused` that it
    served before; `idle` for how many seconds it was unused before this request, `idle_limit` how many the side allows
    (0: it didn't say).
    """

    __slots__ = (
        "_buffer", "_decoder", "_head_only", "_interims", "_paused", "_poll", "_reusable", "_sent",
        "_tunnel", "_waits", "answered", "born", "deadline", "idle", "idle_limit", "idle_since", "leg", "place", "pool",
        "reused", "transport",
    )  # fmt: skip

    transport: asyncio.Transport

    def __init__(self, pool: "Pool", place: Place) -> None:
        self.pool = pool
        self.place = place
        self.leg: Leg | None = None
        self.born = self.idle_since = monotonic()
        self.deadline = 0.0
        self.idle_limit = 0.0
        self.idle = 0.0
        self.reused = False
        self.answered = False
        self._buffer = bytearray()
        self._decoder: Decoder | None = None
        self._head_only = False
        self._interims = 0
        self._paused = False
        self._reusable = True
        self._sent = False
        self._tunnel = False
        self._waits = pool.patience
        self._poll = select.poll()

    # Being lent...

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """
        Called by the loop.
        """
        self.transport = cast(asyncio.Transport, transport)
        self.transport.set_write_buffer_limits(high=HIGH, low=LOW)
        self._poll.register(self.transport.get_extra_info("socket").fileno(), select.POLLIN | select.POLLRDHUP)
        self.pool.opened(self)

    def is_stale(self) -> bool:
        """
        A byte or EOF is readable although nothing is outstanding: one system call, no waiting.
        """
        return self.transport.is_closing() or bool(self._poll.poll(0))

    # Sending the request...

    def start(self, leg: Leg, request: bytes, head_only: bool, sent: bool, waits: Patience | None = None) -> None:
        """
        Send a request head, or all of a request; `head_only` for HEAD, `sent` when nothing more will follow; the answer
        may take as long as `waits` says, or as any of the pool.
        """
        self.leg = leg
        self._waits = waits or self.pool.patience
        self._head_only = head_only
        self._sent = sent
        self.deadline = self.pool.now + self._waits.head if sent else 0.0
        self.transport.write(request)

    def send(self, data: bytes) -> None:
        """
        Send a piece of the request, framed already; in a tunnel, any bytes.
        """
        self.transport.write(data)

    def sent(self) -> None:
        """
        The request is complete; from now on the answer's head is waited for. In a tunnel: half-close.
        """
        self._sent = True
        if self._tunnel:
            if self.transport.can_write_eof():
                self.transport.write_eof()
        elif not self.answered:
            self.deadline = self.pool.now + self._waits.head

    def abandon(self) -> None:
        """
        The leg doesn't want the answer any more: the connection is closed and says nothing further.
        """
        self.leg = None
        self.transport.abort()

    def finish(self) -> None:
        """
        Both halves of a tunnel are closed: close once everything is written.
        """
        self.leg = None
        self.transport.close()

    # Receiving the answer...

    def data_received(self, data: bytes) -> None:
        """
        Called by the loop.
        """
        leg = self.leg
        if leg is None:
            self.transport.abort()
            return
        decoder = self._decoder
        try:
            if decoder is not None:
                self._content(leg, decoder, data)
            elif self._tunnel:
                leg.data(data)
            else:
                self._head(leg, data)
        except BadMessage:
            self.fail("malformed")
            return
        if self.leg is leg:
            leg.lull()

    def _head(self, leg: Leg, data: bytes) -> None:
        """
        Bytes of a head, perhaps the whole answer.
        """
        if not self.answered:
            self.answered = True
            if self.reused:
                self.pool.lifetime.served_after(self.idle)
            if self.place.pause:
                self.place.answered()
        if self._buffer or data[:1] == b"\r":
            self._buffer += data
            data = bytes(self._buffer)
            while data[:2] == b"\r\n":
                data = data[2:]
        end = data.find(b"\r\n\r\n")
        if end < 0:
            self._partial(data)
            return
        if self._buffer:
            self._buffer.clear()
        if end > self.pool.limits.head:
            raise BadMessage(502, "head too large")
        head = self.pool.parser.parse(data[:end])
        rest = data[end + 4 :]
        if head.status < 200:
            self._interim(leg, head, rest)
        else:
            self._final(leg, head, rest)

    def _final(self, leg: Leg, head: AnswerHead, rest: bytes) -> None:
        """
        The final answer's head, and what of its content came along.
        """
        self._reusable = self._reusable and head.reusable and self._sent
        self.idle_limit = head.idle_limit
        self.deadline = self.pool.now + self._waits.body
        if not has_content(head, self._head_only):
            leg.answer(head)
            if self.leg is leg:
                self._finish(leg, [], rest)
            return
        if head.length == len(rest):
            # The usual case of a short answer: whole in one read.
            leg.answer(head)
            if self.leg is leg:
                leg.data(rest)
            if self.leg is leg:
                self._finish(leg, [], b"")
            return
        if head.length > 0:
            decoder: Decoder = LengthDecoder(head.length)
        elif head.chunked:
            decoder = ChunkedDecoder(self.pool.limits, 0, head.nominated)
        else:
            decoder = EndDecoder()
            self._reusable = False
        self._decoder = decoder
        leg.answer(head)
        if rest and self.leg is leg:
            self._content(leg, decoder, rest)

    def _content(self, leg: Leg, decoder: Decoder, data: bytes) -> None:
        """
        Bytes of the answer's content.
        """
        self.deadline = self.pool.now + self._waits.body
        content = decoder.feed(data)
        if content:
            leg.data(content)
        if decoder.done and self.leg is leg:
            self._finish(leg, decoder.trailers, decoder.rest)

    def _finish(self, leg: Leg, trailers: list[bytes], rest: bytes) -> None:
        """
        The answer is complete. Bytes past its end, or an unfinished request, cost the connection.
        """
        self.leg = None
        self._decoder = None
        self.deadline = 0.0
        if self._reusable and not rest:
            if self._paused:
                self._paused = False
                self.transport.resume_reading()
            if not self.reused:
                self.reused = True
                self.pool.served(self)
            self.answered = False
            self._interims = 0
            self.pool.give_back(self)
        else:
            self.transport.close()
        leg.end(trailers)

    def _partial(self, data: bytes) -> None:
        """
        A head that goes on: kept within its limit, refused early when it can't become one.
        """
        if len(data) > self.pool.limits.head:
            raise BadMessage(502, "head too large")
        left = data.translate(None, FIELD_BYTES).replace(b"\r\n", b"")
        if left and (left != b"\r" or data[-1:] != b"\r"):
            raise BadMessage(502, "control character or bare CR or LF in the head")
        self._buffer[:] = data

    def _interim(self, leg: Leg, head: AnswerHead, rest: bytes) -> None:
        """
        A 1xx answer: passed on, up to a limit; 101 only when it was asked for.
        """
        if head.status == 101:
            if not leg.upgrade or head.upgrade != leg.upgrade or not self._sent:
                self.fail("upgrade")
                return
            self._tunnel = True
            self._sent = self._reusable = False
            self.deadline = 0.0
            leg.answer(head)
            if rest and self.leg is leg:
                leg.data(rest)
            return
        self._interims += 1
        if self._interims > self.pool.limits.interim:
            raise BadMessage(502, "too many interim answers")
        leg.interim(head)
        if rest and self.leg is leg:
            self._head(leg, rest)

    # Ending...

    def eof_received(self) -> bool:
        """
        Called by the loop: an end only for content that runs until the connection's end.
        """
        leg = self.leg
        if leg is not None and self._tunnel:
            leg.end([])
            return self.transport.can_write_eof()
        if leg is not None and isinstance(self._decoder, EndDecoder):
            self._finish(leg, [], b"")
        elif leg is None and self.reused:
            self.pool.lifetime.closed_after(monotonic() - self.idle_since)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """
        Called by the loop. A reset is never an end (RFC 9112 §8).
        """
        self.pool.closed(self)
        if exc is not None and self.leg is None and self.reused and not self.answered:
            self.pool.lifetime.closed_after(monotonic() - self.idle_since)
        if self.leg is not None:
            self.fail("incomplete" if self._decoder is not None or self._tunnel else "terminated")

    def fail(self, cause: str) -> None:
        """
        Give up the connection and tell the leg.
        """
        leg, self.leg = self.leg, None
        if not self.answered:
            if cause == "terminated" and self.reused:
                self.pool.lifetime.closed_after(self.idle)
            elif cause != "reload":
                self.place.failed(self.pool.now)
        self.transport.abort()
        if leg is not None:
            leg.failed(cause)

    def expire(self, now: float) -> None:
        """
        Called by the worker's one timer: a side that owes bytes for too long has failed.
        """
        if self.deadline and now > self.deadline and self.leg is not None:
            self.fail("timeout")

    # Flow control...

    def pause(self) -> None:
        """
        Stop reading: the client takes the answer slower than it comes.
        """
        if not self._paused and not self.transport.is_closing():
            self._paused = True
            self.deadline = 0.0
            self.transport.pause_reading()

    def resume(self) -> None:
        """
        Go on reading.
        """
        if self._paused and not self.transport.is_closing():
            self._paused = False
            self.deadline = self.pool.now + self._waits.body
            self.transport.resume_reading()

    def pause_writing(self) -> None:
        """
        Called by the loop: the side has stopped taking the request, which it may do for as long as it may be silent.
        """
        if self.leg is not None:
            if not self.answered:
                self.deadline = self.pool.now + self._waits.body
            self.leg.full()

    def resume_writing(self) -> None:
        """
        Called by the loop.
        """
        if self.leg is not None:
            if not self._sent:
                self.deadline = 0.0
            self.leg.drained()
