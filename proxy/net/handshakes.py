"""
The TLS handshakes of one worker: so many at once, a few in each turn of its loop, and why some fail. Pure.

A signature takes 0.3 to 0.9 ms with RSA of 2,048 bits, and a tenth of that with ECDSA. So a crowd that comes at once,
as after a restart of something in front, waits for its turn, and those who are connected already don't notice.
"""

from collections import deque
from collections.abc import Callable
from typing import NamedTuple, Protocol

# Begun in one turn of the loop: some 4 ms with RSA, 2 with ECDSA.
A_TURN = 4
# Seconds that a handshake may take while others wait for it. That is several round trips; and whoever begins handshakes
# without an end delays others by that much, and not by the whole timeout.
CROWDED = 1.0
# Seconds between two lines about one reason.
REPEAT = 10.0

Soon = Callable[[Callable[[], None]], object]


class Shaking(Protocol):
    """
    A connection whose handshake is to come, or under way.
    """

    def begin(self) -> None:
        """
        It is its turn.
        """

    def give_up(self, why: str) -> None:
        """
        It takes too long.
        """


class Failed(NamedTuple):
    """
    So many handshakes failed for this reason since it was last told.
    """

    reason: str
    times: int


class Handshakes:
    """
    `count_error` counts each that fails.
    """

    def __init__(self, count_error: Callable[[str, str], None]) -> None:
        self._count_error = count_error
        self._waiting: deque[Shaking] = deque()
        self._under_way: dict[Shaking, float] = {}
        self._limit = 0
        self._now = 0.0
        self._soon: Soon | None = None
        self._is_due = False
        # Reasons are OpenSSL's and ours, so there are few.
        self._failed: dict[str, int] = {}
        self._told: dict[str, float] = {}

    def ask(self, guest: Shaking, limit: int, soon: Soon) -> None:
        """
        `guest` wants to begin, which it is told when fewer than `limit` are under way; `soon` makes a call in the next
        turn of the loop.
        """
        self._limit, self._soon = limit, soon
        self._waiting.append(guest)
        self._go_on()

    def over(self, guest: Shaking) -> None:
        """
        A handshake has come to its end, or will never begin.
        """
        if self._under_way.pop(guest, None) is None and guest in self._waiting:
            self._waiting.remove(guest)
        self._go_on()

    def failed(self, reason: str) -> None:
        """
        A handshake, or what came after it, was broken.
        """
        self._count_error("client", "tls")
        self._failed[reason] = self._failed.get(reason, 0) + 1

    def tick(self, now: float) -> None:
        """
        Called by the worker's one timer.
        """
        self._now = now
        # Those who wait for the next turn of the loop wait for nobody's end.
        if self._waiting and len(self._under_way) >= self._limit:
            for guest, began in list(self._under_way.items()):
                if now - began > CROWDED:
                    guest.give_up("took over a second while others waited")

    def due(self, now: float) -> list[Failed]:
        """
        What is to be told now: a reason at once, and then every ten seconds.
        """
        reasons = [reason for reason in self._failed if now - self._told.get(reason, -REPEAT) >= REPEAT]
        for reason in reasons:
            self._told[reason] = now
        return [Failed(reason, self._failed.pop(reason)) for reason in reasons]

    def _go_on(self) -> None:
        if self._waiting and self._soon is not None and not self._is_due and len(self._under_way) < self._limit:
            self._is_due = True
            self._soon(self._begin)

    def _begin(self) -> None:
        self._is_due = False
        for _ in range(min(A_TURN, len(self._waiting), self._limit - len(self._under_way))):
            guest = self._waiting.popleft()
            self._under_way[guest] = self._now
            guest.begin()
        self._go_on()
