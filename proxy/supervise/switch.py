"""
The kill switch: the latch, and whoever turns it. Workers are told first, then the disk, then everybody else.
"""

from collections.abc import Callable

from proxy.clock import timestamp
from proxy.log import Log
from proxy.supervise.killfile import Sighting
from proxy.supervise.latch import Latch

# Names and reasons come from people; what is longer is cut.
LONGEST_WORDS = 1000


class Switch:
    """
    Holds the latch. `turned` is called with a new one, before anything else is done about it. `file_there`: the kill
    file is there.
    """

    def __init__(self, latch: Latch, log: Log, turned: Callable[[Latch], None]) -> None:
        self.latch = latch
        self.file_there = False
        self._log = log
        self._turned = turned

    def kill(self, by: str, reason: str) -> None:
        """
        Everything to old and nothing copied, in every worker, now.
        """
        latch = self.latch.set(by[:LONGEST_WORDS], reason[:LONGEST_WORDS], timestamp())
        if latch is self.latch:
            self._log.info("already_killed", by=by, reason=reason, first_by=latch.by, first_reason=latch.reason)
        else:
            self._turn(latch)
            self._log.warning("killed", **latch.values())

    def restore(self, by: str, reason: str) -> None:
        """
        Lift the latch; refused while the kill file is there, which would only set it again.
        """
        latch = self.latch.lift(by[:LONGEST_WORDS], reason[:LONGEST_WORDS], timestamp())
        if self.file_there:
            why, remedy = "the kill file is there", "remove it, then restore"
            self._log.warning("restore_refused", by=by, reason=reason, why=why, remedy=remedy)
        elif latch is not self.latch:
            self._turn(latch)
            self._log.warning("restored", **latch.values())

    def file_seen(self, sighting: Sighting | None) -> None:
        """
        The kill file has appeared, or (None) is gone, which lifts nothing.
        """
        self.file_there = sighting is not None
        if sighting is not None:
            self.kill(sighting.by, sighting.reason)
        else:
            self._log.info("kill_file_gone", killed=self.latch.killed)

    def _turn(self, latch: Latch) -> None:
        self.latch = latch
        self._turned(latch)
