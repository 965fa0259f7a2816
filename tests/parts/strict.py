"""
A strict reading of HTTP/1.1 messages, written apart from Parallax's own, for both ends of a test.

An origin reads what Parallax forwards and a client reads what Parallax answers with the same grammar, which knows
only what a proxy may send: CRLF, one framing, no whitespace before a colon, no chunk extensions.
"""

import asyncio
import re
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from enum import StrEnum

# Longest wait for anything that is due. Only a failing test waits this long.
PATIENCE = 10.0
PIECE = 256 * 1024

TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
FIELD = re.compile(
    rb"(" + TOKEN + rb"):[ \t]*((?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?)[ \t]*"
)
REQUEST_LINE = re.compile(rb"(" + TOKEN + rb") ([\x21-\x7e\x80-\xff]+) HTTP/1\.([01])")
STATUS_LINE = re.compile(rb"HTTP/1\.1 ([1-9][0-9]{2}) ([\t\x20-\x7e\x80-\xff]*)")
SIZE = re.compile(rb"[0-9A-Fa-f]{1,16}")
NUMBER = re.compile(rb"[0-9]{1,19}")

Fields = tuple[tuple[bytes, bytes], ...]


class Malformed(AssertionError):
    """
    A peer sent bytes that a strict reader refuses.
    """


class Cut(AssertionError):
    """
    The peer closed or reset its connection inside a message.
    """


class Framing(StrEnum):
    """
    How a message says where its body ends.
    """

    NONE = "none"  # there is no body, whatever the fields say
    LENGTH = "length"
    CHUNKED = "chunked"
    CLOSE = "close"


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """
    A start line and field lines. `raw` is what came, up to and including the empty line.
    """

    start: bytes
    fields: Fields
    raw: bytes

    def values(self, name: bytes) -> list[bytes]:
        """
        All values of the fields called `name`, in order.
        """
        return [value for known, value in self.fields if known.lower() == name.lower()]

    def value(self, name: bytes) -> bytes | None:
        """
        The value of the one field called `name`, or None without one. Two are an error.
        """
        values = self.values(name)
        assert len(values) < 2, f"{name!r} came {len(values)} times: {values!r}"
        return values[0] if values else None


def parse_fields(lines: list[bytes]) -> Fields:
    """
    Field lines as pairs. Raises `Malformed`.
    """
    fields = []
    for line in lines:
        matched = FIELD.fullmatch(line)
        if matched is None:
            raise Malformed(f"field line {line[:120]!r}")
        fields.append((matched[1], matched[2]))
    return tuple(fields)


def parse_head(raw: bytes) -> Head:
    """
    A head from its bytes, the empty line included. Raises `Malformed`; the start line is left to the caller.
    """
    start, *lines = raw[:-4].split(b"\r\n")
    return Head(start=start, fields=parse_fields(lines), raw=raw)


def announced(head: Head) -> tuple[Framing, int]:
    """
    The framing that the fields announce, and the length: (NONE, 0) when they announce none. Raises `Malformed`.
    """
    lengths, codings = head.values(b"content-length"), head.values(b"transfer-encoding")
    if len(lengths) + len(codings) > 1:
        raise Malformed(f"more than one framing: {lengths!r} {codings!r}")
    if codings:
        # A proxy may forward other codings before chunked, which it neither adds nor removes.
        if codings[0].lower().rpartition(b",")[2].strip() != b"chunked":
            raise Malformed(f"transfer-encoding {codings[0][:60]!r}")
        return Framing.CHUNKED, 0
    if lengths:
        if NUMBER.fullmatch(lengths[0]) is None:
            raise Malformed(f"content-length {lengths[0][:60]!r}")
        return Framing.LENGTH, int(lengths[0])
    return Framing.NONE, 0


