"""
Gates and guards of a plan: events that can be counted, budgets that agree, sources that are there, keys to count by.
"""

import re
from collections.abc import Iterator
from typing import Final

from proxy.gates.events import compile_event
from proxy.gates.query import parse_condition
from proxy.gates.tally import check as check_bounds
from proxy.gates.trend import LEAST
from proxy.plan.criteria import EventGate, EventGuard, PromGate, PromGuard, TrendGate, TrendGuard
from proxy.plan.exposure import exposures
from proxy.plan.facts import Facts, is_sticky
from proxy.plan.judging import counted
from proxy.plan.kinds import show_time
from proxy.plan.model import Plan
from proxy.settings.kinds import show_number
from proxy.settings.sentences import Finding
from proxy.settings.source import Where

WORD = re.compile(r"[A-Za-z_]+")
OF_OLD: Final = frozenset({"old_ok", "old_error", "old_ms"})


def check_criteria(plan: Plan, facts: Facts | None) -> Iterator[Finding]:
    """
    Everything wrong or doubtful with gates and guards.
    """
    for name, gate in plan.gates.items():
        yield from _check_source(plan, ("gates", name), gate)
        if isinstance(gate, EventGate):
            yield from _check_event(("gates", name), gate)
    for name, guard in plan.guards.items():
        yield from _check_source(plan, ("guards", name), guard)
        if isinstance(guard, EventGuard):
            yield from _check_event(("guards", name), guard)
            yield from _check_detect(name, guard)
            yield from _check_budgets(plan, name, guard)
    yield from _check_number(plan, 0 if facts is None else len(facts.routes))
    if facts is not None:
        yield from _check_keys(plan, facts)
        yield from _check_routes(plan, facts)


def _check_source(plan: Plan, key: Where, one: object) -> Iterator[Finding]:
    if isinstance(one, PromGate | PromGuard | TrendGate | TrendGuard) and plan.prometheus is None:
        said = f"needs a Prometheus to ask; write prometheus: {{url: http://prometheus:9090}} for source: {one.source}"
        yield Finding(key=(*key, "source"), said=said)
    if isinstance(one, PromGate | PromGuard):
        try:
            parse_condition(one.condition)
        except ValueError as error:
            yield Finding(key=(*key, "condition"), said=str(error))
    if isinstance(one, TrendGate | TrendGuard) and one.window < LEAST * one.every:
        said = f"{show_time(one.window)} has too few answers for a slope; write {show_time(LEAST * one.every)} or more"
        yield Finding(key=(*key, "window"), said=said)


def _check_event(key: Where, one: EventGate | EventGuard) -> Iterator[Finding]:
    try:
        compile_event(one.event, one.of)
    except ValueError as error:
        yield Finding(key=(*key, "event"), said=str(error))
        return
    follows = one.on_fail if isinstance(one, EventGate) else one.on_trip
    words = set(WORD.findall(one.event))
    if follows == "rollback" and (one.of == "old" or (words and words <= OF_OLD)):
        then = "on_fail" if isinstance(one, EventGate) else "on_trip"
        said = f"is about old alone, and would take new back for what old does; write {then}: hold"
        yield Finding(key=(*key, "event"), said=said, warning=True)


def _check_number(plan: Plan, routes: int) -> Iterator[Finding]:
    """
    Workers count so much and no more, or requests would pay for it.
    """
    asked = [one for one in (*plan.gates.values(), *plan.guards.values()) if isinstance(one, EventGate | EventGuard)]
    if any(_spelled(one) is None for one in asked):
        return
    try:
        check_bounds(list({spec.id: spec for spec in map(counted, asked)}.values()), routes)
    except ValueError as error:
        yield Finding(key=("gates",), said=str(error))


def _check_detect(name: str, guard: EventGuard) -> Iterator[Finding]:
    for number, multiple in enumerate(guard.detect):
        rate = multiple.of(guard.max)
        if not guard.max < rate < 1:
            shown = f"{show_number(multiple.value)}x" if multiple.times else str(multiple.value)
            said = f"{shown} is a rate of {rate:g}, and has to lie between the budget ({guard.max:g}) and 1"
            right = "write such as 0.6" if rate >= 1 else "write more"
            yield Finding(key=("guards", name, "detect", number), said=f"{said}; {right}")


def _check_budgets(plan: Plan, name: str, guard: EventGuard) -> Iterator[Finding]:
    """
    Otherwise a stage could be taken back while it may be left.
    """
    for other, gate in plan.gates.items():
        if not isinstance(gate, EventGate) or _spelled(gate) != _spelled(guard):
            continue
        apart = gate.routes and guard.routes and not set(gate.routes) & set(guard.routes)
        if guard.max < gate.max and not apart:
            said = (
                f"{guard.max:g} is less than gate {other} allows ({gate.max:g}) for the same event, so it would take "
                f"back what may go on; write {gate.max:g} or more"
            )
            yield Finding(key=("guards", name, "max"), said=said)


def _spelled(one: EventGate | EventGuard) -> tuple[str, str] | None:
    """
    What is counted, however it is spaced; None for what can't be counted.
    """
    try:
        return compile_event(one.event, one.of).text, one.of
    except ValueError:
        return None


def _check_keys(plan: Plan, facts: Facts) -> Iterator[Finding]:
    """
    Who counts by keys, or shows new to some, has to know clients again.
    """
    remedy = "write one there, such as sticky: {key: [header:X-User-Id]}"
    none = "the configuration draws each request by itself (sticky.key: [request])"
    for name, gate in plan.gates.items():
        if isinstance(gate, EventGate) and gate.unit == "key/60s" and not _all_sticky(gate.routes, facts):
            said = f"counts by sticky keys, and {none}; {remedy}, or unit: request here"
            yield Finding(key=("gates", name, "unit"), said=said)
    for name, guard in plan.guards.items():
        if isinstance(guard, EventGuard) and guard.distinct_keys > 1 and not _all_sticky(guard.routes, facts):
            said = f"waits for several keys, and {none}; {remedy}, or distinct_keys: 1 here"
            yield Finding(key=("guards", name, "distinct_keys"), said=said)
    if is_sticky(facts.sticky):
        return
    for place, exposure in enumerate(exposures(plan, facts.base)):
        stage = plan.stages[place]
        said = f"some clients are on new here, and {none}, so they would change sides all the time; {remedy}"
        if 0 < exposure.weight < 100:
            yield Finding(key=("stages", place, "weight"), said=said)
            return
        for route, share in stage.routes.items():
            if 0 < share < 100 and route in facts.routes and not is_sticky(facts.routes[route].sticky):
                yield Finding(key=("stages", place, "routes", route), said=said)
                return


def _all_sticky(routes: tuple[str, ...], facts: Facts) -> bool:
    if not routes:
        return is_sticky(facts.sticky)
    return all(is_sticky(facts.routes[name].sticky) for name in routes if name in facts.routes)


def _check_routes(plan: Plan, facts: Facts) -> Iterator[Finding]:
    for name, gate in plan.gates.items():
        if not isinstance(gate, EventGate) or gate.per != "route":
            continue
        if not facts.routes:
            said = "the configuration has no routes to judge one by one; write some there, or leave this out"
            yield Finding(key=("gates", name, "per"), said=said)
        if gate.of == "pairs":
            for number, route in enumerate(gate.routes):
                if route in facts.routes and facts.routes[route].mirror == 0:
                    said = f"nothing of {route} is copied (mirror: 0 in the configuration); leave it out"
                    yield Finding(key=("gates", name, "routes", number), said=said)
