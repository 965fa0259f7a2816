"""
Whether a side takes live requests: out after a run of transport failures, back in when it answers again.

Out after `consecutive` failures on end, or when `share` percent of the last `of` live legs failed (Envoy's outlier
detection: 5 on end). An answer is an answer, also a 5xx: who answers wrongly is a matter for gates. Out for `pause`
seconds at least; from then on somebody knocks as often: a connection of our own, so that no client is the first to find
out. If it stands, one live request tries; its answer, or that of a copy, brings the side back. Each request that tries
doubles the pause, up to `longest`, and so does being out again within `longest` of coming back: a side that flaps
costs less and less. Where checks of our own ask the side for its health, they alone bring it back, and may put it out.

Pure: callers pass `now` in seconds and `roll` in [0, 1). One for each side in each worker.
"""

from math import ceil

from proxy.routing.table import Eject, Health

# Why a live leg got no answer, as far as that is the side's doing (keys of `wire.own.CAUSES`): neither our own limits
# nor what a client asked for.
TRANSPORT = frozenset(
    {"refused", "unreachable", "connect_timeout", "dns", "tls", "certificate", "terminated", "malformed", "timeout"}
)
UNHEALTHY = "unhealthy"


class Ejection:
    """
    `is_out` while the side is to get no live requests, `cause` says why it was last put out. `trouble` is 0 as long as
    `answered` would change nothing: the request path need not call it then. `health` None: nobody asks for it.
    """

    __slots__ = (
        "_back_at", "_bad", "_health", "_ill", "_knock_at", "_mask", "_opened_at", "_pause", "_rules", "_run", "_trial",
        "_trying", "_until", "_well", "_window", "cause", "is_out", "trouble",
    )  # fmt: skip

    def __init__(self, rules: Eject, health: Health | None = None) -> None:
        self.is_out = False
        self.cause = ""
        # A bit for each of the last live legs, the latest lowest, 1 for a failure; -1 while out.
        self.trouble = 0
        self._rules = rules
        self._health = health
        self._run = (1 << rules.consecutive) - 1
        self._window = (1 << rules.of) - 1
        self._mask = self._run | self._window
        self._bad = ceil(rules.of * rules.share / 100.0)
        self._pause = rules.pause
        # When what is seen counts again, and when to knock.
        self._until = self._knock_at = 0.0
        # When it opened to the knock that nobody has followed yet.
        self._opened_at = 0.0
        self._back_at = -rules.longest
        self._trial = self._trying = False
        # Checks in a row that found the side well, or ill.
        self._well = self._ill = 0

    # What live legs see...

    def answered(self, now: float) -> None:
        """
        A live leg has the head of an answer.
        """
        if not self.is_out:
            self.trouble = self.trouble << 1 & self._mask
        elif self._health is None and (self._trying or now >= self._until):
            self._come_back(now)

    def failed(self, cause: str, now: float, roll: float) -> None:
        """
        A live leg ended before there was a head.
        """
        if cause not in TRANSPORT:
            return
        if self.is_out:
            if self._trying:
                self._trying = False
            elif now >= self._until:
                self._wait(now, roll)
            return
        self.trouble = seen = (self.trouble << 1 | 1) & self._mask
        run, bad = self._run, self._bad
        if (run and seen & run == run) or (bad and (seen & self._window).bit_count() >= bad):
            self._go_out(cause, now, roll)

    def admits(self, now: float, roll: float, *, is_safe: bool) -> bool:
        """
        While the side is out: whether this live request is the one that tries. One that isn't safe (RFC 9110 §9.2.1) is
        only if no other has come for a `pause`.
        """
        if not self._trial or (not is_safe and now < self._opened_at + self._rules.pause):
            return False
        self._trial = False
        self._trying = True
        self._wait(now, roll)
        return True

    # What copies, knocks and checks see...

    def copied(self, now: float) -> None:
        """
        A copy has the head of an answer. One that has none says nothing: copies have less time than live requests.
        """
        if self.is_out and self._health is None and now >= self._until:
            self._come_back(now)

    def is_due(self, now: float, roll: float) -> bool:
        """
        Whether to knock now; the next time is later, whatever comes of it.
        """
        if not self.is_out or self._health is not None or now < self._knock_at:
            return False
        self._knock_at = now + _spread(self._pause, roll)
        return True

    def knocked(self, now: float) -> None:
        """
        The side has accepted a connection: one live request may try.
        """
        if self.is_out and not self._trial:
            self._trial = True
            self._opened_at = now

    def stayed_shut(self) -> None:
        """
        It has not: whoever would have tried now is spared it.
        """
        self._trial = False

    def checked(self, is_well: bool, now: float, roll: float) -> None:
        """
        A check of our own has asked the side for its health.
        """
        if self._health is None:
            return
        self._well, self._ill = (self._well + 1, 0) if is_well else (0, self._ill + 1)
        if self.is_out:
            if self._well >= self._health.healthy and now >= self._until:
                self._come_back(now)
        elif self._ill >= self._health.unhealthy:
            self._go_out(UNHEALTHY, now, roll)

    # Going out and coming back...

    def _go_out(self, cause: str, now: float, roll: float) -> None:
        rules = self._rules
        self.is_out = True
        self.cause = cause
        self.trouble = -1
        self._well = 0
        if now - self._back_at >= rules.longest:
            self._pause = rules.pause
            self._until = self._knock_at = now + _spread(self._pause, roll)
        else:
            self._wait(now, roll)

    def _wait(self, now: float, roll: float) -> None:
        self._pause = min(self._pause * 2.0, self._rules.longest)
        self._until = self._knock_at = now + _spread(self._pause, roll)

    def _come_back(self, now: float) -> None:
        self.is_out = self._trial = self._trying = False
        self.trouble = 0
        self._back_at = now


def _spread(seconds: float, roll: float) -> float:
    """
    ±10 %, so that workers don't knock in step.
    """
    return seconds * (0.9 + 0.2 * roll)
