"""
Small plans for tests, given as what differs from the smallest.
"""

from typing import Any

from proxy.plan.model import Plan

# Times are in seconds: a minute to settle, ten minutes to two hours to observe, an hour after a rollback.
DEFAULTS = {"settle": 60, "cooldown": 3600, "attempts": 2, "pins": 100, "errors": 4}


def a_plan(*stages: dict[str, Any], **rest: Any) -> Plan:
    """
    A plan with these stages, named s0, s1, … unless they say otherwise. A live one goes back to the stage before it.
    """
    made = tuple(_stage(place, stage, stages) for place, stage in enumerate(stages))
    return Plan.model_validate(
        {"plan": "orders", "expect": {"rate": 200}, "defaults": DEFAULTS, "stages": made, **rest}
    )


def _stage(place: int, stage: dict[str, Any], stages: tuple[dict[str, Any], ...]) -> dict[str, Any]:
    before = stages[place - 1].get("name", f"s{place - 1}") if place else None
    made = {"name": f"s{place}", "success": "It works.", "observe": "10m..2h", **stage}
    live = made.get("weight") or made.get("routes") or made.get("cohorts")
    if live and before is not None:
        made.setdefault("rollback", {"to": before, "within": "30s"})
    return made
