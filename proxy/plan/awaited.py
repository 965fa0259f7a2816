"""
Who or what has to do something before a plan goes on, in sentences: for each word of `State.waits`, what ends it.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from proxy.plan.calendar import is_open
from proxy.plan.model import Plan
from proxy.plan.notices import moment_in
from proxy.plan.state import Phase, State, Step
from proxy.plan.team import people_who_may, roles_of

KILL: Final = "kill: everything is on old, until somebody says `parallax restore`"
CAPACITY: Final = "capacity: the stage gives new more than there is capacity for"
WORKERS: Final = "workers: not all of them are heard of and have what is in force"


def awaited(plan: Plan, state: State, undelivered: Sequence[str], now: float) -> list[str]:
    """
    One sentence for each thing that is waited for; `undelivered` are must-deliver notices that didn't get there.
    """
    said = [sentence for word in state.waits for sentence in _ends(word, plan, state, undelivered, now)]
    if state.phase is Phase.RUNNING and state.step is Step.HELD:
        said.append("a person, who looks at it and says `parallax plan resume` or `parallax plan rollback`")
    if state.phase is Phase.DRAFT:
        said += _signatures(plan, state)
        said.append("somebody who says `parallax plan start`")
    return said


def _ends(word: str, plan: Plan, state: State, undelivered: Sequence[str], now: float) -> Iterator[str]:
    match word:
        case "kill":
            yield KILL
        case "workers":
            yield WORKERS
        case "capacity":
            yield CAPACITY
        case "approval":
            yield _approval(plan, state)
        case "window":
            yield _window(plan, state, now)
        case "notice":
            yield from (f"notice: {one}" for one in undelivered or ("is on its way",))
        case "pins":
            yield from _pins(plan, state)
        case "signature":
            yield from (
                f"signature: {_somebody(plan, role)}" for role in plan.team.reviewers if role not in state.signed
            )
        case _:
            yield _line(plan, word) or f"workers: {word}"


def _approval(plan: Plan, state: State) -> str:
    wanted, names = plan.stages[state.stage].approvals, list(dict.fromkeys(one.by for one in state.approvals))
    by = f" (by {', '.join(names)})" if names else ""
    covered = {role for name in names for role in roles_of(plan, name)}
    missing = [_somebody(plan, role) for role in wanted.must_include if role not in covered]
    said = f"approval: {len(names)} of {wanted.count}{by}"
    if missing:
        return f"{said}, and {' and '.join(missing)} is missing"
    others = [name for name in people_who_may(plan, "approve") if name not in names]
    return f"{said}; {', '.join(others)} may approve" if others and len(names) < wanted.count else said


def _signatures(plan: Plan, state: State) -> list[str]:
    return [f"signature: {_somebody(plan, role)}" for role in plan.team.reviewers if role not in state.signed]


def _somebody(plan: Plan, role: str) -> str:
    one = plan.team.roles.get(role)
    if one is None:
        return f"somebody of {role}"
    deputies = f" or, as deputy, {' or '.join(one.deputies)}" if one.deputies else ""
    return f"somebody of {role} ({' or '.join(one.who)}{deputies})"


def _window(plan: Plan, state: State, now: float) -> str:
    window = plan.windows.get(plan.stages[state.stage].window or "default")
    opening = is_open(window, plan.freezes, plan.timezone, now)
    if opening.open and opening.until is not None:
        closes = moment_in(plan.timezone, opening.until)
        return f"window: closes {closes}, which is too soon to begin; the next one is awaited"
    if opening.next is None:
        return "window: never opens again"
    return f"window: opens {moment_in(plan.timezone, opening.next)} ({plan.timezone})"


def _pins(plan: Plan, state: State) -> Iterator[str]:
    needed, names = plan.defaults.pins, [stage.name for stage in plan.stages[: state.stage + 1]]
    for pin in state.pins:
        if pin.stage in names and pin.clean < needed:
            yield f"pins: {pin.signature} at {pin.endpoint}: {pin.clean:,} of {needed:,} pairs without it"


def _line(plan: Plan, key: str) -> str:
    name, _, number = key.rpartition("/")
    lines = plan.checklists.get(name, ())
    if not number.isdecimal() or not 0 < int(number) <= len(lines):
        return ""
    item = lines[int(number) - 1]
    title = item.title or item.manual or item.auto or " ".join(item.cmd or ())
    owner = f" ({item.owner})" if item.owner else ""
    return f"checklist: {key} {str(title).replace('_', ' ') if item.auto and not item.title else title}{owner}"
