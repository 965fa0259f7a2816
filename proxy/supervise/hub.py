"""
The hub: what passes between workers and control, and what is kept so that either can be started anew.

It keeps the table, the last list of endpoints and every worker incarnation's last snapshot, as bytes it never looks
into. It does no I/O of its own: children are given to it, and told through their links.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import orjson

from proxy.clock import monotonic
from proxy.errors import LinkError
from proxy.link.frames import Frame, Kind
from proxy.log import Allowance, Log
from proxy.supervise.child import Child, Role

# Totals of dead workers are kept for a restarted control. A worker that dies all day must not grow us without end:
# beyond this the oldest go, which lowers the totals of a control that is restarted later.
KEPT_BYTES = 64 * 1024 * 1024

# Reports that the hub logs itself while control isn't there.
REPORTS_PER_SECOND = 10.0
REPORTS_AT_ONCE = 50

# Fields that the log itself fills.
OURS = frozenset({"event", "level", "timestamp", "process"})


@dataclass(slots=True, kw_only=True)
class Life:
    """
    What is known of one worker incarnation, dead or alive.
    """

    worker: str
    incarnation: int
    child: Child
    alive: bool = True
    snapshot: bytes | None = None

    def status(self) -> dict[str, Any]:
        """
        Its entry in STATUS.
        """
        return {
            "id": self.worker,
            "incarnation": self.incarnation,
            "alive": self.alive,
            "epoch": self.child.epoch,
            "digest": self.child.digest,
        }


@dataclass(slots=True, kw_only=True)
class Hub:
    """
    `host` begins the workers' public ids; `changed` is called when a worker became ready, drained or gone.
    """

    table: bytes
    host: str
    log: Log
    changed: Callable[[], None]
    endpoints: bytes | None = None
    closing: bool = False
    drain_until: float | None = None
    control: Child | None = None
    lives: dict[int, Life] = field(default_factory=dict)
    _allowance: Allowance = field(default_factory=lambda: Allowance(REPORTS_PER_SECOND, REPORTS_AT_ONCE))

    @property
    def workers(self) -> list[Child]:
        """
        The workers that are connected.
        """
        return [life.child for life in self.lives.values() if life.alive]

    @property
    def ready(self) -> int:
        """
        How many workers accept requests.
        """
        return sum(worker.ready for worker in self.workers)

    # A child comes...

    def joined(self, child: Child) -> None:
        """
        Give a child all that its predecessors were told.
        """
        if child.role is Role.CONTROL:
            self.control = child
            child.send(Kind.TABLE, self.table)
            self._send_status()
            if self.endpoints is not None:
                child.send(Kind.ENDPOINTS, self.endpoints)
            for life in self.lives.values():
                self._send_snapshot(life)
            child.send(Kind.JOINED)
            return
        worker = f"{self.host}/{child.number}"
        self.lives[child.incarnation] = Life(worker=worker, incarnation=child.incarnation, child=child)
        if self.endpoints is not None:
            child.send(Kind.ENDPOINTS, self.endpoints)
        child.send(Kind.TABLE, self.table)
        if self.closing:
            child.send(Kind.CLOSING)
        self._send_drain(child)
        self._send_status()

    # ... says something...

    def received(self, child: Child, frame: Frame) -> None:
        """
        Keep, pass on or obey one frame. Raises `LinkError` for one that this child may not send.
        """
        if child.role is Role.CONTROL:
            self._from_control(frame)
        else:
            self._from_worker(self.lives[child.incarnation], frame)

    def _from_control(self, frame: Frame) -> None:
        if frame.kind is not Kind.ENDPOINTS:
            raise LinkError(f"control may not send {frame.kind.name}")
        self.endpoints = frame.payload
        for worker in self.workers:
            worker.send(Kind.ENDPOINTS, frame.payload)

    def _from_worker(self, life: Life, frame: Frame) -> None:
        child = life.child
        match frame.kind:
            case Kind.READY:
                said = parse_object(frame)
                if not child.ready:
                    self.log.info("worker_ready", worker=life.worker, incarnation=life.incarnation, pid=child.pid)
                child.epoch, child.digest, child.ready = said.get("epoch"), said.get("digest"), True
                self._send_status()
                self.changed()
            case Kind.SNAPSHOT:
                life.snapshot = frame.payload
                self._pass_on(life, frame)
            case Kind.SAMPLE | Kind.CANDIDATE:
                self._pass_on(life, frame)
            case Kind.REPORT:
                if not self._pass_on(life, frame):
                    self._log_report(life, parse_object(frame))
            case Kind.DRAINED:
                child.part()
                self.changed()
            case kind:
                raise LinkError(f"a worker may not send {kind.name}")

    # ... and goes.

    def left(self, child: Child) -> None:
        """
        A child is gone: tell control, which closes a dead worker's books.
        """
        if child is self.control:
            self.control = None
        life = self.lives.get(child.incarnation)
        if life is not None:
            life.alive = False
            # Once more, in case control's link had no room for it: no later one makes up for it.
            self._send_snapshot(life)
            self._forget()
            self._send_status()
        self.changed()

    # Draining...

    def close(self) -> None:
        """
        Draining begins: workers say `Connection: close` and copy nothing more.
        """
        self.closing = True
        for worker in self.workers:
            worker.send(Kind.CLOSING)
        self._send_status()

    def drain(self, until: float) -> None:
        """
        Workers stop accepting and finish what they have by `until` (monotonic seconds).
        """
        self.drain_until = until
        for worker in self.workers:
            self._send_drain(worker)

    # Frames that the hub makes.

    def _send_drain(self, child: Child) -> None:
        if self.drain_until is not None:
            child.send(Kind.DRAIN, orjson.dumps({"seconds": max(0.0, self.drain_until - monotonic())}))

    def _send_status(self) -> None:
        if self.control is not None:
            status = {
                "ready": self.ready > 0 and not self.closing,
                "draining": self.closing,
                "workers": [life.status() for life in self.lives.values()],
            }
            self.control.send(Kind.STATUS, orjson.dumps(status))

    def _send_snapshot(self, life: Life) -> None:
        if self.control is not None and life.snapshot is not None:
            self.control.send(Kind.SNAPSHOT, life.snapshot, life.incarnation, always=True)

    def _pass_on(self, life: Life, frame: Frame) -> bool:
        return self.control is not None and self.control.send(frame.kind, frame.payload, life.incarnation)

    def _forget(self) -> None:
        dead = [life for life in self.lives.values() if not life.alive]
        kept = sum(len(life.snapshot) for life in dead if life.snapshot is not None)
        for life in dead:
            if life.snapshot is None:
                del self.lives[life.incarnation]
            elif kept > KEPT_BYTES:
                kept -= len(life.snapshot)
                del self.lives[life.incarnation]
                self.log.warning("totals_forgotten", worker=life.worker, incarnation=life.incarnation)

    def _log_report(self, life: Life, report: dict[str, Any]) -> None:
        refused = self._allowance.take(monotonic())
        if refused is None:
            return
        fields = {name: value for name, value in report.items() if name not in OURS}
        if refused:
            fields["suppressed"] = refused
        tell = self.log.warning if report.get("level") == "warning" else self.log.error
        if report.get("level") == "info":
            tell = self.log.info
        tell(str(report.get("event", "report")), **{**fields, "worker": life.worker})


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
