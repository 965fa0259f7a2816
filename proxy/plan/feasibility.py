"""
Can every gate say something in the time it has? What it needs at the least, against what comes.

A gate that can't is a mistake in the plan: it would be held at the end of each stage, and somebody would learn to wave
it through.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from proxy.gates.completeness import CompletenessSpec
from proxy.gates.forecast import needed_pairs
from proxy.plan.criteria import CompletenessGate, EventGate, Gate, TrendGate
from proxy.plan.exposure import exposures
from proxy.plan.facts import Facts
from proxy.plan.kinds import show_time
from proxy.plan.model import Plan
from proxy.plan.traffic import Traffic
from proxy.settings.kinds import show_number
from proxy.settings.sentences import Finding

# What gates count, in words.
COUNTED = {"pairs": "pairs", "served": "answers to clients", "old": "answers of old", "new": "answers of new"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """
    How long a gate takes at a stage to pass, of a `route` if it is judged by itself.

    It needs `needed` opportunities (or answers to a question) if nothing is bad, `likely` if a quarter of the budget
    is; they come at `rate` a second, and there are `most` seconds. None: it can't be told; but a rate of 0 takes for
    ever. `counted` says what comes, in words.
    """

    stage: str
    gate: str
    route: str
    counted: str
    needed: int | None
    likely: int | None
    rate: float | None
    most: float

    @property
    def seconds(self) -> float | None:
        """
        At the least.
        """
        return self.needed / self.rate if self.needed is not None and self.rate else None

    @property
    def likely_seconds(self) -> float | None:
        """
        With some bad ones.
        """
        return self.likely / self.rate if self.likely is not None and self.rate else None

    @property
    def fits(self) -> bool:
        """
        Whether there is time enough. What can't be told is given the benefit of the doubt.
        """
        return self.rate != 0.0 and (self.seconds is None or self.seconds <= self.most)


def forecasts(plan: Plan, facts: Facts | None) -> Iterator[Forecast]:
    """
    One for each gate of each stage, and for each route where these are judged one by one, in order.
    """
    shares = exposures(plan) if facts is None else exposures(plan, facts.base)
    for stage, exposure in zip(plan.stages, shares, strict=True):
        traffic = Traffic(plan=plan, facts=facts, exposure=exposure)
        for name in stage.gates:
            for need in _needs(traffic, plan.gates[name]):
                yield Forecast(
                    stage=stage.name,
                    gate=name,
                    route=need.route,
                    counted=need.counted,
                    needed=need.needed,
                    likely=need.likely,
                    rate=need.rate,
                    most=stage.observe.most,
                )


class _Need(NamedTuple):
    counted: str
    needed: int | None
    likely: int | None
    rate: float | None
    route: str = ""


def _needs(traffic: Traffic, gate: Gate) -> Iterator[_Need]:
    if isinstance(gate, EventGate):
        yield from _of_event(traffic, gate)
    elif isinstance(gate, CompletenessGate):
        least = CompletenessSpec(name="").least
        yield _Need(COUNTED["pairs"], least, least, traffic.a_second("pairs"))
    elif isinstance(gate, TrendGate):
        # Nearly all of a window has to have been seen.
        yield _Need("windows", 1, 1, 1.0 / gate.window)
    else:
        yield _Need("answers", gate.pass_.needed, gate.pass_.needed, 1.0 / gate.every)


def _of_event(traffic: Traffic, gate: EventGate) -> Iterator[_Need]:
    by_key = gate.unit == "key/60s"
    needed, likely = (needed_pairs(gate.max, rate, gate.beta) for rate in (0.0, gate.max / 4))
    for routes in _judged(traffic.plan, gate):
        yield _Need(
            counted="keys a minute" if by_key else COUNTED[gate.of],
            needed=None if needed is None else max(needed, gate.min),
            likely=None if likely is None else max(likely, gate.min),
            rate=traffic.keys_a_second(gate.of, routes) if by_key else traffic.a_second(gate.of, routes),
            route=routes[0] if gate.per == "route" and routes else "",
        )


def _judged(plan: Plan, gate: EventGate) -> tuple[tuple[str, ...], ...]:
    if gate.per == "all":
        return (gate.routes,)
    return tuple((name,) for name in gate.routes or plan.expect.routes) or ((),)


def check_feasibility(plan: Plan, facts: Facts | None) -> Iterator[Finding]:
    """
    Gates that can't pass within `observe`. A route may stay without a result as long as enough of the traffic has one.
    """
    places = {stage.name: place for place, stage in enumerate(plan.stages)}
    found = list(forecasts(plan, facts))
    for one in found:
        gate = plan.gates[one.gate]
        key = ("stages", places[one.stage], "observe")
        if one.rate is None:
            if one.route or (isinstance(gate, EventGate) and gate.routes):
                said = f"how long gate {one.gate} takes can't be told; write its routes' shares in expect.routes"
                yield Finding(key=key, said=said, warning=True)
        elif not one.fits:
            covered = bool(one.route) and _is_covered(plan, gate, [other for other in found if _same(one, other)])
            yield Finding(key=key, said=_say(one, covered=covered), warning=covered)


def _same(one: Forecast, other: Forecast) -> bool:
    return (one.stage, one.gate) == (other.stage, other.gate)


def _is_covered(plan: Plan, gate: Gate, routes: list[Forecast]) -> bool:
    assert isinstance(gate, EventGate)
    share = {one.route: plan.expect.routes.get(one.route, 0.0) for one in routes}
    judged = sum(share[one.route] for one in routes if one.fits)
    return judged > 0 and judged >= gate.coverage / 100.0 * sum(share.values())


def _say(one: Forecast, *, covered: bool) -> str:
    where = f" on route {one.route}" if one.route else ""
    if not one.rate:
        return (
            f"gate {one.gate} has nothing to look at{where}: there are no {one.counted} at {one.stage}; "
            "leave the gate out here, or write a mirror or weight above 0"
        )
    assert one.seconds is not None
    needs = (
        f"gate {one.gate} needs {about(one.seconds)}{where} at {show_rate(one.rate)} {one.counted} a second "
        f"({one.needed:,} of them); observe.max is {show_time(one.most)}"
    )
    if covered:
        return f"{needs}; it will pass without this route, as the others are enough of the traffic"
    return f"{needs}; write ..{_longer(one.seconds)} or more, or a larger budget"


def _longer(seconds: float) -> str:
    """
    A little more, as one writes it.
    """
    unit, size = next(
        (unit, size) for unit, size in (("d", 86_400), ("h", 3600), ("m", 60)) if seconds >= size or size == 60
    )
    return f"{int(seconds // size) + 1}{unit}"


def show_rate(rate: float) -> str:
    """
    Two digits that count.
    """
    return show_number(round(rate)) if rate >= 10 else f"{rate:.2g}"


def about(seconds: float) -> str:
    """
    A time as people say it: 31 h, 4.2 d, 90 s.
    """
    for unit, size, least in (("d", 86_400.0, 3.0), ("h", 3600.0, 2.0), ("min", 60.0, 2.0)):
        if seconds >= least * size:
            return f"{show_number(round(seconds / size, 1 if seconds < 10 * size else None))} {unit}"
    return f"{show_number(round(seconds, 1 if seconds < 10 else None))} s"
