"""
STORY: one step of a plan. `step` looks at what is so and says what is to be done; it does nothing itself, remembers
nothing but the state, and may be repeated: whatever has happened to what it said last time, it says what is right now.

What holds in any state comes first (`always`); then the row of the table for the present step:

    preflight ─► waiting ─► shifting ─► settling ─► observing ─► ready ─► preflight of the next stage … finished
                               │                        │
    held ◄── (any)             └──► rolling_back ◄──────┘ ◄── (any, by a guard or a person)
      └─► what it interrupted             └─► rolled_back ─► observing, at the stage gone back to
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from proxy.plan.always import ALWAYS, named
from proxy.plan.exposure import is_same, is_within
from proxy.plan.look import Look
from proxy.plan.model import Plan, Stage
from proxy.plan.moves import Apply, Check, Readings, Save
from proxy.plan.notices import rolled_back, tell
from proxy.plan.reminders import reminders
from proxy.plan.state import Hold, Phase, Pin, State, Step
from proxy.plan.transitions import Moved, hold, leave, moved, observe, resume_at, roll_back, settle, shift
from proxy.plan.waits import SILENT, is_agreed, waits_for

# Automatic lines of a checklist are looked at again and again until all of it is done...
RECHECK: Final = 60.0
# ... and if one still fails after that, a person has to look.
PATIENCE: Final = 180.0
# For stages without a rollback of their own: how long workers may take to have a new table.
WITHIN: Final = 30.0


def step(plan: Plan, state: State, readings: Readings, now: float) -> Moved:
    """
    What becomes of the state, and what is to be done, in this order.
    """
    if state.phase is Phase.ABORTED:
        return _end(Look(plan=plan, state=state, readings=readings, now=now))
    if state.phase is not Phase.RUNNING:
        return state, ()
    look = Look(plan=plan, state=_counted(state, readings, now), readings=readings, now=now)
    for rule in (*ALWAYS, TABLE[state.step]):
        found = rule(look)
        if found is not None:
            return found
    return look.state, ()


def _counted(state: State, readings: Readings, now: float) -> State:
    """
    Time counts as observed only while workers are heard of, and while the clock can be trusted.
    """
    has_evidence = readings.silent <= SILENT and readings.clock_jump == 0.0 and state.step is Step.OBSERVING
    seconds = max(0.0, now - state.looked) if has_evidence else 0.0
    return replace(state, observed=state.observed + seconds, looked=now, pins=_pins(state, readings))


def _pins(state: State, readings: Readings) -> tuple[Pin, ...]:
    """
    Those there are, with the pairs that came without them; and what turned out to be a cause too.
    """
    clean = {pin.signature: readings.clean.get(pin.signature, 0) for pin in state.pins}
    pins = tuple(
        replace(pin, clean=0 if clean[pin.signature] < 0 else pin.clean + clean[pin.signature]) for pin in state.pins
    )
    if state.step not in (Step.ROLLING_BACK, Step.ROLLED_BACK):
        return pins
    late = {one: Pin(signature=one, endpoint=where, stage=stage) for stage, (one, where, _) in readings.late}
    return (*pins, *(pin for one, pin in late.items() if one not in clean))


# Before a stage is entered...


def _preflight(look: Look) -> Moved | None:
    state, stage = look.state, look.aim
    if (again := _no_longer_passed(look)) is not None:
        return again
    if state.attempts.get(stage.name, 0) >= look.plan.defaults.attempts and not look.is_forced:
        return hold(look, Hold.ATTEMPTS, f"{stage.name} was rolled back {state.attempts[stage.name]} times")
    return _check(look, stage.checklist) or (moved(look, "waiting", "", step=Step.WAITING), (Save(),))


def _check(look: Look, checklist: str | None) -> Moved | None:
    """
    Have a checklist done; None when all of it is.
    """
    missing, state = look.not_done(checklist), look.state
    if checklist is None or (state.checked and not missing):
        return None
    bad = [found for key, item in look.items(checklist) if (found := look.checked(key, item)) and not found[0]]
    if bad and look.now - look.state.since >= PATIENCE:
        return hold(look, Hold.PREFLIGHT, f"{checklist}: {bad[0][1]}")
    if state.checked and look.now - state.checked < RECHECK:
        return replace(state, waits=missing), ()
    # What was found at an earlier attempt is no answer.
    return replace(state, waits=missing, checked=look.now), (Check(checklist),)


def _no_longer_passed(look: Look) -> Moved | None:
    """
    Back to observing, if what the present stage was passed by is no more.
    """
    state = look.state
    if state.at < 0 or state.stage == state.at or look.is_forced:
        return None
    if state.forced_until is not None:
        return observe(look, "the time of the force is over"), (Save(),)
    if look.open_gates:
        return observe(look, f"{', '.join(look.open_gates)}: no longer passed"), (Save(),)
    return None


def _waiting(look: Look) -> Moved | None:
    if (again := _no_longer_passed(look)) is not None:
        return again
    waits = waits_for(look)
    if not waits:
        return shift(look)
    return reminders(replace(look.state, waits=waits), look)


# ... the shift...


def _shifting(look: Look) -> Moved | None:
    state, in_force = look.state, look.readings.in_force
    is_there = in_force is not None and is_same(in_force, state.wanted)
    if is_there and look.readings.acknowledged:
        return settle(look)
    if look.now - state.since > within(look.aim):
        lagging = ", ".join(look.readings.lagging) or "the table"
        return roll_back(look, state.at, f"not all workers had it after {within(look.aim):g} s: {lagging}")
    if is_there:
        return None
    return state, (Apply(state.wanted, f"stage {look.aim.name}"),)


def within(stage: Stage | None) -> float:
    """
    How long workers may take to have the table of a stage, in seconds.
    """
    return WITHIN if stage is None or stage.rollback is None else stage.rollback.within


# ... at a stage...


def _settling(look: Look) -> Moved | None:
    if look.state.until is not None and look.now < look.state.until:
        return None
    return observe(look, "settled"), (Save(),)


def _observing(look: Look) -> Moved | None:
    stage, state = look.here, look.state
    assert stage is not None
    if not look.open_gates and state.observed >= stage.observe.least:
        return moved(look, "ready", "all gates have passed", step=Step.READY), (Save(),)
    if look.now - state.since >= stage.observe.most:
        left = ", ".join(look.open_gates) or "time with evidence"
        return hold(look, Hold.INCONCLUSIVE, f"not decided within {stage.observe.most:g} s: {left}")
    return None


def _ready(look: Look) -> Moved | None:
    stage = look.here
    assert stage is not None
    if look.open_gates:
        said = f"{', '.join(look.open_gates)}: no longer passed"
        return moved(look, "observing", said, step=Step.OBSERVING, approvals=()), (Save(),)
    checking = _check(look, stage.verify)
    if checking is not None:
        return checking
    if stage.advance == "approve" and not is_agreed(look):
        return reminders(replace(look.state, waits=("approval",)), look)
    return leave(look)


def _held(_: Look) -> Moved | None:
    return None


# ... and back.


def _rolling_back(look: Look) -> Moved | None:
    state, in_force = look.state, look.readings.in_force
    if in_force is not None and is_within(in_force, state.wanted) and look.readings.acknowledged:
        return _back(look)
    if in_force is None or not is_within(in_force, state.wanted):
        return state, (Apply(state.wanted, f"rollback: {state.said}"),)
    return replace(state, waits=look.readings.lagging or ("workers",)), ()


def _back(look: Look) -> Moved:
    """
    Every worker has it. Who had the plan roll back says when it goes on; otherwise it does after the cooldown.
    """
    state, until = look.state, look.now + look.plan.defaults.cooldown
    changes: dict[str, Any] = {"step": Step.ROLLED_BACK, "said": state.said, "until": until}
    if state.back_by:
        said = f"rolled back by {state.back_by}: {state.said}"
        changes = {"step": Step.HELD, "held": Hold.OPERATOR, "said": said, "resume_to": Step.OBSERVING}
    found = moved(look, "rolled_back", state.said, **changes)
    return found, (Save(late=True), tell(look, found, "rolled_back", rolled_back(look, found.until)))


def _rolled_back(look: Look) -> Moved | None:
    state = look.state
    if state.until is None:
        return replace(state, until=look.now + look.plan.defaults.cooldown), ()
    if look.now < state.until:
        return None
    if look.trips:
        until = look.now + look.plan.defaults.cooldown
        said = f"still found: {named('guard', look.trips[0].guard, look.trips[0].said)}"
        return moved(look, "cooldown", said, until=until, armed=state.armed + 1), (Save(),)
    return resume_at(look, "the cooldown is over")


def _end(look: Look) -> Moved:
    """
    After an abort: see that it is so everywhere, then let go.
    """
    state, in_force = look.state, look.readings.in_force
    if state.step is not Step.ROLLING_BACK:
        return state, ()
    if in_force is None or not is_within(in_force, state.wanted):
        return state, (Apply(state.wanted, "abort"),)
    if not look.readings.acknowledged:
        return state, ()
    return moved(look, "rolled_back", "aborted", step=Step.ROLLED_BACK), (Save(late=True),)


TABLE: Final[Mapping[Step, Callable[[Look], Moved | None]]] = {
    Step.PREFLIGHT: _preflight,
    Step.WAITING: _waiting,
    Step.SHIFTING: _shifting,
    Step.SETTLING: _settling,
    Step.OBSERVING: _observing,
    Step.READY: _ready,
    Step.HELD: _held,
    Step.ROLLING_BACK: _rolling_back,
    Step.ROLLED_BACK: _rolled_back,
}
