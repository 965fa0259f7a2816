"""
Asking the supervisor whether the one copy of a write may be made here. Off every client's path, and not for long. Pure:
callers pass `now` in seconds.

At most once, in all workers: the supervisor says yes once to a key, and has it on file before it says so. A worker that
asks and dies, or gets its yes too late, has used the key up: then there is no copy.
"""

from collections.abc import Callable
from typing import Final, Protocol

from proxy.routing.writes import DIGEST

# A write to a file that hangs must not hold the copies of all writes in memory.
SECONDS: Final = 2.0
YES: Final = b"\1"
# What may become of a claim.
FIRST, REPEATED, UNANSWERED = range(3)


class Claimant(Protocol):
    """
    A copy that waits for its grant.
    """

    def granted(self, outcome: int) -> None:
        """
        `FIRST`: it may be made. Called once, unless it was forgotten.
        """


class Claims:
    """
    Those of one worker that are open. `send` passes a digest to the supervisor, False if it can't.
    """

    __slots__ = ("_open", "send")

    def __init__(self) -> None:
        self.send: Callable[[bytes], bool] = lambda _: False
        self._open: dict[bytes, tuple[float, Claimant]] = {}

    def ask(self, digest: bytes, claimant: Claimant, now: float) -> None:
        """
        Claim a key; the answer may come at once.
        """
        if digest in self._open:
            claimant.granted(REPEATED)
        elif not self.send(digest):
            claimant.granted(UNANSWERED)
        else:
            self._open[digest] = (now + SECONDS, claimant)

    def forget(self, digest: bytes, claimant: Claimant) -> None:
        """
        Whoever asked doesn't want to know any more.
        """
        if digest in self._open and self._open[digest][1] is claimant:
            del self._open[digest]

    def answered(self, grant: bytes) -> None:
        """
        The supervisor's answer.
        """
        _, claimant = self._open.pop(grant[:DIGEST], (0.0, None))
        if claimant is not None:
            claimant.granted(FIRST if grant[DIGEST:] == YES else REPEATED)

    def tick(self, now: float) -> None:
        """
        Called by the worker's one timer: give up what has waited too long.
        """
        while self._open:
            digest, (until, claimant) = next(iter(self._open.items()))
            if now < until:
                return
            del self._open[digest]
            claimant.granted(UNANSWERED)
