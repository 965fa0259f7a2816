"""
What people may do to a plan: a table of commands. Each returns what `step` returns, or raises `NotAllowed`, which says
in one sentence why not and what would be right.

A command names the state it was meant for, so that of two people who press at once the second is told. Holding and
going back ask for nothing but to belong to the team.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from proxy.plan.amending import amend
from proxy.plan.exposure import Exposure, nothing, without
from proxy.plan.forcing import force
from proxy.plan.look import Look
from proxy.plan.model import Plan
from proxy.plan.moves import Apply, Command, Forbidden, NotAllowed, Readings, Save, Stale
from proxy.plan.notices import tell
from proxy.plan.resuming import resume
from proxy.plan.starting import sign, start
from proxy.plan.state import Approval, Done, Hold, Phase, State, Step
from proxy.plan.step import step
from proxy.plan.team import agreed, is_own_change, may, roles_of, roles_that_may
from proxy.plan.transitions import Moved, back_from, hold, moved, roll_back
from proxy.plan.waits import is_agreed


def obey(plan: Plan, state: State, readings: Readings, command: Command, now: float) -> Moved:
    """
    What a person's command makes of the state. Raises `Stale` if it was meant for another state, `Forbidden` if this
    person may not, `NotAllowed` if it makes no sense as things are.
    """
    if command.seq is not None and command.seq != state.seq:
        raise Stale(f"state {command.seq} is not the present one, {state.seq}; look at that, then repeat")
    row = COMMANDS.get(command.name)
    if row is None:
        raise NotAllowed(f"{command.name} is no command; there are {', '.join(COMMANDS)}")
    phases, what = row
    if state.phase not in phases:
        raise NotAllowed(f"the plan is {state.phase.value}; {command.name} is for one that is {_either(phases)}")
    if command.name not in OWN_RULES:
        check_right(plan, command.by, command.name)
    return what(Look(plan=plan, state=state, readings=readings, now=now), command)


def check_right(plan: Plan, by: str, move: str) -> None:
    """
    Raises `Forbidden` if this person may not make this move.
    """
    if not may(plan, by, move):
        raise Forbidden(f"{by} may not {move}; {roles_that_may(plan, move)} may")


def would_start(plan: Plan, state: State, readings: Readings, command: Command, now: float) -> bool:
    """
    Whether a start is refused for nothing but channels that haven't taken a test message yet.
    """
    taken = {f"channel/{name}": (True, "") for name in plan.comms.channels}
    try:
        obey(plan, state, replace(readings, checks={**readings.checks, **taken}), command, now)
    except NotAllowed:
        return False
    return True


def overridden(plan: Plan, state: State, exposure: Exposure, command: Command, now: float) -> Moved:
    """
    Somebody who may force raises new by hand, beside the plan: from now on that is what is wanted, and the plan holds.
    It has to be saved before it is put into force. Raises `Forbidden`, also where a force takes more than one person.
    """
    if not may(plan, command.by, "force"):
        raise Forbidden(f"{command.by} may not give new more than the plan does; {roles_that_may(plan, 'force')} may")
    needed = plan.team.force_needs
    if not agreed(plan, (command.by,), max(len(needed), 1), needed):
        said = f"{' and '.join(needed)} must agree, one person each; they can by `parallax plan force`"
        raise Forbidden(f"{command.by} may not give new more than the plan does alone: {said}")
    look = Look(plan=plan, state=state, readings=Readings(in_force=exposure), now=now)
    said = f"new was raised by hand: {command.reason}"
    resume_to = state.resume_to if state.step is Step.HELD else Step.OBSERVING
    found = moved(
        look, "held", said, by=command.by, step=Step.HELD, held=Hold.BY_HAND, said=said, resume_to=resume_to,
        wanted=exposure, before=exposure,
    )  # fmt: skip
    return found, (Save(), tell(look, found, "hold", reason=said, by=command.by))


def _either(phases: tuple[Phase, ...]) -> str:
    return " or ".join("not started" if phase is Phase.DRAFT else phase.value for phase in phases)


# Stopping and going back...


# Between what the plan holds for and the first person who held it too.
AND_HELD: Final = "; also held by "


def _hold(look: Look, command: Command) -> Moved:
    said = command.reason or "held"
    if look.state.step is Step.HELD:
        # What it holds for by itself says how it may go on; who else wants it to stay is told with that, once.
        added = (
            "" if look.state.held is Hold.OPERATOR or AND_HELD in look.state.said else f"{AND_HELD}{command.by}: {said}"
        )
        return moved(look, "held", said, by=command.by, said=look.state.said + added), (Save(late=True),)
    return hold(look, Hold.OPERATOR, said, by=command.by)


def _rollback(look: Look, command: Command) -> Moved:
    if command.route or command.cohort:
        return _close(look, command)
    state, names = look.state, [stage.name for stage in look.plan.stages]
    if command.stage:
        if command.stage not in names[: max(state.at, state.stage)]:
            earlier = ", ".join(names[: state.at]) or "none"
            raise NotAllowed(f"{command.stage} is no stage before the present one; there are {earlier}")
        target = names.index(command.stage)
    else:
        _refuse_no_return(look)
        target = state.at if state.step is Step.SHIFTING else back_from(look.plan, state.at)
    return roll_back(look, target, command.reason or "asked for", by=command.by)


def _refuse_no_return(look: Look) -> None:
    here = look.here
    if here is not None and not here.reversible:
        raise NotAllowed(f"{here.name} is past the point of no return; name the stage to go back to all the same")


def _close(look: Look, command: Command) -> Moved:
    """
    One route or cohort goes back to old, whatever the stage says; the others go on.
    """
    scope = f"route:{command.route}" if command.route else f"cohort:{command.cohort}"
    known = look.state.wanted.routes if command.route else look.state.wanted.cohorts
    name = command.route or command.cohort
    if name not in known:
        raise NotAllowed(f"{name} is no {scope.partition(':')[0]} of this plan; there are {', '.join(known) or 'none'}")
    if scope in look.state.closed:
        raise NotAllowed(f"{scope} is closed already; resume it to open it again")
    wanted, said = without(look.state.wanted, (scope,)), command.reason or "asked for"
    closed = (*look.state.closed, scope)
    found = moved(look, "rollback", f"{scope}: {said}", by=command.by, wanted=wanted, closed=closed)
    notice = tell(look, found, "rollback", stage=scope, to="old", reason=said, by=command.by)
    # In the middle of a shift, all of that is taken back first: what is under way must not give the scope anything.
    less = without(look.floor, (scope,))
    return found, (Apply(less, f"rollback of {scope}: {said}"), Save(late=True), notice)


def _abort(look: Look, command: Command) -> Moved:
    _refuse_no_return(look)
    # What a reload has brought meanwhile too.
    wanted, said = nothing(look.floor), command.reason or "asked for"
    found = moved(
        look, "aborted", said, by=command.by, phase=Phase.ABORTED, step=Step.ROLLING_BACK, wanted=wanted, said=said
    )
    notice = tell(look, found, "aborted", reason=said, by=command.by)
    return found, (Apply(wanted, f"abort: {said}"), Save(late=True), notice)


# ... going on...


def _approve(look: Look, command: Command) -> Moved:
    state = look.state
    stage = _wants_approval(look)
    if is_own_change(look.plan, command.by, (state.started_by, state.amended_by)):
        raise Forbidden(f"{command.by} wrote, started or amended this plan; somebody else has to approve")
    if any(one.by == command.by for one in state.approvals):
        raise NotAllowed(f"{command.by} has approved already; the others are waited for")
    approval = Approval(
        by=command.by,
        at=look.now,
        stage=stage,
        attempt=state.attempts.get(stage, 0) + 1,
        evidence=look.readings.evidence,
        note=command.reason,
    )
    said = command.reason or "approved"
    found = moved(look, "approved", said, by=command.by, approvals=(*state.approvals, approval))
    waits = () if is_agreed(replace(look, state=found)) else ("approval",)
    return replace(found, waits=waits), (Save(),)


def _wants_approval(look: Look) -> str:
    """
    The stage that is to be left, or entered, by approval.
    """
    state, here = look.state, look.here
    if state.step is Step.READY and here is not None and here.advance == "approve":
        return here.name
    if state.step is Step.WAITING and not look.aim.reversible and state.stage != state.at:
        return look.aim.name
    if state.step is Step.OBSERVING and look.open_gates:
        raise NotAllowed(f"nothing can be approved yet: {', '.join(look.open_gates)} must pass first")
    raise NotAllowed(f"nothing waits for approval; the plan is {state.step.value}")


def _advance(look: Look, command: Command) -> Moved:
    """
    Don't wait until the least time is over; everything else that leads on has to be so.
    """
    if look.state.step is not Step.OBSERVING:
        waits = f", and waits for {', '.join(look.state.waits)}" if look.state.waits else ""
        raise NotAllowed(f"advance is for a stage that is observing; the plan is {look.state.step.value}{waits}")
    if look.open_gates:
        raise NotAllowed(f"{', '.join(look.open_gates)} must pass first; force would do without")
    said = command.reason or "advanced by hand"
    return moved(look, "ready", said, by=command.by, step=Step.READY), (Save(),)


def _tick(look: Look, _: Command) -> Moved:
    return step(look.plan, look.state, look.readings, look.now)


# ... and lines of checklists.


def _check(look: Look, command: Command) -> Moved:
    checklist, _, number = command.item.rpartition("/")
    item = dict(look.items(checklist)).get(command.item)
    if item is None or item.manual is None:
        manual = [key for name in look.plan.checklists for key, one in look.items(name) if one.manual is not None]
        raise NotAllowed(f"{command.item or number} is no manual line; there are {', '.join(manual) or 'none'}")
    if look.plan.team.roles and item.owner is not None and item.owner not in roles_of(look.plan, command.by):
        raise Forbidden(f"{command.item} is for {item.owner}; {command.by} is not")
    if look.plan.team.roles and not roles_of(look.plan, command.by):
        raise Forbidden(f"{command.by} has no role in this plan's team")
    if command.ok and item.evidence and not command.evidence:
        raise NotAllowed(f"{command.item} needs evidence; say where it can be seen")
    note = command.evidence or command.reason or item.manual
    done = Done(item=command.item, ok=command.ok, at=look.now, by=command.by, note=note)
    said = f"{command.item} {'done' if command.ok else 'failed'}: {note}"
    others = (one for one in look.state.done if one.item != command.item)
    return moved(look, "checked", said, by=command.by, done=(*others, done)), (Save(),)


RUNNING: Final = (Phase.RUNNING,)
DRAFT: Final = (Phase.DRAFT,)
# These say themselves who may.
OWN_RULES: Final = ("check", "sign", "force")

COMMANDS: Final[Mapping[str, tuple[tuple[Phase, ...], Callable[[Look, Command], Moved]]]] = {
    "sign": ((*DRAFT, *RUNNING), sign),
    "check": ((*DRAFT, *RUNNING), _check),
    "start": (DRAFT, start),
    "approve": (RUNNING, _approve),
    "advance": (RUNNING, _advance),
    "hold": (RUNNING, _hold),
    "resume": (RUNNING, resume),
    "rollback": (RUNNING, _rollback),
    "abort": (RUNNING, _abort),
    "amend": (RUNNING, amend),
    "force": (RUNNING, force),
    "tick": (RUNNING, _tick),
}
