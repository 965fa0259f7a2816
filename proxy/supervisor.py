"""
The parent of all processes: binds the sockets, starts, restarts and drains the children, is the hub between them.

`serve` is the whole of it for callers and `Supervisor.run` the story; the parts are in `proxy/supervise/`. Nothing
here reads configuration files or knows HTTP beyond the two health answers; standard library asyncio, never blocking.
"""

import asyncio
import math
import os
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from proxy.clock import monotonic
from proxy.link.frames import Kind
from proxy.log import Log, open_log
from proxy.routing.table import Table, encode
from proxy.supervise.child import Child, Role
from proxy.supervise.descriptors import needed, raise_limit
from proxy.supervise.health import Health
from proxy.supervise.hub import Hub
from proxy.supervise.keep import Nowhere
from proxy.supervise.signals import StopRequests, reap_orphans
from proxy.supervise.slot import Post, Reports, Slot
from proxy.supervise.sockets import Listeners, open_listeners

DONE, FAILED = 0, 1

# Looks at the children per `silence_timeout`. Time is counted in looks: after the whole group was stopped for a minute,
# or the machine suspended, nobody is accused of a minute's silence.
LOOKS = 5
# A worker that ends exactly at the drain's deadline kept to it.
DRAIN_GRACE = 0.5
# What control gets to close its store, and the kernel to end what was killed.
STOP_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """
    What `serve` starts. Addresses are (host, port) as configured, port 0 for any free one; times are seconds.

    The commands get their file descriptors appended: LINK_FD LISTEN_FD for a worker, LINK_FD ADMIN_FD for control. A
    worker that isn't ready `ready_timeout` after its start, or that is silent for `silence_timeout`, is killed and
    replaced. `setup` is for control, unread; the table and the kill latch are kept in the folder `state`; where a file
    `kill_file` appears, the latch is set.
    """

    table: Table
    listen: tuple[str, int]
    health: tuple[str, int]
    admin: tuple[str, int]
    setup: bytes = b""
    state: Path | None = None
    kill_file: Path | None = None
    workers: int = 1
    drain_delay: float = 5.0
    drain_timeout: float = 28.0
    ready_timeout: float = 10.0
    silence_timeout: float = 5.0
    worker_command: tuple[str, ...] = (sys.executable, "-m", "proxy.worker")
    control_command: tuple[str, ...] = (sys.executable, "-m", "proxy.control")


def serve(launch: Launch) -> int:
    """
    Run until a signal ends it. Returns the exit code; raises `ConfigurationError` when an address can't be listened on.

    0: drained, nothing cut short by us. 1: no worker ever became ready, a second signal ended it at once, or work was
    lost while draining. (2 is the command line's: bad usage or configuration.)
    """
    descriptors = raise_limit()
    listeners = open_listeners(listen=launch.listen, health=launch.health, admin=launch.admin, workers=launch.workers)
    try:
        with open_log("supervisor") as log:
            wanted = needed(launch.table.limits, launch.table.mirror.concurrency)
            if descriptors < wanted:
                log.warning("few_descriptors", limit=descriptors, wanted=wanted, remedy="raise it, or lower limits.*")
            return asyncio.run(Supervisor(launch, listeners, log).run())
    finally:
        listeners.close()


