"""
May the plan advance? A gate holds a rate of bad events against a budget, since its evidence epoch began.

It fails when the evidence that the rate is above the budget reaches ln(1/alpha), and passes when that for "below"
reaches ln(1/beta) (`statistics.evidence`), however often it is asked. Both stay for the epoch, and a failure outweighs
a pass. Without data it is inconclusive, and so it is before `least` opportunities: by algebra alone, 10 clean ones
would pass a budget of a half.

By route, each has evidence of its own. One that fails, fails the gate: at alpha / routes each, so that all together err
with alpha (Bonferroni). All that have data enough must pass, and have `coverage` of the traffic among them; no
correction is needed there, since a gate that passes wrongly has passed its worst route wrongly.
"""

from collections.abc import Mapping
from dataclasses import replace
from math import log

from proxy.gates.by_route import by_route
from proxy.gates.forecast import needed_pairs
from proxy.gates.interval import interval
from proxy.gates.outcome import Outcome, Result, RouteOutcome
from proxy.gates.spec import ALL, GateEvidence, GateSpec, RouteCounts, RouteEvidence
from proxy.gates.statistics import evidence as gathered
from proxy.gates.wording import budgeted, counted, more


def judge_gate(
    spec: GateSpec, before: GateEvidence, counts: Mapping[str, RouteCounts], *, per_second: float | None = None
) -> tuple[Outcome, GateEvidence]:
    """
    Add what has come since the last look, by route, and say what is known now. If `counts` has all routes together too
    (`ALL`), that is what counts for all, and no route. `per_second` is how many opportunities come in a second, for the
    time that is still needed.
    """
    evidence = _add(spec, before, counts)
    alpha = _alpha(spec, evidence)
    judged = {name: _judge_route(spec, name, route, alpha, evidence) for name, route in evidence.routes.items()}
    if not any(route.n for route in judged.values()):
        return _no_data(spec), evidence
    if spec.per_route:
        return by_route(spec, judged, per_second), evidence
    return _of_all(spec, judged[ALL], per_second), evidence


def _alpha(spec: GateSpec, evidence: GateEvidence) -> float:
    return spec.alpha / max(1, len({*spec.routes, *evidence.routes})) if spec.per_route else spec.alpha


def _add(spec: GateSpec, before: GateEvidence, counts: Mapping[str, RouteCounts]) -> GateEvidence:
    if spec.per_route:
        counts = {name: one for name, one in counts.items() if name != ALL}
    else:
        each = [counts[ALL]] if ALL in counts else list(counts.values())
        counts = {ALL: RouteCounts(bad=sum(one.bad for one in each), n=sum(one.n for one in each))}
    routes = {**before.routes}
    for name, new in counts.items():
        old = routes.get(name, RouteEvidence())
        routes[name] = replace(old, bad=old.bad + new.bad, n=old.n + new.n, traffic=old.traffic + new.traffic)
    evidence = GateEvidence(routes=routes)
    alpha = _alpha(spec, evidence)
    decided = {name: _decide(spec, routes[name], alpha) for name, new in counts.items() if new.n}
    return GateEvidence(routes={**routes, **decided})


def _decide(spec: GateSpec, route: RouteEvidence, alpha: float) -> RouteEvidence:
    if route.n < spec.least:
        return route
    return replace(
        route,
        passed=route.passed or gathered(route.bad, route.n, spec.budget, "below") >= -log(spec.beta),
        failed=route.failed or gathered(route.bad, route.n, spec.budget, "above") >= -log(alpha),
    )


def _judge_route(spec: GateSpec, name: str, route: RouteEvidence, alpha: float, evidence: GateEvidence) -> RouteOutcome:
    traffic = sum(one.traffic for one in evidence.routes.values())
    enough = min(1.0, route.n / spec.least)
    ratios = (
        gathered(route.bad, route.n, spec.budget, "below") / -log(spec.beta),
        gathered(route.bad, route.n, spec.budget, "above") / -log(alpha),
    )
    # Before there are enough, evidence decides nothing: a bar must not look full.
    pass_ratio, fail_ratio = (max(0.0, ratio if enough >= 1.0 else min(ratio, enough)) for ratio in ratios)
    result: Result = "fail" if route.failed else "pass" if route.passed else "inconclusive"
    return RouteOutcome(
        route=name,
        result=result,
        n=route.n,
        bad=route.bad,
        share=route.traffic / traffic if traffic else 0.0,
        interval=interval(route.bad, route.n),
        pass_ratio=max(1.0, pass_ratio) if route.passed else pass_ratio,
        fail_ratio=max(1.0, fail_ratio) if route.failed else fail_ratio,
        needed=_needed(spec, route, alpha),
    )


def _needed(spec: GateSpec, route: RouteEvidence, alpha: float) -> int | None:
    if route.failed or route.passed:
        return 0
    rate = route.bad / route.n if route.n else 0.0
    more = needed_pairs(spec.budget, rate, spec.beta, alpha, bad=route.bad, n=route.n)
    return None if more is None else max(more, spec.least - route.n, 1)


def _of_all(spec: GateSpec, judged: RouteOutcome, per_second: float | None) -> Outcome:
    said = f"{counted(judged.bad, judged.n, spec.unit, spec.verb)}, the budget is {budgeted(spec.budget)}"
    eta = judged.needed / per_second if judged.needed is not None and per_second else None
    if judged.result == "inconclusive":
        said += f"; {more(judged.needed, eta, spec.unit)}"
    return Outcome(
        gate=spec.name,
        result=judged.result,
        sentence=said,
        n=judged.n,
        bad=judged.bad,
        estimate=judged.estimate,
        interval=judged.interval,
        budget=spec.budget,
        pass_ratio=judged.pass_ratio,
        fail_ratio=judged.fail_ratio,
        needed=judged.needed,
        eta=eta,
    )


def _no_data(spec: GateSpec) -> Outcome:
    return Outcome(
        gate=spec.name,
        result="inconclusive",
        sentence=f"no {spec.unit} yet, and without data nothing passes",
        budget=spec.budget,
        needed=_needed(spec, RouteEvidence(), spec.alpha),
    )
