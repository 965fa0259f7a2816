"""
Structured logs of the supervisor and of control: one JSON event a line on stderr.

A thread of its own writes them, behind a bounded queue: a full disk, a stopped terminal or a reader that went away
costs log lines (counted, and told when there is room again) and never a turn of the event loop.
"""

import json
import os
import queue
import select
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, WrappedLogger

from proxy.clock import timestamp
from proxy.crash import told

Log = FilteringBoundLogger

STDERR = 2
CAPACITY = 4096  # lines; at a usual 300 bytes a line little more than 1 MiB
FLUSH_SECONDS = 1.0
RETRY_SECONDS = 1.0


class LineWriter:
    """
    Writes lines to a file descriptor from a daemon thread.

    `dropped` counts lines that were refused by the full queue or by the descriptor.
    """

    def __init__(self, fd: int = STDERR, capacity: int = CAPACITY) -> None:
        self._fd = fd
        self._queue: queue.Queue[str | None] = queue.Queue(capacity)
        self._told = 0
        self.dropped = 0
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def write(self, line: str) -> None:
        """
        Queue one line (without its end). Never waits, never raises.
        """
        try:
            self._queue.put_nowait(line)
        except queue.Full:
            self.dropped += 1

    # structlog calls the method named like the level, with what the last processor returned.
    debug = info = warning = error = critical = write

    def close(self, seconds: float = FLUSH_SECONDS) -> None:
        """
        Write what is queued and end the thread, waiting at most `seconds` for a reader that doesn't read.
        """
        try:
            self._queue.put(None, timeout=seconds)
        except queue.Full:
            return
        self._thread.join(seconds)

    def _run(self) -> None:
        while (line := self._queue.get()) is not None:
            if not self._emit(line):
                self.dropped += 1
            elif (missing := self.dropped - self._told) and self._emit(render_dropped(missing)):
                self._told += missing

    def _emit(self, line: str) -> bool:
        rest = memoryview(f"{line}\n".encode())
        while rest:
            try:
                rest = rest[os.write(self._fd, rest) :]
            except BlockingIOError:
                # Somebody who shares the descriptor made it non-blocking; this thread may wait.
                if not select.select([], [self._fd], [], RETRY_SECONDS)[1]:
                    return False
            except OSError:
                return False
        return True


def render_dropped(lines: int) -> str:
    """
    The line that tells how many are missing before it.
    """
    return json.dumps({"timestamp": timestamp(), "level": "warning", "event": "log_lines_dropped", "lines": lines})


def stamp(_logger: WrappedLogger, level: str, event: EventDict) -> EventDict:
    """
    A structlog processor: time and level first, then the event and its fields.
    """
    return {"timestamp": timestamp(), "level": level, "event": event.pop("event", ""), **event}


def tell_error(_logger: WrappedLogger, _level: str, event: EventDict) -> EventDict:
    """
    A structlog processor: of an error only what `crash.told` says.
    """
    error = event.pop("exc_info", None)
    if error is True:
        error = sys.exc_info()[1]
    return {**event, **told(error)} if isinstance(error, BaseException) else event


def build_log(process: str, writer: LineWriter) -> Log:
    """
    The log of one process, whose name (`supervisor`, `control`) is in every line.
    """
    logger = structlog.wrap_logger(
        writer,
        processors=[
            tell_error,
            stamp,
            # The standard library's encoder: it escapes everything that is not ASCII, so no control byte of a peer
            # reaches a terminal, and `repr` takes what is no JSON.
            structlog.processors.JSONRenderer(default=repr),
        ],
        wrapper_class=structlog.make_filtering_bound_logger("info"),
        cache_logger_on_first_use=True,
        process=process,
    )
    return cast("Log", logger)


@contextmanager
def open_log(process: str, fd: int = STDERR) -> Iterator[Log]:
    """
    `build_log` with a writer of its own that is flushed at the end.
    """
    writer = LineWriter(fd)
    try:
        yield build_log(process, writer)
    finally:
        writer.close()


class Allowance:
    """
    At most `burst` events at once, and `rate` a second after that.
    """

    def __init__(self, rate: float, burst: int) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens = float(burst)
        self._at = 0.0
        self._refused = 0

    def take(self, now: float) -> int | None:
        """
        Ask for one event at `now` (monotonic seconds): how many were refused since the last one, None if refused.
        """
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now
        if self._tokens < 1.0:
            self._refused += 1
            return None
        self._tokens -= 1.0
        refused, self._refused = self._refused, 0
        return refused
