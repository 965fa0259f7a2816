"""
Message content as it comes off the wire, by framing: nothing, so many bytes, chunks, or until the end. Pure.

A decoder is fed bytes and says what content they held. `done` is set at the end of the message; bytes past it are
left in `rest`. Tiny chunks are joined, so one read gives at most one piece of content.
"""

import re

from proxy.errors import BadMessage
from proxy.routing.table import Limits
from proxy.wire.fields import FIELD_BYTES, FRAMING, NOT_IN_TRAILERS, RESERVED, TOKEN_BYTES

HEX = b"0123456789abcdefABCDEF"
# 16 hex digits are 64 bits; more could only overflow somebody.
SIZE_DIGITS = 16
_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_QUOTED = rb'"(?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t\x20-\x7e\x80-\xff])*"'
# RFC 9112 §7.1.1, BWS included.
_EXTENSIONS = re.compile(rb"(?:[ \t]*;[ \t]*" + _TOKEN + rb"(?:[ \t]*=[ \t]*(?:" + _TOKEN + rb"|" + _QUOTED + rb"))?)*")


class LengthDecoder:
    """
    Exactly `remaining` bytes of content.
    """

    __slots__ = ("done", "remaining", "rest", "trailers")

    def __init__(self, length: int) -> None:
        self.remaining = length
        self.done = length == 0
        self.rest = b""
        self.trailers: list[bytes] = []

    def feed(self, data: bytes) -> bytes:
        """
        The content in `data`.
        """
        size = len(data)
        if size < self.remaining:
            self.remaining -= size
            return data
        self.done = True
        if size > self.remaining:
            self.rest = data[self.remaining :]
            data = data[: self.remaining]
        self.remaining = 0
        return data


class EndDecoder:
    """
    Content until the connection ends (RFC 9112 §6.3 item 8); the owner of the connection decides when that is.
    """

    __slots__ = ("done", "rest", "trailers")

    def __init__(self) -> None:
        self.done = False
        self.rest = b""
        self.trailers: list[bytes] = []

    def feed(self, data: bytes) -> bytes:
        """
        All of `data`.
        """
        return data


