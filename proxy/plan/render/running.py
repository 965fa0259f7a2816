"""
How far a plan has come, as documents tell it: read from what `GET /admin/plan` says, or from a file with the same.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from proxy.errors import ConfigurationError
from proxy.gates.outcome import Outcome
from proxy.plan.render.words import share

ENDED = frozenset({"finished", "aborted"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Walked:
    """
    One stage: `state` is passed, present, to_come or rolled_back; `entered` and `left` are seconds since 1970.
    """

    state: str
    entered: float | None
    left: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """
    One line of the history.
    """

    at: float
    seq: int
    what: str
    stage: str
    by: str
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarded:
    """
    How near a guard is to tripping: `share` of 1.
    """

    guard: str
    share: float
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """
    All of it. `checks` has what was done of checklists, by "checklist/number": whether it is so, by whom, and a note.
    """

    digest: str
    phase: str
    seq: int
    stage: str
    step: str
    held: str
    said: str
    attempt: int
    stages: Mapping[str, Walked] = field(default_factory=dict)
    outcomes: Mapping[str, Outcome] = field(default_factory=dict)
    guards: Mapping[str, Guarded] = field(default_factory=dict)
    waiting_for: tuple[str, ...] = ()
    history: tuple[Line, ...] = ()
    checks: Mapping[str, tuple[bool, str, str]] = field(default_factory=dict)

    @property
    def is_over(self) -> bool:
        """
        Whether nothing more will come.
        """
        return self.phase in ENDED


def read_running(text: str, name: str) -> Running:
    """
    What a file or an answer says. Raises ConfigurationError, naming it, when that is no plan's status.
    """
    try:
        return _running(json.loads(text))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        reason = f"lacks {error}" if isinstance(error, KeyError) else "is no status of a plan"
        raise ConfigurationError(f"{name}: {reason}; give what `parallax plan status --json` prints") from None


def _running(values: Mapping[str, Any]) -> Running:
    return Running(
        digest=str(values.get("hash") or ""),
        phase=str(values["phase"]),
        seq=int(values["seq"]),
        stage=str(values["stage"] or ""),
        step=str(values["step"]),
        held=str(values.get("held") or ""),
        said=str(values.get("said") or ""),
        attempt=int(values.get("attempt") or 1),
        stages={str(one["name"]): _walked(one) for one in values["stages"]},
        outcomes={one["gate"]: Outcome.from_values(one) for one in values.get("gates") or ()},
        guards={one["guard"]: _guarded(one) for one in values.get("guards") or ()},
        waiting_for=tuple(str(one) for one in values.get("waiting_for") or ()),
        history=tuple(_line(one) for one in values.get("history") or ()),
        checks=dict(
            _check(one)
            for items in (values.get("checklists") or {}).values()
            for one in items
            if one.get("ok") is not None
        ),
    )


def _walked(one: Mapping[str, Any]) -> Walked:
    return Walked(state=str(one["state"]), entered=_time(one.get("entered")), left=_time(one.get("left")))


def _time(value: Any) -> float | None:
    return None if value is None else float(value)


def _guarded(one: Mapping[str, Any]) -> Guarded:
    return Guarded(guard=str(one["guard"]), share=float(one.get("share") or 0.0), said=str(one.get("said") or ""))


def _line(one: Mapping[str, Any]) -> Line:
    return Line(
        at=float(one["at"]),
        seq=int(one["seq"]),
        what=str(one["what"]),
        stage=str(one.get("stage") or ""),
        by=str(one.get("by") or ""),
        said=str(one.get("said") or ""),
    )


def _check(one: Mapping[str, Any]) -> tuple[str, tuple[bool, str, str]]:
    return str(one["item"]), (bool(one["ok"]), str(one.get("by") or ""), str(one.get("note") or ""))


def tally(running: Running | None, what: str) -> int:
    """
    How often something happened.
    """
    return sum(line.what == what for line in running.history) if running is not None else 0


def level(running: Running | None, guard: str) -> str:
    """
    How near a guard is to tripping, in words.
    """
    found = running.guards.get(guard) if running is not None else None
    if found is None:
        return "–"
    return f"tripped: {found.said}" if found.share >= 1 else f"{share(found.share)} of the way {found.said}".rstrip()
