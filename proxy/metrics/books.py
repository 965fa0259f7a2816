"""
The worker's books: plain integers, one page per endpoint; the only place where an exchange is counted.

Once nothing is in flight `eligible = sum(verdicts) + sum(skipped)`, exactly, per endpoint and live side. Indices:
side and live are 0 old, 1 new; role is 0 live, 1 shadow. No clock and no I/O: callers pass durations in seconds.
"""

from bisect import bisect_left
from collections.abc import Callable
from functools import lru_cache
from operator import add
from typing import Any

from proxy.compare.difference import Kind
from proxy.routing.table import SIDES

VERDICTS = ("identical", "equivalent", "noise", "waived", "divergent", "failed")
IDENTICAL, EQUIVALENT, NOISE, WAIVED, DIVERGENT, FAILED = range(6)
SKIPS = (
    "off", "route", "method", "upgrade", "sampled_out", "streaming", "breaker_open", "concurrency", "memory_budget",
    "body_too_large", "draining", "failover", "client_gone", "both_failed", "conditional", "undecodable", "queue_full",
    "judge_error", "comparer_lost", "worker_lost",
)  # fmt: skip
ROLES = ("live", "shadow")
LIVE, SHADOW = 0, 1

# Upper bounds in seconds. From 0.5 ms (loopback) to 60 s (the default limit for an answer's head).
SECONDS = (
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
)  # fmt: skip
# new − old: symmetric around zero.
DELTAS = (*(-bound for bound in reversed(SECONDS[:14])), 0.0, *SECONDS[:14])
# new / old: as far below 1 as above.
RATIOS = (0.05, 0.1, 0.2, 0.33, 0.5, 0.67, 0.8, 0.9, 1.0, 1.11, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0)
# Why two latencies of one exchange can't be compared: flow control held one leg up, or only one leg waited for a new
# connection, though its side keeps them, or the copy was sent after the live answer.
UNPAIRED = ("paused", "connect", "later")


@lru_cache(maxsize=256)
def kinds_in(mask: int) -> tuple[str, ...]:
    """
    The kinds of difference in a mask, as metrics name them.
    """
    return tuple(kind.name.lower() for kind in Kind if mask >> kind & 1)


class Page:
    """
    The totals of one endpoint.
    """

    __slots__ = (
        "connects", "deltas", "differences", "eligible", "failed", "failovers", "name", "ratios", "rechecks",
        "requests", "seconds", "skipped", "sums", "twins", "unpaired", "verdicts",
    )  # fmt: skip

    def __init__(self, name: str) -> None:
        self.name = name
        self.eligible = [0, 0]
        self.verdicts = [[0] * len(VERDICTS), [0] * len(VERDICTS)]
        self.skipped: list[dict[str, int]] = [{}, {}]
        self.failed = [0, 0]
        # Requests that this side gave no answer to, so that the other was asked.
        self.failovers = [0, 0]
        # Pairs that differ in some way, by kind.
        self.differences: dict[str, int] = {}
        # Pairs of old and its twin: byte for byte the same, and not.
        self.twins = [0, 0]
        # Divergent pairs that were asked again: those that differed still, and those that agreed then.
        self.rechecks = [0, 0]
        # By side * 2 + role.
        self.requests: list[dict[int, int]] = [{}, {}, {}, {}]
        self.seconds = [[0] * (len(SECONDS) + 1) for _ in range(4)]
        self.sums = [0.0] * 4
        # Legs that waited for a new connection.
        self.connects = [0] * 4
        self.deltas = [[0] * (len(DELTAS) + 1), [0] * (len(DELTAS) + 1)]
        self.ratios = [[0] * (len(RATIOS) + 1), [0] * (len(RATIOS) + 1)]
        self.unpaired: list[dict[str, int]] = [{}, {}]

    def answered(self, side: int, role: int, status: int, seconds: float) -> None:
        """
        One side answered a request: `seconds` from request fully sent to answer head.
        """
        index = side * 2 + role
        codes = self.requests[index]
        codes[status] = codes.get(status, 0) + 1
        self.seconds[index][bisect_left(SECONDS, seconds)] += 1
        self.sums[index] += seconds

    def skip(self, live: int, reason: str) -> None:
        """
        One eligible exchange ended without a verdict, for `reason` (one of `SKIPS`).
        """
        reasons = self.skipped[live]
        reasons[reason] = reasons.get(reason, 0) + 1

    def judged(self, live: int, verdict: int) -> None:
        """
        One eligible exchange ended with a verdict.
        """
        self.verdicts[live][verdict] += 1

    def differed(self, kinds: int) -> None:
        """
        The kinds of difference of one judged pair, as a mask of bits.
        """
        differences = self.differences
        for kind in kinds_in(kinds):
            differences[kind] = differences.get(kind, 0) + 1

    def connected(self, side: int, role: int) -> None:
        """
        A leg has waited for a new connection.
        """
        self.connects[side * 2 + role] += 1

    def compared(self, live: int, old: float, new: float) -> None:
        """
        Both latencies of one exchange, in seconds.
        """
        self.deltas[live][bisect_left(DELTAS, new - old)] += 1
        # A clock may stand still.
        self.ratios[live][bisect_left(RATIOS, (new or 1e-9) / (old or 1e-9))] += 1

    def leave_unpaired(self, live: int, reason: str) -> None:
        """
        Both latencies of one exchange are known and can't be compared, for `reason` (one of `UNPAIRED`).
        """
        reasons = self.unpaired[live]
        reasons[reason] = reasons.get(reason, 0) + 1

    def pending(self, live: int) -> int:
        """
        Eligible exchanges whose end is still to come.
        """
        return self.eligible[live] - sum(self.verdicts[live]) - sum(self.skipped[live].values())

    def snapshot(self) -> dict[str, Any]:
        """
        These totals as JSON can carry them; see `Books.snapshot`.
        """
        keys = [f"{side}|{role}" for side in SIDES for role in ROLES]
        return {
            "eligible": self.eligible,
            "pending": [self.pending(0), self.pending(1)],
            "verdicts": self.verdicts,
            "skipped": self.skipped,
            "failed": self.failed,
            "failovers": self.failovers,
            "differences": self.differences,
            "twins": self.twins,
            "rechecks": self.rechecks,
            "requests": {
                key: {str(code): count for code, count in codes.items()}
                for key, codes in zip(keys, self.requests, strict=True)
                if codes
            },
            "seconds": {
                key: [*self.seconds[index], self.sums[index]]
                for index, key in enumerate(keys)
                if any(self.seconds[index])
            },
            "connects": self.connects,
            "deltas": self.deltas,
            "ratios": self.ratios,
            "unpaired": self.unpaired,
        }


