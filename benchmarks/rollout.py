"""
What the controller of plans does in simulated time: how long a migration of two months takes it, and how often it takes
new back although new is as good as old.

`python -m benchmarks.rollout` takes about two minutes; the time it tells is that of the processor, so a busy machine
does it little harm.
"""

import argparse
from pathlib import Path
from random import Random
from statistics import median
from time import process_time
from typing import Final

from benchmarks.simulated import DAY, Simulation, World
from proxy.gates.statistics import binomial_tail
from proxy.plan.kinds import Span
from proxy.plan.model import Plan
from proxy.plan.parse import read_plan
from proxy.plan.state import Phase

EXAMPLE: Final = Path(__file__).parents[1] / "config/plans/orders-read.yaml"
# Monday, 1 March 2027, as the example says.
START: Final = 1_803_888_000.0
# New is old's equal, and both are as good as one may expect of them: half of what the gates allow, or less.
SAME: Final = World(
    rates={
        "mismatch": 0.001,
        "old_ok & new_error": 0.0005,
        "new_ms > 1.10 * old_ms + 2": 0.25,
        "new_ms > 1.25 * old_ms + 50": 0.025,
        "new_ms > 400 | new_error": 0.0025,
        "old_error": 0.001,
    }
)


def example(*, longest: bool = False) -> Plan:
    """
    The read path of orders; with `longest`, the shadow and the soak are observed for as long as they may take, which
    makes two months of it.
    """
    plan = read_plan(EXAMPLE.read_text(), EXAMPLE.name)
    if not longest:
        return plan
    stages = [
        stage.model_copy(update={"observe": Span(stage.observe.most - DAY, stage.observe.most)})
        if stage.name in ("shadow", "soak")
        else stage
        for stage in plan.stages
    ]
    return plan.model_copy(update={"stages": tuple(stages)})


def simulated(plan: Plan, seed: int, world: World = SAME) -> Simulation:
    """
    One run, which has ended.
    """
    found = Simulation(plan=plan, world=world, random=Random(seed), now=START)
    found.run()
    return found


def rollbacks(run: Simulation) -> int:
    """
    How often it was rolled back.
    """
    return sum(event.what == "rollback" for event in run.state.history)


def chance(plan: Plan) -> float:
    """
    The most chance that a run has of a false rollback by gates: each may fail once in 1/alpha epochs, and has one epoch
    for each stage. (Guards may trip once in so many opportunities at their budget, and next to never below.)
    """
    return sum(getattr(plan.gates[name], "alpha", 0.0) for stage in plan.stages for name in stage.gates)


def limit(n: int, rate: float) -> int:
    """
    As many of n as happen by chance at this rate in all but one case of a thousand.
    """
    return next(most for most in range(n + 1) if binomial_tail(most, n, rate) >= 0.999)


def _timed(plan: Plan, seed: int) -> tuple[float, Simulation]:
    before = process_time()
    run = simulated(plan, seed)
    return process_time() - before, run


def main() -> None:
    """
    Print both tables.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=500)
    count = parser.parse_args().seeds
    timed = [_timed(example(longest=True), seed) for seed in range(11)]
    seconds, (_, run) = [one for one, _ in timed], timed[-1]
    days = (run.now - START) / DAY
    print(f"two months ({days:.0f} days, {run.looks} looks): {median(seconds):.3f} s, at the most {max(seconds):.3f} s")
    plan = example()
    runs = [simulated(plan, seed) for seed in range(count)]
    finished = sum(run.state.phase is Phase.FINISHED for run in runs)
    false, bound = sum(rollbacks(run) > 0 for run in runs), limit(count, chance(plan))
    print(f"{count} runs with new = old: {finished} finished, {false} rolled back falsely (bound: {bound})")


if __name__ == "__main__":
    main()
