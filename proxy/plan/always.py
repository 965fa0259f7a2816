"""
What holds in any state of a plan that runs, strongest first; looked at before the row of the table for its step.

None of it gives new more of anything, so none of it asks for a window, an approval or the store.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from proxy.plan.criteria import BlindGuard
from proxy.plan.exposure import is_within, lower, without
from proxy.plan.look import Look
from proxy.plan.moves import Apply, Save, Trip
from proxy.plan.state import Hold, State, Step
from proxy.plan.transitions import Moved, back_from, hold, kill, moved, observe, roll_back, stop_copies

# Without a guard that says otherwise: how long nothing may be heard of traffic.
BLIND: Final = 90.0
# A wall clock that is set right by less than this is no reason to stop.
JUMP: Final = 5.0

# Steps in which a stage is in force and nothing is being changed.
CALM: Final = {Step.PREFLIGHT, Step.WAITING, Step.SETTLING, Step.OBSERVING, Step.READY}
# ... of those, where the evidence of the present stage decides.
JUDGED: Final = CALM - {Step.SETTLING}


def killed(look: Look) -> Moved | None:
    """
    The kill latch is set.
    """
    if not look.readings.killed or look.state.held is Hold.KILLED:
        return None
    return kill(look)


def tripped(look: Look) -> Moved | None:
    """
    A guard has tripped while new is reachable: also while people are waited for, and while the plan holds.
    """
    trips = look.trips
    if not trips or look.readings.killed or not (look.is_live or look.is_copied):
        return None
    quiet = any(_wants(look, trip) == "mirror_off" or _quiets(look, trip) for trip in trips)
    back = [trip for trip in trips if _wants(look, trip) == "rollback"]
    if back and look.is_live and _is_reversible(look):
        said = "; ".join(named("guard", trip.guard, trip.said) for trip in back)
        return roll_back(look, _target(look), said, trips=back, copies=not quiet)
    return _stop(look, trips, quiet=quiet)


def _stop(look: Look, trips: tuple[Trip, ...], *, quiet: bool) -> Moved | None:
    state = look.state
    said = "; ".join(named("guard", trip.guard, trip.said) for trip in trips)
    if quiet and look.is_copied:
        return stop_copies(look, said)
    if state.step is Step.ROLLING_BACK or state.held is Hold.GUARD:
        return None
    if state.step is Step.ROLLED_BACK and all(_wants(look, trip) == "rollback" for trip in trips):
        # Nobody is answered by new: the end of the cooldown is soon enough, and it begins anew then.
        return None
    return hold(look, Hold.GUARD, said)


def _wants(look: Look, trip: Trip) -> str:
    return look.plan.guards[trip.guard].on_trip


def _quiets(look: Look, trip: Trip) -> bool:
    return bool(getattr(look.plan.guards[trip.guard], "mirror_off", False))


def _is_reversible(look: Look) -> bool:
    return look.here is None or look.here.reversible


def _target(look: Look) -> int:
    """
    The stage to go back to. In the middle of a shift from where new answered nobody, that is far enough.
    """
    state = look.state
    if state.step is Step.SHIFTING and (state.at < 0 or not look.plan.stages[state.at].rollback):
        return state.at
    return back_from(look.plan, state.at)


def above(look: Look) -> Moved | None:
    """
    New has more than was ever saved: take it back, whoever gave it.
    """
    state, in_force = look.state, look.readings.in_force
    if in_force is None or state.step is Step.SHIFTING or is_within(in_force, state.wanted):
        return None
    wanted, said = lower(in_force, state.wanted), "new had more than the plan wants; it was taken back"
    if state.step in (Step.HELD, Step.ROLLING_BACK, Step.ROLLED_BACK):
        return state, (Apply(wanted, said),)
    return hold(look, Hold.BY_HAND, said, wanted=wanted)


def jumped(look: Look) -> Moved | None:
    """
    The wall clock was set: deadlines may be wrong.
    """
    jump = look.readings.clock_jump
    if look.state.step not in CALM or abs(jump) <= JUMP:
        return None
    return hold(look, Hold.CLOCK, f"the clock of this machine jumped by {jump:+.0f} s")


def changed(look: Look) -> Moved | None:
    """
    What is compared isn't what it was: the evidence is of something else, and so are approvals.
    """
    state, identity = look.state, look.readings.identity
    if not identity or identity == state.identity or state.step in (Step.SHIFTING, Step.ROLLING_BACK):
        return None
    if not state.identity:
        return replace(state, identity=identity), ()
    said = "rules, waivers, routes or a side's version have changed; evidence begins anew"
    if state.step in JUDGED and state.at >= 0 and not look.is_forced and not look.is_on_its_way_back:
        # No more time by it: whoever is deployed again and again must not keep everybody waiting in silence.
        since = state.since if state.step is Step.OBSERVING else look.now
        return observe(look, said, identity=identity, since=since), (Save(),)
    found: State = moved(look, "evidence", said, identity=identity, epoch=state.epoch + 1, approvals=())
    return found, (Save(),)


def blind(look: Look) -> Moved | None:
    """
    Nothing is heard of traffic, nothing of it is compared, or a source has failed too often.
    """
    if look.state.step not in CALM:
        return None
    limits = [guard.no_data_for for guard in look.plan.guards.values() if isinstance(guard, BlindGuard)]
    if look.readings.silent > min(limits, default=BLIND):
        return hold(look, Hold.BLIND, f"nothing has been heard of traffic for {look.readings.silent:.0f} s")
    if look.readings.uncompared > min(limits, default=BLIND) and (look.is_live or look.is_copied):
        said = f"requests come, and nothing has been compared for {look.readings.uncompared:.0f} s: guards see no pairs"
        return hold(look, Hold.BLIND, said)
    asked = (*look.outcomes, *look.plan.guards)
    failed = [name for name in asked if look.readings.errors.get(name, 0) >= look.plan.defaults.errors]
    if failed:
        return hold(
            look, Hold.SOURCE, f"{failed[0]} could not be asked {look.readings.errors[failed[0]]} times in a row"
        )
    return None


def lowered(look: Look) -> Moved | None:
    """
    New has less than the plan wants: somebody changed the weights beside it.
    """
    state, in_force = look.state, look.readings.in_force
    if in_force is None or state.step not in CALM or is_within(state.wanted, in_force):
        return None
    said = "new has less than the plan wants: the weights were changed by hand, or a rollback could not be saved"
    return hold(look, Hold.BY_HAND, said, wanted=in_force)


def failed(look: Look) -> Moved | None:
    """
    A gate of the stage in force fails, also while the next one is waited for.
    """
    failing = look.failing
    # What waits to get back a cohort, or all, is judged by what it has meanwhile.
    is_away = look.is_on_its_way_back and not look.is_live
    if not failing or look.state.step not in JUDGED or look.is_forced or is_away:
        return None
    said = "; ".join(named("gate", one.gate, one.sentence) for one in failing)
    back = any(look.plan.gates[one.gate].on_fail == "rollback" for one in failing if one.gate in look.plan.gates)
    if back and look.is_live and _is_reversible(look):
        causes = [cause for one in failing for cause in look.readings.causes.get(one.gate, ())]
        return roll_back(look, back_from(look.plan, look.state.at), said, causes=causes)
    return hold(look, Hold.GATE, said)


def gone(look: Look) -> Moved | None:
    """
    A route or cohort that a stage has given a share isn't in the configuration any more: its clients are elsewhere now,
    and would all be on new at once if it came back.
    """
    state, in_force = look.state, look.readings.in_force
    if in_force is None or state.step not in CALM:
        return None
    routes = {name for stage in look.plan.stages for name in stage.routes if state.wanted.routes.get(name)}
    cohorts = {name for stage in look.plan.stages for name in stage.cohorts if state.wanted.cohorts.get(name)}
    missing = [f"route:{name}" for name in sorted(routes - in_force.routes.keys())]
    missing += [f"cohort:{name}" for name in sorted(cohorts - in_force.cohorts.keys())]
    if not missing:
        return None
    said = (
        f"{', '.join(one.replace(':', ' ') for one in missing)} isn't in the configuration any more; put it back there"
    )
    return hold(look, Hold.BY_HAND, f"{said}, or amend the plan", wanted=without(state.wanted, tuple(missing)))


def named(kind: str, name: str, said: str) -> str:
    """
    What a gate or guard says, with its name once: most sentences begin with it.
    """
    return f"{kind} {said}" if said.startswith(f"{name}: ") else f"{kind} {name}: {said}"


ALWAYS: Final[tuple[Callable[[Look], Moved | None], ...]] = (
    killed,
    tripped,
    above,
    jumped,
    changed,
    blind,
    gone,
    lowered,
    failed,
)
