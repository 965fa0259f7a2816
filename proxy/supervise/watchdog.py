"""
Looks after the children while the story goes on: kills those that hang, reaps those that ended, counts deaths.
"""

import asyncio
import os
from collections.abc import Sequence

from proxy.clock import monotonic, time
from proxy.log import Log
from proxy.supervise.child import Child, Role
from proxy.supervise.deaths import Deaths
from proxy.supervise.hub import Hub
from proxy.supervise.patience import Patience
from proxy.supervise.signals import StopRequests, reap_orphans
from proxy.supervise.slot import Slot


class Watchdog:
    """
    `watch` the slots from the start on, `reap` whenever a child may have ended; slots tell it who `died`.
    """

    def __init__(self, hub: Hub, patience: Patience, stop: StopRequests, log: Log) -> None:
        self._hub = hub
        self._patience = patience
        self._stop = stop
        self._log = log
        self._deaths = Deaths()
        self._slots: Sequence[Slot] = ()

    def watch(self, slots: Sequence[Slot]) -> None:
        """
        Look at the children of these, now and every so often.
        """
        self._slots = slots
        self._look()

    def died(self, child: Child, why: str) -> None:
        """
        A child is dead without having been asked to be.
        """
        if child.role is Role.WORKER:
            self._deaths.add(monotonic(), time(), f"{child.name} ({why})")
            self._settle()

    def not_ready(self) -> str | None:
        """
        What probes are told, None when Parallax is ready.
        """
        if self._stop.first is not None:
            return "draining"
        return self._hub.not_ready

    def reap(self) -> None:
        """
        Take note of children that have ended; as PID 1, of everybody's.
        """
        children = [slot.child for slot in self._slots if slot.child is not None]
        for child in children:
            child.poll()
        if os.getpid() == 1:
            reap_orphans(child.pid for child in children)

    def _look(self) -> None:
        asyncio.get_running_loop().call_later(self._patience.look, self._look)
        for child in (slot.child for slot in self._slots):
            if child is not None:
                self._look_at(child)
        self._settle()
        self.reap()

    def _look_at(self, child: Child) -> None:
        child.looks += 1
        child.silent += 1
        # A kill doesn't wait for anybody: a worker that doesn't acknowledge it is replaced by one that begins with it.
        obeys = child.killed or not self._hub.switch.latch.killed or child.role is not Role.WORKER
        child.defiant = 0 if obeys else child.defiant + 1
        # While draining, the one deadline is enough for those that work.
        if (self._stop.first is None or not child.ready) and (why := self._patience.exhausted(child)):
            child.kill(why)

    def _settle(self) -> None:
        trouble = self._deaths.trouble(monotonic())
        if trouble and not self._hub.trouble:
            self._log.error("workers_keep_dying", why=trouble)
        elif self._hub.trouble and not trouble:
            self._log.info("workers_live")
        self._hub.settle(trouble)
