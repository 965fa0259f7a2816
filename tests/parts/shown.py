"""
Answers of `GET /admin/plan`, made as Parallax makes them.
"""

from typing import Any

from proxy.gates.outcome import Outcome
from proxy.plan.exposure import Exposure
from proxy.plan.show import GuardSeen, Seen, status
from proxy.plan.state import Phase, State, Step
from tests.parts.plans import a_plan

NOW = 1_700_000_000.0
PLAN = a_plan(
    {"weight": 0},
    {"weight": 10, "gates": ("answers",)},
    {"weight": 100},
    gates={"answers": {"event": "mismatch", "max": 0.002}},
    guards={"wrong": {"event": "mismatch", "max": 0.005}},
    checklists={"preflight": ({"manual": "Support is briefed"}, {"auto": "workers"})},
)
ANSWERS = Outcome(gate="answers", result="inconclusive", sentence="3 of 9,000 pairs", n=9000, bad=3, eta=20.0)
SEEN = Seen(
    outcomes={"answers": ANSWERS},
    guards=(GuardSeen(guard="wrong", share=0.01, said="3 of 9,000 pairs"),),
    in_force=Exposure(weight=10, mirror=100),
)
RUNNING = State(
    run="r1",
    plan_hash="ab" * 32,
    generation=1,
    seq=7,
    phase=Phase.RUNNING,
    stage=1,
    at=1,
    reached=1,
    step=Step.OBSERVING,
    started=NOW - 1000,
    since=NOW - 100,
    entered=NOW - 160,
    observed=100.0,
)


def a_status(state: State = RUNNING, seen: Seen = SEEN, now: float = NOW) -> dict[str, Any]:
    """
    The answer for a small plan.
    """
    return status(PLAN, state, seen, now)
