"""
Routes and cohorts, or what they say, that no request can ever come to: warnings, each at its own line. What is told is
certain; a route without a warning may still be one that nobody asks for.
"""

from collections.abc import Iterator, Sequence

from proxy.routing.globs import compile_glob
from proxy.routing.match import ANYTHING
from proxy.routing.route import Match
from proxy.settings.model import Settings
from proxy.settings.sentences import Finding
from proxy.wire.request import SAFE


def check_covered(settings: Settings) -> Iterator[Finding]:
    """
    A warning for each route and cohort that an earlier one leaves nothing to, and for what has no effect on a route.
    """
    yield from _check_order("routes", [(one.name, one.match.build()) for one in settings.routes])
    yield from _check_order("cohorts", [(one.name, one.match.build()) for one in settings.cohorts])
    for place, route in enumerate(settings.routes):
        methods = route.match.method
        if route.failover and methods and not any(method.encode("ascii") in SAFE for method in methods):
            said = "has no effect: only GET, HEAD and OPTIONS go over, and none of them is this route's; leave it out"
            yield Finding(key=("routes", place, "failover"), said=said, warning=True)
        if route.mirror == 0 and route.writes in ("mirror", "dry_run"):
            said = f"0 copies nothing, so writes: {route.writes} has no effect; raise it, or leave writes out"
            yield Finding(key=("routes", place, "mirror"), said=said, warning=True)


def _check_order(kind: str, named: Sequence[tuple[str, Match]]) -> Iterator[Finding]:
    for place, (_, match) in enumerate(named):
        before = next((name for name, earlier in named[:place] if covers(earlier, match)), None)
        if before is not None:
            said = f"never has a request: all of them are of {before}, which comes earlier; write it before {before}"
            yield Finding(key=(kind, place), said=said, warning=True)


def covers(wide: Match, narrow: Match) -> bool:
    """
    Does every request that the narrow match has fit the wide one too? False where that can't be told.
    """
    return (
        _is_path_covered(wide, narrow)
        and (not wide.methods or (bool(narrow.methods) and set(narrow.methods) <= set(wide.methods)))
        and (not wide.hosts or (bool(narrow.hosts) and set(narrow.hosts) <= set(wide.hosts)))
        and _are_covered(wide.headers, narrow.headers)
        and _are_covered(wide.cookies, narrow.cookies)
        and _are_covered(wide.query, narrow.query)
        and _are_covered(wide.claims, narrow.claims)
        and wide.addresses in ((), narrow.addresses)
        and wide.keys in (None, narrow.keys)
    )


def _are_covered(wide: tuple[tuple[str, str], ...], narrow: tuple[tuple[str, str], ...]) -> bool:
    asked = {name for name, _ in narrow}
    return all((name, value) in narrow or (value == ANYTHING and name in asked) for name, value in wide)


def _is_path_covered(wide: Match, narrow: Match) -> bool:
    if not wide.path and not wide.regex:
        return True
    if wide.regex or narrow.regex or not narrow.path:
        return wide.path == "/**" or bool(wide.regex and wide.regex == narrow.regex)
    return _leads(wide.path.split("/")[1:], narrow.path.split("/")[1:])


def _leads(wide: list[str], narrow: list[str]) -> bool:
    """
    Do the segments of a pattern fit whatever those of another one do?
    """
    if not wide or wide == ["**"]:
        return bool(wide) or not narrow
    if wide[0] == "**":
        return any(_leads(wide[1:], narrow[skipped:]) for skipped in range(len(narrow) + 1))
    if not narrow or narrow[0] == "**":
        return False
    return _fits(wide[0], narrow[0]) and _leads(wide[1:], narrow[1:])


def _fits(wide: str, narrow: str) -> bool:
    if _is_any(wide):
        return bool(narrow)
    if "*" in wide and "*" not in narrow and not _is_any(narrow):
        return bool(narrow) and compile_glob(wide.encode())(narrow.encode())
    return wide == narrow


def _is_any(segment: str) -> bool:
    return segment == "*" or (segment[:1] == "{" and segment[-1:] == "}")
