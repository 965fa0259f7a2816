"""
What rules have done with the answers that came: those that never met anything, and those that hide far more than they
name. Put together from what comparers told; pure, callers tell the time.

Only pairs that were judged count: where old and new are the same byte for byte, no rule is asked.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Final

from proxy.compare.difference import WORDS, Kind, Part
from proxy.compare.judging import JudgingTable, first_numbers, rules_digest
from proxy.compare.paths import ANY, DEEP, parse_path
from proxy.compare.rules import HEADER, STATUS, Rule
from proxy.errors import LinkError
from proxy.metrics.endpoints import OTHER

# A rule that met nothing in so many pairs, or whose endpoint had none of so many requests, is told.
ENOUGH: Final = 100
# A rule that hides differences at so many places below what it names, or under no name at all, is told.
WIDE: Final = 10
# Places that are remembered of one rule, and shown.
MOST_PLACES: Final = 200
SHOWN: Final = 20
MOST_RULES: Final = 20_000
NEVER_MET: Final = "never met"
# How like an endpoint that was asked for another one has to be to be taken for a misspelling of it (difflib's ratio).
NEAR: Final = 0.75


@dataclass(slots=True)
class Used:
    """
    One rule at one endpoint: in how many of the pairs looked at it was met, the differences it has hidden in all pairs,
    and where, in those looked at.
    """

    met: int = 0
    hidden: int = 0
    places: set[Part] = field(default_factory=set)


class Usage:
    """
    Of the rules in force: `follow` them, `take` what comparers tell.
    """

    def __init__(self) -> None:
        self.since = 0.0
        self._table: JudgingTable | None = None
        self._digest: str | None = None
        # Requests of all endpoints when these rules came into force.
        self._before = 0
        self._pairs: Counter[str] = Counter()
        self._used: dict[tuple[str, int], Used] = {}

    def follow(self, table: JudgingTable, now: float, asked: Callable[[], Mapping[str, int]]) -> None:
        """
        Begin anew if these are other rules. `asked` tells how many requests there were of each endpoint.
        """
        if table is self._table:
            return
        self._table, digest = table, rules_digest(table)
        if digest != self._digest:
            self._digest, self.since, self._before = digest, now, sum(asked().values())
            self._pairs.clear()
            self._used.clear()

    def take(self, judged: Mapping[str, Any]) -> None:
        """
        What one comparer saw. Raises `LinkError` for something else; what is of other rules is left out.
        """
        try:
            told = judged["surveys"]
            if told["rules"] != self._digest:
                return
            pairs = {str(endpoint): int(count) for endpoint, count in told["pairs"].items()}
            met, hidden = _counts(told["met"]), _counts(judged["hidden"])
            hides = [
                (str(endpoint), int(rule), {(str(pattern), Kind(kind)) for pattern, kind in parts})
                for endpoint, rule, parts in told["hides"]
            ]
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise LinkError("what a comparer saw has the wrong shape") from error
        self._pairs.update(pairs)
        for endpoint, rule, times in met:
            self._of(endpoint, rule).met += times
        for endpoint, rule, times in hidden:
            self._of(endpoint, rule).hidden += times
        for endpoint, rule, parts in hides:
            places = self._of(endpoint, rule).places
            places.update(sorted(parts - places)[: max(0, MOST_PLACES - len(places))])

    def _of(self, endpoint: str, rule: int) -> Used:
        key = endpoint, rule
        if key not in self._used and len(self._used) >= MOST_RULES:
            return Used()
        return self._used.setdefault(key, Used())

    def listing(self, table: JudgingTable, asked: Mapping[str, int]) -> dict[str, Any]:
        """
        All rules of the table, the general ones first, with what they did, and what is to be said of it. `asked` as for
        `follow`.
        """
        rows = [self._row(rule, number, None) for number, rule in enumerate(table.rules)]
        for endpoint, rules in table.by_endpoint.items():
            own = [self._row(rule, number, endpoint) for number, rule in enumerate(rules, len(table.rules))]
            says = self._unseen(endpoint, asked)
            rows += own if says is None else [{**row, "finding": NEVER_MET, "says": says} for row in own]
        for route, first in first_numbers(table):
            rows += [self._row(rule, number, None, route) for number, rule in enumerate(table.by_route[route], first)]
        return {"since": self.since, "pairs": self._pairs.total(), "rules": rows}

    def _unseen(self, endpoint: str, asked: Mapping[str, int]) -> str | None:
        """
        What is to be said of an endpoint that nobody has asked for.
        """
        requests = sum(asked.values()) - self._before
        if asked.get(endpoint) or requests < ENOUGH:
            return None
        seen = [name for name, count in asked.items() if count and name != OTHER]
        near = get_close_matches(endpoint, seen, n=1, cutoff=NEAR)
        said = f"did you mean {near[0]}?" if near else "look for a misspelt path, or leave it out"
        return f"has an endpoint that none of {requests:,} requests was of; {said}"

    def _row(self, rule: Rule, number: int, endpoint: str | None, route: str | None = None) -> dict[str, Any]:
        used = [one for (name, at), one in self._used.items() if at == number and endpoint in {None, name}]
        pairs = self._pairs.total() if endpoint is None else self._pairs[endpoint]
        met, hidden = sum(one.met for one in used), sum(one.hidden for one in used)
        places = sorted(set[Part]().union(*(one.places for one in used)))
        finding, says = _judged(rule, pairs, met + hidden, places)
        return {
            "rule": rule.words,
            "endpoint": endpoint,
            "route": route,
            "pairs": pairs,
            "met": met,
            "hidden": hidden,
            "places": [{"path": pattern, "kind": WORDS[kind]} for pattern, kind in places[:SHOWN]],
            "more": max(0, len(places) - SHOWN),
            "finding": finding,
            "says": says,
        }


def _counts(raw: Any) -> list[tuple[str, int, int]]:
    return [(str(endpoint), int(rule), int(times)) for endpoint, rule, times in raw]


def _judged(rule: Rule, pairs: int, met: int, places: Sequence[Part]) -> tuple[str | None, str | None]:
    if not met and pairs >= ENOUGH:
        return NEVER_MET, f"met nothing in {pairs:,} pairs; look for a misspelt place, or leave it out"
    beyond = {pattern for pattern, _ in places if not _names(rule, pattern)}
    if len(beyond) >= WIDE:
        said = f"hides differences at {len(beyond)} places or more that it doesn't name; name those that may differ"
        return "hides more than it names", said
    return None, None


def _names(rule: Rule, pattern: str) -> bool:
    """
    Is this place one that the rule has in its own words, and not just below or among them?
    """
    if rule.does == STATUS or rule.where.startswith(HEADER):
        return True
    last = (parse_path(rule.where) or (ANY,))[-1] if rule.where else DEEP
    if isinstance(last, str):
        return pattern.endswith((f".{last}", f"['{last}']"))
    return isinstance(last, int) and pattern.endswith("[*]")
