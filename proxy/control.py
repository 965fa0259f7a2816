"""
Wires the control process: its link to the supervisor, what it knows, the admin port.

`python -m proxy.control LINK_FD ADMIN_FD`. Ends with exit code 0 when told to stop or when the supervisor is gone.
Traffic never waits for it: everything here can die and start anew from what the supervisor keeps. Nothing is answered
before all of that has come, or counters would seem to go backwards.
"""

import asyncio
import logging
import platform
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from aiohttp.http_exceptions import HttpProcessingError
from prometheus_client import CollectorRegistry

from proxy import __version__
from proxy.admin.answers import judged
from proxy.admin.app import build_app
from proxy.admin.facts import Facts, parse_object
from proxy.admin.gate import Access
from proxy.admin.port import AdminPort
from proxy.admin.serve import serving
from proxy.admin.steering import Refusal, Who
from proxy.archive import Archive
from proxy.clock import monotonic, time, timestamp
from proxy.crash import tell_without_values, told
from proxy.dossier import Dossier
from proxy.equipment import Equipment
from proxy.errors import ConfigurationError, LinkError
from proxy.flags import Flags
from proxy.link.channel import Channel, open_channel
from proxy.link.frames import Frame, Kind
from proxy.link.setup import Setup, decode
from proxy.log import Allowance, Log, open_log
from proxy.metrics.exposition import BooksCollector
from proxy.salt import kept_salt, new_secret
from proxy.steering import Outside, Steering
from proxy.tasks import spawn
from proxy.threads import on_thread

# What others can make us write: workers' reports, frames that make no sense, bad requests on the admin port.
LINES_PER_SECOND = 20.0
LINES_AT_ONCE = 200

PULSE_SECONDS = 1.0
# A disk that hangs must not keep comparers without a salt.
SALT_SECONDS = 5.0
# From one try to serve the admin port to the next.
EQUIP_SECONDS = 2.0
SIGHUP = Who(name="SIGHUP", role="", peer="")

# Fields that the log itself fills.
OURS = frozenset({"event", "level", "timestamp", "process", "exc_info", "stack_info", "self"})


