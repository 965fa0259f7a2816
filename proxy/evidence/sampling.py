"""
Which divergent pairs samples are made of: at most one each `EVERY` seconds, and every signature gets its first one
before any gets its second.

Of one signature at most one a second is made, then ever fewer: the first ones tell most. What is chosen waits, as
bytes, until there is time to make a sample of it; where too many want to wait, those go that tell less: of signatures
with more samples, then of lesser severity. Callers bring the time and bound it.
"""

from typing import Final

from proxy.compare.difference import SEVERITY_NAMES
from proxy.compare.signature import Signature
from proxy.evidence.sample import Spotted

EVERY: Final = 0.2
# Pairs that wait: a burst of signatures that may not come again. Each holds two bodies of 96 KiB at most
# (`kept.LARGEST`), and of 50 differences 8 KiB or so each: 24 MiB in all.
WAITING: Final = 40
# Seconds between two samples of one signature, at first and at last.
FIRST_PAUSE: Final = 1.0
LAST_PAUSE: Final = 60.0
# Signatures whose pauses are remembered.
REMEMBERED: Final = 5000

# How much is known of a signature already, by its pause, and how bad it is: the least comes first.
Rank = tuple[float, int]


class Sampling:
    """
    Chooses. `note` every divergent pair that it `wants`, `next` when there is time to make a sample.
    """

    def __init__(self) -> None:
        self._waiting: dict[str, tuple[Rank, Spotted]] = {}
        # By signature that has a sample: not before, and the pause that follows.
        self._pauses: dict[str, tuple[float, float]] = {}

    def wants(self, signature: Signature, now: float) -> bool:
        """
        Would a pair with this signature be taken?
        """
        if signature.id in self._waiting or self._pauses.get(signature.id, (0.0, 0.0))[0] > now:
            return False
        return len(self._waiting) < WAITING or self._rank(signature) < self._waiting[self._least()][0]

    def note(self, spotted: Spotted, now: float) -> None:
        """
        Take a pair, if `wants` is true; where too many wait, another one goes for it.
        """
        signature = spotted.judgement.signature
        if signature is None or not self.wants(signature, now):
            return
        if len(self._waiting) >= WAITING:
            del self._waiting[self._least()]
        self._waiting[signature.id] = self._rank(signature), spotted.lean()

    def next(self, now: float) -> Spotted | None:
        """
        What tells most; of the like, what has waited longest.
        """
        if not self._waiting:
            return None
        number = min(self._waiting, key=lambda one: self._waiting[one][0])
        _, spotted = self._waiting.pop(number)
        _, pause = self._pauses.pop(number, (0.0, FIRST_PAUSE))
        self._pauses[number] = now + pause, min(2 * pause, LAST_PAUSE)
        if len(self._pauses) > REMEMBERED:
            del self._pauses[next(iter(self._pauses))]
        return spotted

    def _rank(self, signature: Signature) -> Rank:
        _, pause = self._pauses.get(signature.id, (0.0, 0.0))
        return pause, SEVERITY_NAMES.index(signature.severity)

    def _least(self) -> str:
        """
        What tells least of all that waits; of the like, what came last.
        """
        return max(reversed(self._waiting), key=lambda one: self._waiting[one][0])
