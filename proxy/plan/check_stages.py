"""
Stages of a plan: shares that only grow, ways back, points of no return, and time enough in their windows.
"""

from collections.abc import Iterator

from proxy.plan.calendar import is_open, longest, openings
from proxy.plan.check_names import DEFAULT
from proxy.plan.criteria import BlindGuard, EventGate, EventGuard
from proxy.plan.exposure import Exposure, exposures, is_live
from proxy.plan.facts import Facts
from proxy.plan.kinds import show_time
from proxy.plan.model import Plan, Stage, Window
from proxy.plan.traffic import Traffic
from proxy.settings.kinds import show_number
from proxy.settings.sentences import Finding
from proxy.settings.source import Where

# Enough to be asked twice, by two people, before something that can't be undone.
TWO = 2


def check_stages(plan: Plan, facts: Facts | None) -> Iterator[Finding]:
    """
    Everything wrong or doubtful with stages, one after the other.
    """
    shares = exposures(plan) if facts is None else exposures(plan, facts.base)
    yield from _check_growth(plan, shares)
    yield from _check_beginning(plan, shares[0])
    for place, stage in enumerate(plan.stages):
        yield from _check_way_back(plan, place, is_live=is_live(shares[place]))
        yield from _check_leaving(plan, place, stage)
        if place:
            yield from _check_served(plan, place, shares[place - 1], shares[place])
        yield from _check_window(plan, place, stage)
    yield from _check_windows(plan)
    if any(map(is_live, shares)) and not plan.guards:
        said = "there is none, so between two looks nothing would notice that new fails; write one"
        yield Finding(key=("guards",), said=said, warning=True)
    for place, stage in enumerate(plan.stages):
        if plan.guards and is_live(shares[place]) and not _is_guarded(plan, facts, shares[place]):
            said = f"no guard sees what new answers at {stage.name}; copy something there, or write a guard of: served"
            yield Finding(key=("stages", place, "name"), said=said, warning=True)


def _is_guarded(plan: Plan, facts: Facts | None, exposure: Exposure) -> bool:
    """
    Whether any guard has something of new to look at; one that isn't told of counts as one that has.
    """
    traffic = Traffic(plan=plan, facts=facts, exposure=exposure)
    return any(
        traffic.a_second(guard.of, guard.routes) != 0.0 if isinstance(guard, EventGuard) else True
        for guard in plan.guards.values()
        if not isinstance(guard, BlindGuard) and getattr(guard, "of", "") != "old"
    )


def _check_served(plan: Plan, place: int, before: Exposure, after: Exposure) -> Iterator[Finding]:
    """
    Pairs are everybody's: they pass without one request of the cohort or route that a stage is about.
    """
    stage, gates = plan.stages[place], (plan.gates.get(name) for name in plan.stages[place].gates)
    grown = [name for name in stage.cohorts if after.of_cohort(name) > before.of_cohort(name)]
    grown += [name for name in stage.routes if after.of_route(name) > before.of_route(name)]
    of_its_own = (isinstance(gate, EventGate) and (gate.of == "served" or gate.routes) for gate in gates)
    if grown and after.weight == before.weight and not any(of_its_own):
        said = (
            f"{stage.name} is about {', '.join(grown)} alone, and passes by everybody's pairs, also where nobody of "
            "them comes; write a gate such as {event: error, of: served, max: 0.01}, which counts their answers"
        )
        yield Finding(key=("stages", place, "gates"), said=said, warning=True)


def window_of(plan: Plan, stage: Stage) -> Window | None:
    """
    The window in which a stage may be entered.
    """
    return plan.windows.get(DEFAULT if stage.window is None else stage.window)


def _check_growth(plan: Plan, shares: tuple[Exposure, ...]) -> Iterator[Finding]:
    remedy = "write as much or more; what is taken back is a rollback"
    for place in range(1, len(shares)):
        before, after, earlier = shares[place - 1], shares[place], plan.stages[place - 1].name
        if after.weight < before.weight:
            said = f"{show_number(after.weight)} is less than at {earlier} ({show_number(before.weight)}); {remedy}"
            yield Finding(key=("stages", place, "weight"), said=said)
        for kind, names, share_of in (
            ("routes", plan.stages[place].routes, Exposure.of_route),
            ("cohorts", plan.stages[place].cohorts, Exposure.of_cohort),
        ):
            for name in names:
                least, share = share_of(before, name), share_of(after, name)
                if share < least:
                    said = f"{show_number(share)} is less than before, at {earlier} ({show_number(least)}); {remedy}"
                    yield Finding(key=("stages", place, kind, name), said=said)


def _check_beginning(plan: Plan, first: Exposure) -> Iterator[Finding]:
    if not is_live(first):
        return
    named = {*plan.stages[0].routes, *plan.stages[0].cohorts}
    before = {**first.routes, **first.cohorts}
    given = [name for name, share in before.items() if share and name not in named]
    if given and not first.weight:
        said = f"the configuration gives {given[0]} to new before it begins; write 0 there, and the share at a stage"
    else:
        said = "new answers clients from the first stage on, and there is nowhere to go back to; begin with weight: 0"
    yield Finding(key=("stages", 0), said=said)


