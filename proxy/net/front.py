"""
What the client connections of one worker share, and what each tells the exchange it opened.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from proxy.routing.table import Table
from proxy.wire.request import RequestHead, RequestRules

if TYPE_CHECKING:
    from proxy.net.client import ClientConnection


class ExchangeEvents(Protocol):
    """
    What a client connection tells the exchange it opened.
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


class Terms:
    """
    What one table says to clients. A connection takes the latest terms when it reads a request's head, and keeps them
    until the answer is out.

    `begin` opens an exchange for a request, by the same table.
    """

    __slots__ = ("add_date", "begin", "forwarded", "limits", "pseudonym", "rules", "timeouts", "via")

    def __init__(
        self, table: Table, rules: RequestRules, begin: "Callable[[ClientConnection, RequestHead], None]"
    ) -> None:
        self.limits = table.limits
        self.timeouts = table.timeouts.patient()
        self.pseudonym = table.pseudonym
        self.via = table.pseudonym if table.via else None
        self.forwarded = table.forwarded
        self.add_date = table.add_date
        self.rules = rules
        self.begin = begin


class Front:
    """
    What all client connections of one worker share, from its first table on.

    `terms` are the latest, replaced whole; `now` is the coarse clock, `date` a ready Date line without CRLF, `closing`
    says that answers end their connections. `rest`, if there is one, takes a call that reads on from a client that has
    had its answer.
    """

    def __init__(self, terms: Terms, count_error: Callable[[str, str], None]) -> None:
        self.terms = terms
        self.count_error = count_error
        self.now = 0.0
        self.date = b""
        self.closing = False
        self.rest: Callable[[Callable[[], None]], object] | None = None
        self.connections: set[ClientConnection] = set()
