"""
What people are told of a transition: which event, and the facts that `wording` makes texts of.
"""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

from proxy.plan.exposure import Exposure
from proxy.plan.look import Look
from proxy.plan.moves import Cause, Tell, Trip
from proxy.plan.people import EventName
from proxy.plan.state import State

NO_FACTS: Final[Mapping[str, object]] = MappingProxyType({})


def tell(
    look: Look,
    state: State,
    event: EventName,
    found: Mapping[str, object] = NO_FACTS,
    *,
    channels: tuple[str, ...] | None = None,
    **facts: object,
) -> Tell:
    """
    The notice of a transition to `state`. Its id is made of the run and the state's number, so that a transition that
    is made twice, because nobody knows whether it was saved, is told once.
    """
    plan, stages = look.plan, look.plan.stages
    after = stages[state.stage + 1] if state.stage + 1 < len(stages) else None
    common: dict[str, object] = {
        "plan": plan.plan,
        "title": plan.title or plan.plan,
        "stage": stages[state.stage].name,
        "next_stage": "" if after is None else after.name,
        "when": moment(look, look.now),
        "next_update": moment(look, look.now + plan.comms.next_update),
        "contact": plan.comms.contact,
        "weight": state.wanted.weight,
        "weight_before": look.state.wanted.weight,
        "mirror": state.wanted.mirror,
    }
    where = "" if channels is None else f"-{'-'.join(channels)}"
    return Tell(
        id=f"{state.run}-{state.seq}-{event}{where}",
        event=event,
        stage=stages[state.stage].name,
        facts={**common, **found, **facts},
        channels=channels,
    )


def moment(look: Look, at: float) -> str:
    """
    A time as people of this plan read it: "Mon 2 Mar 2026, 10:00 UTC".
    """
    local = datetime.fromtimestamp(at, ZoneInfo(look.plan.timezone))
    return f"{local:%a} {local.day} {local:%b %Y, %H:%M} {local.tzname()}"


def rolled_back(look: Look, until: float | None) -> dict[str, object]:
    """
    The facts of a rollback that every worker has.
    """
    here = look.here
    return {
        "to": "the start" if here is None else here.name,
        "trigger": look.state.said,
        "signatures": tuple(f"{pin.endpoint} ({pin.signature})" for pin in look.state.pins),
        "until": "" if until is None else moment(look, until),
        "took": lasted(look.now - look.state.since),
    }


def lasted(seconds: float) -> str:
    """
    A duration as people read it: "40 s", "25 min", "3 h", "12 days".
    """
    for unit, length in (("days", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


def passed_gates(look: Look) -> tuple[str, ...]:
    """
    What the gates of the present stage say.
    """
    return tuple(f"{name}: {one.sentence}" for name, one in look.outcomes.items() if one is not None)


def numbers(look: Look, trips: tuple[Trip, ...], causes: tuple[Cause, ...]) -> dict[str, object]:
    """
    The facts of what made a plan hold or go back: what guards and gates counted, the top signatures, and about how many
    users were answered wrongly by new. Pairs are found wrong whoever answered; new answered its share of them.
    """
    failing = look.failing
    bad = sum(trip.bad for trip in trips) or sum(one.bad for one in failing)
    return {
        "numbers": tuple(f"{trip.guard}: {trip.said}" for trip in trips),
        "gates": tuple(f"{one.gate}: {one.sentence}" for one in failing),
        "signatures": tuple(f"{where}: {said} ({one})" for one, where, said in causes),
        "users_exposed": _exposed(look.state.wanted, bad),
    }


def _exposed(exposure: Exposure, bad: int) -> float | None:
    """
    About how many of the bad ones new has answered; None where routes or cohorts have shares of their own, as nobody
    knows how many were theirs.
    """
    if any(share for share in (*exposure.routes.values(), *exposure.cohorts.values())):
        return None
    return round(bad * exposure.weight / 100.0, 1)
