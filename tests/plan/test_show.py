"""
What `GET /admin/plan` tells: where the plan is, and who is waited for.
"""

from dataclasses import replace

import pytest

from proxy.gates.outcome import Outcome
from proxy.plan.show import Seen
from proxy.plan.state import Done, Hold, Phase, State, Step
from tests.parts.shown import ANSWERS, RUNNING, SEEN, a_status


def states(state: State) -> list[str]:
    """
    Of its stages.
    """
    return [stage["state"] for stage in a_status(state)["stages"]]


def test_stages_say_where_the_plan_is() -> None:
    """
    Behind it, here, before it; after a rollback, that it was there; nothing is passed in a draft.
    """
    assert states(RUNNING) == ["passed", "present", "to_come"]
    assert states(replace(RUNNING, stage=0, at=0)) == ["present", "rolled_back", "to_come"]
    assert states(State()) == ["to_come"] * 3
    assert states(replace(RUNNING, phase=Phase.FINISHED)) == ["passed"] * 3
    assert states(replace(RUNNING, phase=Phase.ABORTED)) == ["rolled_back", "rolled_back", "to_come"]


@pytest.mark.parametrize(
    ("step", "outcome", "eta"),
    [
        (Step.OBSERVING, ANSWERS, 500.0),
        (Step.OBSERVING, replace(ANSWERS, eta=900.0), 900.0),
        (Step.OBSERVING, replace(ANSWERS, eta=None), None),
        (Step.OBSERVING, replace(ANSWERS, result="pass", eta=None), 500.0),
        (Step.OBSERVING, replace(ANSWERS, result="fail"), None),
        (Step.READY, ANSWERS, 0.0),
        (Step.HELD, ANSWERS, None),
    ],
)
def test_it_says_when_the_stage_could_be_left(step: Step, outcome: Outcome, eta: float | None) -> None:
    """
    When it was watched long enough and the slowest gate has passed; never where that can't be said.
    """
    state = replace(RUNNING, step=step)

    assert a_status(state, replace(SEEN, outcomes={"answers": outcome}))["eta"] == eta


def test_who_is_waited_for_is_told() -> None:
    """
    A person, where it holds or hasn't begun.
    """
    held = replace(RUNNING, step=Step.HELD, held=Hold.OPERATOR, waits=("kill",))
    troubled = a_status(RUNNING, replace(SEEN, troubles=("the store is full",)))

    assert a_status(RUNNING)["waiting_for"] == []
    assert a_status(held)["waiting_for"][0].startswith("kill: everything is on old")
    assert "plan resume" in a_status(held)["waiting_for"][1]
    assert "plan start" in a_status(State())["waiting_for"][0]
    assert troubled["waiting_for"] == ["the store is full"]


def test_before_the_start_the_preflight_is_told_line_by_line() -> None:
    """
    What a person did, what Parallax saw, and what is open.
    """
    done = Done(item="preflight/1", ok=True, at=1.0, by="dave", note="by mail")
    seen = Seen(outcomes={}, checks={"preflight/2": (False, "no worker is ready")})
    first, second = a_status(State(done=(done,)), seen)["checklists"]["preflight"]
    (opened, _) = a_status(State(), Seen(outcomes={}))["checklists"]["preflight"]

    assert (first["title"], first["ok"], first["by"], first["note"]) == ("Support is briefed", True, "dave", "by mail")
    assert (second["title"], second["ok"], second["note"]) == ("workers", False, "no worker is ready")
    assert opened["ok"] is None
    assert a_status(RUNNING)["checklists"] == {}


def test_a_kill_that_was_lifted_is_not_told_as_one_that_is_set() -> None:
    """
    The plan still holds for it.
    """
    held = replace(RUNNING, step=Step.HELD, held=Hold.KILLED, said="everything is on old: the kill latch is set")

    assert a_status(held, replace(SEEN, killed=True))["said"] == held.said
    assert "is lifted; new gets copies and nobody" in a_status(held)["said"]
