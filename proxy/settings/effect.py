"""
Rules under `compare` that have no effect, and what else nobody does without comparers: warnings, each at its own line.
"""

from collections.abc import Iterator, Mapping, Sequence

from proxy.compare.idle import idle
from proxy.compare.rules import Rule
from proxy.settings.copies import IdempotencySettings
from proxy.settings.model import Compare, Settings
from proxy.settings.routes import RouteSettings
from proxy.settings.rules import PARSERS
from proxy.settings.sentences import Finding
from proxy.settings.source import Where
from proxy.settings.table import compared_fields


def check_effect(compare: Compare, routes: Sequence[RouteSettings] = ()) -> Iterator[Finding]:
    """
    A warning for each rule that can't ever do anything.
    """
    fields = compared_fields(compare.headers)

    def is_compared(name: str) -> bool:
        return any(name == one or (one.endswith("*") and name.startswith(one[:-1])) for one in fields)

    general = list(compare.rules())
    where: Mapping[int, Where] = dict(enumerate(_places(general, ("compare",))))
    yield from _told(idle(general, is_compared), where, general, first=0)
    for endpoint, own in compare.endpoints.items():
        rules = [*general, *own]
        placed = dict(enumerate(_places(own, ("compare", "endpoints", endpoint)), len(general)))
        yield from _told(idle(rules, is_compared), placed, rules, first=len(general))
    for index, route in enumerate(routes):
        rules = [*general, *route.compare.rules()]
        placed = dict(enumerate(_places(route.compare.rules(), ("routes", index, "compare")), len(general)))
        yield from _told(idle(rules, is_compared), placed, rules, first=len(general))


def check_writes(settings: Settings) -> Iterator[Finding]:
    """
    A warning for each route that says more of copies of writes than is meant, or can come of it.
    """
    for place, route in enumerate(settings.routes):
        key = ("routes", place, "writes")
        if route.writes == "mirror" and settings.data == "shared":
            said = "does every write twice in the one store of old and new; write data: split if they have two"
            yield Finding(key=key, said=said, warning=True)
        if route.writes == "mirror" and not route.idempotency.header and not route.idempotency.derive:
            said = "says nothing to tell writes apart by, so none is copied; write derive, or a header"
            yield Finding(key=("routes", place, "idempotency"), said=said)
        elif route.writes != "mirror" and route.idempotency != IdempotencySettings():
            said = "has an effect only with writes: mirror"
            yield Finding(key=("routes", place, "idempotency"), said=said, warning=True)


def check_unjudged(settings: Settings) -> Iterator[Finding]:
    """
    A warning for each key that counts only where answers are judged, when there is nobody to judge them.
    """
    if settings.comparers:
        return
    compare = settings.compare
    keys: list[Where] = [("compare", name) for name in (*PARSERS, "endpoints") if getattr(compare, name)]
    keys += [("routes", index, "compare") for index, route in enumerate(settings.routes) if route.compare.rules()]
    if settings.noise.sample:
        keys.append(("noise", "sample"))
    for key in keys:
        said = "has no effect with comparers: 0, where bytes alone decide; raise comparers, or leave this out"
        yield Finding(key=key, said=said, warning=True)


def _places(rules: "list[Rule] | tuple[Rule, ...]", above: Where) -> Iterator[Where]:
    """
    Where each rule was written: of each kind a list of its own.
    """
    counts: dict[str, int] = {}
    for rule in rules:
        index = counts[rule.does] = counts.get(rule.does, -1) + 1
        yield (*above, rule.does, index)


def _told(found: Mapping[int, str], where: Mapping[int, Where], rules: list[Rule], first: int) -> Iterator[Finding]:
    for number, why in found.items():
        if number >= first:
            yield Finding(key=where[number], said=f"`{rules[number].words}` {why}", warning=True)
