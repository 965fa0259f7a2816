"""
The hub: what passes between workers and control, and what is kept so that either can be started anew.

It keeps the table, the judging table, how control was started, the last list of endpoints and every worker
incarnation's last snapshot, as bytes that it doesn't look into, the kill latch, and which endpoints are quarantined. It
does no I/O of its own: children are given to it and told through their links; what has to survive the supervisor goes
to its `memory`.
"""

from collections.abc import Callable
from dataclasses import InitVar, dataclass, field
from typing import Any, Protocol

import orjson

from proxy.clock import monotonic
from proxy.errors import LinkError
from proxy.link.frames import Frame, Kind
from proxy.log import Log
from proxy.supervise.child import Child, Role
from proxy.supervise.claims import SIZE, Claims
from proxy.supervise.killfile import Sighting
from proxy.supervise.latch import Latch
from proxy.supervise.lives import Life, Lives
from proxy.supervise.quarantine import SUSPECT, Quarantines
from proxy.supervise.reports import ReportLog
from proxy.supervise.switch import Switch


class Memory(Protocol):
    """
    What outlives the supervisor. Never waits; what was kept is told in STATUS.
    """

    def keep_table(self, table: bytes) -> None:
        """
        Keep this one, whatever came before.
        """

    def keep_latch(self, latch: Latch) -> None:
        """
        As `keep_table`.
        """

    def keep_judging(self, judging: bytes) -> None:
        """
        As `keep_table`.
        """

    def keep_endpoints(self, endpoints: bytes) -> None:
        """
        As `keep_table`.
        """

    def saved(self) -> dict[str, Any]:
        """
        Epoch and digest of the table that is kept, and what hinders.
        """

    def latch_saved(self) -> dict[str, Any]:
        """
        Whether the present latch is kept, and what hinders.
        """


