"""
What leads back from a stage by itself, and what is typed.
"""

from typing import Any

import pytest

from proxy.plan.render.book import Book
from proxy.plan.render.documents import render_markdown
from proxy.plan.render.making import make_book
from proxy.plan.render.watching import acts, back, failing, tripping
from tests.parts.plans import a_plan

EVENT = {"event": "mismatch", "max": 0.01}
GUARDS = {
    "back": EVENT,
    "back_quiet": {**EVENT, "mirror_off": True},
    "hold": {**EVENT, "on_trip": "hold"},
    "quiet": {**EVENT, "on_trip": "mirror_off"},
    "blind": {"source": "blind"},
}
GATES = {"back": EVENT, "hold": {**EVENT, "on_fail": "hold"}}


def book() -> Book:
    """
    Shadow, live, and a stage without a way back.
    """
    last: dict[str, Any] = {"weight": 100, "reversible": False, "name": "last", "rollback": {"to": "s1"}}
    return make_book(a_plan({"weight": 0}, {"weight": 10}, last, guards=GUARDS, gates=GATES), "0" * 64, "plan.yaml")


@pytest.mark.parametrize(
    ("guard", "shadow", "live", "last"),
    [
        ("back", "no: it holds", "yes, by itself, to s0", "no: it holds"),
        ("back_quiet", "no: it switches copies off", "yes, by itself, to s0, without copies", "no: it switches copies"),
        ("hold", "no: it holds", "no: it holds", "no: it holds"),
        ("quiet", "no: it switches copies off", "no: it switches copies off", "no: it switches copies off"),
        ("blind", "no: it holds", "no: it holds", "no: it holds"),
    ],
)
def test_a_guard_leads_back_where_new_answers_clients(guard: str, shadow: str, live: str, last: str) -> None:
    """
    And where there is a way back; else it holds, or switches copies off.
    """
    made = book()
    found = [tripping(made.plan.guards[guard], view) for view in made.stages]

    assert [said.startswith(expected) for said, expected in zip(found, (shadow, live, last), strict=True)] == [True] * 3


def test_a_gate_leads_back_in_the_same_way() -> None:
    """
    If it says so.
    """
    made = book()
    found = {name: [failing(gate, view)[:3] for view in made.stages] for name, gate in made.plan.gates.items()}

    assert found == {"back": ["no:", "yes", "no:"], "hold": ["no:", "no:", "no:"]}


def test_a_guard_says_what_it_does_everywhere() -> None:
    """
    In one clause.
    """
    made = book()

    assert [acts(made.plan.guards[name]) for name in ("back", "back_quiet", "quiet", "hold")] == [
        "rolls back where new answers clients, else holds",
        "rolls back where new answers clients and switches copies off, else switches copies off and holds",
        "switches copies off and holds",
        "holds",
    ]


def test_a_point_of_no_return_has_to_be_told_where_to_go() -> None:
    """
    Its page says so, at the top.
    """
    made = book()
    documents = render_markdown(made)
    page = documents["rollback/03-last.md"]

    assert [command for command, _ in back(made, made.stages[2])] == [
        "parallax plan rollback --to s1 --reason 'what was seen'"
    ]
    assert "**Point of no return.**" in page
    assert "It goes back to" not in page
    assert "s1 is passed; agreed to by 1 person of any operator" in documents["runbook.md"]
