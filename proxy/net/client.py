"""
One client's connection: reads requests one at a time, tells an exchange, writes its answer in the client's framing.

Pipelined requests stay raw until it is their turn, at most `limits.pipelined` of them or 64 KiB, then reading stops.
A client that ends its sending side while an answer is outstanding has gone (as nginx and Envoy see it).
"""

import asyncio
from typing import cast

from proxy.errors import BadMessage
from proxy.net.answering import AnswerWriter
from proxy.net.front import ExchangeEvents, Front, Source
from proxy.net.pace import SendingPace, TakingPace
from proxy.wire.answer import AnswerHead
from proxy.wire.body import ChunkedDecoder, Decoder, LengthDecoder
from proxy.wire.forward import CLOSE, Hop, framing, interim_bytes
from proxy.wire.own import CAUSES, REFUSALS, own_answer
from proxy.wire.reader import RequestReader
from proxy.wire.request import RequestHead

# Write buffer marks of one connection in one direction.
HIGH, LOW = 65536, 16384
# How much of an unwanted body is read, so that the client gets to see the answer and not a reset (RFC 9112 §9.6).
LINGER_BYTES, LINGER_SECONDS = 1024 * 1024, 2.0

HEAD, BODY, ANSWER, LINGER, TUNNEL, CLOSED = range(6)


# A client that is connected itself, without TLS.
PLAIN = Source()


def address_of(transport: asyncio.BaseTransport) -> str:
    """
    The address of who is connected, without the port.
    """
    peer = transport.get_extra_info("peername")
    return peer[0] if peer else "unknown"