def _check_way_back(plan: Plan, place: int, *, is_live: bool) -> Iterator[Finding]:
    stage, names = plan.stages[place], [stage.name for stage in plan.stages]
    at: Where = ("stages", place)
    if stage.rollback is None:
        if is_live and place and stage.reversible:
            said = f"is missing, and new answers clients here; write where to go back to, such as {{to: {names[0]}}}"
            yield Finding(key=(*at, "rollback"), said=said)
        return
    to = stage.rollback.to
    if to not in names:
        return
    if not stage.reversible:
        said = "has no effect: the stage says reversible: false; leave out one of them"
        yield Finding(key=(*at, "rollback"), said=said)
    elif names.index(to) >= place:
        said = f"{to} is not before {stage.name}; write one of {', '.join(names[:place]) or 'none: this is the first'}"
        yield Finding(key=(*at, "rollback", "to"), said=said)
    else:
        for between in plan.stages[names.index(to) + 1 : place]:
            if not between.reversible:
                said = f"between {to} and here lies {between.name}, which can't be undone; write that, or a later one"
                yield Finding(key=(*at, "rollback", "to"), said=said)


def _check_leaving(plan: Plan, place: int, stage: Stage) -> Iterator[Finding]:
    at: Where = ("stages", place)
    is_last = place == len(plan.stages) - 1
    if not stage.reversible and not is_last and (stage.checklist is None or stage.approvals.count < TWO):
        said = (
            "is a point of no return before the end; make it the last stage, or give it a checklist and approvals of 2"
        )
        yield Finding(key=(*at, "reversible"), said=said)
    if not stage.gates and stage.advance == "auto":
        said = "is missing, so time alone would lead on; name gates, or write advance: approve"
        yield Finding(key=(*at, "gates"), said=said)
    if stage.advance == "auto" and stage.reversible and "approvals" in stage.model_fields_set:
        said = "nobody is asked for them; write advance: approve"
        yield Finding(key=(*at, "approvals"), said=said)


def _check_window(plan: Plan, place: int, stage: Stage) -> Iterator[Finding]:
    """
    Once entered, a stage has to be put into force, settle and be taken back, all before its window closes. Observing
    may go on, but what takes less than an opening is meant to be done in one.
    """
    window = window_of(plan, stage)
    if window is None or not window.allow:
        return
    name = DEFAULT if stage.window is None else stage.window
    settle = plan.defaults.settle if stage.settle is None else stage.settle
    within = 0.0 if stage.rollback is None else stage.rollback.within
    least, most = settle + within, longest(window)
    at: Where = ("stages", place, "window")
    parts = f"settle ({show_time(settle)}) and rollback.within ({show_time(within)})"
    if least > most:
        said = f"{parts} don't fit into {name}, which is open for {show_time(most)} at most; make it longer"
        yield Finding(key=at, said=said)
    elif least > window.fit > 0:
        said = f"{parts} don't fit into what {name} leaves (fit: {show_time(window.fit)}); write {show_time(least)}"
        yield Finding(key=at, said=said)
    elif window.fit < least + stage.observe.least <= most:
        said = (
            f"may be entered {show_time(window.fit)} before {name} closes, and is to be observed for "
            f"{show_time(stage.observe.least)} at least; write fit: {show_time(least + stage.observe.least)} "
            "if that is to be seen before it closes"
        )
        yield Finding(key=at, said=said, warning=True)


def _check_windows(plan: Plan) -> Iterator[Finding]:
    for name, window in plan.windows.items():
        most = longest(window)
        if window.fit > most:
            said = f"{show_time(window.fit)} never are left: it is open for {show_time(most)} at most; write less"
            yield Finding(key=("windows", name, "fit"), said=said)
            continue
        yield from _check_opens(plan, name, window)


def _check_opens(plan: Plan, name: str, window: Window) -> Iterator[Finding]:
    """
    Only where the plan says when it starts: nothing here knows what day it is.
    """
    if plan.start is None:
        return
    start = (plan.start.toordinal() - 719_163) * 86_400.0
    if not (found := is_open(window, plan.freezes, plan.timezone, start)).open and found.next is None:
        said = f"never opens within three years of {plan.start}; look at deny and at freezes"
        yield Finding(key=("windows", name), said=said)
        return
    if not window.allow:
        return
    year = openings(window, plan.freezes, plan.timezone, start, start + 366 * 86_400.0)
    if window.fit and all(end - begin < window.fit for begin, end in year):
        said = f"no opening has {show_time(window.fit)} in the year after {plan.start}; look at deny and at freezes"
        yield Finding(key=("windows", name, "fit"), said=said)
