"""
What a migration under way tells, from the step to the words: by the real controller, without traffic.
"""

import json
from typing import Any

from proxy.notify.channel import Channel
from proxy.plan.moves import Tell
from proxy.plan.outbox import Notice
from proxy.plan.telling import channels, notices, trials
from proxy.plan.wording import AUDIENCES, EVENTS, FACTS
from tests.parts.migration import MONDAY, Migration, at
from tests.parts.plans import a_plan

COMMS: dict[str, Any] = {
    "channels": {
        "ops": {"webhook": "http://127.0.0.1/ops", "headers": {"X-Token": "env:OPS"}, "secret": "env:SECRET"},
        "people": {"apprise": "env:MAIL", "audience": "stakeholders"},
        "status": {"webhook": "http://127.0.0.1/status", "audience": "status"},
        "board": {"apprise": "env:BOARD", "audience": "executive"},
    },
    "tell": {event: ("ops", "people", "status", "board") for event in EVENTS if event != "test"},
    "must_deliver": ("rollback",),
    "contact": "payments-platform",
    "next_update": 3600,
}
GATE = {"event": "mismatch", "max": 0.01}
PLAN = a_plan(
    {"weight": 0, "gates": ("same",)},
    {"weight": 10, "gates": ("same",), "name": "live-10", "title": "A tenth"},
    gates={"same": GATE},
    guards={"wrong": GATE},
    comms=COMMS,
    title="Orders",
    timezone="Europe/Berlin",
)
TOOK = {"checks": {f"channel/{name}": (True, "took it") for name in COMMS["channels"]}}
WRONG = (("s1", "GET /a", "$.b is another number"),)


def live() -> Migration:
    """
    One whose second stage is live.
    """
    return at(PLAN, 1, given=TOOK)


def told(migration: Migration, event: str) -> dict[str, Notice]:
    """
    The last notices of an event, by audience.
    """
    tell = [tell for tell in migration.told if tell.event == event][-1]
    return {notice.audience: notice for notice in notices(PLAN, [tell], seq=7, now=migration.now)}


def test_each_channel_of_an_event_gets_its_audiences_words() -> None:
    """
    Under a number of its own, which is the same when it is made again.
    """
    migration = live().trip("wrong", signatures=WRONG)
    found = told(migration, "rollback")

    assert set(found) == set(AUDIENCES)
    assert found == told(migration, "rollback")
    assert len({notice.id for notice in found.values()}) == 4
    assert {(notice.must, notice.seq, notice.since) for notice in found.values()} == {(True, 7, migration.now)}
    assert not any(notice.must for notice in told(migration, "stage_start").values())
    assert found["status"].subject == "Investigating: Orders"
    assert found["engineers"].channel == "ops"


def test_a_rollback_by_a_guard_says_what_it_counted() -> None:
    """
    To engineers; the others read what they need.
    """
    migration = live().trip("wrong", signatures=WRONG)
    subject, text = (getattr(told(migration, "rollback")["engineers"], name) for name in ("subject", "text"))
    others = told(migration, "rollback")["stakeholders"].text

    assert subject == "Orders: rolling back from live-10 to s0"
    assert "orders rolls back from live-10 to s0 at Mon 2 Mar 2026, " in text
    assert "\nTrigger: " in text
    assert "\n- wrong: 5 % are wrong\n" in text
    assert "\n- GET /a: $.b is another number (`parallax evidence show s1`)\n" in text
    assert "Users exposed: 4.\nNew answers 0 % of requests from now on; it was 10 %." in text
    assert "\nContact: payments-platform" in text
    assert "the new system did worse than it may (" in others


def test_a_rollback_by_a_person_accuses_nobody() -> None:
    """
    It has a reason and no trigger.
    """
    text = told(live().order("rollback", reason="the sale begins"), "rollback")["stakeholders"].text

    assert text.startswith("The migration goes back to s0, by alice: the sale begins.")


def test_all_that_a_plan_tells_has_words() -> None:
    """
    Whatever a migration comes to: a step gives no fact that templates don't know, and each makes a text.
    """
    migration = live().order("hold").order("resume").trip("wrong").look().look()
    other = live().order("abort")
    passed = at(PLAN, 1, given=TOOK)
    passed.gates = {"same": "pass"}
    passed.looks(700, 20)
    tells = (*migration.told, *other.told, *passed.told)

    assert {tell.event for tell in tells} >= {
        *("stage_start", "stage_passed", "hold", "resume", "rollback", "rolled_back", "finished", "aborted"),
    }
    for tell in tells:
        assert set(tell.facts) <= set(FACTS), tell.event
        for notice in notices(PLAN, [tell], seq=1, now=migration.now, address="https://a.example"):
            assert "Orders" in notice.subject
            assert "\nImpact: " in notice.text
            assert ("https://a.example/" in notice.text) == (notice.audience in {"engineers", "stakeholders"})
            json.dumps(dict(notice.data))


def test_a_rollback_leads_to_the_evidence() -> None:
    """
    An address for each signature, and one for the plan.
    """
    tell = live().trip("wrong", signatures=WRONG).told[-1]
    text = notices(PLAN, [tell], seq=1, now=MONDAY, address="http://127.0.0.1:9900")[0].text

    assert "where the plan is: http://127.0.0.1:9900/admin/plan\n" in text
    assert "evidence of s1: http://127.0.0.1:9900/admin/divergences/s1" in text


def test_a_channel_that_the_plan_does_not_have_gets_nothing() -> None:
    """
    Nor does an event that nobody wants to hear of; and a Tell may be for some channels only.
    """
    gone = Tell(id="x", event="hold", stage="s0", channels=("gone",))
    some = Tell(id="x", event="hold", stage="s0", channels=("people",))

    assert notices(PLAN, [gone], seq=1, now=MONDAY) == ()
    assert [notice.channel for notice in notices(PLAN, [some], seq=1, now=MONDAY)] == ["people"]
    assert notices(a_plan({"weight": 0}), [Tell(id="x", event="hold", stage="s0")], seq=1, now=MONDAY) == ()


def test_words_of_the_plans_own_are_used() -> None:
    """
    For their event.
    """
    tell = Tell(id="x", event="hold", stage="s0", facts={"stage": "s0", "reason": "why"}, channels=("ops",))
    [notice] = notices(PLAN, [tell], seq=1, now=MONDAY, own={"hold": "{{ stage }} waits\n\n{{ reason }}"})

    assert (notice.subject, notice.text) == ("s0 waits", "why")


def test_every_channel_can_be_tried() -> None:
    """
    With a test of its own, in the words of its audience.
    """
    made = trials(PLAN, "run", MONDAY)

    assert [(notice.channel, notice.event, notice.must) for notice in made] == [
        (name, "test", False) for name in COMMS["channels"]
    ]
    assert made[0].subject == "Orders: a test"
    assert len({notice.id for notice in made}) == len(made)


def test_channels_are_where_the_plan_says() -> None:
    """
    With secrets as they are named there.
    """
    assert channels(PLAN)["ops"] == Channel(
        webhook="http://127.0.0.1/ops", headers={"x-token": "env:OPS"}, secret="env:SECRET"
    )
    assert channels(PLAN)["people"] == Channel(apprise="env:MAIL")
