"""
Where a plan is: one value, saved whole with every transition, as JSON.

Times are seconds since the Unix epoch (UTC), deadlines absolute, so that a restart resumes them.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from typing import Any, Final

from proxy.plan.exposure import BASE, Exposure
from proxy.plan.exposure import from_values as exposure_from

# What nobody has wanted yet.
NOTHING: Final = Exposure(weight=0.0, mirror=0.0)


class Phase(StrEnum):
    """
    Of the whole plan.
    """

    DRAFT = "draft"
    RUNNING = "running"
    FINISHED = "finished"
    ABORTED = "aborted"


class Step(StrEnum):
    """
    Of the present stage.
    """

    PREFLIGHT = "preflight"  # its checklist is being done
    WAITING = "waiting"  # for workers, a window, approvals or notices: `State.waits` says which
    SHIFTING = "shifting"  # what it wants is saved, and being put into force
    SETTLING = "settling"  # in force; nothing is judged yet, but guards are armed
    OBSERVING = "observing"  # gates gather evidence
    READY = "ready"  # all gates have passed
    HELD = "held"  # a person has to look: `State.held`
    ROLLING_BACK = "rolling_back"  # less is in force; not all workers have it yet
    ROLLED_BACK = "rolled_back"  # at the stage gone back to, until the cooldown is over


class Hold(StrEnum):
    """
    Why it holds.
    """

    OPERATOR = "operator"
    GATE = "gate"
    GUARD = "guard"
    INCONCLUSIVE = "inconclusive"
    BLIND = "blind"
    SOURCE = "source"
    PREFLIGHT = "preflight"
    ATTEMPTS = "attempts"
    KILLED = "killed"
    BY_HAND = "by_hand"  # somebody changed the weights beside the plan
    CLOCK = "clock"
    RECOVERED = "recovered"  # the store was lost


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """
    Somebody agrees that the present stage is left (or, before a point of no return, that `stage` is entered), having
    seen the evidence `evidence` (a digest). Or to a force, for so many `seconds` at the most.
    """

    by: str
    at: float
    stage: str
    attempt: int
    evidence: str
    note: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """
    A line of a checklist that is done (or failed): `item` is "checklist/number".
    """

    item: str
    ok: bool
    at: float
    by: str
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """
    A signature that caused a rollback from `stage`, which isn't entered again before enough pairs of the endpoint were
    seen without it; `clean` are those seen since it was seen last.
    """

    signature: str
    endpoint: str
    stage: str
    clean: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """
    One line of the plan's history, for documents and the status.
    """

    at: float
    seq: int
    what: str
    stage: str
    by: str
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """
    `seq` grows by one with each transition and is what commands compare; `generation` with each control that takes
    over. `stage` is the index of the stage that is wanted, `at` of the one whose exposure is in force (-1: none yet),
    `reached` of the last that ever was. `wanted` is what the last saved intent allows new; nothing above it is ever put
    into force. During a shift, `before` is what was wanted until then. `base` is what was in force when the plan was
    started. `epoch` numbers the evidence of gates, `armed` that of guards: evidence of another number counts nothing.

    `since` is when the present step began, `entered` when the present stage came into force, `until` when the step is
    over by itself. `observed` are the seconds with evidence, up to `looked`, when the last step was made. `closed` are
    routes ("route:NAME") and cohorts ("cohort:NAME") that were rolled back by themselves, `copies` False if copies were
    switched off. `signed` are roles and who signed this plan for them, `forces` those who agree to a force. `noticed`
    are notices of windows and reminders that were made already. `resume_to` is the step that a hold interrupted,
    `back_by` the person who has the plan roll back ("": it does so by itself).
    """

    run: str = ""
    plan_hash: str = ""
    generation: int = 0
    seq: int = 0
    phase: Phase = Phase.DRAFT
    stage: int = 0
    at: int = -1
    reached: int = -1
    attempts: Mapping[str, int] = field(default_factory=dict)
    step: Step = Step.PREFLIGHT
    held: Hold | None = None
    said: str = ""
    waits: tuple[str, ...] = ()
    started: float = 0.0
    started_by: str = ""
    amended_by: str = ""
    since: float = 0.0
    entered: float = 0.0
    observed: float = 0.0
    looked: float = 0.0
    checked: float = 0.0
    until: float | None = None
    base: Exposure = BASE
    before: Exposure = NOTHING
    wanted: Exposure = NOTHING
    epoch: int = 0
    armed: int = 0
    identity: str = ""
    forced_until: float | None = None
    forces: tuple[Approval, ...] = ()
    approvals: tuple[Approval, ...] = ()
    signed: Mapping[str, str] = field(default_factory=dict)
    done: tuple[Done, ...] = ()
    pins: tuple[Pin, ...] = ()
    closed: tuple[str, ...] = ()
    copies: bool = True
    back_by: str = ""
    noticed: tuple[str, ...] = ()
    resume_to: Step | None = None
    history: tuple[Event, ...] = ()

    def as_values(self) -> dict[str, Any]:
        """
        As JSON.
        """
        return asdict(self)


def from_values(values: Mapping[str, Any]) -> State:
    """
    The state of `as_values`, also of another version of Parallax: a plan lasts weeks, and upgrades come meanwhile. What
    it didn't know yet begins as in a draft, what is known no more is left out. Raises KeyError, TypeError or ValueError
    for anything else.
    """
    if missing := NEEDED - values.keys():
        raise KeyError(", ".join(sorted(missing)))
    return State(**{name: READ.get(name, _as_it_is)(value) for name, value in values.items() if name in FIELDS})


def _as_it_is(value: Any) -> Any:
    return value


def _optional(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else read(value)


def _each(kind: type[Any]) -> Callable[[Any], tuple[Any, ...]]:
    names = {field.name for field in fields(kind)}
    return lambda value: tuple(kind(**{name: one[name] for name in one.keys() & names}) for one in value)


FIELDS: Final = frozenset(field.name for field in fields(State))
# Without these nobody can tell where a plan is.
NEEDED: Final = frozenset({"run", "plan_hash", "phase", "stage", "at", "step", "wanted"})
READ: Final[Mapping[str, Callable[[Any], Any]]] = {
    "phase": Phase,
    "step": Step,
    "held": _optional(Hold),
    "resume_to": _optional(Step),
    "base": exposure_from,
    "before": exposure_from,
    "wanted": exposure_from,
    "waits": tuple,
    "closed": tuple,
    "noticed": tuple,
    "forces": _each(Approval),
    "approvals": _each(Approval),
    "done": _each(Done),
    "pins": _each(Pin),
    "history": _each(Event),
}
