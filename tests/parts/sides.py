"""
Old and new in a process of their own: quick, patient, and with a record of every request that came.

`python -m tests.parts.sides SPREAD` says its ports on stdout, and ends when its stdin does. A request is
`… /WHATEVER/NUMBER HTTP/1.1`; its answer says NUMBER in the body and the side in `X-Served-By`, which accuses nobody,
up to SPREAD seconds later, so that at any moment some are under way. Connections are never closed by a side. Each side
has a second address, to which it can be moved.
"""

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple, cast

import uvloop

from proxy.clock import monotonic
from tests.parts.strict import PATIENCE

PROJECT = Path(__file__).parents[2]
LOOPBACK = "127.0.0.1"
SIDES = ("old", "new")
FIRST, SECOND = "first", "second"
REQUEST = re.compile(rb"([A-Z]+) [^ ]*/([0-9]+) HTTP/1\.1\r\n")
LENGTH = re.compile(rb"\r\nContent-Length: ([0-9]+)\r\n", re.IGNORECASE)
VIA = re.compile(rb"\r\nVia: 1\.1 ([^\r]*)\r\n", re.IGNORECASE)
COPY = b"\r\nX-Parallax-Shadow: 1\r\n"


class Arrival(NamedTuple):
    """
    A request as a side got it, at monotonic seconds; `via` is what Parallax called itself.
    """

    at: float
    side: str
    copy: bool
    method: str
    number: int
    via: str


class Answering(asyncio.Protocol):
    """
    One connection to a side: requests come one after the other.
    """

    def __init__(self, side: str, spread: float, record: list[Arrival]) -> None:
        self._side = side
        self._spread = spread
        self._record = record
        self._held = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """
        Keep the way to answer.
        """
        self._transport = cast("asyncio.Transport", transport)  # uvloop's transports are no subclass of asyncio's

    def data_received(self, data: bytes) -> None:
        """
        Record each whole request, and answer it soon.
        """
        self._held += data
        while (end := self._held.find(b"\r\n\r\n")) >= 0:
            head = self._held[: end + 4]
            length = LENGTH.search(head)
            size = end + 4 + (int(length[1]) if length else 0)
            if len(self._held) < size:
                return
            self._held = self._held[size:]
            self._take(head)

    def _take(self, head: bytes) -> None:
        request = REQUEST.match(head)
        via = VIA.search(head)
        if request is None:
            self._transport.abort()
            return
        number = int(request[2])
        name = via[1].decode() if via else ""
        self._record.append(Arrival(monotonic(), self._side, COPY in head, request[1].decode(), number, name))
        # Fibonacci hashing: neighbours wait for quite different times.
        wait = number * 2654435769 % 2**32 / 2**32 * self._spread
        asyncio.get_running_loop().call_later(wait, self._answer, b"%d" % number)

    def _answer(self, body: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-Served-By: %b\r\nContent-Length: %d\r\n\r\n%b"
                % (self._side.encode(), len(body), body)
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """
    The running pair, as a test sees it.
    """

    ports: dict[str, int]
    process: asyncio.subprocess.Process

    def url(self, side: str, address: str = FIRST) -> str:
        """
        Where a side answers.
        """
        return f"http://{LOOPBACK}:{self.ports[f'{side} {address}']}"

    async def taken(self) -> list[Arrival]:
        """
        All that arrived since the last time, in order.
        """
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_connection(LOOPBACK, self.ports["record"])
            try:
                return [Arrival(*fields) for fields in json.loads(await reader.read())]
            finally:
                writer.close()


@asynccontextmanager
async def sides(spread: float = 0.02) -> AsyncIterator[Sides]:
    """
    Both, for as long as the block lasts.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tests.parts.sides", str(spread)),
        cwd=PROJECT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE):
            ports = json.loads(await process.stdout.readline())
        yield Sides(ports=ports, process=process)
    finally:
        process.stdin.close()
        await process.wait()


async def main(spread: float) -> None:
    """
    Serve until stdin ends.
    """
    loop = asyncio.get_running_loop()
    record: list[Arrival] = []

    async def tell(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(json.dumps(record).encode())
        record.clear()
        writer.close()

    servers = {
        f"{side} {address}": await loop.create_server(
            partial(Answering, side, spread, record), LOOPBACK, 0, backlog=4096
        )
        for side in SIDES
        for address in (FIRST, SECOND)
    }
    servers["record"] = await asyncio.start_server(tell, LOOPBACK, 0)
    print(json.dumps({name: server.sockets[0].getsockname()[1] for name, server in servers.items()}), flush=True)  # noqa: T201
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    uvloop.run(main(float(sys.argv[1])))
