"""
A plan as `GET /admin/plan` tells it: the plan, its state and what is seen of it, put together as plain values.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from proxy.gates.outcome import Outcome
from proxy.metrics.exposition import GateGauges, PlanGauges
from proxy.plan.awaited import awaited
from proxy.plan.exposure import Exposure, exposures
from proxy.plan.model import Item, Plan
from proxy.plan.state import Phase, State, Step
from proxy.plan.transitions import KILL_SET

# Lines of the history that are told; the store has all.
LATELY: Final = 100
KILL_LIFTED: Final = "the kill latch was set and is lifted; new gets copies and nobody until somebody resumes"


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardSeen:
    """
    How near a guard is to tripping (1 and more: it has), and its numbers in a sentence.
    """

    guard: str
    share: float
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """
    What is so beside the state: `outcomes` of the present stage's gates, `checks` as `moves.Readings` has them,
    `in_force` None before that is known, `undelivered` the must-deliver notices that didn't get there, `troubles` what
    keeps the plan from being carried out, in sentences.
    """

    outcomes: Mapping[str, Outcome]
    guards: tuple[GuardSeen, ...] = ()
    in_force: Exposure | None = None
    killed: bool = False
    checks: Mapping[str, tuple[bool, str]] | None = None
    undelivered: tuple[str, ...] = ()
    troubles: tuple[str, ...] = ()


def status(plan: Plan, state: State, seen: Seen, now: float) -> dict[str, Any]:
    """
    The whole answer.
    """
    present = plan.stages[min(state.stage, len(plan.stages) - 1)]
    gates = [seen.outcomes[name] for name in present.gates if name in seen.outcomes]
    running = state.phase is Phase.RUNNING
    return {
        "plan": plan.plan,
        "title": plan.title,
        "owner": plan.owner,
        "ticket": plan.ticket,
        "hash": state.plan_hash,
        "run": state.run,
        "seq": state.seq,
        "generation": state.generation,
        "phase": state.phase,
        "stage": present.name,
        "step": state.step,
        "held": state.held,
        "said": state.said if seen.killed else state.said.replace(KILL_SET, KILL_LIFTED),
        "attempt": state.attempts.get(present.name, 0) + 1,
        "now": now,
        "started": state.started,
        "started_by": state.started_by,
        "since": state.since,
        "entered": state.entered,
        "until": state.until,
        "waits": list(state.waits),
        "waiting_for": [*awaited(plan, state, seen.undelivered, now), *seen.troubles],
        "eta": _eta(present.observe.least - state.observed, gates, state) if running else None,
        "observe": {"least": present.observe.least, "most": present.observe.most, "so_far": state.observed},
        "wanted": state.wanted.as_values(),
        "in_force": None if seen.in_force is None else seen.in_force.as_values(),
        "killed": seen.killed,
        "stages": _stages(plan, state),
        "gates": [outcome.as_values() for outcome in gates],
        "guards": [_guard(plan, guard) for guard in seen.guards],
        "approvals": [_plain(one) for one in state.approvals],
        "signed": dict(state.signed),
        "pins": [{**_plain(pin), "needed": plan.defaults.pins} for pin in state.pins],
        "closed": list(state.closed),
        "copies": state.copies,
        "checklists": _checklists(plan, state, seen.checks or {}),
        "done": [_plain(one) for one in state.done],
        "undelivered": list(seen.undelivered),
        "troubles": list(seen.troubles),
        "history": [_plain(event) for event in state.history[-LATELY:]],
    }


def gauges(plan: Plan, state: State, seen: Seen) -> PlanGauges:
    """
    The plan as metrics have it.
    """
    stage = plan.stages[min(state.stage, len(plan.stages) - 1)]
    return PlanGauges(
        plan=plan.plan,
        stage=stage.name,
        index=state.stage,
        state=state.step.value if state.phase is Phase.RUNNING else state.phase.value,
        gates=tuple(
            GateGauges(
                gate=one.gate, outcome=one.result, passing=one.pass_ratio, failing=one.fail_ratio, needed=one.needed
            )
            for one in seen.outcomes.values()
        ),
        guards={one.guard: one.share for one in seen.guards},
    )


def _eta(left: float, gates: Iterable[Outcome], state: State) -> float | None:
    """
    The seconds until the present stage could be left, None while that can't be said.
    """
    if state.step is Step.READY:
        return 0.0
    if state.step not in (Step.OBSERVING, Step.SETTLING):
        return None
    spans = [max(0.0, left)]
    for outcome in gates:
        if outcome.result != "pass":
            if outcome.eta is None or outcome.result != "inconclusive":
                return None
            spans.append(outcome.eta)
    return max(spans)


def _stages(plan: Plan, state: State) -> list[dict[str, Any]]:
    wanted = exposures(plan, state.base)
    return [
        {
            "name": stage.name,
            "title": stage.title,
            "success": stage.success,
            "weight": exposure.weight,
            "mirror": exposure.mirror,
            "routes": dict(stage.routes),
            "cohorts": dict(stage.cohorts),
            "gates": list(stage.gates),
            "advance": stage.advance,
            "state": _stage(index, state),
        }
        for index, (stage, exposure) in enumerate(zip(plan.stages, wanted, strict=True))
    ]


def _stage(index: int, state: State) -> str:
    if state.phase is Phase.FINISHED:
        return "passed"
    if state.phase is Phase.RUNNING and index < state.stage:
        return "passed"
    if state.phase is Phase.RUNNING and index == state.stage:
        return "present"
    return "rolled_back" if index <= state.reached else "to_come"


def _guard(plan: Plan, seen: GuardSeen) -> dict[str, Any]:
    return {**_plain(seen), "on_trip": plan.guards[seen.guard].on_trip}


def _checklists(plan: Plan, state: State, checks: Mapping[str, tuple[bool, str]]) -> dict[str, list[dict[str, Any]]]:
    """
    Those that matter now: before the start the preflight, then what the present stage and the next one need.
    """
    if state.phase is Phase.DRAFT:
        names: list[str | None] = ["preflight"]
    elif state.phase is Phase.RUNNING:
        following = plan.stages[state.stage + 1 : state.stage + 2]
        names = [plan.stages[state.stage].checklist] if state.at != state.stage else [plan.stages[state.stage].verify]
        names += [stage.checklist for stage in following]
    else:
        names = []
    return {name: _checklist(name, plan, state, checks) for name in dict.fromkeys(names) if name in plan.checklists}


def _checklist(name: str, plan: Plan, state: State, checks: Mapping[str, tuple[bool, str]]) -> list[dict[str, Any]]:
    rows = []
    for number, item in enumerate(plan.checklists[name], 1):
        key = f"{name}/{number}"
        done = next((one for one in reversed(state.done) if one.item == key), None)
        ok, said = checks.get(key, (None, "")) if done is None else (done.ok, done.note)
        rows.append(
            {
                "item": key,
                "title": _title(item),
                "manual": item.manual is not None,
                "owner": item.owner or "",
                "ok": ok,
                "note": said,
                "by": "" if done is None else done.by,
            }
        )
    return rows


def _title(item: Item) -> str:
    if item.title:
        return item.title
    if item.manual:
        return item.manual
    if item.auto:
        return str(item.auto).replace("_", " ")
    return " ".join(item.cmd or ())


def _plain(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__slots__}
