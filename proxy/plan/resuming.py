"""
How a plan goes on after a hold or a rollback, by a person who has looked.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from proxy.plan.exposure import is_same
from proxy.plan.look import Look
from proxy.plan.moves import Command, NotAllowed, Save
from proxy.plan.notices import tell
from proxy.plan.state import Hold, Step
from proxy.plan.team import may
from proxy.plan.transitions import Moved, moved, prepare, resume_at


def resume(look: Look, command: Command) -> Moved:
    """
    Go on. A note says why that is right: it stays in the history, and whoever may force takes pins off by it.
    """
    if not command.reason:
        raise NotAllowed("say why it may go on: a reason is kept in the history")
    if look.readings.killed:
        raise NotAllowed("the kill latch is set; restore first, then resume")
    if command.route or command.cohort:
        return _open(look, command)
    if look.state.step not in (Step.HELD, Step.ROLLED_BACK):
        raise NotAllowed(f"nothing holds; the plan is {look.state.step.value}")
    pins = () if may(look.plan, command.by, "force") else look.state.pins
    look = replace(look, state=replace(look.state, pins=pins))
    go_on = _anew if look.state.held is None else AFTER.get(look.state.held, _as_it_was)
    state, actions = go_on(look, command)
    return state, (*actions, tell(look, state, "resume", by=command.by, note=command.reason))


def _open(look: Look, command: Command) -> Moved:
    scope = f"route:{command.route}" if command.route else f"cohort:{command.cohort}"
    if scope not in look.state.closed:
        raise NotAllowed(f"{scope} is not closed; closed are {', '.join(look.state.closed) or 'none'}")
    closed = tuple(one for one in look.state.closed if one != scope)
    if look.state.step in (Step.HELD, Step.ROLLED_BACK, Step.ROLLING_BACK, Step.SHIFTING) or look.state.at < 0:
        # It gets its share again with the next shift.
        return moved(look, "opened", command.reason, by=command.by, closed=closed), (Save(),)
    return resume_at(look, f"{scope} is open again: {command.reason}", by=command.by, closed=closed)


def _anew(look: Look, command: Command) -> Moved:
    """
    Evidence from nothing, of guards too.
    """
    fresh: dict[str, Any] = {"copies": True, "armed": look.state.armed + 1}
    return resume_at(look, command.reason, by=command.by, **fresh)


def _as_it_was(look: Look, command: Command) -> Moved:
    """
    Where it was interrupted, with the evidence there is; anew, if new has less than it had.
    """
    state = look.state
    step = state.resume_to or Step.OBSERVING
    is_whole = state.at < 0 or is_same(state.wanted, look.desired(state.at))
    if not is_whole or (state.at < 0 and step not in (Step.PREFLIGHT, Step.WAITING)):
        return _anew(look, command)
    found = moved(look, "resumed", command.reason, by=command.by, step=step, resume_to=None)
    if step is Step.SETTLING:
        # What was left of it isn't known any more, and nothing is lost by settling for the whole time.
        stage = look.aim
        wait = look.plan.defaults.settle if stage.settle is None else stage.settle
        found = replace(found, until=look.now + wait)
    return found, (Save(),)


def _try_again(look: Look, command: Command) -> Moved:
    """
    The next stage may be tried as often again.
    """
    attempts = {name: times for name, times in look.state.attempts.items() if name != look.aim.name}
    return prepare(look, look.state.stage, "resumed", command.reason, by=command.by, attempts=attempts), (Save(),)


def _check_again(look: Look, command: Command) -> Moved:
    step = look.state.resume_to or Step.PREFLIGHT
    return moved(look, "resumed", command.reason, by=command.by, step=step, resume_to=None), (Save(),)


AFTER: Final[Mapping[Hold, Callable[[Look, Command], Moved]]] = {
    Hold.GATE: _anew,
    Hold.GUARD: _anew,
    Hold.INCONCLUSIVE: _anew,
    Hold.BY_HAND: _anew,
    Hold.KILLED: _anew,
    Hold.RECOVERED: _anew,
    Hold.ATTEMPTS: _try_again,
    Hold.PREFLIGHT: _check_again,
}
