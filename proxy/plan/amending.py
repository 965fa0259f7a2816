"""
How a plan is changed while it runs: stages that were never entered, people, words; nothing that has already counted.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from proxy.plan.look import Look
from proxy.plan.model import Plan
from proxy.plan.moves import Command, NotAllowed, Save
from proxy.plan.state import Step
from proxy.plan.transitions import Moved, moved, observe, prepare

# What may change at any time...
FREE: Final = ("title", "owner", "ticket", "start", "team", "comms", "shared", "risks", "freezes")
# ... what may get more entries, for the stages to come, but must keep those it has...
GROWING: Final = ("gates", "guards", "windows", "checklists")
# ... and stages after the last that was ever entered. Whatever else there is stays.
TAIL: Final = "stages"


def amend(look: Look, command: Command) -> Moved:
    """
    Go by another text of the plan. It has a new hash, so reviewers sign it anew, and nobody has approved it yet.
    """
    plan = command.plan
    if plan is None or not command.plan_hash:
        raise NotAllowed("send the new text of the plan")
    if not command.reason:
        raise NotAllowed("say why: a reason is kept in the history")
    wrong = list(_wrong(look, plan))
    if wrong:
        raise NotAllowed(f"this can't be amended while the plan runs: {'; '.join(wrong)}")
    state = replace(look.state, plan_hash=command.plan_hash, amended_by=command.by, signed={}, approvals=(), forces=())
    return _go_on(replace(look, plan=plan, state=state), command)


def _go_on(look: Look, command: Command) -> Moved:
    state, said = look.state, f"amended: {command.reason}"
    if state.step not in (Step.PREFLIGHT, Step.WAITING) or state.stage == state.at:
        # The stage in force isn't touched by it.
        return moved(look, "amended", said, by=command.by), (Save(),)
    if state.stage < len(look.plan.stages):
        return prepare(look, state.stage, "amended", said, by=command.by, forced_until=None), (Save(),)
    return observe(look, said, by=command.by), (Save(),)


def _wrong(look: Look, plan: Plan) -> Iterator[str]:
    old, new = look.plan.model_dump(), plan.model_dump()
    yield from (
        f"{key} is not what it was" for key in old if key not in (*FREE, *GROWING, TAIL) and old[key] != new[key]
    )
    for key in GROWING:
        yield from (f"{key}.{name} is not what it was" for name in _changed(old[key], new[key]))
    entered = look.state.reached + 1 if look.state.step is not Step.SHIFTING else look.state.stage + 1
    for place in range(entered):
        if place >= len(plan.stages) or old[TAIL][place] != new[TAIL][place]:
            yield f"stage {look.plan.stages[place].name} has been entered and is not what it was"


def _changed(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    return [name for name, value in old.items() if new.get(name) != value]
