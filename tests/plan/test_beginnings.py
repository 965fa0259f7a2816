"""
Where a plan begins, and what becomes of one whose control or store was lost.
"""

from dataclasses import replace

import pytest

from proxy.plan.beginnings import draft, recovered, resumed
from proxy.plan.exposure import Exposure, exposures
from proxy.plan.moves import Apply
from proxy.plan.state import Hold, Phase, Step
from tests.parts.migration import MONDAY, Migration, at
from tests.parts.plans import a_plan

PLAN = a_plan({"weight": 0}, {"weight": 10, "cohorts": {"staff": 100.0}}, {"weight": 50, "mirror": 20.0})
START = Exposure(weight=0, mirror=100, routes={"search": None, "admin": 3.0}, cohorts={"staff": 0.0})


def test_a_draft_does_nothing() -> None:
    """
    Until somebody starts it.
    """
    migration = Migration(plan=PLAN).looks(10)

    assert (migration.state, migration.done) == (draft("run", "a" * 64), [])


@pytest.mark.parametrize("stage", [0, 1, 2])
def test_a_lost_plan_is_found_by_what_is_in_force(stage: int) -> None:
    """
    It holds there, traffic stays as it is to the last digit, and a person has to confirm it.
    """
    in_force = exposures(PLAN, START)[stage]

    state, actions = recovered("again", "a" * 64, PLAN, in_force, MONDAY)
    migration = Migration(plan=PLAN, state=state, saved=state, in_force=in_force).looks(20)

    assert not any(isinstance(action, Apply) for action in (*actions, *migration.done))
    assert (migration.state.held, migration.state.at, migration.in_force) == (Hold.RECOVERED, stage, in_force)
    assert migration.order("resume").looks(3).state.step is Step.OBSERVING
    assert (migration.state.at, migration.in_force) == (stage, in_force)


def test_a_lost_plan_with_weights_between_two_stages_is_at_the_lower() -> None:
    """
    What is in force stays until somebody resumes; then it is what that stage says.
    """
    in_force = replace(exposures(PLAN, START)[1], weight=30.0)

    state, _ = recovered("again", "a" * 64, PLAN, in_force, MONDAY)
    migration = Migration(plan=PLAN, state=state, saved=state, in_force=in_force).looks(5)
    before = migration.in_force.weight
    migration.order("resume").until("observing")

    assert (before, migration.in_force.weight, migration.state.at) == (30, 10, 1)


def test_a_lost_plan_with_less_in_force_than_any_stage_begins_before_the_first() -> None:
    """
    With its first stage, as soon as somebody resumes.
    """
    state, _ = recovered("again", "a" * 64, PLAN, Exposure(weight=0, mirror=10), MONDAY)
    migration = Migration(plan=PLAN, state=state, saved=state, in_force=Exposure(weight=0, mirror=10)).looks(5)
    assert (migration.state.at, migration.state.held) == (-1, Hold.RECOVERED)

    migration.order("resume").until("settling")

    assert (migration.state.at, migration.in_force.mirror) == (0, 100)


@pytest.mark.parametrize("step", ["settling", "observing", "waiting", "preflight"])
def test_whoever_takes_over_goes_on_where_it_was(step: str) -> None:
    """
    With a generation of its own, by which the store tells it from the one before.
    """
    migration = at(PLAN, 1, step)
    before = migration.state

    migration.crash()

    assert migration.state == replace(before, generation=before.generation + 1, looked=migration.now)


def test_a_finished_plan_stays_finished() -> None:
    """
    Whoever takes over touches nothing.
    """
    migration = at(PLAN, 1).with_state(phase=Phase.FINISHED, step=Step.SHIFTING)

    state, actions = resumed(PLAN, migration.state, migration.now)

    assert (state.phase, [action for action in actions if isinstance(action, Apply)]) == (Phase.FINISHED, [])