@dataclass(slots=True, kw_only=True)
class Hub:
    """
    `host` begins the workers' public ids; `changed` is called when a worker became ready, drained or gone. `setup` is
    how control was started, empty when it needs no telling; `claims` are the keys of writes that were copied; `latch`
    is the one that a predecessor left, `judging` the judging table, `endpoints` the lists of endpoints, and `places`
    are the names that comparers listen by. `trouble` is why workers can't be relied on.
    """

    table: bytes
    host: str
    log: Log
    changed: Callable[[], None]
    memory: Memory
    setup: bytes = b""
    judging: bytes = b""
    places: tuple[str, ...] = ()
    claims: Claims = field(default_factory=Claims)
    latch: InitVar[Latch | None] = None
    trouble: str | None = None
    endpoints: bytes | None = None
    closing: bool = False
    drain_until: float | None = None
    control: Child | None = None
    comparers: dict[int, Child] = field(default_factory=dict)
    lives: Lives = field(init=False)
    switch: Switch = field(init=False)
    _quarantines: Quarantines = field(default_factory=Quarantines)
    _reports: ReportLog = field(init=False)
    _reload_waits: bool = False
    _told: bytes = b""

    def __post_init__(self, latch: Latch | None) -> None:
        self.switch = Switch(latch or Latch(), self.log, self._turned)
        self.lives = Lives(log=self.log)
        self._reports = ReportLog(self.log)

    @property
    def ready(self) -> int:
        """
        How many workers accept requests.
        """
        return sum(worker.ready for worker in self.lives.workers)

    # A child comes...

    def joined(self, child: Child) -> None:
        """
        Give a child all that its predecessors were told.
        """
        if child.role is Role.CONTROL:
            self._control_joined(child)
        elif child.role is Role.COMPARER:
            self.comparers[child.incarnation] = child
            child.send(Kind.JUDGING, self.judging)
            self.tell()
        else:
            self._worker_joined(child)

    def _worker_joined(self, child: Child) -> None:
        self.lives.begin(f"{self.host}/{child.number}", child)
        if self.switch.latch.killed:
            self._send_latch(child)
        if self.places:
            child.send(Kind.COMPARERS, orjson.dumps(self.places))
        for endpoint, seconds in self._quarantines.active(monotonic()).items():
            child.send(Kind.QUARANTINE, orjson.dumps({"endpoint": endpoint, "seconds": seconds}))
        if self.endpoints is not None:
            child.send(Kind.ENDPOINTS, self.endpoints)
        child.send(Kind.TABLE, self.table)
        if self.closing:
            child.send(Kind.CLOSING)
        self._send_drain(child)
        self.tell()

    def _control_joined(self, control: Child) -> None:
        self.control, self._told = control, b""
        if self.setup:
            control.send(Kind.SETUP, self.setup)
        control.send(Kind.TABLE, self.table)
        self.tell()
        if self.endpoints is not None:
            control.send(Kind.ENDPOINTS, self.endpoints)
        for life in self.lives.known.values():
            self._send_snapshot(life)
        control.send(Kind.JUDGING, self.judging)
        control.send(Kind.JOINED)
        if self._reload_waits:
            self._reload_waits = not control.send(Kind.RELOAD)

    # ... says something...

    def received(self, child: Child, frame: Frame) -> None:
        """
        Keep, pass on or obey one frame. Raises `LinkError` for one that this child may not send.
        """
        if child.role is Role.CONTROL:
            self._from_control(child, frame)
        elif child.role is Role.COMPARER:
            self._from_comparer(child, frame)
        else:
            self._from_worker(self.lives.known[child.incarnation], frame)

    def _from_control(self, control: Child, frame: Frame) -> None:
        match frame.kind:
            case Kind.TABLE:
                # Workers first: what is in force doesn't wait for a disk.
                self.table = frame.payload
                self._send_workers(Kind.TABLE, frame.payload)
                self.memory.keep_table(frame.payload)
            case Kind.ENDPOINTS:
                self.endpoints = frame.payload
                self._send_workers(Kind.ENDPOINTS, frame.payload)
                self.memory.keep_endpoints(frame.payload)
            case Kind.JUDGING:
                self.judging = frame.payload
                for comparer in self.comparers.values():
                    comparer.send(Kind.JUDGING, frame.payload)
                self.memory.keep_judging(frame.payload)
            case Kind.FLAGS_SAID:
                self._send_workers(Kind.FLAGS_SAID, frame.payload)
            case Kind.SETUP:
                self.setup = frame.payload
            case Kind.KILL:
                self.switch.kill(*_who_and_why(frame))
            case Kind.RESTORE:
                self.switch.restore(*_who_and_why(frame))
            case Kind.PULSE:
                control.works()
            case kind:
                raise LinkError(f"control may not send {kind.name}")

    def _from_worker(self, life: Life, frame: Frame) -> None:
        child = life.child
        match frame.kind:
            case Kind.READY:
                said = parse_object(frame)
                if child.works():
                    self.log.info("worker_ready", worker=life.worker, incarnation=life.incarnation, pid=child.pid)
                child.epoch, child.digest = said.get("epoch"), said.get("digest")
                child.armed, child.killed = str(said.get("armed", "")), bool(said.get("killed"))
                self.tell()
                self.changed()
            case Kind.SNAPSHOT:
                life.snapshot = frame.payload
                self._pass_on(life, frame)
            case Kind.SAMPLE | Kind.CANDIDATE | Kind.RECHECKED | Kind.FLAGS_ASKED:
                self._pass_on(life, frame)
            case Kind.REPORT:
                if not self._pass_on(life, frame):
                    self._reports.tell(life.worker, parse_object(frame))
            case Kind.CLAIM:
                self._claim(child, frame.payload)
            case Kind.DRAINED:
                child.part()
                self.changed()
            case kind:
                raise LinkError(f"a worker may not send {kind.name}")

    def _claim(self, worker: Child, digest: bytes) -> None:
        if len(digest) != SIZE:
            raise LinkError("CLAIM carries no digest")
        self.claims.ask(digest, lambda granted: worker.send(Kind.GRANT, digest + (b"\1" if granted else b"\0")))

    def _from_comparer(self, child: Child, frame: Frame) -> None:
        match frame.kind:
            case Kind.READY:
                version = parse_object(frame).get("version")
                if child.works():
                    self.log.info("comparer_ready", comparer=child.number, incarnation=child.incarnation, pid=child.pid)
                child.version = version if isinstance(version, int) else None
                self.tell()
            case Kind.JUDGED:
                if self.control is not None:
                    self.control.send(Kind.JUDGED, frame.payload, child.incarnation)
            case kind:
                raise LinkError(f"a comparer may not send {kind.name}")

    # ... and goes.

    def left(self, child: Child) -> None:
        """
        A child is gone: tell control, which closes a dead worker's books.
        """
        if child is self.control:
            self.control = None
        if self.comparers.pop(child.incarnation, None) is not None:
            self.tell()
        life = self.lives.known.get(child.incarnation)
        if life is not None:
            life.alive = False
            # Once more, in case control's link had no room for it: no later one makes up for it.
            self._send_snapshot(life)
            self.lives.forget()
            self.tell()
        self.changed()

    # The kill latch...

    def kill_file_seen(self, sighting: Sighting | None) -> None:
        """
        `Switch.file_seen`; control hears of it too.
        """
        self.switch.file_seen(sighting)
        self.tell()

    def _turned(self, latch: Latch) -> None:
        for worker in self.lives.workers:
            self._send_latch(worker)
        self.memory.keep_latch(latch)
        self.tell()

    # What the supervisor finds out...

    def blame(self, comparer: int, endpoint: str) -> None:
        """
        A comparer died with a pair of this endpoint in hand. Not for the first time: no worker hands over another one
        for a while.
        """
        seconds = self._quarantines.died(endpoint, monotonic())
        if not seconds:
            remedy = f"nothing; if another dies of it within {SUSPECT:.0f} s, its pairs aren't judged for a while"
            self.log.info("endpoint_suspected", endpoint=endpoint, comparer=comparer, remedy=remedy)
            return
        self._send_workers(Kind.QUARANTINE, orjson.dumps({"endpoint": endpoint, "seconds": seconds}))
        remedy = "nothing at once; if it happens again, report what this endpoint answers"
        self.log.warning(
            "endpoint_quarantined", endpoint=endpoint, comparer=comparer, seconds=round(seconds), remedy=remedy
        )

    @property
    def not_ready(self) -> str | None:
        """
        Why nobody should be sent here, None when somebody may.
        """
        if self.closing:
            return "draining"
        return self.trouble if self.ready else "no worker is ready"

    def settle(self, trouble: str | None) -> None:
        """
        Why workers can't be relied on although there are some, None when they can.
        """
        self.trouble = trouble
        self.tell()

    def reload(self) -> None:
        """
        Have control read the configuration again: now, or as soon as there is one.
        """
        if self.control is None or not self.control.send(Kind.RELOAD):
            self._reload_waits = True
            remedy = "nothing now: the next control reloads; if none comes up, child_ended says why"
            self.log.warning("reload_waits", why="no control process is there to read the configuration", remedy=remedy)

    # Draining...

    def close(self) -> None:
        """
        Draining begins: workers say `Connection: close` and copy nothing more.
        """
        self.closing = True
        self._send_workers(Kind.CLOSING)
        self.tell()

    def drain(self, until: float) -> None:
        """
        Workers stop accepting and finish what they have by `until` (monotonic seconds).
        """
        self.drain_until = until
        for worker in self.lives.workers:
            self._send_drain(worker)

    # Frames that the hub makes.

    def tell(self) -> None:
        """
        STATUS to control, if anything in it has changed since it was last told.
        """
        if self.control is None:
            return
        status = {
            "ready": self.not_ready is None,
            "not_ready": self.not_ready,
            "draining": self.closing,
            "latch": {**self.switch.latch.values(), **self.memory.latch_saved()},
            "saved": self.memory.saved(),
            "kill_file": self.switch.file_there,
            "workers": [life.status() for life in self.lives.known.values()],
            "comparers": [
                {"number": child.number, "incarnation": child.incarnation, "version": child.version}
                for child in self.comparers.values()
            ],
        }
        payload = orjson.dumps(status)
        if payload != self._told and self.control.send(Kind.STATUS, payload):
            self._told = payload

    def _send_workers(self, kind: Kind, payload: bytes = b"") -> None:
        for worker in self.lives.workers:
            worker.send(kind, payload)

    def _send_latch(self, worker: Child) -> None:
        worker.send(Kind.LATCH, orjson.dumps({"killed": self.switch.latch.killed}))

    def _send_drain(self, child: Child) -> None:
        if self.drain_until is not None:
            child.send(Kind.DRAIN, orjson.dumps({"seconds": max(0.0, self.drain_until - monotonic())}))

    def _send_snapshot(self, life: Life) -> None:
        if self.control is not None and life.snapshot is not None:
            self.control.send(Kind.SNAPSHOT, life.snapshot, life.incarnation, always=True)

    def _pass_on(self, life: Life, frame: Frame) -> bool:
        return self.control is not None and self.control.send(frame.kind, frame.payload, life.incarnation)


def parse_object(frame: Frame) -> dict[str, Any]:
    """
    A frame's payload as a JSON object. Raises `LinkError`.
    """
    try:
        value = orjson.loads(frame.payload)
    except orjson.JSONDecodeError as error:
        raise LinkError(f"{frame.kind.name} carries no JSON") from error
    if not isinstance(value, dict):
        raise LinkError(f"{frame.kind.name} carries no JSON object")
    return value


def _who_and_why(frame: Frame) -> tuple[str, str]:
    said = parse_object(frame)
    return str(said.get("by", "")), str(said.get("reason", ""))
