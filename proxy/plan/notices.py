"""
What people are told of a transition: which event, and the facts that `wording` makes texts of.
"""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

from proxy.plan.criteria import EventGuard
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
    causes: tuple[Cause, ...] = (),
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
    facts = {**common, **found, **facts}
    where = "" if channels is None else f"-{'-'.join(channels)}"
    return Tell(
        id=f"{state.run}-{state.seq}-{event}{where}",
        event=event,
        stage=stages[state.stage].name,
        facts=facts,
        channels=channels,
        signatures=tuple(one[0] for one in causes),
    )


def moment(look: Look, at: float) -> str:
    """
    A time as people of this plan read it: "Mon 2 Mar 2026, 10:00 UTC".
    """
    return moment_in(look.plan.timezone, at)


def moment_in(zone: str, at: float) -> str:
    """
    A time as people in this zone read it.
    """
    local = datetime.fromtimestamp(at, ZoneInfo(zone))
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
    users were answered wrongly by new.
    """
    named = [f"{where}: {said} (`parallax evidence show {one}`)" for one, where, said in causes]
    return {
        "numbers": tuple(f"{trip.guard}: {trip.said}" for trip in trips),
        "gates": tuple(f"{one.gate}: {one.sentence}" for one in look.failing),
        "signatures": tuple(named),
        "users_exposed": _exposed(look, trips),
    }


def told_causes(trips: tuple[Trip, ...], causes: tuple[Cause, ...] = ()) -> tuple[Cause, ...]:
    """
    The signatures that people are told of, each once: those that may be the cause, else those that were seen.
    """
    found = causes or tuple(one for trip in trips for one in trip.signatures)
    return tuple({one[0]: one for one in found or [one for trip in trips for one in trip.others]}.values())


def _exposed(look: Look, trips: tuple[Trip, ...]) -> float | None:
    """
    About how many users new has answered wrongly, None where nothing says. Those of a guard are its sticky keys, or its
    bad ones if it knows no keys; two guards may mean the same users.
    """
    found = [_of_trip(look, trip) for trip in trips if trip.bad]
    bad, share = sum(one.bad for one in look.failing), _by_new(look)
    if not trips and share is not None:
        found.append(bad * share)
    known = [one for one in found if one is not None]
    return round(max(known), 1) if known else None


def _of_trip(look: Look, trip: Trip) -> float | None:
    guard = look.plan.guards[trip.guard]
    if isinstance(guard, EventGuard) and guard.of == "served":
        return trip.keys or trip.bad
    # Pairs are found wrong whoever answered; new answered its share of them.
    share = _by_new(look) if trip.by_new is None else trip.by_new
    return None if share is None else (trip.keys or trip.bad) * share


def _by_new(look: Look) -> float | None:
    """
    The share of answers that new gives by what is wanted; None where routes or cohorts have shares of their own, as
    nobody knows how much traffic is theirs.
    """
    wanted = look.state.wanted
    if any(share for share in (*wanted.routes.values(), *wanted.cohorts.values())):
        return None
    return wanted.weight / 100.0
