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
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

from proxy.admin.token import kept_token
from proxy.clock import monotonic
from proxy.compare.judging import encode as encode_judging
from proxy.crash import leave_no_core, told
from proxy.errors import ConfigurationError
from proxy.files import explain
from proxy.link.frames import Kind
from proxy.log import Log, open_log
from proxy.routing.intent import with_intent
from proxy.routing.table import encode
from proxy.salt import kept_signing_key, new_secret
from proxy.supervise.child import Child, Role
from proxy.supervise.descriptors import needed, raise_limit
from proxy.supervise.early import hear_orders
from proxy.supervise.health import Health
from proxy.supervise.hub import Hub
from proxy.supervise.killfile import KillFile
from proxy.supervise.launch import Launch, entry_of, judging_table, listen, recollect
from proxy.supervise.lock import Hold, exposed, hold, release
from proxy.supervise.memory import Folder, Found, Nowhere
from proxy.supervise.patience import Patience
from proxy.supervise.places import Places
from proxy.supervise.registry import folder_of, registered
from proxy.supervise.signals import StopRequests
from proxy.supervise.slot import Post, Reports, Slot
from proxy.supervise.sockets import Listeners
from proxy.supervise.watchdog import Watchdog

__all__ = ["Launch", "Supervisor", "serve"]

DONE, FAILED = 0, 1

# How long to wait for the first look at the kill file, should its disk hang.
LOOK_SECONDS = 1.0
# Children of a supervisor that was killed hold its addresses until they have noticed.
ORPHAN_SECONDS = 5.0
# A worker that ends exactly at the drain's deadline kept to it.
DRAIN_GRACE = 0.5
# What comparers get to tell what they saw, control to close its store, and the kernel to end what was killed.
STOP_SECONDS = 1.0


def serve(launch: Launch) -> int:
    """
    Run until a signal ends it. Returns the exit code; raises `ConfigurationError` when an address can't be listened on
    or another Parallax has the folder for state.

    0: drained, nothing cut short by us. 1: no worker ever became ready, a second signal ended it at once, or work was
    lost while draining. (2 is the command line's: bad usage or configuration.)
    """
    leave_no_core()
    descriptors = raise_limit()
    with ExitStack() as stack:
        held = Hold() if launch.state is None else stack.enter_context(hold(launch.state))
        listeners = stack.enter_context(closing(listen(launch, ORPHAN_SECONDS if held.orphaned else 0.0)))
        log = stack.enter_context(open_log("supervisor"))
        wanted = needed(launch.table.limits, launch.table.mirror.concurrency)
        if descriptors < wanted:
            log.warning("few_descriptors", limit=descriptors, wanted=wanted, remedy="raise it, or lower limits.*")
        if held.trouble:
            remedy = "let this user write there, or name another folder in store"
            log.error("state_not_locked", folder=str(launch.state), why=held.trouble, remedy=remedy)
        if launch.state is not None and (why := exposed(launch.state)):
            remedy = f"make it this user's alone: chmod 700 {launch.state}"
            log.warning("state_exposed", folder=str(launch.state), why=why, remedy=remedy)
        launch = replace(launch, table=replace(launch.table, signing=_signing_key(launch.state, log)))
        _make_token(launch.token_file)
        places = stack.enter_context(closing(Places(launch.comparers)))
        code = asyncio.run(Supervisor(launch, listeners, places, recollect(launch, log), held, log).run())
        if held.held and launch.state is not None:
            release(launch.state)
        return code


def _signing_key(state: Path | None, log: Log) -> str:
    """
    The key of this deployment; one for this life where it can't be kept.
    """
    if state is not None:
        try:
            return kept_signing_key(str(state))
        except OSError as error:
            remedy = "let this user write there; until then nothing that is signed outlives a restart"
            log.warning("signing_key_not_kept", folder=str(state), why=explain(error), remedy=remedy)
    return new_secret()


def _make_token(path: Path | None) -> None:
    """
    Have the admin port's token lie there before anybody hears `ready`, or finds this run: commands read it before they
    ask. Control reads it too, and tells where that fails.
    """
    if path is not None:
        with suppress(ConfigurationError, OSError):
            kept_token(path)


