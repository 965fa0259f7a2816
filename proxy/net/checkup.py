"""
Asks a side for its health: one request each `interval`, over a connection of its own that is then closed.

An answer of 2xx or 3xx is well; any other, or none in time, is ill. Only its head is waited for, so a body costs
nothing. A side of several addresses is asked at each of them in turn: an ill one is passed over, and the side is ill
when they all are.
"""

from typing import TYPE_CHECKING

from proxy.net.ejection import Ejection
from proxy.routing.table import Health, Side
from proxy.wire.answer import AnswerHead
from proxy.wire.forward import Destination

if TYPE_CHECKING:
    from proxy.net.pool import Pool
    from proxy.net.upstream import UpstreamConnection


def request_for(side: Side, path: str) -> bytes:
    """
    What a check sends. Nobody's Host is there to be preserved: the side gets its own, or the one it is configured to.
    """
    to = Destination(side)
    lines = (
        b"GET %b%b HTTP/1.1" % (to.base, path.encode("ascii")),
        b"Host: " + (to.host or to.authority),
        b"User-Agent: parallax-health",
        b"Accept: */*",
        b"Connection: close",
    )
    return b"\r\n".join(lines) + b"\r\n\r\n"


class Checkup:
    """
    The checks of one side; the leg of the one under way. `pool` is for them alone, `request` is what they send, `told`
    are the pools that pass over ill addresses, and `detail` says what came of the last bad check.
    """

    upgrade = b""

    def __init__(
        self, pool: "Pool", request: bytes, health: Health, ejection: Ejection, told: "tuple[Pool, ...]"
    ) -> None:
        self.detail = ""
        self._told = told
        self._pool = pool
        self._request = request
        self._health = health
        self._ejection = ejection
        self._connection: UpstreamConnection | None = None
        self._is_asking = False
        # What was found since each address was asked once.
        self._round: list[bool] = []
        self._due = 0.0
        self._roll = 0.0

    def tick(self, now: float, roll: float) -> None:
        """
        Called by the worker's one timer; `roll` in [0, 1) keeps workers out of step, by 10 % either way.
        """
        self._pool.tick(now)
        self._roll = roll
        if now < self._due or self._is_asking or self._pool.closing:
            return
        self._due = now + self._health.interval * (0.9 + 0.2 * roll) / max(1, len(self._pool.places.all))
        self._pool.places.turn()
        self._is_asking = self._pool.connect(self) is not None

    @property
    def open(self) -> int:
        """
        How many connections stand or are being made.
        """
        return self._pool.open

    def close(self) -> None:
        """
        Ask no more.
        """
        self._pool.close()

    # What came of it...

    def connected(self, connection: "UpstreamConnection") -> None:
        """
        Ask.
        """
        self._connection = connection
        connection.start(self, self._request, False, True)

    def answer(self, head: AnswerHead) -> None:
        """
        The head says it all.
        """
        if self._connection is not None:
            self._connection.abandon()
        is_well = head.status < 400
        if not is_well:
            self.detail = str(head.status)
        self._tell(is_well)

    def failed(self, cause: str) -> None:
        """
        No answer in time, or nobody there.
        """
        self.detail = cause
        self._tell(False)

    def _tell(self, is_well: bool) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            for pool in self._told:
                place = pool.places.find(connection.place)
                if place is not None:
                    place.checked(is_well, self._health.healthy, self._health.unhealthy)
        self._is_asking = False
        self._round.append(is_well)
        if len(self._round) >= len(self._pool.places.all):
            self._ejection.checked(any(self._round), self._pool.now, self._roll)
            self._round.clear()

    # What a check doesn't look at...

    def interim(self, head: AnswerHead) -> None:
        """
        The final answer will come.
        """

    def data(self, data: bytes) -> None:
        """
        Nobody reads on.
        """

    def lull(self) -> None:
        """
        Nobody waits for a piece.
        """

    def end(self, trailers: list[bytes]) -> None:
        """
        Given up at its head.
        """

    def full(self) -> None:
        """
        The request is short, and whole.
        """

    def drained(self) -> None:
        """
        The request is short, and whole.
        """