class Control:
    """
    Obeys the link: every frame goes into `facts`, or is an order. `ended` is set when it is time to go.
    """

    def __init__(self, facts: Facts, log: Log) -> None:
        self._facts = facts
        self._log = log
        self._allowance = Allowance(LINES_PER_SECOND, LINES_AT_ONCE)
        self._has_published = False
        self._reload_waits = False
        self.channel: Channel | None = None
        self._flags = Flags(self.send, self.tell, facts.asking)
        self.setup: Setup | None = None
        self.steering: Steering | None = None
        self._port: AdminPort | None = None
        self._archive: Archive | None = None
        self._dossier: Dossier | None = None
        self._equipment: Equipment | None = None
        # Set when all that the supervisor kept has come, or when it is time to go before that.
        self.joined = asyncio.Event()
        self.ended = asyncio.Event()
        self.exit_code = 0

    def received(self, frame: Frame) -> None:
        """
        Obey one frame. One that makes no sense is told and left out: a worker gone wrong must not end control.
        """
        try:
            self._obey(frame)
        except LinkError as error:
            self.tell("error", "frame_refused", kind=frame.kind.name, incarnation=frame.incarnation, reason=str(error))

    def _obey(self, frame: Frame) -> None:
        facts = self._facts
        match frame.kind:
            case Kind.SNAPSHOT:
                facts.take_snapshot(frame.incarnation, frame.payload)
                if self.steering is not None:
                    self.steering.plan.sight.heard()
                # Once in a life: what workers offered while there was no control is lost, and a list makes them offer
                # it again. Not before the first snapshot, which comes after the list that a predecessor made.
                if not self._has_published:
                    self._publish_endpoints()
            case Kind.ENDPOINTS:
                facts.take_endpoints(frame.payload)
            case Kind.CANDIDATE:
                if facts.take_candidates(frame.payload):
                    self._publish_endpoints()
            case Kind.SAMPLE:
                facts.take_sample(frame.payload)
                if self._port is not None:
                    self._port.diverged(facts.samples[-1])
            case Kind.RECHECKED:
                facts.signatures.take_rechecked(parse_object(frame.payload))
            case Kind.JUDGED:
                self._judged(parse_object(frame.payload))
            case Kind.FLAGS_ASKED:
                self._flags.take(frame.payload)
            case Kind.REPORT:
                self._report(frame)
            case _:
                self._obey_supervisor(frame)

    def _obey_supervisor(self, frame: Frame) -> None:
        match frame.kind:
            case Kind.SETUP:
                self.setup = _read_setup(frame.payload)
            case Kind.TABLE:
                if self._facts.take_table(frame.payload):
                    self._publish_endpoints()
                self._tell_listeners()
            case Kind.STATUS:
                self._facts.take_status(frame.payload)
                if self.steering is not None:
                    self.steering.status_changed()
                self._tell_listeners()
            case Kind.JUDGING:
                self._facts.take_judging(frame.payload)
            case Kind.JOINED:
                self._facts.signatures.start(judged(self._facts))
                self.joined.set()
            case Kind.RELOAD:
                if self.steering is None:
                    # One that no predecessor heard comes together with the rest.
                    self._reload_waits = True
                else:
                    spawn(self._reload(self.steering), name="reload")
            case Kind.STOP:
                self._end()
            case kind:
                raise LinkError(f"control can't use {kind.name}")

    def _publish_endpoints(self) -> None:
        if self.channel is not None:
            self._has_published = True
            self.channel.send(Kind.ENDPOINTS, self._facts.endpoints())

    def _judged(self, judged: dict[str, Any]) -> None:
        if self.steering is not None:
            self.steering.noise.take(judged)
            self._facts.usage.follow(self.steering.rulebook.table, time(), self._facts.asked)
            self._facts.usage.take(judged)
        for known in self._facts.signatures.take(judged):
            if self._port is not None and self._dossier is not None:
                self._port.discovered(self._dossier.told(known))

    def _report(self, frame: Frame) -> None:
        report = parse_object(frame.payload)
        worker = self._facts.name_of(frame.incarnation)
        fields = {name: value for name, value in report.items() if name not in OURS}
        self.tell(str(report.get("level")), str(report.get("event", "report")), **{**fields, "worker": worker})

    def lost(self, error: Exception | None) -> None:
        """
        The supervisor is gone (None), or the link can't be read any more.
        """
        if error is not None:
            self._log.error("link_lost", reason=f"{type(error).__name__}: {error}")
            self.exit_code = 1
        self._end()

    def _end(self) -> None:
        self.ended.set()
        self.joined.set()

    def send(self, kind: Kind, payload: bytes) -> None:
        """
        One frame to the supervisor.
        """
        if self.channel is not None:
            self.channel.send(kind, payload)

    async def serve(self, setup: Setup, registry: CollectorRegistry, listener: socket.socket) -> None:
        """
        Steer and serve the admin port, once all has come, until the end.
        """
        outside = Outside(send=self.send, tell=self.tell, publish=self.publish, equip=self.equip)
        self.steering = Steering(self._facts, setup, outside)
        signatures = self._facts.signatures
        self._archive = archive = Archive(signatures, setup.state, self.tell)
        self._dossier = dossier = Dossier(self._facts, signatures, archive, self.steering.waiving)
        self._port = AdminPort(self._facts, self.steering, dossier, Access(tokens=()), start=round(time() * 1000))
        self._equipment = Equipment(self._port, self.tell)
        self.steering.start()
        if setup.flags is not None:
            self._flags.start(setup.flags)
        if self._reload_waits:
            spawn(self._reload(self.steering), name="reload")
        archive.caps = setup.caps
        archive.start()
        spawn(self._season(setup.state, self.steering), name="read the salt")
        watching = spawn(self.steering.watch(), name="watch the configuration")
        app = build_app(self._port, registry, report=self.failed)
        if await self._equipped(setup, self._equipment):
            async with serving(app, listener, logging.getLogger("admin"), self._equipment.encryption):
                await self.ended.wait()
        watching.cancel()

    async def _season(self, state: str, steering: Steering) -> None:
        """
        Give comparers the salt of this deployment; one for this life where it can't be kept.
        """
        try:
            salt = await asyncio.wait_for(on_thread("read the salt", lambda: kept_salt(state)), SALT_SECONDS)
        except (OSError, TimeoutError) as error:
            self.tell("warning", "salt_not_kept", reason=type(error).__name__)
            salt = steering.rulebook.table.redact.salt or new_secret()
        steering.rulebook.change(redact=replace(steering.rulebook.table.redact, salt=salt))

    async def _equipped(self, setup: Setup, equipment: Equipment) -> bool:
        """
        Wait until the admin port can be served as `setup` says; False when it is time to go before that.
        """
        while not self.ended.is_set():
            try:
                # Unless a reload has done it in the meantime, for a newer setup.
                if not equipment.is_complete:
                    await equipment.equip(setup)
                return True
            except ConfigurationError as error:
                # It could when the supervisor started; plaintext instead would give tokens away.
                self.tell("error", "admin_not_served", reason=str(error))
                with suppress(TimeoutError):
                    await asyncio.wait_for(self.ended.wait(), EQUIP_SECONDS)
        return False

    def publish(self, kind: str, value: dict[str, Any]) -> None:
        """
        An event for who listens.
        """
        if self._port is not None:
            self._port.events.publish(kind, value)
            self._tell_listeners()

    async def equip(self, setup: Setup) -> None:
        """
        What the admin port needs of a setup that comes into force.
        """
        if self._equipment is not None:
            await self._equipment.equip(setup)

    def _tell_listeners(self, *, tick: bool = False) -> None:
        if self._port is None:
            return
        try:
            if tick:
                self._port.tick(monotonic())
            else:
                self._port.look()
        except Exception as error:  # noqa: BLE001 - steering must not end for what is only shown
            self.failed("events", error)

    async def _reload(self, steering: Steering) -> None:
        # Refused: that has been logged, with the reasons.
        with suppress(Refusal):
            await steering.reload(SIGHUP, {})

    async def pulse(self) -> None:
        """
        Tell the supervisor that this loop turns, for ever.
        """
        while True:
            self.send(Kind.PULSE, b"")
            if self.steering is not None:
                self.steering.refresh()
                self.steering.noise.look()
                self.steering.waiving.look()
                self.steering.plan.look()
            self._tell_listeners(tick=True)
            await asyncio.sleep(PULSE_SECONDS)

    async def renew(self) -> None:
        """
        Look once a second whether the admin port's token or certificate has become another, for ever.
        """
        while True:
            await asyncio.sleep(PULSE_SECONDS)
            if self._equipment is not None:
                await self._equipment.look()

    def tell(self, level: str, event: str, /, **fields: Any) -> None:
        """
        Log what others made us log, at most `LINES_PER_SECOND`; lines left out are counted in the next one.
        """
        suppressed = self._allowance.take(monotonic())
        if suppressed is None:
            return
        if suppressed:
            fields["suppressed"] = suppressed
        match level:
            case "info":
                self._log.info(event, **fields)
            case "warning":
                self._log.warning(event, **fields)
            case _:
                self._log.error(event, **fields)

    def failed(self, route: str, error: Exception) -> None:
        """
        The admin API could not answer: a mistake of ours.
        """
        self.tell("error", "admin_failed", route=route, **told(error))


