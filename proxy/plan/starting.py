"""
How a plan is started: everything that must be known before is, or the start is refused.
"""

from collections.abc import Iterator

from proxy.plan.criteria import PromGate, PromGuard, TrendGate, TrendGuard, WebhookGate
from proxy.plan.exposure import exposures, is_live, is_within
from proxy.plan.look import Look
from proxy.plan.moves import Command, Forbidden, NotAllowed, Save
from proxy.plan.state import Phase
from proxy.plan.team import agreed, is_own_change, people_who_may, roles_of
from proxy.plan.transitions import Moved, moved, prepare
from proxy.plan.waits import unsigned

# The checklist that is done before the start.
PREFLIGHT = "preflight"
ASKED = (PromGate, PromGuard, TrendGate, TrendGuard, WebhookGate)


def sign(look: Look, command: Command) -> Moved:
    """
    A reviewing role has read this plan, as its hash says, and agrees.
    """
    roles = [role for role in look.plan.team.reviewers if role in roles_of(look.plan, command.by)]
    if not roles:
        reviewers = ", ".join(look.plan.team.reviewers) or "nobody"
        raise Forbidden(f"{command.by} is no reviewer of this plan; {reviewers} signs")
    signed = {**look.state.signed, **dict.fromkeys(roles, command.by)}
    said = f"{look.state.plan_hash[:12]} for {', '.join(roles)}"
    return moved(look, "signed", said, by=command.by, signed=signed), (Save(),)


def start(look: Look, command: Command) -> Moved:
    """
    Begin with the first stage. Raises `NotAllowed` while anything is missing, and names all of it.
    """
    # People at channels are troubled only once nothing else is missing.
    missing = list(_missing(look, command)) or list(_untried(look))
    if missing:
        raise NotAllowed(f"the plan can't be started: {'; '.join(missing)}")
    in_force = look.readings.in_force
    assert in_force is not None
    state = prepare(
        look,
        0,
        "started",
        command.reason or "started",
        by=command.by,
        phase=Phase.RUNNING,
        started=look.now,
        started_by=command.by,
        base=in_force,
        before=in_force,
        wanted=in_force,
        identity=look.readings.identity,
        looked=look.now,
        epoch=look.state.epoch + 1,
        armed=look.state.armed + 1,
    )
    return state, (Save(),)


def _missing(look: Look, command: Command) -> Iterator[str]:
    yield from _traffic(look)
    if roles := unsigned(look):
        yield f"{', '.join(roles)} must sign {look.state.plan_hash[:12]} first"
    for key, item in look.items(PREFLIGHT):
        found = look.checked(key, item)
        if found is None or not found[0]:
            yield f"{key} ({item.title or item.manual or item.auto or item.cmd}) {_why(found)}"
    for name in _sources(look):
        found = look.readings.checks.get(f"source/{name}")
        if found is None or not found[0]:
            yield f"the source of {name} {_why(found)}"
    yield from _quorums(look, command)


def _untried(look: Look) -> Iterator[str]:
    for name in look.plan.comms.channels:
        found = look.readings.checks.get(f"channel/{name}")
        if found is None or not found[0]:
            yield f"a test message to {name} {_why(found)}"


def _why(found: tuple[bool, str] | None) -> str:
    return "is not done yet" if found is None else f"failed: {found[1]}"


def _sources(look: Look) -> list[str]:
    criteria = {**look.plan.gates, **look.plan.guards}
    return [name for name, one in criteria.items() if isinstance(one, ASKED)]


def _traffic(look: Look) -> Iterator[str]:
    in_force = look.readings.in_force
    if look.readings.killed:
        yield "the kill latch is set; restore first"
    if in_force is None:
        yield "it is not known yet what is in force"
    elif is_live(in_force) and not is_within(in_force, exposures(look.plan, in_force)[0]):
        yield f"new already has more than {look.plan.stages[0].name} gives it; take that back first"


def _quorums(look: Look, command: Command) -> Iterator[str]:
    """
    Stages that nobody could ever leave, now that this person has started the plan.
    """
    if not look.plan.team.roles:
        return
    people = [one for one in people_who_may(look.plan, "approve") if not is_own_change(look.plan, one, (command.by,))]
    for stage in look.plan.stages:
        wanted = stage.approvals
        is_asked = stage.advance == "approve" or not stage.reversible
        if is_asked and not agreed(look.plan, people, wanted.count, wanted.must_include):
            yield f"{stage.name} could never be approved if {command.by} started it; somebody else has to start"
