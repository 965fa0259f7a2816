"""
The outcome of a gate that is judged by route: from those of its routes.
"""

from collections.abc import Mapping

from proxy.gates.interval import interval
from proxy.gates.outcome import Outcome, Result, RouteOutcome
from proxy.gates.spec import GateSpec
from proxy.gates.wording import budgeted, counted, more, names, percent


def by_route(spec: GateSpec, judged: Mapping[str, RouteOutcome], per_second: float | None) -> Outcome:
    """
    The outcome of all routes together, of which at least one has data.
    """
    routes = tuple(sorted(judged.values(), key=lambda one: (-one.share, one.route)))
    n, bad = sum(one.n for one in routes), sum(one.bad for one in routes)
    covered = [one for one in routes if one.n >= spec.least]
    share = sum(one.share for one in covered)
    result = _result(spec, covered, share)
    needed = 0 if result != "inconclusive" else _needed_by_route(spec, routes, n)
    eta = needed / per_second if needed is not None and per_second else None
    uncovered = tuple(one.route for one in routes if one.n < spec.least)
    uncovered += tuple(name for name in spec.routes if name not in judged)
    least_pass = min((one.pass_ratio for one in covered), default=0.0)
    return Outcome(
        gate=spec.name,
        result=result,
        sentence=_told(spec, routes, share, uncovered, more(needed, eta, spec.unit), result),
        n=n,
        bad=bad,
        estimate=bad / n,
        interval=interval(bad, n),
        budget=spec.budget,
        pass_ratio=max(1.0, least_pass)
        if result == "pass"
        else min(least_pass, share / spec.coverage if spec.coverage else 1.0),
        fail_ratio=max(one.fail_ratio for one in routes),
        needed=needed,
        eta=eta,
        routes=routes,
        uncovered=uncovered,
    )


def _result(spec: GateSpec, covered: list[RouteOutcome], share: float) -> Result:
    if any(one.result == "fail" for one in covered):
        return "fail"
    # A share is a sum of fractions: what is missing by rounding is not missing.
    if covered and all(one.result == "pass" for one in covered) and share >= spec.coverage - 1e-9:
        return "pass"
    return "inconclusive"


def _needed_by_route(spec: GateSpec, routes: tuple[RouteOutcome, ...], n: int) -> int | None:
    """
    Of all opportunities, until each route that must be judged has as many as it needs, at its present share of them.
    Small routes beyond the coverage aren't waited for.
    """
    most, share = 0.0, 0.0
    for one in routes:
        if one.n < spec.least and share >= spec.coverage - 1e-9:
            continue
        share += one.share
        if one.needed == 0:
            continue
        part = one.n / n if one.n else one.share
        if one.needed is None or not part:
            return None
        most = max(most, one.needed / part)
    return round(most)


def _told(
    spec: GateSpec,
    routes: tuple[RouteOutcome, ...],
    share: float,
    uncovered: tuple[str, ...],
    needs: str,
    result: Result,
) -> str:
    budget = f"the budget is {budgeted(spec.budget)}"
    failed = [one for one in routes if one.result == "fail"]
    if failed:
        said = [f"{one.route}: {counted(one.bad, one.n, spec.unit, spec.verb)}" for one in failed]
        return f"{names(tuple(said), 3)}, {budget}"
    passed = sum(one.result == "pass" for one in routes)
    open_ = tuple(
        f"{one.route}: {counted(one.bad, one.n, spec.unit, spec.verb)}"
        for one in routes
        if one.result == "inconclusive" and one.n >= spec.least
    )
    parts = [f"{passed} of {len(routes)} routes pass, with {percent(share)} of the traffic"]
    parts += [f"open are {names(open_, 3)}"] if open_ else []
    parts += [f"too few {spec.unit} on {names(uncovered)}"] if uncovered else []
    parts += [budget] + ([needs] if result == "inconclusive" else [])
    return "; ".join(parts)
