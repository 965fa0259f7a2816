"""
What gates and guards of a plan have seen: kept over restarts, and begun anew when the state says so.
"""

import json
from dataclasses import replace
from typing import Any

from proxy.gates.merging import Count, Counts
from proxy.gates.promql import Reading
from proxy.plan.judging import Judging, evidence_digest
from proxy.plan.state import State
from tests.parts.plans import a_plan

PLAN = a_plan(
    {"weight": 0, "gates": ("errors", "same", "load", "whole")},
    gates={
        "errors": {"event": "old_ok & new_error", "max": 0.01, "min": 10},
        "same": {"event": "old_ok & new_error", "max": 0.05, "min": 10},
        "load": {
            "source": "promql",
            "query": "up",
            "condition": "< 1.5 * baseline",
            "pass": "2 of 2",
            "fail": "2 of 2",
        },
        "whole": {"source": "completeness", "min": 0.9},
    },
    guards={
        "dying": {"event": "old_ok & new_error", "max": 0.02, "detect": ("10x",), "false_alarm_every": 1000},
        "hot": {"source": "promql", "query": "up", "condition": "< 2", "fail": "1 of 1"},
        "blind": {"source": "blind", "no_data_for": "60s"},
    },
    prometheus={"url": "http://127.0.0.1:1"},
)
STATE = State(epoch=1, armed=1)


def judging() -> Judging:
    """
    One that follows `STATE`.
    """
    made = Judging(PLAN)
    made.follow(STATE)
    return made


def counts(judged: Judging, bad: int, n: int) -> Counts:
    """
    So many pairs, all compared.
    """
    (event,) = judged.events
    return Counts(events={event.id: {"": Count(n=n, bad=bad)}}, eligible=n, compared=n)


def said(judged: Judging) -> dict[str, Any]:
    """
    All that its gates say.
    """
    return {name: outcome.as_values() for name, outcome in judged.outcomes(PLAN.stages[0].gates).items()}


def test_equal_events_are_counted_once() -> None:
    """
    Two gates and a guard ask for the same.
    """
    assert len(judging().events) == 1


def test_who_goes_on_after_a_restart_says_what_he_would_have_said() -> None:
    """
    Of counts, questions and completeness.
    """
    one, before = judging(), judging()
    for judged in (one, before):
        judged.take(counts(judged, 1, 400), 1.0)
        judged.answered("load", Reading(kind="value", value=2.0), 5.0)
    after = Judging(PLAN)
    after.restore(json.loads(json.dumps(before.as_values())), 5.5)
    after.follow(STATE)
    for judged in (one, after):
        judged.take(counts(judged, 2, 700), 1.0)
        judged.answered("load", Reading(kind="value", value=2.5), 6.0)
    strip = ("eta", "sentence")
    shown = [
        {name: {key: value for key, value in values.items() if key not in strip} for name, values in said(each).items()}
        for each in (one, after)
    ]

    assert shown[0] == shown[1]
    assert shown[0]["errors"]["n"] == 1100
    assert shown[0]["load"]["result"] == "pass"
    assert shown[0]["whole"]["result"] == "pass"


def test_what_was_answered_before_a_restart_counts_as_long_as_it_is_fresh() -> None:
    """
    Nothing got worse by it: no stage is observed again and no approval void. Three questions later nobody knows, and
    another question by the same name was never answered.
    """
    before = judging()
    for at in (100.0, 130.0):
        before.answered("load", Reading(kind="value", value=2.0), at)
    kept = json.loads(json.dumps(before.as_values()))
    every = PLAN.gates["load"].every  # type: ignore[union-attr]
    other = a_plan(
        {"weight": 0, "gates": ("load",)},
        gates={"load": {"source": "promql", "query": "down", "condition": "< 1.5 * baseline"}},
        prometheus={"url": "http://127.0.0.1:1"},
    )
    results = {}
    for name, plan, now in (
        ("fresh", PLAN, 130.0 + 2.9 * every),
        ("stale", PLAN, 130.0 + 3.0 * every),
        ("other", other, 131.0),
    ):
        after = Judging(plan)
        after.restore(kept, now)
        after.follow(STATE)
        results[name] = {gate: one.result for gate, one in after.outcomes(("load",)).items()}

    assert results == {"fresh": {"load": "pass"}, "stale": {}, "other": {}}


def test_another_epoch_is_gates_begun_anew_and_guards_go_on() -> None:
    """
    And another arming the other way round. A baseline stays.
    """
    judged = judging()
    judged.take(counts(judged, 30, 100), 1.0)
    judged.answered("load", Reading(kind="value", value=2.0), 5.0)
    assert [trip.guard for trip in judged.trips()] == ["dying"]
    judged.follow(replace(STATE, epoch=2))
    assert said(judged)["errors"]["n"] == 0
    assert "load" not in said(judged)
    assert [trip.guard for trip in judged.trips()] == ["dying"]
    judged.follow(replace(STATE, epoch=2, armed=2))
    assert judged.trips() == ()
    judged.answered("load", Reading(kind="value", value=3.5), 6.0)
    assert said(judged)["load"]["budget"] == 3.0


def test_the_minute_in_which_an_epoch_begins_is_not_evidence_of_it() -> None:
    """
    Its keys were seen before: a rule that was mended must not fail by what it found before, also after a restart.
    """
    gates = {"keys": {"event": "mismatch", "max": 0.1, "min": 10, "unit": "key/60s"}}
    plan = a_plan({"weight": 0, "gates": ("keys",)}, gates=gates)
    first, successor = Judging(plan), Judging(plan)
    first.follow(State(epoch=2, looked=3630.0))
    successor.restore(json.loads(json.dumps(first.as_values())), 3640.0)
    found = Counts(events={first.events[0].id: {"": Count(n=1000, bad=1000)}}, since=60)

    for judged in (first, successor):
        judged.take(found, 1.0)
        assert judged.outcomes(("keys",))["keys"].result == "inconclusive"
        judged.take(replace(found, since=61), 1.0)
        assert judged.outcomes(("keys",))["keys"].result == "fail"


def test_a_guard_that_asks_trips_by_its_answers_and_never_by_silence() -> None:
    """
    A question that fails is counted, and accuses nobody.
    """
    judged = judging()
    for _ in range(3):
        judged.answered("hot", Reading(kind="error", why="it doesn't answer"), 1.0)
    assert judged.trips() == ()
    assert judged.errors == {"hot": 3}
    judged.answered("hot", Reading(kind="value", value=5.0), 2.0)

    assert [trip.guard for trip in judged.trips()] == ["hot"]
    assert judged.errors == {}


def test_guards_show_how_near_they_are() -> None:
    """
    The one for blindness by the seconds without data.
    """
    shown = {guard.guard: guard.share for guard in judging().guards(30.0)}

    assert shown == {"dying": 0.0, "blind": 0.5, "hot": 0.0}


def test_what_approvers_have_seen_changes_with_results_only() -> None:
    """
    Not with each pair.
    """
    judged = judging()
    judged.take(counts(judged, 0, 4000), 1.0)
    first = evidence_digest(judged.outcomes(("errors",)))
    judged.take(counts(judged, 0, 40), 1.0)
    second = evidence_digest(judged.outcomes(("errors",)))
    judged.take(counts(judged, 4000, 4000), 1.0)

    assert first == second != evidence_digest(judged.outcomes(("errors",)))
