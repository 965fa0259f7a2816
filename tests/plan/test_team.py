"""
Who may do what in a plan.
"""

from typing import Any

from proxy.plan.team import agreed, may, people_who_may, roles_of
from tests.parts.plans import a_plan

ROLES: dict[str, Any] = {
    "lead": {"who": ("alice",), "deputies": ("bob",), "may": ("start", "approve")},
    "data": {"who": ("alice", "dan"), "may": ("approve",)},
    "scribe": {"who": ("erin",), "may": ("note",)},
}
PLAN = a_plan({"weight": 0}, team={"roles": ROLES})
FREE = a_plan({"weight": 0})


def test_roles_are_known_by_the_names_of_tokens() -> None:
    """
    Of those who have them, and of their deputies.
    """
    assert [roles_of(PLAN, name) for name in ("alice", "bob", "eve")] == [("lead", "data"), ("lead",), ()]


def test_without_a_team_anybody_may_do_anything() -> None:
    """
    Tokens of operators, that is; viewers don't get as far.
    """
    assert may(FREE, "whoever", "force")
    assert not may(PLAN, "whoever", "tick")
    assert [may(PLAN, "erin", move) for move in ("hold", "rollback", "approve")] == [True, True, False]
    assert people_who_may(PLAN, "approve") == ("alice", "bob", "dan")


def test_nobody_counts_for_two_roles() -> None:
    """
    Alice is lead or data, not both; somebody else has to be the other.
    """
    assert not agreed(PLAN, ["alice", "erin"], 2, ("lead", "data"))
    assert agreed(PLAN, ["alice", "bob"], 2, ("lead", "data"))
    assert agreed(PLAN, ["dan", "alice"], 2, ("data", "lead"))


def test_a_name_counts_once() -> None:
    """
    However often it is said.
    """
    assert not agreed(FREE, ["alice", "alice"], 2)
    assert agreed(FREE, ["alice", "bob"], 2)
