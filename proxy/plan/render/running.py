"""
How far a plan has come, as documents tell it: read from what `GET /admin/plan` says, or from a file with the same.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from proxy.errors import ConfigurationError
from proxy.gates.outcome import Outcome
from proxy.plan.render.words import share

ENDED = frozenset({"finished", "aborted"})
# Lines of the history that say that a stage is over.
LEFT = frozenset({"passed", "finished"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Walked:
    """
    One stage: `state` is passed, present, to_come or rolled_back; `entered` and `left` are seconds since 1970, None
    where it wasn't, or where the history doesn't go back so far.
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
    started: float | None = None
    stages: Mapping[str, Walked] = field(default_factory=dict)
    outcomes: Mapping[str, Outcome] = field(default_factory=dict)
    guards: Mapping[str, Guarded] = field(default_factory=dict)
    waiting_for: tuple[str, ...] = ()
    history: tuple[Line, ...] = ()
    checks: Mapping[str, tuple[bool, str, str]] = field(default_factory=dict)

    @property
    def has_begun(self) -> bool:
        """
        Whether a stage was ever entered.
        """
        return any(walked.entered is not None for walked in self.stages.values())

    @property
    def is_cut(self) -> bool:
        """
        Whether the history begins in the middle: a status has its last lines only.
        """
        return bool(self.history) and self.history[0].seq > 1

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
    history = tuple(_line(one) for one in values["history"])
    return Running(
        digest=str(values["hash"]),
        phase=str(values["phase"]),
        seq=int(values["seq"]),
        stage=str(values["stage"]),
        step=str(values["step"]),
        held=str(values["held"] or ""),
        said=str(values["said"]),
        attempt=int(values["attempt"]),
        started=float(values["started"]) or None,
        stages={str(one["name"]): _walked(one, history) for one in values["stages"]},
        outcomes={one["gate"]: Outcome.from_values(one) for one in values["gates"]},
        guards={one["guard"]: _guarded(one) for one in values["guards"]},
        waiting_for=tuple(str(one) for one in values["waiting_for"]),
        history=history,
        checks=dict((*_seen(values["checklists"]), *_done(values["done"]))),
    )


def _walked(one: Mapping[str, Any], history: Sequence[Line]) -> Walked:
    """
    When a stage was entered first and left last, as far as the history goes back.
    """
    name, state = str(one["name"]), str(one["state"])
    entered = next((line.at for line in history if line.stage == name and line.what == "entered"), None)
    left = next((line.at for line in reversed(history) if line.stage == name and line.what in LEFT), None)
    return Walked(state=state, entered=entered, left=left if state == "passed" else None)


def _guarded(one: Mapping[str, Any]) -> Guarded:
    return Guarded(guard=str(one["guard"]), share=float(one["share"]), said=str(one["said"]))


def _line(one: Mapping[str, Any]) -> Line:
    return Line(
        at=float(one["at"]),
        seq=int(one["seq"]),
        what=str(one["what"]),
        stage=str(one["stage"]),
        by=str(one["by"]),
        said=str(one["said"]),
    )


def _seen(checklists: Mapping[str, Any]) -> Iterator[tuple[str, tuple[bool, str, str]]]:
    for items in checklists.values():
        for one in items:
            if one["ok"] is not None:
                yield str(one["item"]), (bool(one["ok"]), str(one["by"]), str(one["note"]))


def _done(done: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, tuple[bool, str, str]]]:
    # What people ticked off; of a line that was ticked off twice, the last counts.
    for one in done:
        yield str(one["item"]), (bool(one["ok"]), str(one["by"]), str(one["note"]))


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
