"""
The signals that the supervisor hears, and reaping.
"""

import asyncio
import os
import signal
from collections.abc import Callable, Iterable

from proxy.clock import monotonic

# GNU timeout signals its child and then the child's whole group, so that one request to stop arrives twice.
ECHO_SECONDS = 0.1


class StopRequests:
    """
    The first SIGTERM or SIGINT asks for a drain, a second one for an end at once; `changed` is called for each.
    """

    def __init__(self, changed: Callable[[], None]) -> None:
        self.first: signal.Signals | None = None
        self.at = 0.0
        self.second = False
        self._changed = changed

    def watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """
        Hear the signals from now on.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.received, number)

    def received(self, number: signal.Signals) -> None:
        """
        One signal arrived.
        """
        now = monotonic()
        if self.first is None:
            self.first, self.at = number, now
        elif number is not self.first or now - self.at > ECHO_SECONDS:
            self.second = True
        self._changed()


def reap_orphans(ours: Iterable[int]) -> None:
    """
    As PID 1: reap every ended process that somebody left to us, except `ours`, which have a keeper.
    """
    kept = set(ours)
    while True:
        try:
            # Looks without reaping, so that the keepers' exit codes aren't taken from them.
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return
        # One of ours, which has just ended, hides the others until its keeper reaped it: its own SIGCHLD is on its way.
        if ended is None or ended.si_pid in kept:
            return
        os.waitpid(ended.si_pid, os.WNOHANG)
