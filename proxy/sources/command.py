"""
Runs the command of an item of a checklist: without a shell, in a process group of its own, for a bounded time, with
none of our secrets in its environment.

On a thread, since starting a program waits for the disk that it is on. When the command has ended, or its time is up,
what is left of its process group is killed. A process that left the group is out of reach: it lives on, unread.
"""

import os
import select
import shlex
import signal
import subprocess
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from proxy.clock import monotonic
from proxy.threads import on_thread

# Bytes of its output that are kept, the last ones: they say what went wrong.
TAIL: Final = 4096
# From one look whether it has ended to the next.
LOOK_SECONDS: Final = 0.05
# What it gets of our environment; tokens and passwords are in the rest.
PASSED: Final = ("PATH", "HOME", "LANG")

End = Literal["exited", "killed", "timed_out", "not_started"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """
    What is run where: `line` as a shell would split it, or as a list; `folder` is that of the plan.
    """

    line: str | Sequence[str]
    folder: Path
    plan: str
    stage: str
    admin_url: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """
    How it ended: by itself (`exited`, with a `code`), by a signal that wasn't ours (`killed`), by its time being up, or
    not at all. `tail` is the end of what it wrote to standard output and error; `said` tells all of it in a sentence.
    """

    how: End
    code: int | None
    seconds: float
    tail: str
    said: str

    @property
    def is_good(self) -> bool:
        """
        Did it exit with 0?
        """
        return self.how == "exited" and self.code == 0


@dataclass(slots=True)
class Output:
    """
    The end of what came out of a pipe.
    """

    pipe: int
    kept: bytearray = field(default_factory=bytearray)
    is_over: bool = False

    def read(self, seconds: float) -> None:
        """
        Take what comes next, if anything comes within `seconds`.
        """
        if self.is_over:
            select.select([], [], [], seconds)
        elif select.select([self.pipe], [], [], seconds)[0]:
            piece = os.read(self.pipe, 1 << 16)
            self.is_over = not piece
            self.kept += piece
            del self.kept[:-TAIL]

    def drain(self) -> None:
        """
        Take what is there. At most a pipe full: somebody may go on writing.
        """
        for _ in range(16):
            if self.is_over or not select.select([self.pipe], [], [], 0)[0]:
                return
            self.read(0)


async def run(command: Command) -> Ended:
    """
    How the command ended. Raises nothing; cancelled, it kills the command.
    """
    stop = threading.Event()
    try:
        return await on_thread("run a command", lambda: run_here(command, stop))
    finally:
        stop.set()


def run_here(command: Command, stop: threading.Event) -> Ended:
    """
    As `run`, on the caller's thread. It is killed as soon as `stop` is set.
    """
    began = monotonic()
    reading, writing = os.pipe2(os.O_CLOEXEC)
    try:
        try:
            started = _start(command, writing)
        except (OSError, ValueError) as error:
            return Ended(how="not_started", code=None, seconds=0.0, tail="", said=_why(error))
        finally:
            os.close(writing)
        output = Output(reading)
        while not (ended := _has_ended(started.pid)) and not stop.is_set() and monotonic() - began < command.seconds:
            output.read(LOOK_SECONDS)
        # It is not reaped yet, so its number can't have become another group's.
        with suppress(OSError):
            os.killpg(started.pid, signal.SIGKILL)
        code = started.wait()
        output.drain()
    finally:
        os.close(reading)
    return _told(code, monotonic() - began, output.kept.decode("utf-8", "replace"), ended=ended)


def _start(command: Command, writing: int) -> subprocess.Popen[bytes]:
    line = shlex.split(command.line) if isinstance(command.line, str) else list(command.line)
    if not line:
        raise ValueError("there is no command")
    environment = {name: os.environ[name] for name in PASSED if name in os.environ}
    environment |= {
        "PARALLAX_PLAN": command.plan,
        "PARALLAX_STAGE": command.stage,
        "PARALLAX_ADMIN_URL": command.admin_url,
    }
    return subprocess.Popen(
        line,
        cwd=command.folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=writing,
        stderr=writing,
        start_new_session=True,
    )


def _has_ended(pid: int) -> bool:
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _why(error: Exception) -> str:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return f"{error.filename} is not there"
    if isinstance(error, PermissionError):
        return f"{error.filename} may not be run"
    reason = os.strerror(error.errno).lower() if isinstance(error, OSError) and error.errno else str(error)
    return f"it could not be started: {reason}"


def _told(code: int, seconds: float, tail: str, *, ended: bool) -> Ended:
    if not ended:
        return Ended(how="timed_out", code=None, seconds=seconds, tail=tail, said=f"killed after {seconds:.1f} s")
    if code < 0:
        said = f"ended by a signal ({signal.strsignal(-code)})"
        return Ended(how="killed", code=None, seconds=seconds, tail=tail, said=said)
    return Ended(how="exited", code=code, seconds=seconds, tail=tail, said=f"exit code {code}")
