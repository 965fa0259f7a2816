"""
What a notice says: a subject and a plain text, by event and audience, from templates (Jinja2, in a sandbox).

Those that are built in lie beside this module and say what they can with the facts there are. A plan's own may name
facts only; one that doesn't work is never in the way of a notice.
"""

import math
import re
from collections.abc import Mapping
from typing import Any, Final

from jinja2 import PackageLoader, StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

AUDIENCES: Final = ("engineers", "stakeholders", "status", "executive")
# What a status page calls it. Readers there know no stages: work on a plan is one incident or maintenance to them.
STATUS: Final[Mapping[str, str]] = {
    "window_notice": "Scheduled",
    "stage_start": "In progress",
    "forced": "In progress",
    "hold": "In progress",
    "resume": "In progress",
    "stage_passed": "Verifying",
    "approval_wanted": "Verifying",
    "rollback": "Investigating",
    "rolled_back": "Resolved",
    "finished": "Completed",
    "aborted": "Completed",
    "test": "Test",
}
EVENTS: Final = tuple(STATUS)
# Every fact that templates may name, and what stands for one that isn't known.
FACTS: Final[Mapping[str, Any]] = {
    "plan": "",  # its name
    "title": "",  # what readers call it; the plan's name if it has none
    "stage": "",
    "next_stage": "",
    "to": "",  # the stage that is gone back to
    "when": "",  # times are texts, in the plan's time zone
    "until": "",
    "opens": "",
    "closes": "",
    "took": "",
    "by": "",
    "second": "",  # who forced it with them
    "reason": "",
    "note": "",
    "trigger": "",  # the guard or gate
    "weight": 0.0,  # new's share from now on, in percent
    "weight_before": None,
    "mirror": 0.0,
    "numbers": (),  # sentences
    "gates": (),  # sentences
    "signatures": (),  # sentences, those that were seen most first
    "users_exposed": None,  # a number
    "waiting_for": (),  # roles or names
    "evidence": "",  # its digest
    "impact": "",
    "users_may_notice": "",
    "next_update": "",
    "contact": "",
    "links": {},  # addresses by what they lead to
}
NAMES: Final = ("plan", "title", "stage", "next_stage", "to")
# Characters. A subject becomes a mail's header; a text has to fit into a chat's message.
LONGEST_SUBJECT: Final = 150
LONGEST_TEXT: Final = 16_000

# What a template can do wrong.
UNUSABLE: Final = (TemplateError, ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


def percent(value: float) -> str:
    """
    A share as people read it: "10 %", "0.25 %".
    """
    return f"{value:.2f}".rstrip("0").rstrip(".") + " %"


def _environment() -> ImmutableSandboxedEnvironment:
    # Texts are for mails and chats, not for browsers, so nothing is escaped.
    made = ImmutableSandboxedEnvironment(
        loader=PackageLoader("proxy.plan", "templates"),
        undefined=StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters["percent"] = percent
    return made


ENVIRONMENT: Final = _environment()


def render_notice(event: str, audience: str, facts: Mapping[str, Any], own: str | None = None) -> tuple[str, str]:
    """
    Subject and text. `own` is the text of a template of the plan's: its first line is the subject, and it may extend
    "notice.j2" or that of an event, such as "rollback.j2". If it doesn't work, the one that is built in is taken, and
    says so at its end. Raises nothing: a rollback that could not be told of would be worse than any words.
    """
    known = _known(event, audience, facts)
    trouble = ""
    if own is not None:
        try:
            return _rendered(own, known)
        except UNUSABLE as error:
            trouble = f"\n\n(The plan's own template for {event} can't be used: {_why(error)}.)"
    try:
        subject, text = _rendered(_built_in(event), known)
    except UNUSABLE:
        # Facts of another kind than templates expect: a mistake of ours.
        subject, text = f"{known['title']}: {event}", "\n".join(f"{name}: {said}" for name, said in facts.items())
    return subject, text + trouble


def check_wording(own: str, event: str) -> None:
    """
    Try a template of a plan's own for an event, for every audience, with no facts and with all. Raises ValueError, in
    words for who wrote it.
    """
    for audience in AUDIENCES:
        for facts in ({}, EXAMPLE):
            try:
                _rendered(own, _known(event, audience, facts))
            except UNUSABLE as error:
                raise ValueError(f"it can't be used for {audience}: {_why(error)}") from None


def _built_in(event: str) -> str:
    return f'{{% extends "{event}.j2" %}}'


def _known(event: str, audience: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    known = {**FACTS, **facts, "event": event, "audience": audience, "status": STATUS.get(event, "In progress")}
    # These stand in subjects, which are one line.
    names = {name: " ".join(str(known[name]).split()) for name in NAMES}
    exposed = known["users_exposed"]
    if isinstance(exposed, float) and math.isfinite(exposed):
        # An estimate; people are whole, and a part of one is one.
        known["users_exposed"] = math.ceil(exposed)
    return {**known, **names, "title": names["title"] or names["plan"]}


def _rendered(source: str, known: Mapping[str, Any]) -> tuple[str, str]:
    said = ENVIRONMENT.from_string(source).render(known)
    subject, _, text = said.strip().partition("\n")
    # One line of what can be printed: no fact can add a header to a mail.
    subject = " ".join("".join(one if one.isprintable() else " " for one in subject).split())
    if not subject:
        raise ValueError("its first line, the subject, is empty")
    lines = "\n".join(line.rstrip() for line in text.splitlines())
    text = re.sub(r"\n{3,}", "\n\n", lines).strip()
    return _cut(subject, LONGEST_SUBJECT), _cut(text, LONGEST_TEXT)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _why(error: Exception) -> str:
    line = getattr(error, "lineno", None)
    said = str(error).split("\n", maxsplit=1)[0] or type(error).__name__
    return f"line {line}: {said}" if line else said


# A rollback as it may be, with every fact: for previews, and to try templates with.
EXAMPLE: Final[Mapping[str, Any]] = {
    "plan": "orders-v2",
    "title": "Orders",
    "stage": "live-10",
    "next_stage": "live-50",
    "to": "live-1",
    "when": "2027-03-02 10:04 CET",
    "until": "2027-03-02 14:04 CET",
    "opens": "2027-03-02 09:00 CET",
    "closes": "2027-03-02 16:00 CET",
    "took": "4 s",
    "by": "alice",
    "second": "frank",
    "reason": "the shop's sale begins",
    "note": "cause found and taken out",
    "trigger": "guard bad-answers",
    "weight": 1.0,
    "weight_before": 10.0,
    "mirror": 100.0,
    "numbers": ("bad-answers: 31 of 1,204 pairs differ (2.6 %), budget 0.5 %",),
    "gates": ("mismatch: 2 of 41,200 pairs differ, budget 0.2 %: pass",),
    "signatures": ("GET /orders/{id}: $.total is another number (28 times)",),
    "users_exposed": 3,
    "waiting_for": ("lead", "sponsor"),
    "evidence": "9f2c41d0",
    "impact": "about 0.3 % of orders showed a wrong total for 12 seconds.",
    "users_may_notice": "a wrong total, until they reload.",
    "next_update": "2027-03-02 11:00 CET",
    "contact": "payments-platform, +49 30 1234",
    "links": {"Status": "https://parallax.example/", "Runbook": "https://wiki.example/orders-v2"},
}
