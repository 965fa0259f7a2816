"""
How many opportunities gates need to pass, and how long these take to come.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from proxy.gates.forecast import needed_pairs
from proxy.plan.criteria import EventGate
from proxy.plan.facts import Facts
from proxy.plan.feasibility import Forecast, forecasts
from proxy.plan.model import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """
    What one gate takes to pass: if new is never bad, or bad a quarter or half as often as it may be.
    """

    name: str
    budget: float
    none: int | None
    quarter: int | None
    half: int | None


def rows(plan: Plan) -> tuple[Row, ...]:
    """
    One for each gate that counts.
    """
    return tuple(_row(name, gate) for name, gate in plan.gates.items() if isinstance(gate, EventGate))


def _row(name: str, gate: EventGate) -> Row:
    found = (needed_pairs(gate.max, gate.max * share, gate.beta, gate.alpha) for share in (0.0, 0.25, 0.5))
    none, quarter, half = (None if needed is None else max(needed, gate.min) for needed in found)
    return Row(name=name, budget=gate.max, none=none, quarter=quarter, half=half)


def slowest(plan: Plan, facts: Facts | None) -> Mapping[tuple[str, str], Forecast]:
    """
    By stage and gate, what takes longest; of a gate that is judged by route, the route with the least traffic.
    """
    found: dict[tuple[str, str], Forecast] = {}
    for one in forecasts(plan, facts):
        key = one.stage, one.gate
        if key not in found or (one.likely_seconds or 0.0) > (found[key].likely_seconds or 0.0):
            found[key] = one
    return found
