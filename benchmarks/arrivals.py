"""
Requests that come when they come: a fixed rate, whatever becomes of those before, timed from when they were due.

    python -m benchmarks.arrivals PORT PATH RATE SECONDS [--connections N] [--patience S]

RATE 0 is a closed loop instead: every connection asks again as soon as it is answered. Prints one line of JSON. A
request takes an idle connection, else a new one, up to `--connections`; beyond, it is not sent, and counted. Made to
cost little, so that one core can offer twice what a worker on another can serve: about 20 µs a request.
"""

import argparse
import asyncio
import resource
import sys
from collections import deque
from time import monotonic, time
from typing import cast

import orjson
import uvloop

from benchmarks.processes import HOST
from proxy.tasks import spawn

# Seconds of one slot of the time line, and of one step of the pacing.
SLOT = 0.1
STEP = 0.001
# Upper bounds of the latency histogram: 10 µs to a minute in steps of 5 %.
BOUNDS = [1e-5 * 1.05**step for step in range(320)]
SENT, SERVED, REFUSED, FAILED, UNSENT = range(5)


class Line:
    """
    What was seen: per slot how many were sent, served (200), refused (503), failed and not sent; and the latencies of
    the served.
    """

    def __init__(self) -> None:
        self.begun = monotonic()
        self.begun_at = time()
        self.slots: list[list[int]] = []
        self.latencies: list[float] = []

    def count(self, what: int, now: float) -> None:
        """
        One more, now.
        """
        slot = int((now - self.begun) / SLOT)
        while len(self.slots) <= slot:
            self.slots.append([0] * 5)
        self.slots[slot][what] += 1


class Asking(asyncio.Protocol):
    """
    One connection, one request at a time; `due` is when the present one should have been sent, 0 without one.
    """

    __slots__ = ("_crowd", "_missing", "_status", "due", "transport")

    transport: asyncio.Transport

    def __init__(self, crowd: "Crowd") -> None:
        self._crowd = crowd
        self._missing = -1
        self._status = b""
        self.due = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """
        Called by the loop.
        """
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """
        Called by the loop: heads come in one piece, contents may not.
        """
        if self._missing < 0:
            end = data.index(b"\r\n\r\n") + 4
            at = data.lower().index(b"content-length:", 0, end) + 15
            self._missing = end + int(data[at : data.index(b"\r", at)])
            self._status = data[9:12]
        self._missing -= len(data)
        if self._missing == 0:
            self._missing = -1
            self._crowd.answered(self, self._status)

    def connection_lost(self, exc: Exception | None) -> None:
        """
        Called by the loop.
        """
        self._crowd.lost(self)


class Crowd:
    """
    All connections, and the pace.
    """

    def __init__(self, port: int, path: str, rate: float, limit: int, patience: float) -> None:
        self._port, self._rate, self._limit, self._patience = port, rate, limit, patience
        self._request = b"GET %b HTTP/1.1\r\nHost: shop.example\r\nAccept: */*\r\n\r\n" % path.encode()
        self._idle: list[Asking] = []
        self._open = 0
        self._under_way: deque[Asking] = deque()
        self._ending = False
        self.line = Line()

    async def run(self, seconds: float) -> None:
        """
        Send for so long, then wait for the answers that are outstanding.
        """
        loop = asyncio.get_running_loop()
        first = min(self._limit, 128) if self._rate else self._limit
        for _ in range(first):
            self._idle.append((await self._connect())[1])
        self.line = Line()
        end = loop.time() + seconds
        if self._rate:
            await self._pace(end)
        else:
            for asking in list(self._idle):
                self._send(asking, monotonic())
            self._idle.clear()
            await asyncio.sleep(seconds)
        self._ending = True
        await asyncio.sleep(min(self._patience, 2.0))

    async def _connect(self) -> tuple[asyncio.BaseTransport, Asking]:
        self._open += 1
        try:
            return await asyncio.get_running_loop().create_connection(lambda: Asking(self), HOST, self._port)
        except OSError:
            self._open -= 1
            raise

    async def _pace(self, end: float) -> None:
        loop, start, sent = asyncio.get_running_loop(), monotonic(), 0
        offset = start - loop.time()
        while (now := loop.time()) < end:
            wanted = int((now + offset - start) * self._rate)
            while sent < wanted:
                self._ask(start + sent / self._rate)
                sent += 1
            self._give_up()
            await asyncio.sleep(STEP)

    def _ask(self, due: float) -> None:
        while self._idle:
            asking = self._idle.pop()
            if not asking.transport.is_closing():
                self._send(asking, due)
                return
        if self._open >= self._limit:
            self.line.count(UNSENT, monotonic())
            return
        task = spawn(self._connect(), name="connect")
        task.add_done_callback(lambda done: self._connected(done, due))

    def _connected(self, done: "asyncio.Task[tuple[asyncio.BaseTransport, Asking]]", due: float) -> None:
        if done.exception() is not None:
            self.line.count(FAILED, monotonic())
        else:
            self._send(done.result()[1], due)

    def _send(self, asking: Asking, due: float) -> None:
        asking.due = due
        asking.transport.write(self._request)
        self._under_way.append(asking)
        self.line.count(SENT, monotonic())

    def _give_up(self) -> None:
        # Connections stand in the order of their last request; who is answered and asks again stands there twice.
        now = monotonic()
        while self._under_way and (not self._under_way[0].due or now - self._under_way[0].due > self._patience):
            asking = self._under_way.popleft()
            if asking.due and now - asking.due > self._patience:
                asking.transport.abort()

    def answered(self, asking: Asking, status: bytes) -> None:
        """
        An answer is complete.
        """
        now = monotonic()
        self.line.count({b"200": SERVED, b"503": REFUSED}.get(status, FAILED), now)
        if status == b"200":
            self.line.latencies.append(now - asking.due)
        asking.due = 0.0
        if self._rate or self._ending:
            self._idle.append(asking)
        else:
            self._send(asking, now)

    def lost(self, asking: Asking) -> None:
        """
        A connection is gone, with its request if one was under way.
        """
        self._open -= 1
        if asking.due and not self._ending:
            self.line.count(FAILED, monotonic())
        asking.due = 0.0


def main() -> None:
    """
    The command.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("path")
    parser.add_argument("rate", type=float)
    parser.add_argument("seconds", type=float)
    parser.add_argument("--connections", type=int, default=4000)
    parser.add_argument("--patience", type=float, default=5.0)
    options = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    crowd = Crowd(options.port, options.path, options.rate, options.connections, options.patience)
    uvloop.run(crowd.run(options.seconds))
    line = crowd.line
    line.latencies.sort()
    shares = (
        {name: line.latencies[int(len(line.latencies) * share)] for name, share in SHARES} if line.latencies else {}
    )
    sys.stdout.buffer.write(orjson.dumps({"begun_at": line.begun_at, "slots": line.slots, "latency": shares}) + b"\n")


SHARES = (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p999", 0.999))


if __name__ == "__main__":
    main()
