"""
How often old differed from its twin, and new from old: what comparers told and what workers counted, put together.

A pair that isn't byte for byte the same is told by its comparer within a second, one that is by its worker's next
snapshot. Whichever is looked at first seems to be all there is. So the two are put together with a delay, and the delay
is laid where it accuses nobody: of old and new the same pairs come first, of old and its twin the different ones.
Of old and new it is told as well by which judging table they were judged at least: comparers say nothing of places that
theirs hasn't. Pure.
"""

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from proxy.errors import LinkError
from proxy.evidence.noise import Spot
from proxy.metrics.books import IDENTICAL, Page

# Looks, of one second, by which the later part of a count is behind.
DELAY: Final = 3


class Counted(NamedTuple):
    """
    Of one endpoint: pairs, and in how many of them each place differed.
    """

    pairs: int
    bad: Mapping[Spot, int]


class Judged(NamedTuple):
    """
    By endpoint, pairs of a time in which every comparer judged by `version` or a later one; 0: not known.
    """

    version: int
    counted: Mapping[str, Counted]


@dataclass(slots=True)
class Told:
    """
    What comparers said since the last look: pairs by endpoint, and pairs in which a place differed. `version` is the
    lowest that one judged by, None before one has said anything.
    """

    version: int | None = None
    pairs: Counter[str] = field(default_factory=Counter)
    bad: dict[str, Counter[Spot]] = field(default_factory=dict)

    def add(self, pairs: Mapping[str, int], bad: "list[tuple[str, str, int, int]]") -> None:
        """
        What one comparer said.
        """
        self.pairs.update(pairs)
        for endpoint, pattern, kind, times in bad:
            self.bad.setdefault(endpoint, Counter())[pattern, kind] += times

    def judged_by(self, version: int) -> None:
        """
        One comparer judged by this.
        """
        self.version = version if self.version is None else min(version, self.version)

    def with_same(self, same: Mapping[str, int]) -> dict[str, Counted]:
        """
        Together with those pairs that were the same, by endpoint.
        """
        return {
            endpoint: Counted(self.pairs[endpoint] + same.get(endpoint, 0), self.bad.get(endpoint, {}))
            for endpoint in {*self.pairs, *self.bad, *same}
        }


class Tally:
    """
    `take` what comparers tell; `look` once a second.
    """

    def __init__(self) -> None:
        self._twins = Told()
        self._live = Told()
        # Totals at the last look, by endpoint; None before the first, since what was counted before was not told.
        self._seen: tuple[dict[str, int], dict[str, int]] | None = None
        self._late_live: deque[Told] = deque(Told() for _ in range(DELAY))
        self._late_same: deque[Counter[str]] = deque(Counter() for _ in range(DELAY))

    def take(self, judged: Mapping[str, Any]) -> None:
        """
        What one comparer saw (`evidence.seen`). Raises `LinkError` for something else.
        """
        try:
            twins = {str(name): int(count) for name, count in judged["twins"].items()}
            pairs = {str(name): int(count) for name, count in judged["pairs"].items()}
            noise, live = _places(judged["noise"]), _places(judged["live"])
            version = int(judged["version"])
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise LinkError("what a comparer saw has the wrong shape") from error
        self._twins.add(twins, noise)
        self._live.add(pairs, live)
        self._live.judged_by(version)

    def look(self, pages: Mapping[str, Page], version: int) -> tuple[dict[str, Counted], list[Judged]]:
        """
        With the totals of all workers, and the lowest version that a comparer judges by now: what there is to learn of
        twins, by endpoint, and of old and new.
        """
        self._live.judged_by(version)
        totals = (
            {name: page.twins[0] for name, page in pages.items()},
            {name: sum(verdicts[IDENTICAL] for verdicts in page.verdicts) for name, page in pages.items()},
        )
        before, self._seen = self._seen, totals
        same_twins, same_live = ({}, {}) if before is None else map(_more, totals, before)
        self._late_same.append(Counter(same_twins))
        self._late_live.append(self._live)
        late = self._late_live.popleft()
        now, then = self._live.version or 0, late.version or 0
        twins, self._twins, self._live = self._twins, Told(), Told()
        if now == then:
            live = [Judged(now, late.with_same(same_live))]
        else:
            live = [Judged(now, Told().with_same(same_live)), Judged(then, late.with_same({}))]
        return twins.with_same(self._late_same.popleft()), live


def _places(raw: Any) -> list[tuple[str, str, int, int]]:
    return [(str(endpoint), str(pattern), int(kind), int(times)) for endpoint, pattern, kind, times in raw]


def _more(now: dict[str, int], before: dict[str, int]) -> dict[str, int]:
    return {name: more for name, count in now.items() if (more := count - before.get(name, 0)) > 0}
