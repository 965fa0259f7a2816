"""
The transitions of a plan, each once: how the state changes, and what is done in which order. When is said elsewhere.

What may give new more is saved before it is put into force. What gives it less is put into force first, and saved as
soon as that is possible; a hold waits for no store either, as it gives new nothing.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

from proxy.plan.exposure import Exposure, is_same, is_within, lower, nothing, without
from proxy.plan.look import Look
from proxy.plan.model import Plan
from proxy.plan.moves import Action, Apply, Cause, Save, Trip
from proxy.plan.notices import lasted, numbers, passed_gates, tell, told_causes
from proxy.plan.state import Done, Event, Hold, Phase, Pin, State, Step

Moved = tuple[State, tuple[Action, ...]]

US: Final = "parallax"
KILL_SET: Final = "everything is on old: the kill latch is set"
# Between what a person held for, and what the plan holds for since.
THEN: Final = "; then: "
# The history in the state is for people who look at it now; the whole of it is in the store.
KEPT: Final = 200
# Where a hold leads back to when what it interrupted can't simply go on.
INTERRUPTED: Final = {Step.SHIFTING: Step.WAITING, Step.ROLLING_BACK: Step.ROLLED_BACK}


def moved(look: Look, what: str, said: str, /, *, by: str = US, **changes: Any) -> State:
    """
    The state after a transition, with its line in the history. A new step begins now and has said nothing yet.
    """
    state = look.state
    event = Event(at=look.now, seq=state.seq + 1, what=what, stage=look.blamed.name, by=by, said=said)
    if "step" in changes:
        fresh = {"since": look.now, "until": None, "waits": (), "checked": 0.0, "held": None, "said": ""}
        changes = {**fresh, **changes}
    return replace(state, seq=state.seq + 1, history=(*state.history, event)[-KEPT:], **changes)


# Onwards...


def prepare(look: Look, stage: int, what: str, said: str, /, *, by: str = US, **changes: Any) -> State:
    """
    Make ready for entering a stage. Its checklists are done anew, the one before it is left too.
    """
    wanted = look.plan.stages[stage]
    done = _undone(look.state, wanted.checklist, wanted.verify)
    fresh: dict[str, Any] = {"stage": stage, "step": Step.PREFLIGHT, "approvals": (), "done": done}
    return moved(look, what, said, by=by, **{**fresh, **changes})


def _undone(state: State, *checklists: str | None) -> tuple[Done, ...]:
    return tuple(one for one in state.done if one.item.rpartition("/")[0] not in checklists)


def leave(look: Look) -> Moved:
    """
    The present stage is passed: on to the next, or to the end.
    """
    here, last = look.here, look.state.at + 1 >= len(look.plan.stages)
    assert here is not None
    if last:
        took = lasted(look.now - look.state.started)
        said = "; ".join(passed_gates(look)) or here.success
        state = moved(look, "finished", said, phase=Phase.FINISHED, waits=(), until=None, approvals=())
        return state, (Save(), tell(look, state, "finished", took=took, gates=passed_gates(look)))
    gates = passed_gates(look)
    state = prepare(look, look.state.at + 1, "passed", "; ".join(gates) or here.success)
    passed = tell(
        look, state, "stage_passed", stage=here.name, next_stage=look.plan.stages[state.stage].name, gates=gates
    )
    return state, (Save(), passed)


def shift(look: Look) -> Moved:
    """
    Give new what the wanted stage gives it: saved first, so that no more is ever in force than the store knows of.
    """
    state, stage = look.state, look.aim
    wanted = look.desired(state.stage)
    found = moved(
        look, "shifting", _says(wanted), step=Step.SHIFTING, before=state.wanted, wanted=wanted, approvals=(), forces=()
    )
    return found, (Save(), Apply(wanted, f"stage {stage.name}"))


def settle(look: Look) -> Moved:
    """
    The wanted stage is in force everywhere.
    """
    state, stage = look.state, look.aim
    wait = look.plan.defaults.settle if stage.settle is None else stage.settle
    found = moved(
        look,
        "entered",
        _says(state.wanted),
        step=Step.SETTLING,
        at=state.stage,
        reached=max(state.reached, state.stage),
        entered=look.now,
        until=look.now + wait,
        forced_until=None,
        pins=tuple(pin for pin in state.pins if pin.stage != stage.name),
    )
    if state.stage == state.at:
        return found, (Save(),)
    return found, (Save(), tell(look, found, "stage_start", weight_before=state.before.weight))


def observe(look: Look, said: str, /, *, by: str = US, **changes: Any) -> State:
    """
    Gather evidence for the stage in force, from nothing. Before the first stage there is none: make ready for it.
    """
    fresh: dict[str, Any] = {"epoch": look.state.epoch + 1, "forced_until": None, **changes}
    if look.state.at < 0:
        return prepare(look, 0, "preflight", said, by=by, **fresh)
    fresh |= {"stage": look.state.at, "step": Step.OBSERVING, "observed": 0.0, "approvals": ()}
    return moved(look, "observing", said, by=by, **fresh)


def resume_at(look: Look, said: str, /, *, by: str = US, **changes: Any) -> Moved:
    """
    Go on at the stage in force: gather evidence, or, where new has less than that stage gives it, shift again first.
    """
    state = replace(look.state, **changes)
    look = replace(look, state=state)
    if not state.copies:
        return hold(look, Hold.GUARD, "a guard has switched copies off; resume switches them on again")
    if state.at >= 0 and not is_same(state.wanted, look.desired(state.at)):
        # What gates said until now is no reason not to shift.
        fresh: dict[str, Any] = {"epoch": state.epoch + 1, "approvals": (), "forced_until": None}
        return moved(look, "waiting", said, by=by, step=Step.WAITING, stage=state.at, **fresh), (Save(),)
    return observe(look, said, by=by), (Save(),)


# ... stopping...


def hold(look: Look, why: Hold, said: str, *, by: str = US, wanted: Exposure | None = None) -> Moved:
    """
    Stop until a person resumes. What is in force stays, except that a shift under way is taken back, and that nothing
    above `wanted`, if given, stays. What a person held for stays to be read beside what came later.
    """
    state = look.state
    is_persons = state.step is Step.HELD and (state.held is Hold.OPERATOR or THEN in state.said)
    shown = f"{state.said.partition(THEN)[0]}{THEN}{said}" if is_persons else said
    resume_to = state.resume_to if state.step is Step.HELD else INTERRUPTED.get(state.step, state.step)
    floor = lower(state.before, state.wanted) if state.step is Step.SHIFTING else state.wanted
    kept = floor if wanted is None else lower(floor, wanted)
    found = moved(
        look, "held", said, by=by, step=Step.HELD, held=why, said=shown, resume_to=resume_to, wanted=kept, until=None
    )
    causes = told_causes(look.trips)
    facts = {**numbers(look, look.trips, causes), "reason": said, "by": "" if by == US else by}
    notice = tell(look, found, "hold", facts, causes=causes)
    return found, (*_taken_back(look, kept, f"hold: {said}"), Save(late=True), notice)


def _taken_back(look: Look, wanted: Exposure, reason: str) -> tuple[Action, ...]:
    in_force = look.readings.in_force
    is_less = look.state.step is not Step.SHIFTING and in_force is not None and is_within(in_force, wanted)
    return () if is_less else (Apply(wanted, reason),)


def kill(look: Look) -> Moved:
    """
    The latch was set. Once it is lifted, new gets copies and nothing else until somebody resumes.
    """
    quiet = replace(nothing(look.floor), mirror=look.floor.mirror)
    return hold(look, Hold.KILLED, KILL_SET, wanted=quiet)


def stop_copies(look: Look, said: str) -> Moved:
    """
    No copies any more, and hold.
    """
    state, actions = hold(look, Hold.GUARD, said, wanted=without(look.floor, (), copies=False))
    return replace(state, copies=False), actions


# ... and back.


def back_from(plan: Plan, at: int) -> int:
    """
    The stage that a stage goes back to, by index; -1: to what was before the first.
    """
    names = [stage.name for stage in plan.stages]
    rollback = plan.stages[at].rollback if at >= 0 else None
    if rollback is not None and rollback.to in names[:at]:
        return names.index(rollback.to)
    return max(at - 1, -1)


def roll_back(
    look: Look,
    target: int,
    said: str,
    *,
    by: str = US,
    trips: Iterable[Trip] = (),
    causes: Iterable[Cause] = (),
    copies: bool = True,
) -> Moved:
    """
    Go back to an earlier stage: first in force, then in the store. New gets no more of anything by it, so what the
    earlier stage would give it more of (copies, it may be) waits until it is rolled back. `causes` and the signatures
    of `trips` keep the stage closed until they are seen no more.
    """
    state, trips = look.state, tuple(trips)
    causes = (*causes, *(cause for trip in trips for cause in trip.signatures))
    left = look.blamed
    wanted = without(lower(look.floor, look.desired(target)), (), copies=copies)
    found = moved(
        look,
        "rollback",
        said,
        by=by,
        step=Step.ROLLING_BACK,
        stage=max(target, 0),
        at=target,
        wanted=wanted,
        said=said,
        attempts={**state.attempts, left.name: state.attempts.get(left.name, 0) + 1},
        pins=_pinned(state.pins, left.name, causes),
        epoch=state.epoch + 1,
        armed=state.armed + 1,
        approvals=(),
        forces=(),
        forced_until=None,
        resume_to=None,
        back_by="" if by == US else by,
        observed=0.0,
        copies=state.copies and copies,
        # Whoever said that the earlier stage can be left said so of another time.
        done=_undone(state, look.plan.stages[target].verify) if target >= 0 else state.done,
    )
    to = look.plan.stages[target].name if target >= 0 else "the start"
    named = told_causes(trips, causes)
    facts = {"stage": left.name, "to": to, "trigger": said, "by": "" if by == US else by}
    notice = tell(look, found, "rollback", {**numbers(look, trips, named), **facts}, causes=named)
    return found, (Apply(wanted, f"rollback: {said}"), Save(late=True), notice)


def _pinned(pins: tuple[Pin, ...], stage: str, causes: tuple[Cause, ...]) -> tuple[Pin, ...]:
    fresh = {one: Pin(signature=one, endpoint=where, stage=stage) for one, where, _ in causes}
    return (*(pin for pin in pins if pin.signature not in fresh), *fresh.values())


def _says(exposure: Exposure) -> str:
    own = [f"{name} {share:g} %" for name, share in exposure.routes.items() if share is not None]
    own += [f"{name} {share:g} %" for name, share in exposure.cohorts.items() if share is not None]
    return ", ".join([f"new {exposure.weight:g} %", f"copies {exposure.mirror:g} %", *own])
