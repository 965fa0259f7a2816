"""
One address of a side, as one pool sees it: its idle connections, how much is out on it, and whether it is passed over.

An address is passed over for a second once it fails (nginx's `max_fails=1`, with a shorter `fail_timeout`), and for
twice as long, up to 30 s, each time that it still does. Then one connection tries. One that says it is ill is passed
over until it is well. When all are passed over, none is: the side as a whole is a matter of `ejection`. Pure: callers
pass `now` in seconds.
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

    __slots__ = ("_checks", "host", "idle", "is_gone", "is_ill", "open", "path", "pause", "port", "tls", "until")

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

    @property
    def busy(self) -> int:
        """
        How much is outstanding.
        """
        return self.open - len(self.idle)

    def failed(self, now: float) -> None:
        """
        No connection, or no byte of an answer on it. What fails meanwhile is the same failure.
        """
        if now >= self.until:
            self.pause = min(self.pause * 2.0, LONGEST) or FIRST
            self.until = now + self.pause

    def tries(self, now: float) -> None:
        """
        A connection is made to it: the only one for a time, if it is in doubt.
        """
        if self.pause:
            self.until = now + self.pause

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


def in_order(places: list[Place], now: float) -> tuple[list[Place], list[Place]]:
    """
    Where to connect, the least outstanding first; and what is passed over, the soonest back first.
    """
    if len(places) == 1:
        return places, []
    usable = [place for place in places if place.until <= now and not place.is_ill]
    others = [place for place in places if place.until > now or place.is_ill]
    return sorted(usable, key=lambda place: place.busy), sorted(others, key=lambda place: (place.is_ill, place.until))
