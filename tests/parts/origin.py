"""
An origin whose every byte is up to the test, and which remembers exactly what it got.

Without a script a test takes requests with `await origin.request()` and answers them itself, so the order of events
is the order of lines in the test. With a script (`origin.script = always(OK)`) each request is answered as it comes.
"""

import asyncio
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable
from typing import Self, cast

from proxy.tasks import spawn
from tests.parts.strict import PATIENCE, REQUEST_LINE, Cut, Framing, Malformed, Message, Source, announced, parse_head

LOOPBACK = "127.0.0.1"
DATE = b"Date: Thu, 01 Jan 2026 00:00:00 GMT"
OK = b"HTTP/1.1 200 OK\r\n" + DATE + b"\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


def answer(body: bytes, *fields: bytes, status: bytes = b"200 OK") -> bytes:
    """
    A plain answer with a Content-Length.
    """
    lines = [b"HTTP/1.1 " + status, *fields, b"Content-Length: %d" % len(body), b"", body]
    return b"\r\n".join(lines)


class Connection:
    """
    One accepted connection.
    """

    def __init__(self, origin: "Origin", reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.origin = origin
        self.source = Source(reader)
        self.writer = writer
        self.received: list[Received] = []
        self.ended = asyncio.Event()
        # Switched to another protocol: from now on only the test reads.
        self.tunnel = False

    def send(self, data: bytes) -> None:
        """
        Write bytes, whatever they are; into a dead connection they are lost.
        """
        if not self.writer.is_closing():
            self.writer.write(data)

    def deafen(self) -> None:
        """
        Read nothing from now on, so that the peer's bytes pile up in the kernel.
        """
        cast("asyncio.ReadTransport", self.writer.transport).pause_reading()

    def hear(self) -> None:
        """
        Read again after `deafen`.
        """
        cast("asyncio.ReadTransport", self.writer.transport).resume_reading()

    def finish(self) -> None:
        """
        Close our half: the peer sees the end of what was sent.
        """
        if not self.writer.is_closing():
            self.writer.write_eof()

    def close(self) -> None:
        """
        Send what is written, then close.
        """
        self.writer.close()

    def reset(self) -> None:
        """
        Close with a reset instead of an end.
        """
        if not self.writer.is_closing():
            raw = self.writer.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def closed(self) -> None:
        """
        Return once the peer closed or reset this connection.
        """
        if self.tunnel:
            await self.source.rest()
            return
        async with asyncio.timeout(PATIENCE):
            await self.ended.wait()


class Received(Message):
    """
    One request as it arrived.
    """

    def __init__(self, connection: Connection, raw: bytes) -> None:
        head = parse_head(raw)
        line = REQUEST_LINE.fullmatch(head.start)
        if line is None:
            raise Malformed(f"request line {head.start[:120]!r}")
        if len(head.values(b"host")) != 1:
            raise Malformed(f"{len(head.values(b'host'))} Host fields")
        if line[3] != b"1":
            raise Malformed("a proxy sends its own version, HTTP/1.1")
        super().__init__(connection.source, head, *announced(head))
        self.connection = connection
        self.method = line[1]
        self.target = line[2]
        self.answered = asyncio.Event()
        self.read = asyncio.Event()

    async def whole(self) -> None:
        """
        Read to the end of the request. Raises `Cut`.
        """
        try:
            await super().whole()
        finally:
            self.read.set()

    def answer(self, data: bytes) -> None:
        """
        Send these bytes as (a part of) the answer.
        """
        if data.startswith(b"HTTP/1.1 101 ") and self.values(b"upgrade"):
            self.connection.tunnel = True
        self.answered.set()
        self.connection.send(data)


Script = Callable[[Received], None]
Behaviour = Callable[[Connection], Awaitable[None]]


def always(data: bytes) -> Script:
    """
    The same answer to every request.
    """
    return lambda received: received.answer(data)


def closing(data: bytes) -> Script:
    """
    The same answer to every request, and then the end of the connection.
    """

    def script(received: Received) -> None:
        received.answer(data)
        received.connection.close()

    return script


class Origin:
    """
    A listening origin. `refused` collects what a strict reader refused: a proxy must never cause any.
    """

    def __init__(self, script: Script | None = None) -> None:
        self.script = script
        # Replaces all reading and answering on new connections: for peers that don't speak HTTP at all.
        self.behaviour: Behaviour | None = None
        self.connections: list[Connection] = []
        self.requests: list[Received] = []
        self.refused: list[str] = []
        self.port = 0
        self.tls: ssl.SSLContext | None = None
        self._arrived: asyncio.Queue[Received] = asyncio.Queue()
        self._accepted: asyncio.Queue[Connection] = asyncio.Queue()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """
        The origin's address as configuration wants it.
        """
        return f"http://{LOOPBACK}:{self.port}"

    async def __aenter__(self) -> Self:
        await self.listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop_listening()
        await self.forget()

    async def listen(self) -> None:
        """
        Start to listen: on a free port, or again on the port it had.
        """
        self._server = await asyncio.start_server(
            self._connected, LOOPBACK, self.port, limit=1024 * 1024, backlog=1024, ssl=self.tls
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop_listening(self) -> None:
        """
        Refuse new connections from now on; the ones that stand go on.
        """
        if self._server is not None:
            self._server.close()
            self._server = None

    async def forget(self) -> None:
        """
        End every connection and forget all that was received.
        """
        for connection in self.connections:
            connection.reset()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.connections.clear()
        self.requests.clear()
        self._arrived = asyncio.Queue()
        self._accepted = asyncio.Queue()

    async def begin(self) -> Received:
        """
        The next request, as soon as its head is here.
        """
        async with asyncio.timeout(PATIENCE):
            return await self._arrived.get()

    async def request(self) -> Received:
        """
        The next request, read to its end.
        """
        received = await self.begin()
        await received.whole()
        return received

    async def connection(self) -> Connection:
        """
        The next connection, whether it brings a request or not.
        """
        async with asyncio.timeout(PATIENCE):
            return await self._accepted.get()

    def waiting(self) -> int:
        """
        How many requests arrived that no test has taken.
        """
        return self._arrived.qsize()

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(self, reader, writer)
        self.connections.append(connection)
        self._accepted.put_nowait(connection)
        serve = self.behaviour or self._serve
        task = spawn(self._guarded(serve, connection), name="origin connection")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _guarded(self, serve: Behaviour, connection: Connection) -> None:
        try:
            await serve(connection)
        except (Cut, ConnectionError):
            pass  # the proxy may give up a connection at any time; a test that cares asks `closed()`
        except Malformed as error:
            self.refused.append(str(error))
        finally:
            connection.ended.set()
            connection.close()

    async def _serve(self, connection: Connection) -> None:
        while (raw := await self._head(connection)) is not None:
            received = Received(connection, raw)
            connection.received.append(received)
            self.requests.append(received)
            script = self.script
            if script is None:
                self._arrived.put_nowait(received)
                if received.framing is Framing.NONE:
                    received.read.set()
                await received.read.wait()
                if received.values(b"upgrade"):
                    await received.answered.wait()
                if connection.tunnel:
                    await connection.ended.wait()
            else:
                await received.whole()
                script(received)
                self._arrived.put_nowait(received)

    async def _head(self, connection: Connection) -> bytes | None:
        # An idle connection may stay open as long as it likes: no deadline here, unlike in `Source`.
        try:
            return await connection.source._reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as error:
            if error.partial:
                raise Cut("inside a head") from error
            return None
