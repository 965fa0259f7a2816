"""
Which endpoints have killed comparers, and for how long no pair of theirs is judged. Pure: the caller tells the time.

One death says nothing of the pair in hand: an operator or the kernel may have killed the comparer, and a busy one has
always some pair in hand. So the first death only makes its endpoint suspect; the second is no accident.
"""

from dataclasses import dataclass
from typing import Final

# Seconds: at the second death, doubled with each further one, at most.
FIRST: Final = 60.0
LONGEST: Final = 3600.0
# Seconds for which an endpoint stays suspect. What kills more rarely costs a restart and its neighbours' verdicts each
# time: less than a minute without any.
SUSPECT: Final = 600.0
# Endpoints that are remembered; metrics know 200 by default.
MOST: Final = 1000


@dataclass(slots=True)
class Record:
    """
    How often an endpoint's pairs were in hand when a comparer died, until when they are kept away, and when that is
    forgotten.
    """

    deaths: int = 0
    until: float = 0.0
    forgotten: float = 0.0


class Quarantines:
    """
    An endpoint begins anew when it has been suspect for `SUSPECT`, or at large for `LONGEST` after a quarantine,
    without another death.
    """

    def __init__(self) -> None:
        self._records: dict[str, Record] = {}

    def died(self, endpoint: str, now: float) -> float:
        """
        A comparer died with a pair of this endpoint in hand. Returns the seconds for which no further one is judged;
        0.0 the first time.
        """
        self._forget(now)
        record = self._records.pop(endpoint, None) or Record()
        record.deaths += 1
        seconds = 0.0
        if record.deaths == 1:
            record.forgotten = now + SUSPECT
        else:
            seconds = min(FIRST * 2.0 ** min(record.deaths - 2, 16), LONGEST)
            record.until = now + seconds
            record.forgotten = record.until + LONGEST
        # Last, so that the one whose last death is longest ago is the one to forget.
        self._records[endpoint] = record
        if len(self._records) > MOST:
            del self._records[next(iter(self._records))]
        return seconds

    def active(self, now: float) -> dict[str, float]:
        """
        The endpoints that are kept away, and for how many seconds more.
        """
        return {endpoint: record.until - now for endpoint, record in self._records.items() if record.until > now}

    def _forget(self, now: float) -> None:
        self._records = {endpoint: record for endpoint, record in self._records.items() if record.forgotten > now}
