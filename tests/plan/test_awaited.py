"""
What is waited for, and what ends it.
"""

from typing import Any

import pytest

from proxy.plan.awaited import awaited
from proxy.plan.model import Plan
from proxy.plan.state import Approval, Hold, Phase, Pin, State, Step
from tests.parts.migration import MONDAY
from tests.parts.plans import a_plan

TEAM = {
    "roles": {
        "lead": {"who": ("alice", "bob"), "may": ("start", "approve")},
        "data": {"who": ("carol",), "deputies": ("dan",), "may": ("approve",)},
    },
    "reviewers": ("data",),
}
PLAN = a_plan(
    {"weight": 0, "advance": "approve", "approvals": {"count": 2, "must_include": ("data",)}},
    {"weight": 10},
    team=TEAM,
    timezone="Europe/Berlin",
    checklists={"cutover": ({"auto": "store"}, {"manual": "Backup is restored", "owner": "data"})},
)


def said(plan: Plan = PLAN, undelivered: tuple[str, ...] = (), **given: Any) -> list[str]:
    """
    What is waited for in a state.
    """
    usual = {"phase": Phase.RUNNING, "step": Step.WAITING, "at": 0}
    return awaited(plan, State(**{**usual, **given}), undelivered, MONDAY)


def approvals(*names: str) -> tuple[Approval, ...]:
    """
    Given by these.
    """
    return tuple(Approval(by=name, at=MONDAY, stage="s0", attempt=1, evidence="e") for name in names)


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        ((), "approval: 0 of 2, and somebody of data (carol or, as deputy, dan) is missing"),
        (
            ("alice", "bob"),
            "approval: 2 of 2 (by alice, bob), and somebody of data (carol or, as deputy, dan) is missing",
        ),
        (("dan",), "approval: 1 of 2 (by dan); alice, bob, carol may approve"),
    ],
)
def test_an_approval_says_how_many_by_whom_and_who_is_missing(names: tuple[str, ...], sentence: str) -> None:
    """
    So that everybody knows whom to ask.
    """
    assert said(waits=("approval",), approvals=approvals(*names)) == [sentence]


def test_a_window_says_when_it_opens() -> None:
    """
    In the plan's time zone.
    """
    window = {"allow": ("Tue 09:00-17:00",)}
    closed = a_plan({"weight": 0}, timezone="Europe/Berlin", windows={"default": window})

    assert said(closed, waits=("window",)) == ["window: opens Tue 3 Mar 2026, 09:00 CET (Europe/Berlin)"]


def test_pins_say_how_much_is_missing() -> None:
    """
    Those of this stage or an earlier one, each.
    """
    pins = (
        Pin(signature="5edc", endpoint="GET /stock/{id}", stage="s1", clean=12),
        Pin(signature="gone", endpoint="GET /", stage="s0", clean=10_000),
    )

    assert said(stage=1, waits=("pins",), pins=pins) == ["pins: 5edc at GET /stock/{id}: 12 of 100 pairs without it"]


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("notice", "notice: rollback to ops"),
        ("cutover/1", "checklist: cutover/1 store"),
        ("cutover/2", "checklist: cutover/2 Backup is restored (data)"),
        ("host/1", "workers: host/1"),
        ("signature", "signature: somebody of data (carol or, as deputy, dan)"),
        ("kill", "kill: everything is on old, until somebody says `parallax restore`"),
    ],
)
def test_everything_that_is_waited_for_has_its_sentence(word: str, sentence: str) -> None:
    """
    Never only a word.
    """
    assert said(waits=(word,), undelivered=("rollback to ops",)) == [sentence]


def test_a_draft_and_a_hold_wait_for_people() -> None:
    """
    By what they have to say.
    """
    assert said(phase=Phase.DRAFT)[0] == "signature: somebody of data (carol or, as deputy, dan)"
    assert said(phase=Phase.DRAFT, signed={"data": "carol"}) == ["somebody who says `parallax plan start`"]
    assert "parallax plan resume" in said(step=Step.HELD, held=Hold.OPERATOR)[0]
