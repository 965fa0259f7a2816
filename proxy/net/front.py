"""
What the client connections of one worker share, and what each tells the exchange it opened.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, Protocol

from proxy.net.handshakes import Handshakes
from proxy.net.pace import TakingPace
from proxy.routing.table import Table
from proxy.wire.forward import Hop
from proxy.wire.forwarded import Trust
from proxy.wire.request import RequestHead, RequestRules

if TYPE_CHECKING:
    from ssl import SSLContext

    from proxy.net.client import ClientConnection


class ExchangeEvents(Protocol):
    """
    What a client connection tells the exchange it opened.
    """

    @property
    def live(self) -> int:
        """
        The side that answers: 0 old, 1 new.
        """

    def content(self, data: bytes) -> None:
        """
        A piece of the request's content; in a tunnel, any bytes.
        """

    def request_end(self, trailers: list[bytes]) -> None:
        """
        The request is complete; in a tunnel, the client's half is closed.
        """

    def gone(self) -> None:
        """
        The client went away or broke its request; nothing can be answered.
        """

    def client_full(self) -> None:
        """
        The client takes the answer slower than it comes.
        """

    def client_drained(self) -> None:
        """
        The client caught up.
        """

    def waited(self) -> None:
        """
        The client has waited `continue_wait` for a 100 (RFC 9110 §10.1.1).
        """


class Guest(Protocol):
    """
    A connection as the worker's timer, its draining and its shedding see it: a client's, or one that becomes one.
    """

    deadline: float
    taking: TakingPace | None
    exchange: ExchangeEvents | None

    def expire(self, now: float) -> None:
        """
        `deadline` may have passed, or what the client takes may have come to a halt.
        """

    def close(self) -> None:
        """
        End it once everything is written.
        """

    def is_idle(self) -> bool:
        """
        Nothing is outstanding and nothing was sent ahead.
        """

    def is_answering(self) -> bool:
        """
        A request is being answered.
        """

    def idle_since(self) -> float:
        """
        When the last answer went out (or the connection came), on the coarse clock.
        """


class Source(NamedTuple):
    """
    Where a connection comes from: `address` is "" if it is the socket's peer.
    """

    address: str = ""
    scheme: bytes = b"http"


class Terms:
    """
    What one table says to clients. A connection takes the latest terms when it reads a request's head, and keeps them
    until the answer is out.

    `begin` opens an exchange for a request, by the same table; `most_content` says how long a request's content may be,
    where that is not `limits.body` for all. `tls` is for the next handshake, None for plaintext.
    """

    __slots__ = (
        "add_date", "begin", "forwarded", "handshake_timeout", "handshakes", "limits", "most_content", "proxy_protocol",
        "pseudonym", "rules", "timeouts", "tls", "trust", "via",
    )  # fmt: skip

    def __init__(
        self,
        table: Table,
        rules: RequestRules,
        begin: "Callable[[ClientConnection, RequestHead], None]",
        most_content: Callable[[RequestHead], int] | None = None,
        tls: "SSLContext | None" = None,
    ) -> None:
        self.limits = table.limits
        self.timeouts = table.timeouts.patient()
        self.pseudonym = table.pseudonym
        self.via = table.pseudonym if table.via else None
        self.forwarded = table.forwarded
        self.add_date = table.add_date
        self.rules = rules
        self.begin = begin
        self.most_content = most_content
        self.tls = tls
        self.handshakes, self.handshake_timeout = 0, 0.0
        if table.tls is not None:
            self.handshakes, self.handshake_timeout = table.tls.handshakes, table.tls.handshake_timeout
        self.proxy_protocol = table.proxy_protocol
        trusted = table.trusted_proxies
        self.trust = None if trusted is None else Trust(trusted)

    def hop(self, address: str, scheme: bytes) -> Hop:
        """
        What is added to the requests of a connection from this address.
        """
        return Hop(address, self.via, self.forwarded, scheme=scheme, trust=self.trust)


class Front:
    """
    What all client connections of one worker share, from its first table on.

    `terms` are the latest, replaced whole; `now` is the coarse clock, `date` a ready Date line without CRLF, `closing`
    says that answers end their connections. `rest`, if there is one, takes a call that reads on from a client that has
    had its answer. `connections` has everybody who is connected, `handshakes` are of those who are becoming clients.
    """

    def __init__(self, terms: Terms, count_error: Callable[[str, str], None]) -> None:
        self.terms = terms
        self.count_error = count_error
        self.now = 0.0
        self.date = b""
        self.closing = False
        self.rest: Callable[[Callable[[], None]], object] | None = None
        self.connections: set[Guest] = set()
        self.handshakes = Handshakes(count_error)