class ChunkedDecoder:
    """
    The chunked coding (RFC 9112 §7.1), strictly: CRLF only, 1*HEXDIG, extensions checked and dropped.

    `trailers` are the field lines of the trailer section that may be forwarded: none that are barred there or
    `nominated` by the head's Connection. Raises `BadMessage`: 400, 413 past `content_limit` bytes (0: any), 431.
    """

    __slots__ = (
        "_buffer", "_content_bytes", "_content_limit", "_extension_bytes", "_left", "_limits", "_nominated",
        "_state", "_trailer_bytes", "done", "rest", "trailers",
    )  # fmt: skip

    _SIZE, _DATA, _CRLF, _TRAILER = range(4)

    def __init__(self, limits: Limits, content_limit: int, nominated: frozenset[bytes]) -> None:
        self._limits = limits
        self._content_limit = content_limit
        self._content_bytes = 0
        self._nominated = nominated
        self._buffer = b""
        self._left = 0
        self._extension_bytes = 0
        self._trailer_bytes = 0
        self._state = self._SIZE
        self.done = False
        self.rest = b""
        self.trailers: list[bytes] = []

    def feed(self, data: bytes) -> bytes:
        """
        The content in `data`, joined.
        """
        if self._buffer:
            data = self._buffer + data
            self._buffer = b""
        at, size = 0, len(data)
        pieces: list[bytes] = []
        while at < size and not self.done:
            if self._state == self._DATA:
                piece = data[at : at + self._left]
                pieces.append(piece)
                at += len(piece)
                self._left -= len(piece)
                if self._left:
                    break
                self._state = self._CRLF
            elif self._state == self._CRLF:
                if data[at : at + 2] != b"\r\n":
                    if size - at >= 2 or data[at : at + 1] != b"\r":
                        raise BadMessage(400, "chunk not followed by CRLF")
                    self._buffer = data[at:]
                    break
                at += 2
                self._state = self._SIZE
            else:
                end = data.find(b"\r\n", at)
                if end < 0:
                    self._hold(data[at:])
                    break
                line = data[at:end]
                at = end + 2
                if self._state == self._SIZE:
                    self._size(line)
                else:
                    self._trailer(line)
        if self.done:
            self.rest = data[at:]
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _hold(self, partial: bytes) -> None:
        """
        Keep an incomplete line, unless it is already too long or wrong.
        """
        if len(partial) > self._limits.line:
            raise BadMessage(431 if self._state == self._TRAILER else 400, "line too long in chunked content")
        left = partial.translate(None, FIELD_BYTES)
        if left and (left != b"\r" or partial[-1:] != b"\r"):
            raise BadMessage(400, "control character in chunked content")
        if self._state == self._SIZE and partial[:1] not in (b"\r", b"") and partial[:1] not in HEX:
            raise BadMessage(400, "malformed chunk size")
        self._buffer = partial

    def _size(self, line: bytes) -> None:
        """
        A chunk-size line.
        """
        digits = line
        if not line or line.translate(None, HEX):
            digits = line[: len(line) - len(line.lstrip(HEX))]
            extensions = line[len(digits) :]
            self._extension_bytes += len(extensions)
            if self._extension_bytes > self._limits.chunk_extensions:
                raise BadMessage(400, "too many chunk extensions")
            if not extensions or extensions[-1:] in b" \t" or _EXTENSIONS.fullmatch(extensions) is None:
                raise BadMessage(400, "malformed chunk size")
        if not 0 < len(digits) <= SIZE_DIGITS:
            raise BadMessage(400, "malformed chunk size")
        self._left = int(digits, 16)
        if self._left >= 2**63:
            raise BadMessage(400, "chunk too large")
        self._content_bytes += self._left
        if self._content_limit and self._content_bytes > self._content_limit:
            raise BadMessage(413, "content too large")
        self._state = self._DATA if self._left else self._TRAILER

    def _trailer(self, line: bytes) -> None:
        """
        A line of the trailer section; an empty one ends the message.
        """
        if not line:
            self.done = True
            return
        self._trailer_bytes += len(line) + 2
        if len(line) > self._limits.line or self._trailer_bytes > self._limits.head:
            raise BadMessage(431, "trailer section too large")
        name, colon, _ = line.partition(b":")
        if not colon or not name or name.translate(None, TOKEN_BYTES) or line.translate(None, FIELD_BYTES):
            raise BadMessage(400, "malformed trailer line")
        if name.lower() in FRAMING:
            raise BadMessage(400, "framing field in the trailer section")
        # Names with underscores too that gateways would take for these.
        plain = name.lower().replace(b"_", b"-")
        is_kept = plain not in NOT_IN_TRAILERS and not plain.startswith(RESERVED)
        if is_kept and name.lower() not in self._nominated:
            self.trailers.append(line)
            if len(self.trailers) > self._limits.fields:
                raise BadMessage(431, "too many trailer lines")


Decoder = LengthDecoder | EndDecoder | ChunkedDecoder


def chunk(data: bytes) -> bytes:
    """
    `data` (not empty) as one chunk.
    """
    return b"%x\r\n%b\r\n" % (len(data), data)


def unchunk(data: bytes) -> bytes:
    """
    What `chunk` made one of, b"" for a `last_chunk`.
    """
    start = data.index(b"\r\n") + 2
    return data[start : start + int(data[: start - 2], 16)]


def last_chunk(trailers: list[bytes]) -> bytes:
    """
    The end of chunked content, with its trailer section.
    """
    if not trailers:
        return b"0\r\n\r\n"
    return b"0\r\n" + b"\r\n".join(trailers) + b"\r\n\r\n"
