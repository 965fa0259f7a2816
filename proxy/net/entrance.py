"""
From an accepted socket to a client's connection, where something comes before the first request: a PROXY header, TLS.
"""

import asyncio
import ssl
from typing import cast

from proxy.net.client import ClientConnection, address_of
from proxy.net.encrypted import LINGER, EncryptedTransport, reason_of
from proxy.net.front import ExchangeEvents, Front, Source
from proxy.net.pace import TakingPace
from proxy.wire.own import own_answer
from proxy.wire.preamble import BadPreamble, Preamble

# The first byte of a TLS record with a handshake message (RFC 8446 §5.1), and all that may come before our answer: one
# record with its head.
HANDSHAKE = 0x16
LONGEST_HELLO = 16384 + 5

# Where a connection stands: waiting for its PROXY header; for the first byte of TLS; for its turn; shaking hands; with
# its client, who is told what comes; or gone.
PREAMBLE, HELLO, WAITING, SHAKING, OPEN, CLOSED = range(6)


class Entrance(asyncio.Protocol):
    """
    One of `Front.connections` until a `ClientConnection` takes its place. With TLS it then stays between that and the
    socket, otherwise it goes.
    """

    __slots__ = (
        "_address", "_client", "_front", "_held", "_loop", "_preamble", "_raw", "_secure", "_since", "_state",
        "deadline", "exchange", "taking",
    )  # fmt: skip

    _raw: asyncio.Transport
    _client: ClientConnection
    _secure: EncryptedTransport

    def __init__(self, front: Front, loop: asyncio.AbstractEventLoop) -> None:
        terms = front.terms
        self._front = front
        self._loop = loop
        self._state = PREAMBLE if terms.proxy_protocol else HELLO
        self._preamble = Preamble()
        self._address = ""
        self._held = b""
        self._since = front.now
        self.deadline = front.now + terms.timeouts.head
        self.taking: TakingPace | None = None
        self.exchange: ExchangeEvents | None = None

    # What the loop tells...

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """
        Called by the loop.
        """
        front, terms = self._front, self._front.terms
        self._raw = cast(asyncio.Transport, transport)
        if len(front.connections) >= terms.limits.connections:
            self._refuse("connection_limit")
        elif self._state == PREAMBLE and not self._is_trusted():
            self._refuse("proxy_protocol")
        else:
            front.connections.add(self)

    def _is_trusted(self) -> bool:
        trust = self._front.terms.trust
        return trust is not None and trust.judge(address_of(self._raw).encode("ascii", "replace"))[1]

    def data_received(self, data: bytes) -> None:
        """
        Called by the loop.
        """
        state = self._state
        if state == OPEN:
            self._pass_on(data)
        elif state == SHAKING:
            self._shake(data)
        elif state == PREAMBLE:
            self._head(data)
        elif state in (HELLO, WAITING):
            self._hello(data)

    def eof_received(self) -> bool:
        """
        Called by the loop. Whoever closes its half without having said so within TLS was cut off.
        """
        return self._state == OPEN and self._secure.ended and not self._secure.is_closing()

    def connection_lost(self, exc: Exception | None) -> None:
        """
        Called by the loop.
        """
        state, self._state = self._state, CLOSED
        if state == OPEN:
            self._client.connection_lost(exc)
            return
        if state in (WAITING, SHAKING):
            self._front.handshakes.failed("the client went away")
        self._leave()

    def pause_writing(self) -> None:
        """
        Called by the loop.
        """
        if self._state == OPEN:
            self._client.pause_writing()

    def resume_writing(self) -> None:
        """
        Called by the loop.
        """
        if self._state == OPEN:
            self._client.resume_writing()

    # The PROXY header...

    def _head(self, data: bytes) -> None:
        """
        Bytes of a PROXY header, and perhaps of what follows it.
        """
        preamble = self._preamble
        try:
            if not preamble.feed(data):
                return
        except BadPreamble:
            self._refuse("proxy_protocol")
            return
        self._address = preamble.address
        rest = preamble.rest
        terms = self._front.terms
        if terms.tls is not None:
            self._state = HELLO
            self.deadline = self._front.now + terms.timeouts.head
            if rest:
                self._hello(rest)
            return
        self._leave()
        self._state = CLOSED
        client = ClientConnection(self._front, self._loop, Source(self._address))
        self._raw.set_protocol(client)
        client.connection_made(self._raw)
        if rest:
            client.data_received(rest)

    # TLS...

    def _hello(self, data: bytes) -> None:
        """
        The first bytes of TLS wait for their turn; what is something else is told so.
        """
        self._held += data
        if self._held[0] != HANDSHAKE:
            self._answer_plaintext()
        elif len(self._held) > LONGEST_HELLO:
            self.give_up("too much came at once")
        elif self._state == HELLO:
            self._state = WAITING
            self.deadline = 0.0
            self._raw.pause_reading()
            terms = self._front.terms
            self._front.handshakes.ask(self, terms.handshakes, self._loop.call_soon)

    def _answer_plaintext(self) -> None:
        """
        Somebody speaks HTTP where TLS is spoken: that can be said in words.
        """
        front, held = self._front, self._held
        front.handshakes.failed("plaintext instead of TLS")
        self._state = CLOSED
        if held[:1].isalpha():
            words = "TLS is spoken here: ask with https://"
            pseudonym = front.terms.pseudonym
            self._raw.write(
                own_answer(400, "http_request_error", words, pseudonym, front.date, close=True, to_head=False)
            )
        self._linger()

    def begin(self) -> None:
        """
        It is this connection's turn to shake hands.
        """
        terms, held = self._front.terms, self._held
        self._held = b""
        if terms.tls is None or self._raw.is_closing():
            self._raw.abort()
            return
        self._state = SHAKING
        self.deadline = self._front.now + terms.handshake_timeout
        self._secure = EncryptedTransport(self._raw, terms.tls, self._loop.call_later)
        self._raw.resume_reading()
        self._shake(held)

    def _shake(self, data: bytes) -> None:
        """
        More of the handshake.
        """
        try:
            if not self._secure.shake(data):
                return
        except ssl.SSLError as error:
            self._fail(reason_of(error))
            return
        self._leave()
        self._state = OPEN
        self._client = client = ClientConnection(self._front, self._loop, Source(self._address, b"https"))
        client.connection_made(self._secure)
        # What came with the last of the handshake.
        self._pass_on(b"")

    def _pass_on(self, data: bytes) -> None:
        """
        Records for the client's connection.
        """
        secure = self._secure
        if secure.is_closing():
            secure.discard(data)
            return
        had_ended = secure.ended
        try:
            plain = secure.decrypt(data)
        except ssl.SSLError as error:
            self._front.handshakes.failed(reason_of(error))
            self._raw.abort()
            return
        if plain:
            self._client.data_received(plain)
        if secure.ended and not had_ended and not secure.is_closing() and not self._client.eof_received():
            secure.close()

    # The end...

    def _fail(self, reason: str) -> None:
        self._front.handshakes.failed(reason)
        self._front.handshakes.over(self)
        self._state = CLOSED
        self._linger()

    def _linger(self) -> None:
        """
        Close, but not before the client could read why: what it is still sending would end that with a reset.
        """
        self._raw.write_eof()
        self._loop.call_later(LINGER, self._raw.close)

    def give_up(self, why: str) -> None:
        """
        A handshake takes too long, or can't become one.
        """
        self._front.handshakes.failed(why)
        self._state = CLOSED
        self._raw.abort()
        self._leave()

    def _refuse(self, cause: str) -> None:
        self._front.count_error("client", cause)
        self._state = CLOSED
        self._raw.abort()

    def _leave(self) -> None:
        """
        No longer one who becomes a client.
        """
        self._front.connections.discard(self)
        self._front.handshakes.over(self)

    def close(self) -> None:
        """
        Nobody waits for an answer here.
        """
        self._raw.close()

    # Time...

    def expire(self, now: float) -> None:
        """
        Called by the worker's one timer when `deadline` may have passed.
        """
        if not self.deadline or now < self.deadline:
            return
        if self._state == SHAKING:
            self.give_up("took too long")
        elif self._state == PREAMBLE and self._preamble.begun:
            self._refuse("proxy_protocol")
        else:
            self._raw.close()

    def is_idle(self) -> bool:
        """
        Nothing has come yet.
        """
        return self._state == HELLO or (self._state == PREAMBLE and not self._preamble.begun)

    def is_answering(self) -> bool:
        """
        Nothing was asked yet.
        """
        return False

    def idle_since(self) -> float:
        """
        When the connection came.
        """
        return self._since
