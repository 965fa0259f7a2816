"""
A client that sends exactly the bytes it is given, in the pieces it is given, and reads answers strictly.
"""

import asyncio
import socket
import ssl
import struct

from tests.parts.kernel import unread
from tests.parts.strict import PATIENCE, STATUS_LINE, Cut, Framing, Malformed, Message, Source, announced, parse_head

Address = tuple[str, int]
# Whom clients of TLS expect.
NAME = "shop.test"


class Answer(Message):
    """
    One answer, interim ones included.
    """

    def __init__(self, source: Source, raw: bytes, method: bytes) -> None:
        head = parse_head(raw)
        line = STATUS_LINE.fullmatch(head.start)
        if line is None:
            raise Malformed(f"status line {head.start[:120]!r}")
        self.status = int(line[1])
        self.reason = line[2]
        framing, length = announced(head)
        if self.status < 200 or self.status in (204, 304) or method == b"HEAD":
            if framing is not Framing.NONE and (self.status < 200 or self.status == 204):
                raise Malformed(f"{self.status} with a framing field")
            framing, length = Framing.NONE, 0
        elif framing is Framing.NONE:
            framing = Framing.CLOSE
        super().__init__(source, head, framing, length)


class Client:
    """
    One connection to the proxy.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.source = Source(reader)
        self.writer = writer
        self.here: Address = writer.get_extra_info("sockname")
        self.there: Address = writer.get_extra_info("peername")

    @classmethod
    async def connect(
        cls, address: Address, *, receive_buffer: int | None = None, trusted: ssl.SSLContext | None = None
    ) -> "Client":
        """
        A new connection; `receive_buffer` bytes make a client that soon stops taking what it does not read. With
        `trusted`, one that has shaken hands with who calls itself `NAME`.
        """
        raw = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if receive_buffer is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        raw.setblocking(False)
        try:
            async with asyncio.timeout(PATIENCE):
                await asyncio.get_running_loop().sock_connect(raw, address)
                name = None if trusted is None else NAME
                limit = receive_buffer or 1024 * 1024
                return cls(*await asyncio.open_connection(sock=raw, limit=limit, ssl=trusted, server_hostname=name))
        except BaseException:
            raw.close()
            raise

    def send(self, *pieces: bytes) -> None:
        """
        Write bytes without waiting for anything.
        """
        for piece in pieces:
            self.writer.write(piece)

    async def send_apart(self, *pieces: bytes) -> None:
        """
        Write the pieces so that the peer reads each one by itself: the next only when the kernel holds none unread.
        """
        for piece in pieces:
            self.writer.write(piece)
            await self.taken()

    async def taken(self) -> None:
        """
        Return once the peer has read all that was sent.
        """
        async with asyncio.timeout(PATIENCE):
            await self.writer.drain()
            while unread(self.there, self.here):  # noqa: ASYNC110
                # Nothing tells us when another process reads, so the loop turns until it has.
                await asyncio.sleep(0)

    async def drained(self) -> None:
        """
        Return once what was written is not far from being sent.
        """
        async with asyncio.timeout(PATIENCE):
            await self.writer.drain()

    async def begin(self, method: bytes = b"GET") -> Answer:
        """
        The next answer, interim ones included, as soon as its head is here.
        """
        raw = await self.source.head()
        if raw is None:
            raise Cut("the connection was closed without an answer")
        return Answer(self.source, raw, method)

    async def answer(self, method: bytes = b"GET") -> Answer:
        """
        The next answer, interim ones included, read to its end. Raises `Cut` when it has none.
        """
        answer = await self.begin(method)
        await answer.whole()
        return answer

    async def ask(self, raw: bytes, method: bytes = b"GET") -> Answer:
        """
        Send a request and read its answer.
        """
        self.send(raw)
        return await self.answer(method)

    async def over(self) -> None:
        """
        Return once the peer has closed or reset the connection; a byte before that is an error.
        """
        rest = await self.source.rest()
        assert rest == b"", f"bytes after the last answer: {rest[:200]!r}"

    def stands(self) -> bool:
        """
        Whether the peer has neither closed nor reset the connection, as far as we know.
        """
        return not self.source.ended() and not self.writer.is_closing()

    def finish(self) -> None:
        """
        Close our half.
        """
        self.writer.write_eof()

    def close(self) -> None:
        """
        Close the connection.
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


def get(target: bytes = b"/", *fields: bytes, method: bytes = b"GET", host: bytes = b"shop.test") -> bytes:
    """
    A request without a body.
    """
    return b"\r\n".join([method + b" " + target + b" HTTP/1.1", b"Host: " + host, *fields, b"", b""])


def post(body: bytes, *fields: bytes, target: bytes = b"/", method: bytes = b"POST") -> bytes:
    """
    A request with a body of known length.
    """
    return get(target, *fields, b"Content-Length: %d" % len(body), method=method) + body
