"""
The plan that the demo runs, and where it is: the text of a migration.yaml whose weeks are seconds. Pure.

The shop has known faults (`planted.py`), about one answer in eight, so its gate allows for that many; a release that
can't find its warehouse breaks one answer in twelve more, which is what the guard is there for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

# Seconds of a demo that the plan below is written for.
WRITTEN_FOR: Final = 60.0
# At this stage the bad release comes.
BAD_AT: Final = "half"
NAMES: Final = ("copies", "staff", "tenth", "half", "all")

PLAN: Final = """\
plan: demo
title: A shop moves to its new code
expect: {{rate: 230}}
defaults: {{settle: {settle:g}s, cooldown: {cooldown:g}s, pins: {pins}}}
gates:
  answers: {{event: mismatch, max: 0.3, min: 200}}
  failures: {{event: old_ok & new_error, max: 0.05, min: 200}}
guards:
  broken: {{event: old_ok & new_error, max: 0.05, detect: [2x, 4x, 0.6], false_alarm_every: 1e6, distinct_keys: 3}}
  blind: {{source: blind, no_data_for: 30s}}
stages:
  - {{name: copies, weight: 0, mirror: 100, observe: {observe:g}s..10m, gates: [answers, failures], advance: approve,
     success: "New answers as old does, but for what is known"}}
  - {{name: staff, cohorts: {{staff: 100}}, observe: {observe:g}s..10m, gates: [failures], advance: approve,
     rollback: {{to: copies, within: 10s}}, success: "The shop's own people can work with it"}}
  - {{name: tenth, weight: 10, observe: {observe:g}s..10m, gates: [answers, failures], advance: auto,
     rollback: {{to: staff, within: 10s}}, success: "One user in ten is served by new and misses nothing"}}
  - {{name: half, weight: 50, observe: {observe:g}s..10m, gates: [answers, failures], advance: auto,
     rollback: {{to: tenth, within: 10s}}, success: "Every other user is served by new"}}
  - {{name: all, weight: 100, observe: {observe:g}s..10m, gates: [answers, failures], advance: auto,
     rollback: {{to: half, within: 10s}}, success: "New serves everybody, and old would take over at once"}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """
    Where the plan is: the present stage, its step, and what it says of itself. `passed` are the stages behind it.
    """

    phase: str = "draft"
    stage: str = ""
    step: str = ""
    said: str = ""
    waits: tuple[str, ...] = ()
    passed: frozenset[str] = frozenset()
    rollbacks: int = 0
    seq: int = 0

    @property
    def why(self) -> str:
        """
        Why it doesn't go on.
        """
        return "; ".join((self.said, *self.waits)) if self.said else "; ".join(self.waits)

    @property
    def is_over(self) -> bool:
        """
        Nothing more will happen.
        """
        return self.phase in ("finished", "aborted")


NOWHERE: Final = Place()


def plan_text(seconds: float) -> str:
    """
    The plan for a demo of so many seconds; a short one is mostly waiting for enough pairs.
    """
    share = min(1.0, seconds / WRITTEN_FOR)
    return PLAN.format(
        settle=round(max(0.3, 1.0 * share), 1),
        cooldown=round(max(4.0, 5.0 * share), 1),
        observe=round(max(1.0, 5.0 * share), 1),
        pins=max(20, round(60 * share)),
    )


def parse_place(answer: Mapping[str, Any]) -> Place:
    """
    What an answer of `GET /admin/plan` says.
    """
    stages: Sequence[Mapping[str, Any]] = answer["stages"]
    return Place(
        phase=answer["phase"],
        stage=answer["stage"] or "",
        step=answer["step"],
        said=answer["said"],
        waits=tuple(answer["waiting_for"]),
        passed=frozenset(stage["name"] for stage in stages if stage["state"] == "passed"),
        rollbacks=sum(event["what"] == "rollback" for event in answer["history"]),
        seq=answer["seq"],
    )
