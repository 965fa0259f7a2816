"""
When to look again: the next time at which a step may do something although nothing else has changed. Whoever simulates
a plan skips the time until then.
"""

from collections.abc import Callable, Mapping
from typing import Final

from proxy.plan.look import Look
from proxy.plan.model import Plan
from proxy.plan.moves import Readings
from proxy.plan.state import Phase, State, Step
from proxy.plan.step import PATIENCE, within
from proxy.plan.waits import opening_of


def next_look(plan: Plan, state: State, now: float) -> float | None:
    """
    The first deadline after `now` of a plan that runs; None if it waits for something else than time.
    """
    if state.phase is not Phase.RUNNING:
        return None
    look = Look(plan=plan, state=state, readings=Readings(), now=now)
    due = [deadline for deadline in DEADLINES[state.step](look) if deadline is not None and deadline > now]
    return min(due, default=None)


def _checked(look: Look) -> list[float | None]:
    return [look.state.since + PATIENCE]


def _opens(look: Look) -> list[float | None]:
    if "window" not in look.state.waits:
        return [look.state.forced_until]
    opening = opening_of(look)
    # An opening that isn't long enough any more has to close before the next one comes.
    return [opening.until if opening.open else opening.next, look.state.forced_until]


def _acknowledged(look: Look) -> list[float | None]:
    return [look.state.since + within(look.aim)]


def _settled(look: Look) -> list[float | None]:
    return [look.state.until]


def _observed(look: Look) -> list[float | None]:
    here, state = look.here, look.state
    if here is None:
        return []
    return [state.looked + here.observe.least - state.observed, state.since + here.observe.most]


def _reminded(look: Look) -> list[float | None]:
    return [look.state.since + look.plan.team.acknowledge]


def _never(_: Look) -> list[float | None]:
    return []


DEADLINES: Final[Mapping[Step, Callable[[Look], list[float | None]]]] = {
    Step.PREFLIGHT: _checked,
    Step.WAITING: _opens,
    Step.SHIFTING: _acknowledged,
    Step.SETTLING: _settled,
    Step.OBSERVING: _observed,
    Step.READY: _reminded,
    Step.HELD: _never,
    Step.ROLLING_BACK: _never,
    Step.ROLLED_BACK: _settled,
}