class LibraryLog(logging.Handler):
    """
    What aiohttp and asyncio log through the standard library, as one line of ours.

    Their messages can quote requests, so only the kind of trouble and its place are kept.
    """

    def __init__(self, control: Control) -> None:
        super().__init__(logging.WARNING)
        self._control = control

    def emit(self, record: logging.LogRecord) -> None:
        """
        Called by `logging`.
        """
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, HttpProcessingError):
            self._control.tell("warning", "admin_request_refused", error=type(error).__name__)
            return
        level = "warning" if record.levelno < logging.ERROR else "error"
        fields = {} if error is None else told(error)
        self._control.tell(level, "library_trouble", library=record.name, line=record.lineno, **fields)


async def run(link: int, listener: socket.socket, log: Log) -> int:
    """
    Control from first frame to last. Returns the exit code.
    """
    facts = Facts({"version": __version__, "python": platform.python_version()})
    registry = CollectorRegistry()
    registry.register(BooksCollector(facts.expose))
    control = Control(facts, log)
    logging.basicConfig(handlers=[LibraryLog(control)], level=logging.WARNING)
    control.channel = await open_channel(link, control.received, control.lost)
    background = [spawn(control.pulse(), name="pulse"), spawn(control.renew(), name="renew")]
    await control.joined.wait()
    if not control.ended.is_set():
        if control.setup is None or facts.table is None or facts.status is None:
            log.error("joined_without_setup", remedy="control is started by `parallax serve`, and by nobody else")
            return 1
        await control.serve(control.setup, registry, listener)
    for task in background:
        task.cancel()
    control.channel.close()
    return control.exit_code


def _read_setup(payload: bytes) -> Setup:
    try:
        return decode(payload)
    except (KeyError, TypeError, ValueError) as error:
        raise LinkError("a setup has the wrong shape") from error


def main(arguments: Sequence[str]) -> int:
    """
    The process. Returns the exit code.
    """
    tell_without_values("control", timestamp)
    # A terminal sends these to the whole group; what they mean, the supervisor decides.
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)
    link, admin = map(int, arguments)
    with open_log("control") as log:
        try:
            return asyncio.run(run(link, socket.socket(fileno=admin), log))
        except Exception:  # the last door: one line instead of a bare traceback
            log.exception("control_failed")
            return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
