"""
What goes into one step of a plan, and what comes out: readings, commands and actions. Values only.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from proxy.errors import ParallaxError
from proxy.gates.outcome import Outcome
from proxy.plan.exposure import Exposure


@dataclass(frozen=True, slots=True, kw_only=True)
class Trip:
    """
    A guard that has tripped: what it does is in the plan; `said` has the numbers, `signatures` the top ones (id,
    endpoint, sentence).
    """

    guard: str
    said: str
    signatures: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """
    What is so at this moment. `in_force` and `epoch` are of the table, `acknowledged` that every live worker has it;
    `silent` are the seconds since workers were last heard of, `identity` tells apart rules, waivers, routes and
    versions of the sides: when it changes, so does the evidence epoch. `outcomes` and `trips` are by the gates and
    guards of the present evidence epoch, `evidence` a digest of the outcomes; `errors` counts failed questions in a
    row, by gate or guard. `checks` are automatic items of checklists that were looked at, by "checklist/number":
    whether it is so, and a sentence. `undelivered` are must-deliver notices that didn't get there, `ceiling` the most
    weight that there is capacity for (None: unknown), `clean` the pairs of its endpoint without a pinned signature
    since the last reading, by signature (-1: it was seen), `clock_jump` the seconds by which the wall clock has jumped.
    """

    outcomes: Mapping[str, Outcome] = field(default_factory=dict)
    trips: tuple[Trip, ...] = ()
    errors: Mapping[str, int] = field(default_factory=dict)
    in_force: Exposure | None = None
    epoch: int = 0
    acknowledged: bool = True
    lagging: tuple[str, ...] = ()
    killed: bool = False
    silent: float = 0.0
    identity: str = ""
    checks: Mapping[str, tuple[bool, str]] = field(default_factory=dict)
    undelivered: tuple[str, ...] = ()
    ceiling: float | None = None
    clean: Mapping[str, int] = field(default_factory=dict)
    evidence: str = ""
    clock_jump: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """
    What a person wants: `name` is one of `model.Move` or `check` (a line of a checklist is done). `seq` is the state
    they saw (None: whatever it is). `item`, `route`, `cohort` and `note` as the command needs them; `roles` are those
    that the token has in the plan's team.
    """

    name: str
    by: str
    roles: tuple[str, ...] = ()
    reason: str = ""
    seq: int | None = None
    item: str = ""
    ok: bool = True
    route: str = ""
    cohort: str = ""
    seconds: float = 0.0
    seconded_by: tuple[str, ...] = ()
    evidence: str = ""


class NotAllowed(ParallaxError):
    """
    A command that is refused: `str()` says why, and what would be right.
    """


# Actions, in the order in which they are to be carried out.


@dataclass(frozen=True, slots=True, kw_only=True)
class Save:
    """
    The state that `step` returned has to be in the store before the next action. With `late`, afterwards is enough: a
    rollback waits for no store.
    """

    late: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Apply:
    """
    Put an exposure into force.
    """

    exposure: Exposure
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tell:
    """
    A notice: an event of `model.EventName`, with the facts that templates need.
    """

    event: str
    stage: str
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Restart:
    """
    A new evidence epoch: gates start anew (guards go on).
    """

    epoch: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """
    Look at the automatic items of this checklist, now.
    """

    checklist: str


Action = Save | Apply | Tell | Restart | Check
