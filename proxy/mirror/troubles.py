"""
Which side failed in which role and why, counted until it is told: the first time at once, then every ten seconds. Pure.
"""

from typing import NamedTuple

REPEAT = 10.0


class Trouble(NamedTuple):
    """
    `times` requests that `side` failed in `role` for `cause` (a key of `wire.own.CAUSES`) since it was last told.
    """

    side: int
    role: int
    cause: str
    times: int


class Troubles:
    """
    Bounded by sides, roles and causes; told by the worker's one timer.
    """

    __slots__ = ("_counts", "_told")

    def __init__(self) -> None:
        self._counts: dict[tuple[int, int, str], int] = {}
        self._told: dict[tuple[int, int, str], float] = {}

    def note(self, side: int, role: int, cause: str) -> None:
        """
        One request failed.
        """
        key = (side, role, cause)
        self._counts[key] = self._counts.get(key, 0) + 1

    def due(self, now: float) -> list[Trouble]:
        """
        What is to be told now; it counts from zero again.
        """
        keys = [key for key in self._counts if now - self._told.get(key, -REPEAT) >= REPEAT]
        for key in keys:
            self._told[key] = now
        return [Trouble(*key, self._counts.pop(key)) for key in keys]
