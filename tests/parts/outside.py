"""
Somebody outside who is asked over HTTP: keeps what came, and answers, or misbehaves in one of the ways there are.
"""

import asyncio
import json
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qsl

import trustme

Fault = Literal["hang", "hang_in_body", "close", "reset", "cut", "garbage", "flood"]
Does = Fault | int


@dataclass(frozen=True, slots=True)
class Asked:
    """
    One request. `names` are those of its fields in lower case, as often as each came.
    """

    path: str
    headers: dict[str, str]
    body: bytes
    names: tuple[str, ...]

    @property
    def form(self) -> dict[str, str]:
        """
        Its body as a form.
        """
        return dict(parse_qsl(self.body.decode()))

    @property
    def json(self) -> Any:
        """
        Its body as JSON.
        """
        return json.loads(self.body)


class Outside:
    """
    `asked` is all that came whole. `does` is what it does with each: a status to answer, or a fault.
    """

    def __init__(self, does: Does | Callable[[Asked], Does]) -> None:
        self.does = does
        self.asked: list[Asked] = []
        self.url = ""
        self.came = asyncio.Condition()
        self._serving: set[asyncio.Task[Any]] = set()

    async def until(self, holds: Callable[[], bool]) -> None:
        """
        Wait until something holds, looking after each request.
        """
        async with self.came:
            await self.came.wait_for(holds)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """
        One connection, one request.
        """
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        try:
            # Cancelled: the test is over.
            with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError, ssl.SSLError):
                await self._serve(reader, writer)
                await writer.wait_closed()
        finally:
            writer.transport.abort()
            self._serving.discard(task)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await _read(reader)
        does = self.does(asked) if callable(self.does) else self.does
        self.asked.append(asked)
        async with self.came:
            self.came.notify_all()
        await _answer(does, reader, writer)
        if does == "reset":
            writer.transport.abort()
        else:
            writer.close()

    async def end(self) -> None:
        """
        Leave those that still wait for something.
        """
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)


async def _read(reader: asyncio.StreamReader) -> Asked:
    line, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").strip().split("\r\n")
    headers = {name.strip().title(): value.strip() for name, _, value in (one.partition(":") for one in lines)}
    # As HTTP has it, names are the same in any case; tests write them as they are usually written.
    headers |= {one.partition(":")[0]: one.partition(":")[2].strip() for one in lines}
    body = await reader.readexactly(int(headers.get("Content-Length", 0)))
    return Asked(line.split()[1], headers, body, tuple(one.partition(":")[0].lower() for one in lines))


async def _answer(does: Does, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    match does:
        case "hang":
            await reader.read()
        case "hang_in_body":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
            await reader.read()
        case "reset":
            connection = writer.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        case "cut":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
        case "garbage":
            writer.write(b"220 mail.example ESMTP\r\n\r\n")
        case "flood":
            writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
            while True:
                writer.write(b"x" * (1 << 16))
                await writer.drain()
        case int(status):
            location = "Location: http://127.0.0.1:9/elsewhere\r\n" if 300 <= status < 400 else ""
            body = b"" if status == 204 else b"so it is"
            length = "" if status == 204 else f"Content-Length: {len(body)}\r\n"
            writer.write(f"HTTP/1.1 {status} So\r\n{location}{length}Connection: close\r\n\r\n".encode() + body)
            await writer.drain()


@asynccontextmanager
async def outside(
    does: Does | Callable[[Asked], Does] = 200, *, encrypted: Path | None = None
) -> AsyncIterator[Outside]:
    """
    One that listens; over TLS if `encrypted` is a folder, in which its authority is `ca.pem`.
    """
    there = Outside(does)
    context = None
    if encrypted is not None:
        authority = trustme.CA()
        authority.cert_pem.write_to_path(str(encrypted / "ca.pem"))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(context)
    server = await asyncio.start_server(there.serve, "127.0.0.1", 0, ssl=context)
    there.url = f"http{'s' * bool(context)}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield there
    finally:
        server.close()
        await there.end()
        await server.wait_closed()
