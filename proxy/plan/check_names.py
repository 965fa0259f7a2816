"""
Names in a plan: what is referred to has to be there, once, and what is there should be of use.
"""

from collections.abc import Collection, Iterator
from difflib import get_close_matches

from proxy.plan.criteria import EventGate, EventGuard
from proxy.plan.exposure import NEAR
from proxy.plan.facts import Facts
from proxy.plan.model import Plan
from proxy.settings.kinds import show_number
from proxy.settings.sentences import Finding
from proxy.settings.source import Where

# A checklist that no stage has to name: it is done before the start.
PREFLIGHT = "preflight"
# The window of stages that name none.
DEFAULT = "default"


def check_names(plan: Plan, facts: Facts | None) -> Iterator[Finding]:
    """
    Everything that names something which isn't there.
    """
    yield from _check_once("stages", [stage.name for stage in plan.stages], "stage")
    yield from _check_once("risks", [risk.id for risk in plan.risks], "risk")
    yield from _check_shares(plan)
    yield from _check_stages(plan)
    yield from _check_people(plan)
    yield from _check_channels(plan)
    yield from _check_unused(plan)
    if facts is not None:
        yield from _check_configured(plan, facts)


def known(key: Where, name: str, names: Collection[str], what: str, where: str = "") -> Iterator[Finding]:
    """
    `name` has to be one of `names`, which are each a `what`.
    """
    if name in names:
        return
    near = get_close_matches(name, names, n=1)
    if near:
        right = f"did you mean {near[0]}?"
    else:
        right = f"write one of {', '.join(names)}" if names else f"there is none{where}"
    yield Finding(key=key, said=f"{name} is no {what}{where}; {right}")


def _check_once(key: str, names: list[str], what: str) -> Iterator[Finding]:
    for place, name in enumerate(names):
        if name in names[:place]:
            yield Finding(key=(key, place), said=f"there is another {what} called {name}; give each a name of its own")


def _check_stages(plan: Plan) -> Iterator[Finding]:
    names = [stage.name for stage in plan.stages]
    for place, stage in enumerate(plan.stages):
        at = ("stages", place)
        for number, gate in enumerate(stage.gates):
            yield from known((*at, "gates", number), gate, plan.gates, "gate")
        if stage.window is not None:
            yield from known((*at, "window"), stage.window, plan.windows, "window")
        for key, name in (("checklist", stage.checklist), ("verify", stage.verify)):
            if name is not None:
                yield from known((*at, key), name, plan.checklists, "checklist")
        if stage.rollback is not None:
            yield from known((*at, "rollback", "to"), stage.rollback.to, names, "stage")
        for number, role in enumerate(stage.approvals.must_include):
            yield from known((*at, "approvals", "must_include", number), role, plan.team.roles, "role")


def _check_shares(plan: Plan) -> Iterator[Finding]:
    total = sum(plan.expect.routes.values())
    if total > 100.0 + NEAR:
        said = f"these are shares of all traffic, and add up to {show_number(round(total, 2))}; write 100 or less"
        yield Finding(key=("expect", "routes"), said=said)


def _check_people(plan: Plan) -> Iterator[Finding]:
    roles = plan.team.roles
    for key, names in (("force_needs", plan.team.force_needs), ("reviewers", plan.team.reviewers)):
        for number, role in enumerate(names):
            yield from known(("team", key, number), role, roles, "role")
    if not roles:
        return
    for place, shared in enumerate(plan.shared):
        yield from known(("shared", place, "owner"), shared.owner, roles, "role")
    for place, risk in enumerate(plan.risks):
        if risk.owner is not None:
            yield from known(("risks", place, "owner"), risk.owner, roles, "role")
    for name, items in plan.checklists.items():
        for place, item in enumerate(items):
            if item.owner is not None:
                yield from known(("checklists", name, place, "owner"), item.owner, roles, "role")


def _check_channels(plan: Plan) -> Iterator[Finding]:
    channels = plan.comms.channels
    for event, names in plan.comms.tell.items():
        for number, name in enumerate(names):
            yield from known(("comms", "tell", event, number), name, channels, "channel")
    for window, said in plan.windows.items():
        for name in said.notice:
            yield from known(("windows", window, "notice", name), name, channels, "channel")


def _check_configured(plan: Plan, facts: Facts) -> Iterator[Finding]:
    there = " of the configuration"
    for name, one in (*plan.gates.items(), *plan.guards.items()):
        if isinstance(one, EventGate | EventGuard):
            room = "gates" if isinstance(one, EventGate) else "guards"
            for number, route in enumerate(one.routes):
                yield from known((room, name, "routes", number), route, facts.routes, "route", there)
    for route in plan.expect.routes:
        yield from known(("expect", "routes", route), route, facts.routes, "route", there)
    for place, stage in enumerate(plan.stages):
        for route in stage.routes:
            yield from known(("stages", place, "routes", route), route, facts.routes, "route", there)
        for cohort in stage.cohorts:
            key = ("stages", place, "cohorts", cohort)
            yield from known(key, cohort, facts.cohorts, "cohort", there)
            if cohort in facts.cohorts and facts.cohorts[cohort] is None:
                said = f"{cohort} has a side in the configuration, so it has no share; give it a weight there instead"
                yield Finding(key=key, said=said)


def _check_unused(plan: Plan) -> Iterator[Finding]:
    """
    What nothing asks for has probably been forgotten at a stage.
    """
    defending = {one for risk in plan.risks for one in risk.control}
    used = {name for stage in plan.stages for name in stage.gates}
    for name in plan.gates:
        if name not in used:
            yield Finding(key=("gates", name), said="no stage asks it; name it in a stage's gates", warning=True)
    windows = {stage.window for stage in plan.stages} | {DEFAULT}
    for name in plan.windows:
        if name not in windows:
            yield Finding(key=("windows", name), said="no stage is entered in it; name it at a stage", warning=True)
    lists = {name for stage in plan.stages for name in (stage.checklist, stage.verify)} | {PREFLIGHT}
    for name in plan.checklists:
        if name not in lists:
            also = ", though a risk relies on it" if f"checklist:{name}" in defending else ""
            said = f"no stage does it{also}; name it as a stage's checklist or verify"
            yield Finding(key=("checklists", name), said=said, warning=True)
