"""
From what a step wants told to notices: one for each channel, in the words of its audience.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from proxy.notify.channel import Channel
from proxy.plan.model import Plan
from proxy.plan.moves import Tell
from proxy.plan.outbox import Notice
from proxy.plan.wording import render_notice

NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


def channels(plan: Plan) -> dict[str, Channel]:
    """
    Where the plan's channels are.
    """
    return {
        name: Channel(
            apprise=one.apprise or "", webhook=one.webhook or "", headers=dict(one.headers), secret=one.secret or ""
        )
        for name, one in plan.comms.channels.items()
    }


def notices(
    plan: Plan,
    tells: Iterable[Tell],
    *,
    seq: int,
    now: float,
    address: str = "",
    own: Mapping[str, str] = NOTHING,
) -> tuple[Notice, ...]:
    """
    One for each channel that a step's Tell is for, in their order. `seq` is that of the state which it is saved with,
    `address` is where this Parallax is asked ("" names none), `own` the plan's own templates by event.
    """
    usual = {str(event): names for event, names in plan.comms.tell.items()}
    return tuple(
        _notice(plan, tell, name, seq, now, {**tell.facts, "links": _links(address, tell)}, own.get(tell.event))
        for tell in tells
        for name in (usual.get(tell.event, ()) if tell.channels is None else tell.channels)
        if name in plan.comms.channels
    )


def _links(address: str, tell: Tell) -> dict[str, str]:
    """
    Addresses by what they lead to.
    """
    if not address:
        return {}
    evidence = {f"evidence of {one}": f"{address}/admin/divergences/{one}" for one in tell.signatures}
    return {"where the plan is": f"{address}/admin/plan", **evidence}


def trials(plan: Plan, run: str, now: float, own: Mapping[str, str] = NOTHING) -> tuple[Notice, ...]:
    """
    A test for each channel.
    """
    facts = {"plan": plan.plan, "title": plan.title, "contact": plan.comms.contact}
    tell = Tell(id=f"{run}-test-{now:.3f}", event="test", stage="", facts=facts)
    return tuple(_notice(plan, tell, name, 0, now, facts, own.get("test")) for name in plan.comms.channels)


def _notice(
    plan: Plan, tell: Tell, name: str, seq: int, now: float, facts: Mapping[str, object], own: str | None
) -> Notice:
    audience = plan.comms.channels[name].audience
    subject, text = render_notice(tell.event, audience, facts, own)
    return Notice(
        id=f"{tell.id}-{name}",
        plan=plan.plan,
        seq=seq,
        event=tell.event,
        audience=audience,
        channel=name,
        stage=tell.stage,
        subject=subject,
        text=text,
        data=dict(facts),
        must=tell.event in plan.comms.must_deliver,
        since=now,
    )
