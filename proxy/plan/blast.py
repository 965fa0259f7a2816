"""
What a defect of new costs users before it is taken back: the blast-radius table. From closed forms, not from a run.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from proxy.gates.forecast import delay
from proxy.plan.criteria import EventGuard
from proxy.plan.exposure import exposures, is_live
from proxy.plan.facts import Facts
from proxy.plan.model import Plan
from proxy.plan.traffic import Traffic

# Shares of wrong answers, from hardly noticed to all.
DEFECTS: Final = (0.01, 0.02, 0.05, 0.2, 1.0)
# Seconds from the answer that decides to the last worker that has the rollback: workers tell their counts twice a
# second, control looks once a second, and what it publishes is in force within another.
REACTION: Final = 2.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Blast:
    """
    What a guard does about a defect at a live stage: after how many `opportunities` it trips (None: maybe never), how
    many `seconds` that is, and how many bad answers `users` get until it is taken back, reaction included (None: as
    long as nobody notices otherwise).
    """

    guard: str
    stage: str
    defect: float
    opportunities: int | None
    seconds: float | None
    users: float | None


def blasts(plan: Plan, facts: Facts | None) -> Iterator[Blast]:
    """
    For each guard that counts events of new, each live stage and each defect, in order.
    """
    shares = exposures(plan) if facts is None else exposures(plan, facts.base)
    for name, guard in plan.guards.items():
        if not isinstance(guard, EventGuard) or guard.of == "old" or guard.on_trip != "rollback":
            continue
        for stage, exposure in zip(plan.stages, shares, strict=True):
            if not is_live(exposure):
                continue
            traffic = Traffic(plan=plan, facts=facts, exposure=exposure)
            for defect in DEFECTS:
                yield _blast(name, guard, stage.name, defect, traffic)


def _blast(name: str, guard: EventGuard, stage: str, defect: float, traffic: Traffic) -> Blast:
    rates = [one.of(guard.max) for one in guard.detect]
    needed = delay(guard.max, rates, guard.false_alarm_every, defect)
    if needed is not None:
        # So many different keys have to have been hit, too.
        needed = max(needed, round(guard.distinct_keys / defect))
    rate, served = (traffic.a_second(of, guard.routes) for of in (guard.of, "served"))
    seconds = needed / rate if needed is not None and rate else None
    users = None if seconds is None or served is None else (seconds + REACTION) * served * defect
    return Blast(guard=name, stage=stage, defect=defect, opportunities=needed, seconds=seconds, users=users)


def by_guard(found: Iterator[Blast]) -> Mapping[str, Mapping[float, tuple[Blast, ...]]]:
    """
    The table: for each guard and each defect, the stages in order.
    """
    table: dict[str, dict[float, tuple[Blast, ...]]] = {}
    for one in found:
        row = table.setdefault(one.guard, {})
        row[one.defect] = (*row.get(one.defect, ()), one)
    return table
