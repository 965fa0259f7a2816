"""
What a walk over two values found: differences, and how often each rule hid one.
"""

from collections.abc import Iterable
from copy import copy
from typing import Any, Final, Self

from proxy.compare.difference import Difference, Folded, Kind, Part, Steps, fold, parts_of, write_pattern
from proxy.compare.leaf import Rules
from proxy.compare.matching import Effort
from proxy.compare.names import Names

MOST_DIFFERENCES: Final = 1000
# Patterns of differences that are not listed any more.
MOST_BEYOND: Final = 1000
# Patterns that one rule is told to have hidden.
MOST_TOLD: Final = 100


class Differs(Exception):
    """
    Raised by a probe at the first difference.
    """


class Found:
    """
    At most `most` differences (`more` counts the others, `beyond` has their patterns), and how often each rule hid one.

    `exact`, set before a walk: values may hold what orjson can't write. `told`, where that is wanted: the places that
    each rule hid.
    """

    __slots__ = (
        *("_loose", "_strict", "beyond", "differences", "effort", "exact"),
        *("hidden", "lost", "more", "most", "probing", "told"),
    )

    def __init__(self, *, telling: bool = False) -> None:
        self.exact = False
        self.most = MOST_DIFFERENCES
        self.probing = False
        self.differences: list[Difference] = []
        self.more = 0
        self.beyond: set[tuple[Folded, Kind]] = set()
        # True when there were more patterns than `beyond` may hold.
        self.lost = False
        self.hidden: dict[int, int] = {}
        self.told: dict[int, set[Part]] | None = {} if telling else None
        self.effort = Effort()
        self._strict: Names | None = None
        self._loose: Names | None = None

    def add(self, kind: Kind, steps: Steps, old: Any, new: Any, place: str = "") -> None:
        """
        Note one difference.
        """
        if self.probing:
            raise Differs
        if place or len(self.differences) < self.most:
            self.differences.append(Difference(kind, steps, old, new, place))
            return
        self.more += 1
        if not self.lost:
            self.beyond.add((fold(steps), kind))
            self.lost = len(self.beyond) > MOST_BEYOND

    def hide(self, rule: int, kind: Kind, steps: Steps = (), place: str = "") -> None:
        """
        Note that a rule excused something that differs.
        """
        if self.probing:
            return
        self.hidden[rule] = self.hidden.get(rule, 0) + 1
        if self.told is not None:
            self.tell(rule, [Difference(kind, steps, None, None, place)])

    def tell(self, rule: int, differences: Iterable[Difference]) -> None:
        """
        These were hidden by this rule; kept only where that is wanted.
        """
        if self.told is not None:
            places = self.told.setdefault(rule, set())
            for one in differences:
                if len(places) >= MOST_TOLD:
                    break
                places.add((one.pattern, one.kind))

    @property
    def parts(self) -> set[Part]:
        """
        The patterns and kinds of everything that was found.
        """
        parts = parts_of(self.differences)
        return parts | {(write_pattern(steps), kind) for steps, kind in self.beyond} if self.beyond else parts

    def names(self, *, loose: bool = False) -> Names:
        """
        The names of this pair's values, kept for all arrays in them.
        """
        if self._strict is None or self._loose is None:
            self._strict, self._loose = Names(exact=self.exact), Names(exact=self.exact, loose=True)
        return self._loose if loose else self._strict

    def fresh(self) -> Self:
        """
        Another one for the same two values in which nothing was found yet.
        """
        self.names()
        fresh = copy(self)
        fresh.differences, fresh.more, fresh.beyond, fresh.lost = [], 0, set(), False
        fresh.hidden, fresh.told = {}, None if self.told is None else {}
        return fresh

    def probe(self, rules: Rules | None) -> Self:
        """
        Another one for two values within these two, of which `rules` say something, that ends at the first difference
        by raising `Differs`, and notes nothing.
        """
        probe = self.fresh()
        probe.probing, probe.told = True, None
        return probe

    def join(self, other: "Found") -> None:
        """
        Take over what another one found.
        """
        room = self.most - len(self.differences)
        self.differences += other.differences[:room]
        self.beyond |= other.beyond
        self.more += other.more
        self.lost = self.lost or other.lost
        for one in other.differences[room:]:
            self.add(one.kind, one.steps, one.old, one.new)
        for rule, times in other.hidden.items():
            self.hidden[rule] = self.hidden.get(rule, 0) + times
        if self.told is not None:
            for rule, places in (other.told or {}).items():
                self.told.setdefault(rule, set()).update(places)
