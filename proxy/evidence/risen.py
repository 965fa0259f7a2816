"""
Which signatures have become more frequent of late: what a rollback is blamed on. Pure; callers bring the time.

A difference that was always there caused nothing, and never goes away either; so whoever looks for a cause asks whether
a signature's share of its endpoint's pairs has risen (`proxy/gates/excess.py`), a few seconds ago or half a minute ago.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf, log
from typing import Final

from proxy.gates.excess import excess

# Seconds between two marks, and how many are kept: what was before the oldest is not looked at.
EVERY: Final = 3.0
MARKS: Final = 20
# So many spans before a mark are what was usual then. Not all that is known: what is always there since noise was
# learned, half a minute ago, has not risen just now.
BEFORE: Final = 4
# So many marks are always looked at.
LEAST: Final = 2
# Evidence in nats: with thousands of signatures at a few looks, one in a hundred is blamed by chance.
ENOUGH: Final = log(1e6)
# Of one that was never seen before, less is enough.
FRESH: Final = log(1e2)
# Of an endpoint without earlier pairs nobody knows what is usual: then so many pairs make it new.
FEW: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """
    Totals at a time: pairs by signature, and judged pairs by endpoint.
    """

    at: float
    counts: Mapping[str, int]
    judged: Mapping[str, int]


class Rises:
    """
    `note` totals now and then; `evidence` says how sure it is that a signature has risen.
    """

    def __init__(self) -> None:
        self._marks: deque[Mark] = deque(maxlen=MARKS)

    def is_due(self, now: float) -> bool:
        """
        Whether totals are to be noted.
        """
        return not self._marks or now - self._marks[-1].at >= EVERY

    def note(self, mark: Mark) -> None:
        """
        The totals of this moment.
        """
        self._marks.append(mark)

    def marks_within(self, judged: int, pairs: int) -> int:
        """
        How many marks lie within the last so many pairs of all endpoints, of which there are `judged` now.
        """
        return max(LEAST, sum(judged - sum(mark.judged.values()) <= pairs for mark in self._marks))

    def risen(self, signature: str, endpoint: str, count: int, judged: int, *, last: int = MARKS) -> float:
        """
        Evidence, in nats, that this signature, now seen in `count` of its endpoint's `judged` pairs, has risen since
        one of the `last` marks; −inf where that isn't enough.
        """
        if not self._marks:
            return -inf
        marks, most = list(self._marks), -inf
        for number, mark in enumerate(marks):
            # What came before the first mark is no base: totals may have begun at different times.
            since = marks[max(0, number - BEFORE)]
            bad, n = mark.counts.get(signature, 0), mark.judged.get(endpoint, 0)
            usual = bad - since.counts.get(signature, 0), n - since.judged.get(endpoint, 0)
            if usual[1] > 0 and count - bad >= FEW and number >= len(marks) - last:
                most = max(most, excess(*usual, count - bad, judged - n))
        if not any(mark.judged.get(endpoint) for mark in marks):
            return inf if count >= FEW else -inf
        enough = ENOUGH if marks[0].counts.get(signature, 0) else FRESH
        return most if most >= enough else -inf
