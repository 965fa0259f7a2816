"""
One address of a side, as one pool sees it: its idle connections, how much is out on it, and whether it is passed over.

An address is passed over for a second once it fails (nginx's `max_fails=1`, with a shorter `fail_timeout`), and for
twice as long, up to 30 s, each time that it still does. Then the pool knocks, so that no request is the first to find
out; and once it has opened, one request tries. One that says it is ill is passed over until it is well. When all are
passed over, none is: the side as a whole is a matter of `ejection`. Pure: callers pass `now` in seconds.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from proxy.net.resuming import Resuming
    from proxy.net.upstream import UpstreamConnection

FIRST, LONGEST = 1.0, 30.0


class Place:
    """
    `host` is an IP literal, or the `path` of a Unix socket and no host. `open` counts what stands or is being made.
    `tls` is there once a TLS connection was made, and remembers its session; `is_gone`: the side's name leads elsewhere
    by now. `pause` is 0 unless it has failed and not answered since; `is_ill` is what checks of its health found.
    """

    __slots__ = (
        "_checks",
        "host",
        "idle",
        "is_gone",
        "is_ill",
        "is_open",
        "open",
        "path",
        "pause",
        "port",
        "tls",
        "until",
    )

    def __init__(self, host: str, port: int, path: str = "") -> None:
        self.host = host
        self.port = port
        self.path = path
        self.idle: list[UpstreamConnection] = []
        self.open = 0
        self.tls: Resuming | None = None
        self.is_gone = False
        self.is_ill = False
        # Checks in a row that found it well, or, below 0, ill.
        self._checks = 0
        # Passed over until then.
        self.until = 0.0
        self.pause = 0.0
        # It has failed, and opened to a knock since.
        self.is_open = False

    @property
    def busy(self) -> int:
        """
        How much is outstanding.
        """
        return self.open - len(self.idle)

    @property
    def is_passed_over(self) -> bool:
        """
        Whether requests go elsewhere, if there is an elsewhere.
        """
        return self.is_ill or (self.pause > 0.0 and not self.is_open)

    def failed(self, now: float) -> None:
        """
        No connection, or no byte of an answer on it. What fails meanwhile is the same failure.
        """
        self.is_open = False
        if now >= self.until:
            self._wait(now)

    def is_due(self, now: float) -> bool:
        """
        Whether to knock: it has failed, and its time is over.
        """
        return self.pause > 0.0 and not self.is_open and now >= self.until

    def knocked(self) -> None:
        """
        It has opened: one request may try.
        """
        self.is_open = True

    def taken(self, now: float) -> None:
        """
        A connection is made or lent there: if it is in doubt, the only one until it has answered, or its time is over.
        """
        self.is_open = False
        if self.pause and now >= self.until:
            self._wait(now)

    def checked(self, is_well: bool, healthy: int, unhealthy: int) -> None:
        """
        It was asked for its health; so many in a row decide.
        """
        self._checks = max(self._checks, 0) + 1 if is_well else min(self._checks, 0) - 1
        if self._checks >= healthy:
            self.is_ill = False
        elif self._checks <= -unhealthy:
            self.is_ill = True

    def answered(self) -> None:
        """
        A byte of an answer has come from it.
        """
        self.until = self.pause = 0.0

    def _wait(self, now: float) -> None:
        self.pause = min(self.pause * 2.0, LONGEST) or FIRST
        self.until = now + self.pause


def in_order(places: list[Place]) -> tuple[list[Place], list[Place]]:
    """
    Where to connect, the least outstanding first; and what is passed over, the soonest back first.
    """
    if len(places) == 1:
        return places, []
    usable = [place for place in places if not place.is_passed_over]
    others = [place for place in places if place.is_passed_over]
    return sorted(usable, key=lambda place: place.busy), sorted(others, key=lambda place: (place.is_ill, place.until))
