"""
How long a side keeps idle connections, learned by watching it close them. Pure.

Whoever looks at a connection before using it still races with a close that is on its way; measured with an origin that
closes after 50 ms, 15–59 of 800 POST lost that race. A request that can't be repeated therefore only goes out on a
connection that has been idle for less than half of what the side was seen to allow.
"""

from math import inf

SHARE = 0.5
# Per tick of a quarter of a second: what was seen counts for twice as long a minute later, unless seen again.
FORGET = 1.003
# Seconds; what is 0 could never be forgotten.
FLOOR = 0.001


class Lifetime:
    """
    Idle times in seconds.
    """

    __slots__ = ("_least",)

    def __init__(self) -> None:
        self._least = inf

    def closed_after(self, idle: float) -> None:
        """
        The side closed a connection that had been idle this long.
        """
        self._least = min(self._least, max(idle, FLOOR))

    def served_after(self, idle: float) -> None:
        """
        The side answered on a connection that had been idle this long.
        """
        self._least = max(self._least, idle)

    def trusts(self, idle: float) -> bool:
        """
        A connection idle for this long won't be closed under a request's feet.
        """
        return idle < self._least * SHARE

    def tick(self) -> None:
        """
        Forget slowly.
        """
        self._least *= FORGET