class Supervisor:
    """
    One run, from bound sockets to the exit code.
    """

    def __init__(self, launch: Launch, listeners: Listeners, log: Log) -> None:
        self._launch = launch
        self._listeners = listeners
        self._log = log
        # Set whenever something happened; whoever waits for something looks again whether it came.
        self._news = asyncio.Event()
        self._stop = StopRequests(self._news.set)
        self._hub = Hub(
            table=encode(launch.table),
            setup=launch.setup,
            host=socket.gethostname(),
            log=log,
            changed=self._news.set,
            memory=Nowhere(),
        )
        self._health = Health(self._not_ready)
        reports = Reports(joined=self._hub.joined, frame=self._hub.received, left=self._hub.left)
        incarnations = count(1)
        self._workers = [
            Slot(
                Post(role=Role.WORKER, number=number, command=launch.worker_command, listener=listener),
                reports,
                incarnations,
                log,
            )
            for number, listener in enumerate(listeners.workers)
        ]
        control = Post(
            role=Role.CONTROL,
            number=0,
            command=launch.control_command,
            listener=listeners.admin,
        )
        self._control = Slot(control, reports, incarnations, log)
        self._slots = [*self._workers, self._control]

    async def run(self) -> int:
        """
        Start, serve, drain, stop.
        """
        self._watch(asyncio.get_running_loop())
        try:
            # Start everything...
            await self._health.start(self._listeners.health)
            for slot in self._slots:
                slot.fill()

            # Wait until it works...
            if not await self._workers_ready():
                return FAILED

            # Serve until told to stop...
            await self._until(lambda: self._stop.first is not None)

            # Drain the workers, then let control go...
            lost = await self._drain()
            await self._stop_control()
            return FAILED if lost or self._stop.second else DONE
        finally:
            # Whatever happened, leave nothing running.
            await self._kill_all()
            self._health.close()

    async def _workers_ready(self) -> bool:
        launch, hub = self._launch, self._hub
        self._log.info("starting", workers=launch.workers, pid=os.getpid())
        # Two looks more than a worker gets, so that one that hangs is known to when this ends.
        patience = launch.ready_timeout + 2 * self._look_seconds
        await self._until(lambda: hub.ready == launch.workers or self._stop.first is not None, patience)
        if self._stop.first is not None:
            return True
        if hub.ready == 0:
            why = "; ".join(f"{slot.name}: {slot.last_why or 'still starting'}" for slot in self._workers)
            self._log.error("no_worker_ready", why=why, seconds=launch.ready_timeout)
            return False
        old, new = (side.url for side in launch.table.sides)
        self._log.info("ready", **self._listeners.addresses(), old=old, new=new, workers=hub.ready, pid=os.getpid())
        return True

    async def _drain(self) -> bool:
        """
        Let the workers finish; True when work was lost.
        """
        launch, hub, stop = self._launch, self._hub, self._stop
        assert stop.first is not None
        deadline = stop.at + launch.drain_timeout
        # SIGINT comes from a person at a terminal: no balancer has to learn anything. The delay is for those that do.
        delay = min(launch.drain_delay, launch.drain_timeout) if stop.first is signal.SIGTERM and hub.ready else 0.0
        hub.close()
        self._log.info("draining", signal=stop.first.name, delay=delay, seconds=launch.drain_timeout)
        await self._until(lambda: False, delay)

        # Our copies go first, so that a worker's close is the last one and refuses whoever comes after it.
        for slot in self._workers:
            slot.retire()
        self._listeners.close_workers()
        workers = [slot.child for slot in self._workers if slot.child is not None]
        hub.drain(deadline)
        await self._until(
            lambda: all(slot.child is None for slot in self._workers), deadline + DRAIN_GRACE - monotonic()
        )

        lost = [worker.name for worker in workers if worker.ready and not worker.finished]
        if lost:
            self._log.error("drain_incomplete", workers=lost)
        else:
            self._log.info("drained", seconds=round(monotonic() - stop.at, 3))
        return bool(lost)

    async def _stop_control(self) -> None:
        self._control.retire()
        if self._control.child is not None:
            self._control.child.send(Kind.STOP)
            await self._until(lambda: self._control.child is None, STOP_SECONDS)

    async def _kill_all(self) -> None:
        for slot in self._slots:
            slot.retire()
            if slot.child is not None:
                slot.child.kill("stopped")
        await self._until(lambda: all(slot.child is None for slot in self._slots), STOP_SECONDS, hurried=False)

    async def _until(self, holds: Callable[[], bool], seconds: float = math.inf, *, hurried: bool = True) -> None:
        """
        Wait until something holds, at most `seconds`, and (if `hurried`) only until a second signal comes.
        """
        end = monotonic() + seconds
        while not holds() and not (hurried and self._stop.second) and (left := end - monotonic()) > 0:
            self._news.clear()
            try:
                await asyncio.wait_for(self._news.wait(), None if left == math.inf else left)
            except TimeoutError:
                return

    # What goes on beside the story.

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        loop.set_exception_handler(self._loop_error)
        self._stop.watch(loop)
        loop.add_signal_handler(signal.SIGCHLD, self._reap)
        loop.add_signal_handler(signal.SIGHUP, self._hub.reload)
        loop.add_signal_handler(signal.SIGUSR1, self._hub.kill, "SIGUSR1", "the supervisor got SIGUSR1")
        self._look()

    def _look(self) -> None:
        asyncio.get_running_loop().call_later(self._look_seconds, self._look)
        for child in (slot.child for slot in self._workers):
            if child is not None:
                self._look_at(child)
        self._reap()

    def _look_at(self, worker: Child) -> None:
        launch = self._launch
        worker.looks += 1
        worker.silent += 1
        if not worker.ready and worker.looks > launch.ready_timeout / self._look_seconds:
            worker.kill(f"not ready within {launch.ready_timeout:g} s")
        elif worker.ready and worker.silent > LOOKS and self._stop.first is None:
            # While draining, the one deadline is enough.
            worker.kill(f"silent for {launch.silence_timeout:g} s")

    def _reap(self) -> None:
        children = [slot.child for slot in self._slots if slot.child is not None]
        for child in children:
            child.poll()
        if os.getpid() == 1:
            reap_orphans(child.pid for child in children)

    @property
    def _look_seconds(self) -> float:
        return self._launch.silence_timeout / LOOKS

    def _not_ready(self) -> str | None:
        if self._stop.first is not None:
            return "draining"
        return None if self._hub.ready else "no worker is ready"

    def _loop_error(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self._log.error("loop_error", message=context.get("message"), exc_info=context.get("exception"))
