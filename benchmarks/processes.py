"""
Starts and ends the programs that a benchmark needs, and reads what they cost from /proc.

Every program runs in a session of its own with its output in a file, and is ended by pid, its descendants with it,
however the benchmark ends.
"""

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from types import FrameType

import click

TICK = os.sysconf("SC_CLK_TCK")
HOST = "127.0.0.1"


class CannotMeasure(click.ClickException):
    """
    Something that the measurement needs is missing or failed; the message is one sentence. Exit code 2.
    """

    exit_code = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """
    One running program: its root process and the file that holds all its output.
    """

    name: str
    pid: int
    log: Path
    returncode: Callable[[], int | None]

    def await_true(self, condition: Callable[[], bool], what: str, *, seconds: float = 15.0) -> None:
        """
        Return once `condition` holds; raise CannotMeasure with the program's last words if it ends or takes too long.
        """
        deadline = monotonic() + seconds
        while not condition():
            code = self.returncode()
            if code is not None or monotonic() > deadline:
                outcome = f"ended with code {code}" if code is not None else f"took more than {seconds:.0f} s"
                words = self.log.read_text(errors="replace")[-2000:]
                raise CannotMeasure(f"{self.name} {outcome} before {what}; it said:\n{words}")
            sleep(0.02)


def find_tool(name: str, package: str) -> str:
    """
    The path of a Debian tool, or CannotMeasure saying which package brings it.
    """
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if path is None:
        raise CannotMeasure(f"{name} is not installed: run 'apt-get install {package}' and try again.")
    return path


def free_port() -> int:
    """
    A loopback port that nobody uses now, for programs that can't report the port they chose.
    """
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def is_listening(port: int) -> bool:
    """
    Whether somebody accepts connections on this loopback port.
    """
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((HOST, port)) == 0


@contextmanager
def running(
    name: str,
    command: Sequence[str],
    directory: Path,
    *,
    stop_signal: signal.Signals = signal.SIGTERM,
    folder: Path | None = None,
) -> Iterator[Program]:
    """
    Run a program, in `folder` if it matters, for as long as the block lasts; `stop_signal` asks it to end, SIGKILL
    follows after 8 s.
    """
    log = directory / f"{name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd=folder,
        )
    try:
        yield Program(name=name, pid=process.pid, log=log, returncode=process.poll)
    finally:
        family = tree(process.pid)
        if process.poll() is None:
            process.send_signal(stop_signal)
        try:
            process.wait(timeout=8)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for pid in family[1:]:
            _end_orphan(pid, session=process.pid)


def _end_orphan(pid: int, *, session: int) -> None:
    # The session is ours alone, so a pid that was given to somebody else meanwhile is left alone.
    with suppress(ProcessLookupError):
        if os.getsid(pid) == session:
            os.kill(pid, signal.SIGKILL)


@contextmanager
def ended_by_signal() -> Iterator[None]:
    """
    Turn SIGTERM and SIGHUP into SystemExit, so that every `running` block gets to end its program.
    """

    def leave(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, leave) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _stat_fields(pid: int | str) -> list[str]:
    # The name (second field) may hold blanks and brackets: what follows its last bracket is regular.
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def tree(root: int) -> list[int]:
    """
    `root` and all its living descendants, `root` first.
    """
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                children.setdefault(int(_stat_fields(entry.name)[1]), []).append(int(entry.name))
    family = [root]
    for pid in family:
        family.extend(children.get(pid, ()))
    return family


def cpu_ticks(root: int) -> dict[int, int]:
    """
    User + system time so far of every process of a tree, in clock ticks, by pid.
    """
    ticks = {}
    for pid in tree(root):
        with suppress(OSError):
            fields = _stat_fields(pid)
            ticks[pid] = int(fields[11]) + int(fields[12])
    return ticks


def cpu_seconds_between(before: dict[int, int], after: dict[int, int]) -> float:
    """
    What a tree used between two readings of `cpu_ticks`; a process that ended in between is missing in it.
    """
    return sum(ticks - before.get(pid, 0) for pid, ticks in after.items()) / TICK


def pss_bytes(root: int) -> int:
    """
    Proportional set size of a whole tree: shared pages count by share, so that the sum is honest.
    """
    total = 0
    for pid in tree(root):
        with suppress(OSError):
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) * 1024
                    break
    return total
