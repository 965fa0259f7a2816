"""
Do workers keep dying? Pure: the caller says when who died of what.
"""

from collections import deque
from datetime import UTC, datetime

LIMIT = 5
SECONDS = 60.0


class Deaths:
    """
    The last deaths of workers. `LIMIT` of them within `SECONDS` are no accidents any more.
    """

    def __init__(self) -> None:
        self._times: deque[tuple[float, float]] = deque(maxlen=LIMIT)
        self._last = ""

    def add(self, now: float, at: float, last: str) -> None:
        """
        A worker died, by the clock that only goes forwards and by the one on the wall; `last` tells which and why.
        """
        self._times.append((now, at))
        self._last = last

    def trouble(self, now: float) -> str | None:
        """
        Why nobody should rely on the workers at present, None when they are well.
        """
        if len(self._times) < LIMIT or self._times[0][0] + SECONDS <= now:
            return None
        # The same words all the time: they go to control, which tells them too.
        over = datetime.fromtimestamp(self._times[0][1] + SECONDS, UTC)
        return (
            f"workers keep dying: {LIMIT} deaths in {SECONDS:g} s, the last of {self._last}; "
            f"what lives serves on; ready at {over:%H:%M:%S} UTC if no other dies"
        )
