"""
What control knows: the newest of everything that came over its link. Frames in, values out; no I/O.

All `take_*` raise `LinkError` for a payload of another shape and change nothing then.
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from proxy.compare.judging import JudgingTable
from proxy.compare.judging import decode as decode_judging
from proxy.errors import LinkError
from proxy.evidence.signatures import Signatures
from proxy.evidence.usage import Usage
from proxy.gates.merging import Reading
from proxy.gates.merging import parse as parse_reading
from proxy.metrics.books import LIVE, ROLES
from proxy.metrics.exposition import Exposed, PlanGauges, Share, WorkerGauges
from proxy.metrics.learner import Learner
from proxy.metrics.merge import Merge, WorkerState, parse
from proxy.metrics.versions import in_service
from proxy.routing.intent import killed
from proxy.routing.table import NEW, OLD, Table, decode

SAMPLES = 100
LARGEST_SAMPLE = 256 * 1024  # bytes; a head is at most 64 KiB a side, and 100 samples must stay small change


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """
    One line of the supervisor's status. `epoch` and `digest` are None until the worker is ready; `armed` names the
    events that it counts.
    """

    id: str
    incarnation: int
    alive: bool
    epoch: int | None
    digest: str | None
    killed: bool
    armed: str = ""

    @property
    def table(self) -> tuple[int | None, str | None, str]:
        """
        The name of the table that it routes by (`Table.name`).
        """
        return self.epoch, self.digest, self.armed


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparer:
    """
    One comparer that lives, and the version of the judging table that it judges by, None until it does.
    """

    number: int
    incarnation: int
    version: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Latch:
    """
    The kill latch, and who changed it last, why and when; 0 is the `number` of no change at all. `saved`: the
    supervisor has it on disk; `unsaved` says why it can't put it there.
    """

    killed: bool
    by: str
    reason: str
    at: str
    number: int
    saved: bool
    unsaved: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """
    What the supervisor says of itself and its workers, dead ones included. `saved` is the name of the table that it has
    on disk, `unsaved` why it can't put one there; `kill_file`: the file that kills is there.
    """

    ready: bool
    not_ready: str | None
    draining: bool
    latch: Latch
    saved: tuple[int | None, str | None, str]
    unsaved: str | None
    kill_file: bool
    workers: tuple[Worker, ...]
    comparers: tuple[Comparer, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Steered:
    """
    What steering adds to the picture: the configuration `file` and the percentages that it names for a first start,
    how its last reload went and when one went well (Unix time), and troubles in words.
    """

    file: str | None = None
    new: float | None = None
    mirror: float | None = None
    reload_successful: bool = True
    reloaded_at: float | None = None
    troubles: tuple[str, ...] = ()


@dataclass(slots=True)
class Asking:
    """
    What is wrong with asking about feature flags: with the provider, as a sentence, "" for nothing; and with each flag,
    the reason.
    """

    provider: str = ""
    flags: dict[str, str] = field(default_factory=dict)


class Facts:
    """
    Empty at first; whole once the supervisor has told its newest table and status.
    """

    def __init__(self, build: Mapping[str, str]) -> None:
        self._build = dict(build)
        self.table: Table | None = None
        self.status: Status | None = None
        self.steered = Steered()
        self.asking = Asking()
        self.merge = Merge()
        # What workers have counted of events, by incarnation, as long as the supervisor may tell it again.
        self.readings: dict[int, Reading] = {}
        self.learner = Learner()
        self.signatures = Signatures()
        self.usage = Usage()
        self.samples: deque[dict[str, Any]] = deque(maxlen=SAMPLES)
        self.judging: JudgingTable | None = None
        # Noisy places at which new differs more often than old, by endpoint.
        self.accused: dict[str, int] = {}
        # What the plan shows of itself, if there is one.
        self.plan: Callable[[], PlanGauges | None] = lambda: None

    # From the link

    def take_table(self, payload: bytes) -> bool:
        """
        A new table. True if a list of endpoints that workers may have is changed by it, so never for the first one:
        workers find the configured endpoints in their own table, and a predecessor's list may still come.
        """
        try:
            table = decode(payload)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise LinkError("a table has the wrong shape") from error
        before, self.table = self.table, table
        if before is not None and (before.endpoints, before.max_endpoints) == (table.endpoints, table.max_endpoints):
            return False
        listed = self.learner.endpoints
        self.learner = Learner(table.endpoints, table.max_endpoints)
        self.learner.remember(self.merge.totals().pages)
        self.learner.restore(listed)
        return before is not None and self.learner.endpoints != listed

    def take_status(self, payload: bytes) -> None:
        """
        A new status. The books of workers that are no longer alive are closed.
        """
        raw = parse_object(payload)
        try:
            self.status = _read_status(raw)
        except (KeyError, TypeError, ValueError) as error:
            raise LinkError("a status has the wrong shape") from error
        workers = self.status.workers
        # The hub lists a worker no later than it passes on the first frame of it, so who is not listed is gone.
        alive = {worker.incarnation for worker in workers if worker.alive}
        dead = {worker.incarnation for worker in workers if not worker.alive}
        for incarnation in dead.union(self.merge.living) - alive:
            self.merge.bury(incarnation)
        self.readings = {
            number: replace(one, is_over=True) if number in dead else one
            for number, one in self.readings.items()
            if number in alive | dead
        }

    def take_snapshot(self, incarnation: int, payload: bytes) -> None:
        """
        The totals of one worker.
        """
        raw = parse_object(payload)
        snapshot, reading = parse(raw), parse_reading(raw)
        self.merge.put(incarnation, snapshot)
        if reading is not None:
            self.readings[incarnation] = reading
        self.learner.remember(snapshot.books.pages)

    def take_judging(self, payload: bytes) -> None:
        """
        The judging table that a predecessor, or the supervisor, put into force.
        """
        try:
            self.judging = decode_judging(payload)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise LinkError("a judging table has the wrong shape") from error

    def take_endpoints(self, payload: bytes) -> None:
        """
        The lists that a predecessor made; what it had from its configuration, ours has or no longer wants.
        """
        self.learner.restore(_strings(parse_object(payload).get("learned")))

    def take_candidates(self, payload: bytes) -> bool:
        """
        Endpoints that a worker didn't know. True if the list changed by it.
        """
        return self.learner.offer(_strings(_json(payload)))

    def take_sample(self, payload: bytes) -> None:
        """
        A divergent comparison, redacted by the worker; the newest `SAMPLES` are kept.
        """
        if len(payload) > LARGEST_SAMPLE:
            raise LinkError(f"a sample of {len(payload)} bytes is over the limit of {LARGEST_SAMPLE}")
        self.samples.append(parse_object(payload))

    # For who asks

    def endpoints(self) -> bytes:
        """
        The lists of endpoints as workers get them.
        """
        return orjson.dumps({"configured": self.learner.configured, "learned": self.learner.learned})

    def asked(self) -> dict[str, int]:
        """
        How many requests there were of each endpoint.
        """
        return {name: sum(page.eligible) for name, page in self.merge.totals().pages.items()}

    def served(self) -> tuple[int, int]:
        """
        How many answers clients had from old and from new.
        """
        old = new = 0
        for page in self.merge.totals().pages.values():
            old += sum(page.requests[OLD * len(ROLES) + LIVE].values())
            new += sum(page.requests[NEW * len(ROLES) + LIVE].values())
        return old, new

    @property
    def alive(self) -> tuple[Worker, ...]:
        """
        The workers that live.
        """
        return () if self.status is None else tuple(worker for worker in self.status.workers if worker.alive)

    @property
    def not_ready(self) -> str | None:
        """
        Why Parallax isn't ready, None if it is.
        """
        if self.status is None:
            return "starting: no word from the supervisor yet"
        if self.status.draining:
            return "draining"
        return self.status.not_ready

    @property
    def killed(self) -> bool:
        """
        Whether the kill latch is set.
        """
        return self.status is not None and self.status.latch.killed

    @property
    def in_effect(self) -> Table | None:
        """
        The table as workers obey it: nothing but old while killed.
        """
        return killed(self.table) if self.table is not None and self.killed else self.table

    def name_of(self, incarnation: int) -> str:
        """
        The public id of a worker, dead or alive.
        """
        workers = () if self.status is None else self.status.workers
        return next(
            (worker.id for worker in workers if worker.incarnation == incarnation), f"incarnation {incarnation}"
        )

    def state_of(self, incarnation: int) -> WorkerState | None:
        """
        What this worker said of itself in its newest snapshot.
        """
        snapshot = self.merge.living.get(incarnation)
        return None if snapshot is None else snapshot.worker

    def still_on_new(self) -> int:
        """
        How many requests, tunnels too, new has in hand for clients.
        """
        states = [state for worker in self.alive if (state := self.state_of(worker.incarnation)) is not None]
        return sum(state.on_new for state in states)

    def breakers_open(self) -> tuple[bool, bool]:
        """
        Whether any worker's breaker keeps copies from old, and from new.
        """
        states = [state for worker in self.alive if (state := self.state_of(worker.incarnation)) is not None]
        return any(state.breaker_open[OLD] for state in states), any(state.breaker_open[NEW] for state in states)

    def ejected(self) -> tuple[int, int]:
        """
        In how many workers old, and new, gets no live requests because they fail there.
        """
        states = [state for worker in self.alive if (state := self.state_of(worker.incarnation)) is not None]
        return sum(state.ejected[OLD] for state in states), sum(state.ejected[NEW] for state in states)

    def versions(self, now: float) -> tuple[frozenset[str], frozenset[str]]:
        """
        The versions of old and of new that are in service at a moment (Unix): as configured, or seen within a minute.
        """
        declared = ("", "") if self.table is None else self.table.versions
        return in_service(declared, (reading.versions for reading in self.readings.values()), now)

    def expose(self) -> Exposed:
        """
        All that /metrics tells.
        """
        states = [(worker, self.state_of(worker.incarnation)) for worker in self.alive]
        table = self.in_effect
        return Exposed(
            books=self.merge.totals(),
            workers=tuple(
                WorkerGauges(
                    worker=worker.id,
                    epoch=worker.epoch,
                    shadow_memory=None if state is None else state.shadow_memory,
                    overload=None if state is None else state.overload,
                    brownout=None if state is None else state.brownout,
                )
                for worker, state in states
            ),
            shares=() if table is None else shares(table),
            mirror=None if table is None else table.mirror.percent,
            killed=self.killed,
            evidence_dropped=self.signatures.dropped,
            breaker_open=self.breakers_open(),
            ejected=self.ejected(),
            reload_successful=self.steered.reload_successful,
            reloaded_at=self.steered.reloaded_at,
            accused=self.accused,
            build=self._build,
            plan=self.plan(),
        )


def shares(table: Table) -> tuple[Share, ...]:
    """
    New's share of everything that has one of its own.
    """
    routes = (Share(route=route.name, new=table.weight_of(route)) for route in table.routes if table.has_weight(route))
    cohorts = (Share(cohort=cohort.name, new=table.weight_of_cohort(cohort)) for cohort in table.cohorts)
    return Share(new=table.weight), *routes, *cohorts


def _read_status(raw: dict[str, Any]) -> Status:
    latch, saved = raw["latch"], raw["saved"]
    return Status(
        ready=bool(raw["ready"]),
        not_ready=raw["not_ready"],
        draining=bool(raw["draining"]),
        latch=Latch(
            killed=bool(latch["killed"]),
            by=str(latch["by"]),
            reason=str(latch["reason"]),
            at=str(latch["at"]),
            number=int(latch["number"]),
            saved=bool(latch["saved"]),
            unsaved=latch["error"],
        ),
        saved=(saved["epoch"], saved["digest"], str(saved.get("armed", ""))),
        unsaved=saved["error"],
        kill_file=bool(raw["kill_file"]),
        workers=tuple(
            Worker(
                id=str(worker["id"]),
                incarnation=int(worker["incarnation"]),
                alive=bool(worker["alive"]),
                epoch=worker["epoch"],
                digest=worker["digest"],
                killed=bool(worker["killed"]),
                armed=str(worker.get("armed", "")),
            )
            for worker in raw["workers"]
        ),
        comparers=tuple(
            Comparer(
                number=int(comparer["number"]),
                incarnation=int(comparer["incarnation"]),
                version=comparer["version"],
            )
            for comparer in raw.get("comparers", ())
        ),
    )


def parse_object(payload: bytes) -> dict[str, Any]:
    """
    A payload that must be a JSON object. Raises `LinkError`.
    """
    value = _json(payload)
    if not isinstance(value, dict):
        raise LinkError("a payload is no JSON object")
    return value


def _strings(value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise LinkError("a list of endpoints is no JSON list of strings")
    return value


def _json(payload: bytes) -> Any:
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        raise LinkError("a payload is no JSON") from error
