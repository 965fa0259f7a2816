"""
One life of one child process: a fresh interpreter, its link, and what it has said of itself.

Whether there is another life afterwards is decided by its slot (`slot.py`).
"""

import asyncio
import os
import resource
import signal
import socket
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from enum import StrEnum

from proxy.clock import monotonic
from proxy.errors import LinkError
from proxy.link.channel import Channel, open_channel
from proxy.link.frames import Frame, Kind

# A child hears only its link. These are blocked in it from its first instruction on: a terminal, `timeout` or a
# service manager sends them to the whole group, and a worker that died of one would take its clients' answers along.
UNHEARD = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1}

# How long a child may outlive its link, and a link (held open by somebody else) its child.
PARTING_SECONDS = 2.0

# nice(2) of a comparer above ours: where processors are scarce, clients' answers go before verdicts on them. With all
# of it on one core and every pair judged, 1,000/s, p99 grows by 1.4 ms instead of 2.0 (medians of 12 blocks).
GIVES_WAY = 5


class Role(StrEnum):
    """
    What a child is for.
    """

    WORKER = "worker"
    COMPARER = "comparer"
    CONTROL = "control"


def name_of(role: Role, number: int) -> str:
    """
    What a log line calls a child: `worker 0`, `comparer 1`, `control`.
    """
    return str(role) if role is Role.CONTROL else f"{role} {number}"


class Child:
    """
    Started once, ended once: `on_end` is called when the process has been reaped and its link read to the end.

    `on_frame` may raise `LinkError` for nonsense; the child is killed for it.
    """

    def __init__(
        self,
        role: Role,
        number: int,
        incarnation: int,
        *,
        on_frame: Callable[["Child", Frame], None],
        on_end: Callable[["Child"], None],
    ) -> None:
        self.role = role
        self.number = number
        self.incarnation = incarnation
        self._on_frame = on_frame
        self._on_end = on_end
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: Channel | None = None
        self._link: socket.socket | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._ended = False
        self._why = ""
        # Since when it does its work: a worker that accepts, a comparer that judges, a control that pulses.
        self.since: float | None = None
        # Said by a worker:
        self.drained = False
        self.epoch: int | None = None
        self.digest: str | None = None
        self.armed = ""
        self.killed = False
        # Said by a comparer: the judging table that it judges by.
        self.version: int | None = None
        # Counted by the supervisor: looks at it in its life, since its last frame, and since it was told of a kill that
        # it doesn't obey.
        self.looks = 0
        self.silent = 0
        self.defiant = 0

    @property
    def name(self) -> str:
        """
        `name_of` this one.
        """
        return name_of(self.role, self.number)

    @property
    def pid(self) -> int:
        """
        The process's id, 0 before it was started.
        """
        return self._process.pid if self._process is not None else 0

    @property
    def why(self) -> str:
        """
        Why it ended, in words: what we killed it for, else its exit code or signal.
        """
        code = self._process.returncode if self._process is not None else None
        if self._why or code is None:
            return self._why
        return f"exit code {code}" if code >= 0 else f"killed by signal {-code} ({signal.strsignal(-code)})"

    @property
    def returncode(self) -> int | None:
        """
        The exit code as `subprocess` gives it, None while it runs.
        """
        return self._process.returncode if self._process is not None else None

    def start(self, command: Sequence[str], inherited: Sequence[int], *, memory: int = 0) -> None:
        """
        Start the process with LINK_FD and the descriptors that it inherits as arguments; with `memory`, it gets no more
        bytes of address space than that. A comparer gives way to others. Raises OSError if that fails.
        """
        self._link, theirs = socket.socketpair()
        with theirs:
            descriptors = (theirs.fileno(), *inherited)
            before = signal.pthread_sigmask(signal.SIG_BLOCK, UNHEARD)
            try:
                self._process = subprocess.Popen(
                    [*command, *map(str, descriptors)], stdin=subprocess.DEVNULL, pass_fds=descriptors
                )
            except OSError:
                self._link.close()
                raise
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, before)
        if self.role is Role.COMPARER:
            # Before its imports, which take the processor for a third of a second. Where it is forbidden, without.
            with suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, self._process.pid, os.getpriority(os.PRIO_PROCESS, 0) + GIVES_WAY)
        if memory:
            with suppress(ProcessLookupError):
                resource.prlimit(self._process.pid, resource.RLIMIT_AS, (memory, memory))

    async def open(self) -> None:
        """
        Open our end of the link; frames flow from now on.
        """
        assert self._link is not None
        self._channel = await open_channel(self._link.detach(), self._frame, self._link_lost)

    def send(self, kind: Kind, payload: bytes = b"", incarnation: int = 0, *, always: bool = False) -> bool:
        """
        `Channel.send`; False also before `open`.
        """
        return self._channel is not None and self._channel.send(kind, payload, incarnation, always=always)

    def kill(self, why: str) -> None:
        """
        End the process now. The first `why` stays.
        """
        self._why = self._why or why
        if self._process is not None:
            self._process.kill()

    @property
    def ready(self) -> bool:
        """
        Whether it does its work.
        """
        return self.since is not None

    def works(self) -> bool:
        """
        It said that it does its work; True the first time.
        """
        first, self.since = self.since is None, self.since or monotonic()
        return first

    @property
    def finished(self) -> bool:
        """
        Whether a worker left nothing undone: it said so, or ended as one that has.
        """
        return self.drained or self.returncode == 0

    def part(self) -> None:
        """
        It has said DRAINED: expect it to end, and end it if it hangs (a thread in a DNS look-up can hold it up).
        """
        self.drained = True
        self._arm()

    def poll(self) -> None:
        """
        Reap the process if it has ended.
        """
        if self._process is not None and self._process.poll() is not None:
            self._part()

    def _frame(self, frame: Frame) -> None:
        self.silent = 0
        self._on_frame(self, frame)

    def _link_lost(self, error: Exception | None) -> None:
        if isinstance(error, LinkError):
            self.kill(f"wrote nonsense on its link: {error}")
        self._part()

    def _part(self) -> None:
        # Process and link end in either order; what the child wrote last is read before it counts as gone.
        gone = self.returncode is not None
        unread = self._channel is None or self._channel.is_open
        if self._ended:
            return
        if gone and not unread:
            self._ended = True
            if self._timer is not None:
                self._timer.cancel()
            self._on_end(self)
        else:
            self._arm()

    def _arm(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(PARTING_SECONDS, self._separate)

    def _separate(self) -> None:
        self._timer = None
        if self.returncode is None:
            self.kill("had nothing left to do and stayed")
        elif self._channel is not None:
            self._channel.abort()
