"""
Signals that come before the supervisor hears them: what is being loaded takes a quarter of a second.

Imports next to nothing, so that it can be in force before the rest is loaded.
"""

import json
import os
import signal
import sys
from types import FrameType

from proxy.clock import timestamp

STDERR = 2
# Orders that would end a process that doesn't know them yet. They wait until it does.
ORDERS = {signal.SIGHUP, signal.SIGUSR1}


def obey_stop() -> None:
    """
    From now on SIGTERM and SIGINT end the process with exit code 0 and one line: nothing was begun yet. A kill or a
    reload waits for `hear_orders`.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    signal.pthread_sigmask(signal.SIG_BLOCK, ORDERS)


def hear_orders() -> None:
    """
    There are handlers for SIGHUP and SIGUSR1 now; those that came meanwhile are handled.
    """
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ORDERS)


def _stop(number: int, _frame: FrameType | None) -> None:
    # As `proxy.log` would write it, which is too much to load first.
    what = {"event": "stopped_before_start", "process": "supervisor", "signal": signal.Signals(number).name}
    line = {"timestamp": timestamp(), "level": "info", **what}
    os.write(STDERR, f"{json.dumps(line)}\n".encode())
    sys.exit(0)
