"""
What people are told, event by event and audience by audience: the very words, with values as they may be.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from proxy.plan.render.book import Book, StageView
from proxy.plan.render.checklists import first_live
from proxy.plan.render.judged import numbers
from proxy.plan.render.words import duration
from proxy.plan.wording import AUDIENCES, EVENTS, EXAMPLE, render_notice

# Events after which a stage further is what counts, and those that lead back.
BACK: Final = frozenset({"rollback", "rolled_back"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """
    One text; `channels` are those of the plan that get it.
    """

    event: str
    audience: str
    channels: tuple[str, ...]
    subject: str
    text: str

    @property
    def lines(self) -> tuple[str, ...]:
        """
        As it arrives.
        """
        return (self.subject, "", *self.text.splitlines())


def letters(book: Book, event: str, own: str | None = None) -> tuple[Letter, ...]:
    """
    The texts of an event for every audience. `own` is the plan's own template for it, if it has one.
    """
    told = book.plan.comms.tell.get(event, ())  # type: ignore[call-overload]
    channels = book.plan.comms.channels
    found = []
    for audience in AUDIENCES:
        subject, text = render_notice(event, audience, facts(book, event), own)
        names = tuple(name for name in told if channels[name].audience == audience)
        found.append(Letter(event=event, audience=audience, channels=names, subject=subject, text=text))
    return tuple(found)


def events(book: Book) -> tuple[str, ...]:
    """
    Those that somebody is told of, in the order in which they come.
    """
    return tuple(event for event in EVENTS if book.plan.comms.tell.get(event))  # type: ignore[call-overload]


def facts(book: Book, event: str) -> dict[str, Any]:
    """
    What a notice may be made from: the plan's own names and numbers at its first live stage that goes back; what only
    a run knows is as in the example.
    """
    view = _example(book)
    back = book.view(view.stage.rollback.to) if view.stage.rollback is not None else None
    after = book.stages[view.number] if view.number < len(book.stages) else None
    plan = book.plan
    return {
        **EXAMPLE,
        "plan": plan.plan,
        "title": book.title,
        "stage": view.name,
        "next_stage": after.name if after is not None else "",
        "to": back.name if back is not None else "",
        "mirror": view.exposure.mirror,
        "contact": plan.comms.contact,
        "next_update": f"within {duration(plan.comms.next_update)}",
        "by": "" if event in BACK else EXAMPLE["by"],
        "impact": "",
        "users_may_notice": "",
        "waiting_for": plan.stages[view.number - 1].approvals.must_include or may_approve(book),
        "gates": tuple(f"{one.name}: {numbers(one.gate)}: pass" for one in view.gates),
        "links": {},
        **_shares(view, back, event),
        **_trigger(book),
    }


def _example(book: Book) -> StageView:
    """
    A stage at which a rollback takes clients back, if there is one.
    """
    for view in book.stages:
        back = book.view(view.stage.rollback.to) if view.stage.rollback is not None else None
        if back is not None and back.exposure.weight < view.exposure.weight:
            return view
    return first_live(book) or book.stages[0]


def may_approve(book: Book) -> tuple[str, ...]:
    """
    The roles that may agree.
    """
    return tuple(name for name, role in book.plan.team.roles.items() if "approve" in role.may)


def _shares(view: StageView, back: StageView | None, event: str) -> Mapping[str, float]:
    before = back.exposure.weight if back is not None else 0.0
    if event in BACK:
        return {"weight": before, "weight_before": view.exposure.weight}
    return {"weight": view.exposure.weight, "weight_before": before}


def _trigger(book: Book) -> Mapping[str, Any]:
    name = next((name for name, guard in book.plan.guards.items() if guard.on_trip == "rollback"), None)
    if name is None:
        return {"trigger": "somebody who saw it", "numbers": (), "signatures": ()}
    return {"trigger": f"guard {name}", "numbers": (f"{name}: {numbers(book.plan.guards[name])}",)}
