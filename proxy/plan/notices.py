"""
What people are told of a transition: which event, and the facts that its text is made of.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from proxy.plan.exposure import Exposure
from proxy.plan.look import Look
from proxy.plan.moves import Tell, Trip
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
    stage = look.plan.stages[state.stage]
    common = {
        "plan": look.plan.plan,
        "plan_title": look.plan.title or look.plan.plan,
        "plan_hash": state.plan_hash,
        "stage_title": stage.title or stage.name,
        "attempt": state.attempts.get(stage.name, 0) + 1,
        "seq": state.seq,
        "at": look.now,
        "next_update": look.now + look.plan.comms.next_update,
        "contact": look.plan.comms.contact,
        **_shares(state.wanted),
    }
    where = "" if channels is None else f"-{'-'.join(channels)}"
    return Tell(
        id=f"{state.run}-{state.seq}-{event}{where}",
        event=event,
        stage=stage.name,
        facts={**common, **found, **facts},
        channels=channels,
    )


def _shares(exposure: Exposure) -> dict[str, object]:
    return {
        "weight": exposure.weight,
        "mirror": exposure.mirror,
        "routes": {name: share for name, share in exposure.routes.items() if share is not None},
        "cohorts": {name: share for name, share in exposure.cohorts.items() if share is not None},
    }


def numbers(look: Look, trips: tuple[Trip, ...] = ()) -> dict[str, object]:
    """
    The facts of what made a plan hold or go back: what gates and guards counted, the top signatures, and about how many
    users were answered wrongly by new. Pairs are found wrong whoever answered; new answered its share of them.
    """
    failing = look.failing
    bad = sum(trip.bad for trip in trips) or sum(one.bad for one in failing)
    return {
        "guards": [{"guard": trip.guard, "said": trip.said, "bad": trip.bad, "n": trip.n} for trip in trips],
        "gates": [{"gate": one.gate, "said": one.sentence, "bad": one.bad, "n": one.n} for one in failing],
        "signatures": [
            {"id": one, "endpoint": endpoint, "said": said} for trip in trips for one, endpoint, said in trip.signatures
        ],
        "users_exposed": round(bad * look.state.wanted.weight / 100.0, 1),
    }
