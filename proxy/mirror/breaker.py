"""
The shadow breaker of one side: stops copying to a side that can't take copies, and probes whether it can again.

Closed → open when, within a window of 10 s, at least 20 copies ended and half of them without a complete answer (a
reset or garbage costs a connection as a refusal does: measured at 1,000 copies a second, 2–6 ms of p99), or when the
concurrency limit was full for 5 s on end. Open for 5 s, doubling to 60 s with jitter; then half-open, 5 % of copies are
let through, and the first 5 decide. A 5xx is an answer and never counts against a side. Pure: callers pass `now` in
seconds and `roll` in [0, 1).
"""

WINDOW = 10.0
SAMPLES = 20
SHARE = 0.5
FULL = 5.0
OPEN_FIRST, OPEN_LONGEST = 5.0, 60.0
PROBE_SHARE = 0.05
PROBES = 5

CLOSED, OPEN, HALF_OPEN = range(3)

# Why a copy ended that we ended ourselves: says nothing of the side.
STOPPED = "stopped"


class Breaker:
    """
    `state` is CLOSED, OPEN or HALF_OPEN.
    """

    __slots__ = ("_bad", "_full_since", "_open_for", "_probes", "_total", "_until", "_window_end", "enabled", "state")

    def __init__(self, enabled: bool) -> None:
        self.enabled = enabled
        self.state = CLOSED
        self._open_for = OPEN_FIRST
        self._until = 0.0
        self._window_end = 0.0
        self._total = 0
        self._bad = 0
        self._probes = 0
        self._full_since = 0.0

    def allows(self, now: float, roll: float) -> bool:
        """
        Whether a copy may be made now. Only asked when not closed, or always; both are right.
        """
        if self.state == CLOSED:
            return True
        if self.state == OPEN:
            if now < self._until:
                return False
            self.state = HALF_OPEN
            self._probes = 0
        return roll < PROBE_SHARE

    def ended(self, cause: str | None, now: float, roll: float) -> None:
        """
        A copy ended: `cause` None for any answer, else why there is none.
        """
        if not self.enabled or cause == STOPPED:
            return
        if cause is None and self.state == CLOSED and now < self._window_end:
            self._total += 1
            return
        bad = cause is not None
        if self.state == HALF_OPEN:
            if bad:
                self._open_for = min(self._open_for * 2, OPEN_LONGEST)
                self._open(now, roll)
            else:
                self._probes += 1
                if self._probes >= PROBES:
                    self._close(now)
            return
        if self.state == OPEN:
            return
        if now >= self._window_end:
            self._window_end = now + WINDOW
            self._total = self._bad = 0
        self._total += 1
        self._bad += bad
        if self._total >= SAMPLES and self._bad >= self._total * SHARE:
            self._open(now, roll)

    def full(self, now: float, roll: float) -> None:
        """
        A copy was not made because the concurrency limit was reached.
        """
        if not self.enabled or self.state != CLOSED:
            return
        if not self._full_since:
            self._full_since = now
        elif now - self._full_since >= FULL:
            self._open(now, roll)

    def not_full(self) -> None:
        """
        There was room again.
        """
        self._full_since = 0.0

    def _open(self, now: float, roll: float) -> None:
        """
        Stop copying; jitter of ±10 % keeps workers from probing in step.
        """
        self.state = OPEN
        self._until = now + self._open_for * (0.9 + 0.2 * roll)
        self._full_since = 0.0

    def _close(self, now: float) -> None:
        """
        Copy again.
        """
        self.state = CLOSED
        self._open_for = OPEN_FIRST
        self._window_end = now + WINDOW
        self._total = self._bad = 0
