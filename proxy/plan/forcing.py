"""
How a plan is forced on: people agree, each with a token of their own, to enter the next stage without what gates,
windows and approvals would have said. Acknowledgement by every worker, checklists, the kill latch and the
approvals of a point of no return stay.
"""

from typing import Final

from proxy.plan.look import Look
from proxy.plan.moves import Command, Forbidden, NotAllowed, Save
from proxy.plan.notices import moment, tell
from proxy.plan.state import Approval, Step
from proxy.plan.team import agreed, may, roles_of
from proxy.plan.transitions import Moved, moved, prepare

LONGEST: Final = 4 * 3600.0
# Those who agree have to do so within this.
TOGETHER: Final = 600.0
FORCED_FROM: Final = (Step.OBSERVING, Step.READY, Step.PREFLIGHT, Step.WAITING, Step.HELD, Step.SETTLING)


def force(look: Look, command: Command) -> Moved:
    """
    Agree to a force; it takes effect with the last who has to agree. Raises `NotAllowed` or `Forbidden`.
    """
    _refuse(look, command)
    state, needed = look.state, look.plan.team.force_needs
    mine = Approval(
        by=command.by,
        at=look.now,
        stage=look.plan.stages[state.at + 1].name,
        attempt=1,
        evidence=look.readings.evidence,
        note=command.reason,
        seconds=command.seconds,
    )
    earlier = tuple(one for one in state.forces if one.by != command.by and look.now - one.at <= TOGETHER)
    forces = (*earlier, mine)
    if not agreed(look.plan, [one.by for one in forces], max(len(needed), 1), needed):
        said = f"{command.by} agrees to a force; {', '.join(needed)} must, one person each"
        return moved(look, "force", said, by=command.by, forces=forces), (Save(),)
    names, others = ", ".join(one.by for one in forces), ", ".join(one.by for one in forces if one is not mine)
    # As long as all of them agree to.
    end = look.now + min(one.seconds for one in forces)
    found = prepare(
        look,
        state.at + 1,
        "forced",
        f"{command.reason} ({names})",
        by=command.by,
        forced_until=end,
        forces=(),
        resume_to=None,
    )
    facts = {"by": command.by, "second": others, "reason": command.reason, "until": moment(look, end)}
    notice = tell(look, found, "forced", facts)
    return found, (Save(), notice)


def _refuse(look: Look, command: Command) -> None:
    plan, state = look.plan, look.state
    is_asked = any(role in plan.team.force_needs for role in roles_of(plan, command.by))
    if not is_asked and not may(plan, command.by, "force"):
        raise Forbidden(f"{command.by} may not force; {', '.join(plan.team.force_needs) or 'nobody'} may")
    if not command.reason:
        raise NotAllowed("say why: a force is told to everybody, with its reason")
    if not 0 < command.seconds <= LONGEST:
        raise NotAllowed(f"a force lasts {LONGEST / 3600:g} hours at the most; say for how long, such as 30m")
    if look.readings.killed:
        raise NotAllowed("the kill latch is set; no force lifts it")
    if state.at + 1 >= len(plan.stages):
        raise NotAllowed("there is no stage after the present one")
    if state.step not in FORCED_FROM or look.is_forced:
        raise NotAllowed(f"the plan is {state.step.value}; force it when that is over")
