"""
What a worker uses and has, read where it costs least: the time that its loop takes for a turn, and its memory.
"""

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from ctypes import CDLL
from math import inf
from pathlib import Path

from proxy.clock import monotonic
from proxy.routing.table import Overload

# Seconds between two measured turns of a loop that has little to do. One measurement costs about 10 µs.
PAUSE = 0.02
# A turn this long is followed by measuring the next one too.
BUSY = 0.005
# Bytes for the supervisor, control and whoever else shares a container with the workers.
OTHERS = 256 * 1024 * 1024
# An automatic limit is at least so many times what a worker needs to be there: none is overloaded from the start.
LEAST = 2

PAGE = os.sysconf("SC_PAGE_SIZE")
MACHINE = os.sysconf("SC_PHYS_PAGES") * PAGE
CGROUPS = Path("/sys/fs/cgroup")


class Turns:
    """
    The shortest turn of the loop since it was last asked for, in seconds.

    A turn is measured from one moment between two turns to the next: a call made soon from a call made soon runs a
    whole turn later, in which the loop doesn't sleep. `on_busy` is called after each one that is long.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, on_busy: Callable[[], None]) -> None:
        self._loop = loop
        self._on_busy = on_busy
        # When the present turn began, at the latest.
        self._began = monotonic()
        self._least = inf
        self._told = 0.0
        self._rest(self._began)

    def least(self, now: float) -> float:
        """
        Since the last call. If no turn has ended in between, what was said then, or how long this one has lasted.
        """
        if self._least < inf:
            self._told, self._least = self._least, inf
        else:
            self._told = max(self._told, now - self._began)
        return self._told

    def _rest(self, now: float) -> None:
        # From the timer to the moment between turns; from there on it counts.
        self._began = now + PAUSE
        self._loop.call_later(PAUSE, self._loop.call_soon, self._begin)

    def _begin(self) -> None:
        self._began = monotonic()
        self._loop.call_soon(self._end)

    def _end(self) -> None:
        now = monotonic()
        length = now - self._began
        self._least = min(self._least, length)
        if length < BUSY:
            self._rest(now)
        else:
            self._began = now
            self._loop.call_soon(self._end)
            self._on_busy()


class Memory:
    """
    The memory of this process; without /proc, nothing is known and 0 is said.
    """

    def __init__(self) -> None:
        try:
            self._statm = os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            self._statm = -1
        self._base = self.resident()

    def resident(self) -> int:
        """
        Resident bytes; a few microseconds.
        """
        if self._statm < 0:
            return 0
        return int(os.pread(self._statm, 128, 0).split()[1]) * PAGE

    def limit(self, overload: Overload, room: int) -> int:
        """
        How many bytes this worker may use: as configured, or its share of `room`, which the container or machine has.
        """
        if overload.memory:
            return overload.memory
        return max(max(room - OTHERS, room // 2) // overload.workers, LEAST * self._base)

    def trim(self) -> None:
        """
        Give back to the system what is free; only glibc needs to be told.
        """
        with suppress(OSError, AttributeError):
            CDLL(None).malloc_trim(0)


def available(groups: Path = CGROUPS, own: Path = Path("/proc/self/cgroup")) -> int:
    """
    Bytes that this container may use, else those of the machine: the least limit from its control group upwards.
    """
    limits = [MACHINE]
    with suppress(OSError, ValueError):
        for line in own.read_text().splitlines():
            limits += _limits(groups, line)
    return min(limits)


def _limits(groups: Path, line: str) -> Iterator[int]:
    """
    The limits that one line of /proc/self/cgroup (`number:controllers:path`) leads to.
    """
    _, controllers, path = line.split(":", 2)
    if controllers and "memory" not in controllers.split(","):
        return
    root, name = (groups / "memory", "memory.limit_in_bytes") if controllers else (groups, "memory.max")
    here = Path(path.lstrip("/"))
    # Seen from inside a container, the path may be the host's and lead nowhere; its own group is the root then.
    for folder in (here, *here.parents):
        with suppress(OSError, ValueError):
            yield int((root / folder / name).read_text())