class ClientConnection(asyncio.Protocol):
    """
    `exchange` is set by whoever opens it (`Terms.begin`) and cleared here when its answer is complete.
    """

    __slots__ = (
        "_answered", "_born", "_close", "_decoder", "_expecting", "_front", "_lingered", "_loop", "_old",
        "_paused", "_reader", "_requests", "_sending", "_source", "_state", "_terms", "_writer", "deadline", "exchange",
        "hop", "taking", "transport",
    )  # fmt: skip

    transport: asyncio.Transport
    hop: Hop
    _writer: AnswerWriter

    def __init__(self, front: Front, loop: asyncio.AbstractEventLoop, source: Source = PLAIN) -> None:
        self._front = front
        self._source = source
        self._terms = terms = front.terms
        self._loop = loop
        self.exchange: ExchangeEvents | None = None
        # Per connection
        self._state = HEAD
        self._reader = RequestReader(terms.rules, terms.limits)
        self._requests = 0
        self._born = front.now
        self._paused = False
        self._lingered = 0
        self.taking: TakingPace | None = None
        self.deadline = front.now + terms.timeouts.head
        # Per request
        self._decoder: Decoder | None = None
        self._close = False
        self._old = False
        self._answered = False
        self._expecting = False
        self._sending: SendingPace | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """
        Called by the loop.
        """
        front = self._front
        self.transport = cast(asyncio.Transport, transport)
        if len(front.connections) >= self._terms.limits.connections:
            front.count_error("client", "connection_limit")
            self._state = CLOSED
            self.transport.abort()
            return
        self.transport.set_write_buffer_limits(high=HIGH, low=LOW)
        self._writer = AnswerWriter(self.transport)
        self.hop = self._terms.hop(self._source.address or address_of(self.transport), self._source.scheme)
        front.connections.add(self)

    # Receiving the request...

    def data_received(self, data: bytes) -> None:
        """
        Called by the loop.
        """
        state = self._state
        if state == HEAD:
            self._head(data)
        elif state == BODY:
            self._body(data)
        elif state == TUNNEL:
            self.deadline = self._front.now + self._terms.timeouts.tunnel_idle
            if self.exchange is not None:
                self.exchange.content(data)
        elif state == ANSWER:
            self._hold(data)
        elif state == LINGER:
            self._lingered += len(data)
            if self._lingered > LINGER_BYTES:
                self.transport.abort()

    def _head(self, data: bytes) -> None:
        """
        Bytes of a request head, perhaps several requests.
        """
        if self._terms is not self._front.terms:
            self._take_terms()
        if not self._reader.holds() and (self._requests or not self.deadline):
            # The first byte of a head starts its time; on a new connection it is running already.
            self.deadline = self._front.now + self._terms.timeouts.head
        try:
            head = self._reader.read(data)
        except BadMessage as bad:
            self._refuse(bad)
            return
        if head is not None:
            self._begin(head)

    def _take_terms(self) -> None:
        """
        Another table is in force: read, answer and forward by it from this head on.
        """
        self._terms = terms = self._front.terms
        self._reader.obey(terms.rules, terms.limits)
        self.hop = terms.hop(self.hop.peer.decode("ascii"), self.hop.scheme)

    def _begin(self, head: RequestHead) -> None:
        """
        A request's head is complete.
        """
        front, terms, reader = self._front, self._terms, self._reader
        self.deadline = 0.0
        self._requests += 1
        self._old = head.old_version
        self._answered = False
        self._close = (
            head.close
            or front.closing
            or self._requests >= terms.limits.requests_per_connection
            or front.now - self._born > terms.timeouts.connection_age
        )
        rest, reader.rest = reader.rest, b""
        if self.hop.trust is not None:
            self.hop.screen(head)
        if head.has_body:
            self._begin_body(head, rest)
            return
        self._state = ANSWER
        if rest:
            try:
                reader.check_behind(head, rest)
            except BadMessage as bad:
                self._refuse(bad)
                return
            self._hold(rest)
        terms.begin(self, head)

    def _begin_body(self, head: RequestHead, rest: bytes) -> None:
        """
        A head with content after it.
        """
        front, terms = self._front, self._terms
        limits, timeouts = terms.limits, terms.timeouts
        self._state = BODY
        most = limits.body if terms.most_content is None else terms.most_content(head)
        if most and head.length > most:
            self._refuse(BadMessage(413, "content too large"))
            return
        decoder: Decoder = ChunkedDecoder(limits, most, head.nominated) if head.chunked else LengthDecoder(head.length)
        self._sending = SendingPace(front.now)
        self._sending.came(len(rest))
        self._expecting = head.expects and not rest
        self.deadline = front.now + (timeouts.continue_wait if self._expecting else timeouts.body_idle)
        try:
            # What came with the head is decoded first, so that a request found malformed here reaches no side.
            content = decoder.feed(rest)
            if decoder.rest:
                self._reader.check_behind(head, decoder.rest)
        except BadMessage as bad:
            self._refuse(bad)
            return
        self._decoder = decoder
        if decoder.done:
            self._body_done(decoder)
        terms.begin(self, head)
        self._pass_on(decoder, content)

    def _body(self, data: bytes) -> None:
        """
        Bytes of the request's content.
        """
        decoder = self._decoder
        if decoder is None:
            return
        self._expecting = False
        self.deadline = self._front.now + self._terms.timeouts.body_idle
        if self._sending is not None:
            self._sending.came(len(data))
        try:
            content = decoder.feed(data)
        except BadMessage as bad:
            self._break(bad)
            return
        if decoder.done:
            self._body_done(decoder)
        self._pass_on(decoder, content)

    def _body_done(self, decoder: Decoder) -> None:
        """
        The content is complete; what follows it waits for its turn.
        """
        self._state = ANSWER
        self._sending = None
        self.deadline = 0.0
        if decoder.rest:
            self._hold(decoder.rest)

    def _pass_on(self, decoder: Decoder, content: bytes) -> None:
        """
        Tell the exchange, which may end at any of these steps.
        """
        exchange = self.exchange
        if exchange is None:
            return
        if content:
            exchange.content(content)
        if decoder.done and self.exchange is exchange:
            exchange.request_end(decoder.trailers)

    def _hold(self, data: bytes) -> None:
        """
        Bytes of requests to come. Over the limit, reading stops until the current answer is out.
        """
        if self._reader.hold(data):
            self.pause()

    def eof_received(self) -> bool:
        """
        Called by the loop.
        """
        if self._state == TUNNEL and self.exchange is not None:
            self.exchange.request_end([])
            return True
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """
        Called by the loop.
        """
        self._state = CLOSED
        self._front.connections.discard(self)
        exchange, self.exchange = self.exchange, None
        if exchange is not None:
            exchange.gone()

    # Answering...

    def interim(self, head: AnswerHead) -> None:
        """
        Pass on a 1xx answer; HTTP/1.0 clients don't know them (RFC 9110 §15.2).
        """
        if not self._old and self._state != CLOSED:
            if head.status == 100:
                self._expecting = False
            self._writer.now(interim_bytes(head))

    def answer(self, head: AnswerHead, added: tuple[bytes, ...] = ()) -> None:
        """
        The final answer's head, and field lines of ours.
        """
        front = self._front
        self._answered = True
        if head.status == 101:
            self._tunnel(head, added)
            return
        how = framing(head, self._reader.to_head, self._old)
        if how == CLOSE or self._state == BODY or front.closing:
            self._close = True
        date = front.date if self._terms.add_date else b""
        self._writer.head(head, how, close=self._close, old_client=self._old, date=date, added=added)

    def answer_data(self, data: bytes) -> None:
        """
        A piece of the answer's content; in a tunnel, any bytes.
        """
        self._writer.data(data)
        if self._state == TUNNEL:
            self.deadline = self._front.now + self._terms.timeouts.tunnel_idle

    def answer_end(self, trailers: list[bytes]) -> None:
        """
        The answer is complete; in a tunnel, the side's half is closed.
        """
        if self._state == TUNNEL:
            self._writer.half_close()
            return
        self._writer.end(trailers)
        self._next()

    def flush(self) -> None:
        """
        Nothing more of the answer has come for now.
        """
        self._writer.flush()

    def answer_own(self, cause: str) -> None:
        """
        Answer for a side that gave none: `cause` is a key of `CAUSES`. Once a head is out, break the answer visibly.
        """
        if self._state == CLOSED:
            return
        if self._answered:
            self.answer_broken()
            return
        why = CAUSES[cause]
        self._own(why.status, why.error, why.words)
        self._next()

    def answer_broken(self) -> None:
        """
        End an answer so that the client can see that it is cut short (RFC 9112 §8).
        """
        self.exchange = None
        self._state = CLOSED
        self._writer.break_off()

    def close(self) -> None:
        """
        Both halves of a tunnel are closed: close once everything is written.
        """
        self.exchange = None
        self._state = CLOSED
        self.transport.close()

    def local(self, status: int, lines: list[bytes]) -> None:
        """
        A bodiless answer of our own that is no error (Max-Forwards reached its end).
        """
        self._answered = True
        close = [b"Connection: close"] if self._close else []
        head = [b"HTTP/1.1 %d OK" % status, self._front.date, *lines, b"Content-Length: 0", *close]
        self._writer.now(b"\r\n".join(head) + b"\r\n\r\n")
        self._next()

    def _own(self, status: int, error: str, words: str) -> None:
        """
        Write an answer of our own.
        """
        front = self._front
        if self._state == BODY:
            self._close = True
        self._answered = True
        self._writer.now(
            own_answer(
                status, error, words, self._terms.pseudonym, front.date, close=self._close, to_head=self._reader.to_head
            )
        )

    def _refuse(self, bad: BadMessage) -> None:
        """
        Answer a request that can't be understood, and read no further on this connection.
        """
        self._front.count_error("client", REFUSALS[bad.status])
        self._close = True
        self._own(bad.status, "http_request_error", bad.detail)
        self._linger(sending=True)

    def _break(self, bad: BadMessage) -> None:
        """
        Content that can't be understood, when the request is under way already.
        """
        exchange, self.exchange = self.exchange, None
        if exchange is not None:
            exchange.gone()
        if self._answered:
            self._front.count_error("client", REFUSALS[bad.status])
            self.answer_broken()
        else:
            self._refuse(bad)

    def _next(self) -> None:
        """
        The answer is out: read the next request, or end the connection.
        """
        self.exchange = None
        self._decoder = self._sending = None
        if self._state == CLOSED:
            return
        if self._close or self._state == BODY:
            self._linger(sending=self._state == BODY or self._reader.holds() or self._paused)
            return
        self._state = HEAD
        self.deadline = self._front.now + self._terms.timeouts.keep_alive
        if self._reader.holds():
            self._loop.call_soon(self._go_on)
        elif self._paused:
            self.resume()
        elif self._front.rest is not None:
            self.pause()
            self._front.rest(self.resume)

    def _go_on(self) -> None:
        """
        It is the turn of bytes that were held.
        """
        if self._state == HEAD:
            if self._terms is not self._front.terms:
                self._take_terms()
            self.deadline = self._front.now + self._terms.timeouts.head
            if self._paused:
                self.resume()
            try:
                head = self._reader.begin_held()
            except BadMessage as bad:
                self._refuse(bad)
                return
            if head is not None:
                self._begin(head)

    def _linger(self, *, sending: bool) -> None:
        """
        Close; if the client may still be sending, first read on for a little, so that it sees the answer.
        """
        if not sending:
            self._state = CLOSED
            self.transport.close()
            return
        self._state = LINGER
        self.deadline = self._front.now + LINGER_SECONDS
        if self._paused:
            self.resume()
        self._writer.half_close()

    def _tunnel(self, head: AnswerHead, added: tuple[bytes, ...]) -> None:
        """
        The side switched protocols: bytes that the client sent ahead belong to the new one (RFC 9110 §7.8).
        """
        self._state = TUNNEL
        self.deadline = self._front.now + self._terms.timeouts.tunnel_idle
        self._writer.switch(head, added)
        if self._reader.holds() and self.exchange is not None:
            self.exchange.content(self._reader.release())

    # Time and flow control...

    def expire(self, now: float) -> None:
        """
        Called by the worker's one timer when `deadline` may have passed.
        """
        timeouts = self._terms.timeouts
        if self.taking is not None:
            unsent, pace = self.transport.get_write_buffer_size(), (timeouts.write_rate, timeouts.rate_grace)
            if self.taking.is_too_slow(now, unsent, timeouts.write_idle, *pace):
                self._front.count_error("client", "slow_reader")
                self.transport.abort()
                return
        free = self._sending if not self._paused and not self._expecting else None
        if free is not None and free.is_too_slow(now, timeouts.body_rate, timeouts.rate_grace):
            self._break(BadMessage(408, "content came too slowly"))
            return
        if not self.deadline or now < self.deadline:
            return
        if self._state == BODY and self._paused:
            self.deadline = now + timeouts.body_idle
        elif self._state == BODY and self._expecting:
            self._expecting = False
            self.deadline = now + timeouts.body_idle
            if self.exchange is not None:
                self.exchange.waited()
        elif self._state == BODY:
            self._break(BadMessage(408, "content did not come in time"))
        elif self._state == HEAD and self._reader.holds():
            self._refuse(BadMessage(408, "the head did not come in time"))
        elif self._state in (HEAD, LINGER):
            self.transport.close() if self._state == HEAD else self.transport.abort()
        elif self._state == TUNNEL:
            self.transport.close()

    def can_continue(self) -> None:
        """
        Tell the client to send its content: the side was silent about it.
        """
        if self._state == BODY and not self._answered and not self._old:
            self._writer.now(b"HTTP/1.1 100 Continue\r\n\r\n")

    def is_idle(self) -> bool:
        """
        Nothing is outstanding and nothing was sent ahead.
        """
        return self._state == HEAD and not self._reader.holds() and not self._paused

    def is_answering(self) -> bool:
        """
        A request is being answered; a tunnel isn't one any more.
        """
        return self.exchange is not None and self._state != TUNNEL

    def idle_since(self) -> float:
        """
        When the last answer went out (or the connection came), on the coarse clock.
        """
        return max(self._born, self.deadline - self._terms.timeouts.keep_alive)

    def pause(self) -> None:
        """
        Stop reading: the side takes the request slower than it comes, or too much was sent ahead.
        """
        if not self._paused and self._state != CLOSED and not self.transport.is_closing():
            self._paused = True
            self.transport.pause_reading()

    def resume(self) -> None:
        """
        Go on reading.
        """
        if self._paused and not self.transport.is_closing():
            self._paused = False
            if self._sending is not None:
                self._sending.restart(self._front.now)
            self.transport.resume_reading()

    def pause_writing(self) -> None:
        """
        Called by the loop.
        """
        self.taking = TakingPace(self._front.now, self.transport.get_write_buffer_size())
        if self.exchange is not None:
            self.exchange.client_full()

    def resume_writing(self) -> None:
        """
        Called by the loop.
        """
        self.taking = None
        if self.exchange is not None:
            self.exchange.client_drained()
