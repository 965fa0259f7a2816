"""
Do workers keep dying? Pure: the caller says when who died of what.
"""

from collections import deque

LIMIT = 5
SECONDS = 60.0


class Deaths:
    """
    The last deaths of workers. `LIMIT` of them within `SECONDS` are no accidents any more.
    """

    def __init__(self) -> None:
        self._times: deque[float] = deque(maxlen=LIMIT)
        self._last = ""

    def add(self, now: float, last: str) -> None:
        """
        A worker died; `last` tells which and why.
        """
        self._times.append(now)
        self._last = last

    def trouble(self, now: float) -> str | None:
        """
        Why nobody should rely on the workers at present, None when they are well.
        """
        if len(self._times) < LIMIT or (left := self._times[0] + SECONDS - now) <= 0:
            return None
        return (
            f"workers keep dying: {LIMIT} deaths in {SECONDS:g} s, the last of {self._last}; "
            f"what lives serves on; ready in {left:.0f} s if no other dies"
        )
