"""
Paced keep-alive clients that check every answer: each asks twice in a row on its connection, then rests.

The second request of a pair shows whether the copy of the first holds up the connection. Below saturation, so that the
latencies are the proxy's and not a queue's.
"""

import asyncio
import re
from dataclasses import dataclass, field
from time import perf_counter
from typing import cast

from benchmarks.processes import HOST
from proxy.tasks import spawn

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
DATE = re.compile(rb"\r\ndate: [^\r]*", re.IGNORECASE)
PATIENCE = 10.0


@dataclass(slots=True)
class Visit:
    """
    What a group of visitors saw: latencies in ms of first and second requests, and the distinct heads without Date.
    """

    first: list[float] = field(default_factory=list)
    second: list[float] = field(default_factory=list)
    errors: int = 0
    sent: int = 0
    heads: set[bytes] = field(default_factory=set)

    @property
    def latencies(self) -> list[float]:
        """
        All of them.
        """
        return self.first + self.second


class Asking(asyncio.Protocol):
    """
    One connection; at most one request under way.
    """

    def __init__(self) -> None:
        self.closed = False
        self._transport: asyncio.Transport | None = None
        self._received = b""
        self._body_at = -1
        self._end_at = -1
        self._answer: asyncio.Future[tuple[float, bytes, bytes]] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """
        Keep the way to ask.
        """
        self._transport = cast("asyncio.Transport", transport)

    async def ask(self, request: bytes) -> tuple[float, bytes, bytes]:
        """
        Send a request; the moment its answer was complete, its head and its body. ConnectionError, TimeoutError.
        """
        if self.closed or self._transport is None:
            raise ConnectionResetError
        self._received, self._body_at, self._end_at = b"", -1, -1
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await asyncio.wait_for(self._answer, PATIENCE)

    def data_received(self, data: bytes) -> None:
        """
        Collect an answer; answers here always have a Content-Length.
        """
        self._received += data
        if self._body_at < 0:
            end = self._received.find(b"\r\n\r\n")
            if end < 0:
                return
            self._body_at = end + 4
            length = LENGTH.search(self._received, 0, self._body_at)
            self._end_at = self._body_at + (int(length[1]) if length else 0)
        if len(self._received) >= self._end_at and self._answer is not None and not self._answer.done():
            head, body = self._received[: self._body_at], self._received[self._body_at :]
            self._answer.set_result((perf_counter(), head, body))

    def connection_lost(self, _exc: Exception | None) -> None:
        """
        An answer that was awaited won't come.
        """
        self.closed = True
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionResetError())

    def close(self) -> None:
        """
        Leave.
        """
        if self._transport is not None:
            self._transport.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Habit:
    """
    How visitors come: `rate` requests a second over `connections`, for `seconds`; `body` is the right answer.
    """

    rate: int
    connections: int
    seconds: float
    path: str
    body: bytes


async def visit(port: int, habit: Habit) -> Visit:
    """
    Let all visitors come and go; a failed request counts as an error and its connection is replaced.
    """
    loop = asyncio.get_running_loop()
    seen = Visit()
    pause = 2 * habit.connections / habit.rate
    begin = loop.time()
    visitors = [
        spawn(
            _one_visitor(port, habit, seen, begin + pause * number / habit.connections, pause), name=f"visitor {number}"
        )
        for number in range(habit.connections)
    ]
    for visitor in visitors:
        await visitor
    return seen


async def _one_visitor(port: int, habit: Habit, seen: Visit, start: float, pause: float) -> None:
    loop = asyncio.get_running_loop()
    end = start + habit.seconds
    request = b"GET %b HTTP/1.1\r\nHost: shop.example\r\nAccept: */*\r\n\r\n" % habit.path.encode()
    connection: Asking | None = None
    # Visits that a stuck connection kept from beginning in time are left out, so that a block always ends.
    while max(start, loop.time()) < end:
        await asyncio.sleep(max(0.0, start - loop.time()))
        try:
            if connection is None or connection.closed:
                _, connection = await loop.create_connection(Asking, HOST, port)
            for latencies in (seen.first, seen.second):
                seen.sent += 1
                before = perf_counter()
                after, head, body = await connection.ask(request)
                latencies.append((after - before) * 1000)
                seen.heads.add(DATE.sub(b"", head))
                seen.errors += not head.startswith(b"HTTP/1.1 200 ") or body != habit.body
        except (OSError, TimeoutError):
            seen.errors += 1
            if connection is not None:
                connection.close()
                connection = None
        start += pause
    if connection is not None:
        connection.close()