class Source:
    """
    Bytes of one peer, read exactly, with a deadline on every wait.
    """

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader
        self.reset = False

    def ended(self) -> bool:
        """
        Whether the peer is known to have closed or reset the connection.
        """
        return self._reader.at_eof() or self._reader.exception() is not None

    async def head(self) -> bytes | None:
        """
        Bytes up to and including an empty line; None when the peer closed instead of sending any. Raises `Cut`.
        """
        return await self._until(b"\r\n\r\n")

    async def line(self) -> bytes:
        """
        One line without its CRLF. Raises `Cut`, and `Malformed` for a bare LF or CR in it.
        """
        line = await self._until(b"\r\n")
        if line is None:
            raise Cut("the peer closed before a line")
        if b"\n" in line[:-2] or b"\r" in line[:-2]:
            raise Malformed(f"bare CR or LF in {line[:60]!r}")
        return line[:-2]

    async def exactly(self, count: int) -> bytes:
        """
        `count` bytes. Raises `Cut`.
        """
        async with asyncio.timeout(PATIENCE):
            try:
                return await self._reader.readexactly(count)
            except asyncio.IncompleteReadError as error:
                raise Cut(f"{count - len(error.partial)} of {count} bytes are missing") from error
            except ConnectionError as error:
                self.reset = True
                raise Cut("the connection was reset") from error

    async def some(self, count: int = PIECE) -> bytes:
        """
        At least one and at most `count` bytes; none when the peer closed. Raises `Cut` after a reset.
        """
        async with asyncio.timeout(PATIENCE):
            try:
                return await self._reader.read(count)
            except ConnectionError as error:
                self.reset = True
                raise Cut("the connection was reset") from error

    async def rest(self) -> bytes:
        """
        Everything up to the end of the connection; a reset ends it too, and is seen in `reset`.
        """
        pieces = []
        try:
            while piece := await self.some():
                pieces.append(piece)
        except Cut:
            pass
        return b"".join(pieces)

    async def _until(self, end: bytes) -> bytes | None:
        async with asyncio.timeout(PATIENCE):
            try:
                return await self._reader.readuntil(end)
            except asyncio.IncompleteReadError as error:
                if error.partial:
                    raise Cut(f"the peer closed after {error.partial[-60:]!r}") from error
                return None
            except ConnectionError as error:
                self.reset = True
                raise Cut("the connection was reset") from error


class Message:
    """
    One message as it comes in: its head is here, its body is read on demand, so not reading is back-pressure.
    """

    def __init__(self, source: Source, head: Head, framing: Framing, length: int) -> None:
        self.head = head
        self.framing = framing
        self.length = length
        self.body = bytearray()
        self.trailers: Fields = ()
        self.complete = framing is Framing.NONE
        self.cut = False
        self._source = source
        self._pieces = self._read()

    def values(self, name: bytes) -> list[bytes]:
        """
        All values of the fields called `name`, in order.
        """
        return self.head.values(name)

    def value(self, name: bytes) -> bytes | None:
        """
        The value of the one field called `name`, or None without one.
        """
        return self.head.value(name)

    async def until(self, count: int) -> bytes:
        """
        The body so far, once it has at least `count` bytes. Raises `Cut` when the message ends before.
        """
        while len(self.body) < count:
            if not await self._step():
                raise Cut(f"the body ended after {len(self.body)} of {count} bytes")
        return bytes(self.body)

    async def whole(self) -> None:
        """
        Read to the end of the message. Raises `Cut` when it has no proper end.
        """
        while await self._step():
            pass
        if self.cut:
            raise Cut(f"the message was cut after {len(self.body)} bytes of its body")

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """
        The body piece by piece, not kept. Raises `Cut` when it has no proper end.
        """
        async for piece in self._pieces:
            yield piece
        self.complete = True

    async def _step(self) -> bool:
        if self.complete or self.cut:
            return False
        try:
            self.body += await anext(self._pieces)
        except StopAsyncIteration:
            self.complete = True
        except Cut:
            self.cut = True
        return not (self.complete or self.cut)

    async def _read(self) -> AsyncGenerator[bytes, None]:
        if self.framing is Framing.LENGTH:
            left = self.length
            while left:
                piece = await self._source.some(min(left, PIECE))
                if not piece:
                    raise Cut(f"{left} of {self.length} bytes are missing")
                left -= len(piece)
                yield piece
        elif self.framing is Framing.CHUNKED:
            async for piece in self._read_chunks():
                yield piece
        elif self.framing is Framing.CLOSE:
            while piece := await self._source.some():
                yield piece

    async def _read_chunks(self) -> AsyncGenerator[bytes, None]:
        while True:
            line = await self._source.line()
            if SIZE.fullmatch(line) is None:
                raise Malformed(f"chunk size {line[:60]!r}")
            left = int(line, 16)
            if not left:
                break
            while left:
                piece = await self._source.some(min(left, PIECE))
                if not piece:
                    raise Cut(f"{left} bytes of a chunk are missing")
                left -= len(piece)
                yield piece
            if await self._source.exactly(2) != b"\r\n":
                raise Malformed("a chunk is not followed by CRLF")
        lines = []
        while line := await self._source.line():
            lines.append(line)
        self.trailers = parse_fields(lines)