class TwinPage(Page):
    """
    What pairs of old and its twin are written down on: only how many got a verdict gets on the endpoint's page.
    """

    __slots__ = ("of",)

    def __init__(self, of: Page) -> None:
        super().__init__(of.name)
        self.of = of

    def judged(self, live: int, verdict: int) -> None:
        """
        One pair has been judged; that one of them gave no answer says nothing of noise.
        """
        if verdict != FAILED:
            self.of.twins[verdict != IDENTICAL] += 1


class RecheckPage(Page):
    """
    What one asking again is written down on; `on_end` is told whether the sides agree now, None if nobody can say.
    """

    __slots__ = ("_on_end",)

    def __init__(self, name: str, on_end: Callable[[bool | None], None]) -> None:
        super().__init__(name)
        self._on_end = on_end

    def judged(self, live: int, verdict: int) -> None:
        """
        Both sides have answered, or one of them.
        """
        self._on_end(None if verdict == FAILED else verdict != DIVERGENT)

    def skip(self, live: int, reason: str) -> None:
        """
        It can't be judged.
        """
        self._on_end(None)


class Books:
    """
    All pages of one worker, and the errors that Parallax itself made.
    """

    def __init__(self) -> None:
        self.pages: dict[str, Page] = {}
        self.errors: dict[str, int] = {}
        # By flag and outcome (`routing.flags`), as "flag|outcome".
        self.flags: dict[str, int] = {}
        self._twins: dict[str, TwinPage] = {}

    def page(self, endpoint: str) -> Page:
        """
        The page of `endpoint`, opened when it is new. The caller bounds the number of endpoints.
        """
        page = self.pages.get(endpoint)
        if page is None:
            page = self.pages[endpoint] = Page(endpoint)
        return page

    def twins(self, page: Page) -> TwinPage:
        """
        The page for the twins' pairs of an endpoint.
        """
        twins = self._twins.get(page.name)
        if twins is None:
            twins = self._twins[page.name] = TwinPage(page)
        return twins

    def live_seconds(self) -> tuple[list[int], list[int]]:
        """
        Live latencies of all endpoints in the buckets of `SECONDS`: of old, of new.
        """
        totals = ([0] * (len(SECONDS) + 1), [0] * (len(SECONDS) + 1))
        for page in self.pages.values():
            for side, total in enumerate(totals):
                total[:] = map(add, total, page.seconds[side * 2 + LIVE])
        return totals

    def error(self, where: str, cause: str) -> None:
        """
        Parallax, not a side, failed a request: `parallax_errors_total{where,cause}`.
        """
        key = f"{where}|{cause}"
        self.errors[key] = self.errors.get(key, 0) + 1

    def snapshot(self) -> dict[str, Any]:
        """
        All totals at one instant: {"errors": {"where|cause": n}, "flags": {"flag|outcome": n}, "endpoints":
        {name: Page.snapshot()}}.
        """
        pages = {name: page.snapshot() for name, page in self.pages.items()}
        return {"errors": self.errors, "flags": self.flags, "endpoints": pages}
