"""
Whole migrations in simulated time: the controller with its gates and guards, from the start to the end.
"""

from random import Random

import pytest

from benchmarks.rollout import SAME, START, chance, example, limit, rollbacks, simulated
from benchmarks.simulated import DAY, Simulation, World, binomial
from proxy.plan.deadlines import next_look
from proxy.plan.state import Phase, Step
from tests.parts.migration import MONDAY, Migration, at
from tests.parts.plans import a_plan


def test_the_example_goes_to_its_end() -> None:
    """
    Through windows, approvals, checklists and a cutover; every stage is entered once.
    """
    plan = example()

    run = simulated(plan, 1)

    entered = [event.stage for event in run.state.history if event.what == "entered"]
    assert run.state.phase is Phase.FINISHED
    assert entered == [stage.name for stage in plan.stages]
    assert (run.in_force.weight, run.in_force.mirror) == (100, 5)
    assert 30 < (run.now - START) / DAY < 60


def seeds(count: int) -> None:
    """
    Where new is as good as old, nearly every run gets to its end without a rollback.
    """
    plan = example()

    runs = [simulated(plan, seed) for seed in range(count)]

    assert all(run.state.phase is Phase.FINISHED for run in runs)
    assert sum(rollbacks(run) > 0 for run in runs) <= limit(count, chance(plan))


def test_new_is_not_blamed_for_being_like_old() -> None:
    """
    Not more often than the gates' errors add up to.
    """
    seeds(6)


@pytest.mark.prove
@pytest.mark.timeout(1800)
def test_new_is_not_blamed_for_being_like_old_at_length() -> None:
    """
    The same with 500 seeds.
    """
    seeds(500)


@pytest.mark.parametrize("event", ["mismatch", "old_ok & new_error", "new_ms > 400 | new_error"])
def test_new_that_breaks_at_a_stage_gets_no_further(event: str) -> None:
    """
    It is taken back each time, and in the end a person has to say whether it is tried again.
    """
    broken = World(rates=SAME.rates, broken={event: 0.05}, broken_at="live-10")
    run = Simulation(plan=example(), world=broken, random=Random(1), now=START)

    run.run(days=25)

    what = [event.what for event in run.state.history]
    assert run.in_force.weight <= 10
    assert what.count("rollback") >= 2
    assert "live-50" not in {event.stage for event in run.state.history if event.what == "entered"}


def test_counts_are_drawn_as_often_as_their_rate_says() -> None:
    """
    By either of the two ways.
    """
    random = Random(1)

    for n, rate in ((50, 0.02), (100_000, 0.01), (1000, 0.9), (1_000_000, 0.00001)):
        mean = sum(binomial(random, n, rate) for _ in range(2000)) / 2000
        assert mean == pytest.approx(n * rate, rel=0.05)
    assert [binomial(random, 0, 0.5), binomial(random, 9, 0.0), binomial(random, 9, 1.0)] == [0, 0, 9]


# When to look again.

PLAN = a_plan(
    {"weight": 0},
    {"weight": 10, "window": "day"},
    windows={"day": {"allow": ("Mon-Thu 09:00-16:00",)}},
    guards={"wrong": {"event": "mismatch", "max": 0.05}},
)


@pytest.mark.parametrize(("step", "seconds"), [("settling", 60), ("observing", 600), ("shifting", 30)])
def test_the_next_look_is_when_the_step_may_be_over(step: str, seconds: float) -> None:
    """
    To settle, for the least time of observing, for workers to have it.
    """
    migration = at(PLAN, 0, step)

    assert next_look(PLAN, migration.state, migration.now) == migration.now + seconds


def test_the_next_look_is_when_the_window_opens() -> None:
    """
    Or, after a rollback, when the cooldown is over; a person is waited for without end.
    """
    migration = at(PLAN, 1, "preflight")
    migration.now = MONDAY + 8 * 3600
    migration.looks(2)
    waiting = next_look(PLAN, migration.state, migration.now)
    migration.order("hold")
    held = next_look(PLAN, migration.state, migration.now)
    back = at(PLAN, 1).trip("wrong").look()

    assert (waiting, held) == (MONDAY + 23 * 3600, None)
    assert back.state.step is Step.ROLLED_BACK
    assert next_look(PLAN, back.state, back.now) == back.now + 3600
    assert next_look(PLAN, Migration(plan=PLAN).state, MONDAY) is None
