"""
What goes into one step of a plan, and what comes out: readings, commands and actions. Values only.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from proxy.errors import ParallaxError
from proxy.gates.outcome import Outcome
from proxy.plan.exposure import Exposure
from proxy.plan.model import Plan

# A signature that may be the cause of something: its id, its endpoint, and a sentence.
Cause = tuple[str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trip:
    """
    A guard that has tripped: what it does is in the plan. `said` has the numbers, `bad` of `n` opportunities were bad,
    those of `keys` sticky keys (0: not known), while new gave the share `by_new` of all answers (None: not known).
    `signatures` are the top ones that may be the cause (id, endpoint, sentence), `others` those that were merely seen
    when there is none.
    """

    guard: str
    said: str
    bad: int = 0
    n: int = 0
    keys: int = 0
    by_new: float | None = None
    signatures: tuple[Cause, ...] = ()
    others: tuple[Cause, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """
    What is so at this moment.

    `outcomes` are those of the present stage's gates, by name, from the evidence epoch `epoch`; `trips` those of
    guards, from the evidence `armed`: both are nothing to a state that has another number. `causes` are the signatures
    that gates may fail for, by gate, and `late` those that were found to be the cause of the last rollback only after
    it, each with the stage that was left. `evidence` is a digest of the outcomes. `errors` counts failed questions in a
    row, by gate or guard. `identity` tells apart rules, waivers, routes and versions of the sides: when it changes, the
    evidence epoch ends.

    `in_force` is what the table says (None: not known yet), `acknowledged` that every live worker has it, `lagging`
    those that don't, `killed` the latch. `silent` are the seconds since workers were last heard of, `uncompared` those
    for which exchanges that were to be compared have come, and none has been.

    `checks` are lines of checklists that Parallax looked at since it was last asked to, by "checklist/number" (from 1):
    whether it is so, and a sentence; before a start also "source/NAME" (a gate or guard whose source answered) and
    "channel/NAME" (a channel that took a test message). `undelivered` are must-deliver notices that didn't get there,
    `clean` the pairs of its endpoint without a pinned signature since the last reading, by signature (-1: it was seen
    again), `clock_jump` the seconds by which the wall clock has jumped.
    """

    outcomes: Mapping[str, Outcome] = field(default_factory=dict)
    trips: tuple[Trip, ...] = ()
    causes: Mapping[str, tuple[Cause, ...]] = field(default_factory=dict)
    late: tuple[tuple[str, Cause], ...] = ()
    epoch: int = 0
    armed: int = 0
    evidence: str = ""
    errors: Mapping[str, int] = field(default_factory=dict)
    identity: str = ""
    in_force: Exposure | None = None
    acknowledged: bool = True
    lagging: tuple[str, ...] = ()
    killed: bool = False
    silent: float = 0.0
    uncompared: float = 0.0
    checks: Mapping[str, tuple[bool, str]] = field(default_factory=dict)
    undelivered: tuple[str, ...] = ()
    clean: Mapping[str, int] = field(default_factory=dict)
    clock_jump: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """
    What a person wants: `name` is one of start, approve, hold, resume, advance, rollback, abort, tick, amend, force,
    check (a manual line of a checklist is done) and sign; `by` the name of their token. `seq` is the state they saw
    (None: whatever it is). What else a command needs: rollback a `stage` to go back to, or the `route` or `cohort` that
    goes back by itself; resume such a route or cohort; force for how many `seconds` (at most 4 hours); check the `item`
    ("checklist/number"), whether it is `ok`, and its `evidence`; amend the new `plan` with its `plan_hash`.
    """

    name: str
    by: str
    reason: str = ""
    seq: int | None = None
    stage: str = ""
    route: str = ""
    cohort: str = ""
    seconds: float = 0.0
    item: str = ""
    ok: bool = True
    evidence: str = ""
    plan: Plan | None = None
    plan_hash: str = ""


class NotAllowed(ParallaxError):
    """
    A command that is refused as things are: `str()` says why, and what would be right.
    """


class Stale(NotAllowed):
    """
    It was meant for another state than the present one.
    """


class Forbidden(NotAllowed):
    """
    This person may not do that.
    """


# Actions, in the order in which they are to be carried out. Notices of a transition are saved together with its state.


@dataclass(frozen=True, slots=True, kw_only=True)
class Save:
    """
    The state that came with it has to be in the store before anything after it is done; if it can't be saved, nothing
    of this step has happened. With `late`, afterwards is enough: a rollback waits for no store.
    """

    late: bool = False


@dataclass(frozen=True, slots=True)
class Apply:
    """
    Put an exposure into force.
    """

    exposure: Exposure
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tell:
    """
    A notice: an event of `model.EventName`, with the facts that templates need. `id` is the same whenever the same
    transition is made again. `channels` are those that get it, None: those that the plan names for this event.
    `signatures` are the ids of those that it names.
    """

    id: str
    event: str
    stage: str
    facts: Mapping[str, object] = field(default_factory=dict)
    channels: tuple[str, ...] | None = None
    signatures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Check:
    """
    Forget what is known of the automatic lines of this checklist, and look at them now.
    """

    checklist: str


Action = Save | Apply | Tell | Check
