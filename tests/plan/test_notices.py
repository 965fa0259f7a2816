"""
What people are told of a plan's transitions: each once, with facts that the texts know.
"""

import pytest

from proxy.plan.notices import lasted
from proxy.plan.wording import FACTS, render_notice
from tests.parts.migration import Migration, at
from tests.parts.plans import a_plan

PLAN = a_plan(
    {"weight": 0, "gates": ("answers",)},
    {"weight": 10, "gates": ("answers",), "advance": "approve"},
    {"weight": 50, "gates": ("answers",)},
    gates={"answers": {"event": "mismatch", "max": 0.01}},
    guards={"wrong": {"event": "mismatch", "max": 0.05}},
    title="Orders, second edition",
    timezone="Europe/Berlin",
)


def a_long_story() -> Migration:
    """
    A plan to which about everything happens that people are told of.
    """
    migration = at(PLAN, 1, "ready").looks(700).order("approve", by="bob")
    migration.until("observing").trip("wrong", signatures=(("sig", "GET /orders", "total differs"),)).look()
    migration.until("observing", seconds=600).order("hold").order("resume")
    migration.order("force", seconds=600.0)
    migration.gates = {"answers": "pass"}
    while "finished" not in migration.events:
        migration.look(60)
    at_the_end = at(PLAN, 1).order("abort")
    migration.told += [notice for notice in at_the_end.told if notice.event == "aborted"]
    return migration


def test_every_notice_has_facts_that_its_texts_know() -> None:
    """
    And every event but that of a window, which has a test of its own, is told of in a long story.
    """
    told = a_long_story().told

    assert {notice.event for notice in told} == {
        *("stage_start", "stage_passed", "approval_wanted", "hold", "resume"),
        *("rollback", "rolled_back", "forced", "finished", "aborted"),
    }
    for notice in told:
        assert notice.facts.keys() <= FACTS.keys(), notice
        assert "can't be used" not in render_notice(notice.event, "engineers", notice.facts)[1]


def test_no_two_notices_have_the_same_id() -> None:
    """
    So that each arrives exactly once.
    """
    told = a_long_story().told[:-1]

    assert len({notice.id for notice in told}) == len(told)


def test_a_transition_that_is_made_again_has_the_same_notice() -> None:
    """
    When nobody knows whether the first was saved.
    """
    once, again = at(PLAN, 1), at(PLAN, 1)

    once.trip("wrong")
    again.is_kept = False
    again.trip("wrong")

    assert once.told[-1] == again.told[-1]


def test_a_rollback_says_what_people_ask() -> None:
    """
    What triggered it, the numbers, the signatures, about how many users, where it goes, and when they hear again.
    """
    migration = at(PLAN, 1).trip("wrong", signatures=(("sig", "GET /orders", "total differs"),))

    notice = migration.told[-1]

    assert notice.facts["trigger"] == "guard wrong: 5 % are wrong"
    assert notice.facts["signatures"] == ("GET /orders: total differs (`parallax evidence show sig`)",)
    assert notice.facts["users_exposed"] == 4.0
    assert (notice.facts["stage"], notice.facts["to"]) == ("s1", "s0")
    assert (notice.facts["weight_before"], notice.facts["weight"]) == (10, 0)
    assert "CET" in str(notice.facts["next_update"])


def test_a_stage_says_what_new_had_before() -> None:
    """
    At the stage that was left.
    """
    told = at(PLAN, 2).told
    begun = [(one.facts["weight_before"], one.facts["weight"]) for one in told if one.event == "stage_start"]

    assert begun == [(0, 0), (0, 10), (10, 50)]


@pytest.mark.parametrize(
    ("of", "keys", "by_new", "users"),
    [
        ("pairs", 20, 0.2, 4.0),
        ("pairs", 0, 0.2, 8.0),
        ("pairs", 20, 0.0, 0.0),
        ("new", 20, 0.5, 10.0),
        ("served", 20, 0.2, 20),
        ("served", 0, None, 40),
    ],
)
def test_users_exposed_are_the_keys_that_new_answered_wrongly(
    of: str, keys: int, by_new: float | None, users: float
) -> None:
    """
    Of pairs and copies it answered its share, of what was served all; without keys, each bad one is somebody's.
    """
    event = "mismatch" if of == "pairs" else "new_error"
    guards = {"wrong": {"event": event, "of": of, "max": 0.05}}
    plan = a_plan({"weight": 0}, {"weight": 10, "cohorts": {"staff": 100.0}}, guards=guards)

    assert at(plan, 1).trip("wrong", keys=keys, by_new=by_new).told[-1].facts["users_exposed"] == users


def test_where_nothing_has_risen_what_was_seen_is_told_and_not_pinned() -> None:
    """
    People look at it; the plan doesn't wait until it is gone.
    """
    migration = at(PLAN, 1).trip("wrong", others=(("sig", "GET /orders", "total differs"),))

    assert migration.told[-1].signatures == ("sig",)
    assert "total differs" in str(migration.told[-1].facts["signatures"])
    assert migration.state.pins == ()


def test_nobody_pretends_to_know_how_many_users_a_route_or_cohort_has() -> None:
    """
    Where new has more than one share, how many of the bad ones it answered isn't known.
    """
    plan = a_plan({"weight": 0}, {"cohorts": {"staff": 100.0}}, guards={"wrong": {"event": "mismatch", "max": 0.05}})

    assert at(plan, 1).trip("wrong").told[-1].facts["users_exposed"] is None


def test_an_approval_that_is_one_of_two_is_not_asked_for_again() -> None:
    """
    Once for each time that a stage is ready.
    """
    plan = a_plan({"weight": 0, "advance": "approve", "approvals": {"count": 2}}, {"weight": 10})
    migration = at(plan, 0, "ready").looks(3).order("approve", "bob").looks(3).order("approve", "carol").looks(3)

    assert migration.events.count("approval_wanted") == 1


def test_deputies_are_told_of_an_approval_that_nobody_gives() -> None:
    """
    Once, when the time to acknowledge is over.
    """
    team = {
        "roles": {
            "lead": {"who": ("alice",), "deputies": ("dora",), "may": ("start", "approve")},
            "qa": {"who": ("bob",), "may": ("approve",)},
        }
    }
    plan = a_plan({"weight": 0, "advance": "approve"}, {"weight": 10}, team=team)
    migration = at(plan, 0, "ready")

    migration.looks(1300)

    wanted = [notice.facts["waiting_for"] for notice in migration.told if notice.event == "approval_wanted"]
    assert wanted == [("1 approval",), ("1 approval", "dora")]


@pytest.mark.parametrize(("seconds", "said"), [(40, "40 s"), (1500, "25 min"), (10_800, "3 h"), (1_036_800, "12 days")])
def test_durations_are_said_as_people_say_them(seconds: float, said: str) -> None:
    """
    In the largest unit of which there are two.
    """
    assert lasted(seconds) == said
