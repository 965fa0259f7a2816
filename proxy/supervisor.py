"""
The parent of all processes: binds the sockets, starts, restarts and drains the children, is the hub between them.

`serve` is the whole of it for callers. Nothing here reads configuration files or knows HTTP beyond the two health
answers; standard library asyncio, never blocking.
"""

import sys
from dataclasses import dataclass

from proxy.routing.table import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """
    What `serve` starts. Addresses are (host, port) as configured, port 0 for any free one; times are seconds.

    The commands get their file descriptors appended: LINK_FD LISTEN_FD for a worker; LINK_FD ADMIN_FD and then
    `control_options`, as they are, for control.
    """

    table: Table
    listen: tuple[str, int]
    health: tuple[str, int]
    admin: tuple[str, int]
    workers: int = 1
    drain_delay: float = 5.0
    drain_timeout: float = 28.0
    worker_command: tuple[str, ...] = (sys.executable, "-m", "proxy.worker")
    control_command: tuple[str, ...] = (sys.executable, "-m", "proxy.control")
    control_options: tuple[str, ...] = ()


def serve(launch: Launch) -> int:
    """
    Run until a signal ends it. Returns the exit code; raises `ConfigurationError` when an address can't be listened on.

    0: drained, nothing cut short by us. 1: no worker ever became ready, a second signal ended it at once, or work was
    lost while draining. (2 is the command line's: bad usage or configuration.)
    """
    raise NotImplementedError
