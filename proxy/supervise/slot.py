"""
A place that a child fills, and another one when that dies.
"""

import asyncio
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from proxy.clock import monotonic
from proxy.link.frames import Frame
from proxy.log import Log
from proxy.supervise.child import Child, Role, name_of
from proxy.tasks import spawn

FIRST_DELAY = 0.1
LONGEST_DELAY = 10.0
# So much work makes up for one short life. Who kills workers now and then gets each back at once; a crash loop
# doesn't.
FORGIVING_SECONDS = 2.0
MOST_FAILURES = 8  # the first that waits for the longest


def back_off(failures: int) -> float:
    """
    Seconds to wait before the next start, after `failures` (from 1) short lives.
    """
    return min(FIRST_DELAY * 2.0 ** min(failures - 1, 16), LONGEST_DELAY)


def count_failures(before: int, worked: float) -> int:
    """
    How many short lives there were, with one more that `worked` so many seconds.
    """
    return max(0, min(before, MOST_FAILURES) - int(worked / FORGIVING_SECONDS)) + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """
    What a slot starts: the command, the listener and other descriptors it inherits, and the bytes of address space
    that it may have, 0 for any number.
    """

    role: Role
    number: int
    command: tuple[str, ...]
    listener: socket.socket
    more: tuple[int, ...] = ()
    memory: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reports:
    """
    Whom a slot tells: a child can be talked to, a child said something, a child is gone; and, unless it was told to
    retire, that one died or couldn't be started.
    """

    joined: Callable[[Child], None]
    frame: Callable[[Child, Frame], None]
    left: Callable[[Child], None]
    died: Callable[[Child, str], None]


class Slot:
    """
    Keeps one child alive from `fill` to `retire`.
    """

    def __init__(self, post: Post, reports: Reports, numbers: Iterator[int], log: Log) -> None:
        self.child: Child | None = None
        self.failures = 0
        self.last_why = ""
        self._post = post
        self._reports = reports
        self._numbers = numbers
        self._log = log
        self._wanted = True
        self._retry: asyncio.TimerHandle | None = None

    @property
    def name(self) -> str:
        """
        What a log line calls its children.
        """
        return name_of(self._post.role, self._post.number)

    def fill(self) -> None:
        """
        Start a child now; when that fails, later, like after a death.
        """
        self._retry = None
        post = self._post
        child = Child(post.role, post.number, next(self._numbers), on_frame=self._reports.frame, on_end=self._ended)
        try:
            child.start(post.command, (post.listener.fileno(), *post.more), memory=post.memory)
        except OSError as error:
            self._again(child, f"cannot be started: {error.strerror}")
            return
        self.child = child
        self._log.info("child_started", child=child.name, incarnation=child.incarnation, pid=child.pid)
        spawn(self._open(child), name=f"open the link of {child.name}", on_error=lambda error: child.kill(repr(error)))

    def retire(self) -> None:
        """
        Start no further child. The present one, if any, goes on.
        """
        self._wanted = False
        if self._retry is not None:
            self._retry.cancel()

    async def _open(self, child: Child) -> None:
        await child.open()
        self._reports.joined(child)

    def _ended(self, child: Child) -> None:
        self.child = None
        self._again(child, child.why)
        self._reports.left(child)

    def _again(self, child: Child, why: str) -> None:
        if not self._wanted:
            return
        self.failures = count_failures(self.failures, 0.0 if child.since is None else monotonic() - child.since)
        self.last_why = why
        delay = back_off(self.failures)
        self._log.error(
            "child_ended", child=child.name, incarnation=child.incarnation, pid=child.pid, why=why, restart_in=delay
        )
        self._retry = asyncio.get_running_loop().call_later(delay, self.fill)
        self._reports.died(child, why)