class Supervisor:
    """
    One run, from bound sockets to the exit code.
    """

    def __init__(
        self, launch: Launch, listeners: Listeners, places: Places, found: Found, held: Hold, log: Log
    ) -> None:
        self._launch = launch
        self._listeners = listeners
        self._places = places
        self._held = held
        self._log = log
        # Set whenever something happened; whoever waits for something looks again whether it came.
        self._news = asyncio.Event()
        self._stop = StopRequests(self._news.set)
        self._registration = ExitStack()
        self._memory = Nowhere() if launch.state is None else Folder(launch.state, log, self._kept)
        table = launch.table if found.intent is None else with_intent(launch.table, found.intent)
        self._hub = Hub(
            table=encode(table),
            setup=launch.setup,
            judging=encode_judging(judging_table(launch, found)),
            endpoints=found.endpoints,
            places=places.names,
            latch=found.latch,
            host=socket.gethostname(),
            log=log,
            changed=self._news.set,
            memory=self._memory,
            claims=found.claims,
        )
        self._kill_file = None
        if launch.kill_file is not None:
            self._kill_file = KillFile(launch.kill_file, self._hub.kill_file_seen, log)
        self._patience = Patience(
            ready=launch.ready_timeout,
            silence=launch.silence_timeout,
            first_pulse=launch.first_pulse_timeout,
            pulse=launch.pulse_timeout,
        )
        self._watchdog = Watchdog(self._hub, self._patience, self._stop, log)
        self._health = Health(self._watchdog.not_ready, lambda: self._hub.switch.latch.killed)
        self._reports = Reports(joined=self._hub.joined, frame=self._hub.received, left=self._hub.left, died=self._died)
        self._incarnations = count(1)
        self._workers = [
            self._slot(Post(role=Role.WORKER, number=number, command=launch.worker_command, listener=listener))
            for number, listener in enumerate(listeners.workers)
        ]
        self._comparers = [self._slot(post) for post in comparer_posts(launch, places)]
        control = Post(role=Role.CONTROL, number=0, command=launch.control_command, listener=listeners.admin)
        self._control = self._slot(control)
        self._slots = [*self._workers, *self._comparers, self._control]

    def _slot(self, post: Post) -> Slot:
        return Slot(post, self._reports, self._incarnations, self._log)

    async def run(self) -> int:
        """
        Start, serve, drain, stop.
        """
        self._watch(asyncio.get_running_loop())
        self._register()
        try:
            # Start everything, on what there was before...
            await self._health.start(self._listeners.health)
            await self._recall()
            for slot in self._slots:
                slot.fill()

            # Wait until it works...
            if not await self._workers_ready():
                return FAILED

            # Serve until told to stop...
            await self._until(lambda: self._stop.first is not None)

            # Drain the workers, then let those go that they need, and control, which is told what they all did...
            lost = await self._drain()
            await self._end(self._comparers)
            await self._end([self._control])
            return FAILED if lost or self._stop.second else DONE
        finally:
            # Whatever happened, leave nothing running and nothing unsaved.
            await self._kill_all()
            await self._until(lambda: not self._memory.pending, STOP_SECONDS, hurried=False)
            self._health.close()
            self._registration.close()

    async def _recall(self) -> None:
        """
        Take up what a predecessor left, and what operators did meanwhile.
        """
        latch = self._hub.switch.latch
        if latch.killed:
            remedy = "`parallax restore` when new may serve again"
            self._log.warning("still_killed", **latch.values(), remedy=remedy)
        if latch.number:
            self._memory.keep_latch(latch)
        self._memory.keep_table(self._hub.table)
        self._memory.keep_judging(self._hub.judging)
        if self._kill_file is not None:
            # No worker may begin before a kill that was there before it.
            self._kill_file.watch()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._kill_file.looked.wait(), LOOK_SECONDS)

    async def _workers_ready(self) -> bool:
        launch, hub = self._launch, self._hub
        self._log.info("starting", workers=launch.workers, pid=os.getpid())
        # Two looks more than a worker gets, so that one that hangs is known to when this ends.
        patience = launch.ready_timeout + 2 * self._patience.look
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

    async def _end(self, slots: Sequence[Slot]) -> None:
        for slot in slots:
            slot.retire()
            if slot.child is not None:
                slot.child.send(Kind.STOP)
        await self._until(lambda: all(slot.child is None for slot in slots), STOP_SECONDS)

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
        loop.add_signal_handler(signal.SIGCHLD, self._watchdog.reap)
        loop.add_signal_handler(signal.SIGHUP, self._hub.reload)
        loop.add_signal_handler(signal.SIGUSR1, self._hub.switch.kill, "SIGUSR1", "the supervisor got SIGUSR1")
        hear_orders()
        self._watchdog.watch(self._slots)

    def _register(self) -> None:
        """
        Be found by commands. Only now: before, the signals that they send would have ended the process.
        """
        state = self._launch.state
        if state is None or not self._held.held:
            return
        entry = entry_of(self._launch, state, self._listeners.addresses(), os.getpid())
        trouble = self._registration.enter_context(registered(entry, folder_of(os.environ, os.getuid())))
        if trouble:
            remedy = "name --admin and PARALLAX_ADMIN_TOKEN to commands"
            self._log.warning("not_registered", why=trouble, remedy=remedy)

    def _died(self, child: Child, why: str) -> None:
        if child.role is Role.COMPARER:
            hand = self._places.all[child.number].hand
            if endpoint := hand.held():
                hand.free()
                self._hub.blame(child.number, endpoint)
        self._watchdog.died(child, why)

    def _kept(self) -> None:
        self._hub.tell()
        self._news.set()

    def _loop_error(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        self._log.error("unexpected_error", **told(error if isinstance(error, BaseException) else None))


def comparer_posts(launch: Launch, places: Places) -> list[Post]:
    """
    What the slots of comparers start.
    """
    return [
        Post(
            role=Role.COMPARER,
            number=number,
            command=launch.comparer_command,
            listener=place.listener,
            more=(place.page,),
            memory=launch.comparer_memory,
        )
        for number, place in enumerate(places.all)
    ]
