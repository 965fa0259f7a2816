"""
Answer heads: bytes in, an `AnswerHead` out, or `BadMessage`. Pure; see `head.py` for the strategy.
"""

import re

from proxy.errors import BadMessage
from proxy.wire.fields import (
    CONNECTION,
    COOKIE,
    COOKIE_ALONE,
    COOKIE_ATTRIBUTES,
    DATE,
    KEEP_ALIVE,
    LENGTH,
    PLAIN,
    PROTECTED,
    SIGNIFICANT,
    TRANSFER,
    TYPE,
    UPGRADE,
    Names,
)
from proxy.wire.head import OWS, parse_length, split_head
from proxy.wire.marks import OURS
from proxy.wire.setting import attributes_of, name_of

# RTSP and Icecast servers answer HTTP requests under their own names.
KEEP_ALIVE_TIMEOUT = re.compile(rb"(?i)timeout=([0-9]{1,6})")
# Before a cookie's name; some browsers take one without a name, `=a=b`, for a cookie called a.
NAMELESS = OWS + b"="
COOKIES = frozenset({COOKIE, COOKIE_ATTRIBUTES, COOKIE_ALONE})
STATUS_LINE = re.compile(rb"(?:HTTP|RTSP|ICE)/(0\.9|1\.[01]) ([1-9][0-9]{2})(?: [^\r\n]*)?")


class AnswerHead:
    """
    A side's answer head: `lines` without hop-by-hop fields and what only Parallax may say, `significant` the
    (name, value) pairs that are compared.

    `length` is -1 when unknown; `chunked` only when chunked is the final coding; `reusable` is what the head says of
    the connection's future, `idle_limit` the seconds of `Keep-Alive: timeout`, or 0. `packed` is for whoever passes it
    on to a comparer (`mirror/heads.py`). `told` are the values of fields that tell a side's version, None without any.
    """

    __slots__ = (
        "chunked", "has_date", "idle_limit", "length", "length_at", "lines", "nominated", "packed", "reason",
        "reusable", "significant", "status", "stream", "told", "upgrade",
    )  # fmt: skip

    status: int
    reason: bytes
    lines: list[bytes]

    def __init__(self) -> None:
        self.nominated: frozenset[bytes] = frozenset()
        self.length = -1
        self.length_at = -1
        self.chunked = False
        self.reusable = True
        self.has_date = False
        self.idle_limit = 0.0
        self.stream = False
        self.upgrade = b""
        self.packed: bytes | None = None
        self.significant: list[tuple[bytes, bytes]] = []
        self.told: dict[bytes, bytes] | None = None


class AnswerParser:
    """
    Parses answer heads of one direction. A head met again byte for byte is the same (immutable) value again: both sides
    often answer with equal heads, and then the second costs a look-up. `MEMORY` heads of at most 1 KiB are remembered,
    then the memory starts anew. `telling` are the lower-case names of fields that tell a side's version.
    """

    MEMORY = 256
    LONGEST = 1024

    __slots__ = ("_codes", "_fields", "_memory", "_names", "_starts", "_telling")

    def __init__(self, names: Names, field_limit: int, telling: frozenset[bytes] = frozenset()) -> None:
        self._names = names
        self._codes = names.codes
        self._fields = field_limit
        self._telling = telling
        self._memory: dict[bytes, AnswerHead] = {}
        self._starts: dict[bytes, tuple[int, bytes, bool]] = {}

    def parse(self, block: bytes) -> AnswerHead:
        """
        The answer whose head (without the closing empty line) is `block`; not to be changed.

        Raises `BadMessage`; the caller makes it a 502. RFC 9112 §6.3: with Transfer-Encoding, Content-Length is removed
        and the connection not reused; a coding whose last is not chunked runs to the end of the connection.
        """
        head = self._memory.get(block)
        if head is None:
            head = self._parse(block)
            if len(block) <= self.LONGEST:
                if len(self._memory) >= self.MEMORY:
                    self._memory.clear()
                self._memory[block] = head
        return head

    def _parse(self, block: bytes) -> AnswerHead:
        lines = split_head(block)
        if len(lines) - 1 > self._fields:
            raise BadMessage(502, "too many field lines")
        head = AnswerHead()
        head.status, head.reason, modern = self._start(lines[0])
        head.reusable = modern
        head.lines = kept = []
        significant = head.significant
        nominated: bytes | None = None
        codings: list[bytes] = []
        codes = self._codes
        for line in lines[1:]:
            colon = line.find(b":") + 1
            name = line[:colon]
            code = codes.get(name)
            if code is None:
                code = self._names.learn(line)
            if code == PLAIN:
                kept.append(line)
            elif code == SIGNIFICANT:
                significant.append((name.lower(), line[colon:].strip(OWS)))
                kept.append(line)
            elif code == DATE:
                head.has_date = True
                kept.append(line)
            elif code == CONNECTION:
                nominated = line[11:] if nominated is None else nominated + b"," + line[11:]
            elif code == TRANSFER:
                codings.append(line[colon:].strip(OWS).lower())
            else:
                _answer_field(head, code, name, line[colon:].strip(OWS), line)
        _finish_answer(head, nominated, codings, modern)
        if self._telling:
            head.told = _told(head.lines, self._telling)
        return head

    def _start(self, line: bytes) -> tuple[int, bytes, bool]:
        """
        Status, reason with the SP before it, and whether the side speaks HTTP/1.1; a few hundred lines are remembered.
        """
        start = self._starts.get(line)
        if start is None:
            match = STATUS_LINE.fullmatch(line)
            if match is None:
                raise BadMessage(502, "malformed status line")
            start = (int(match[2]), line[match.end(2) :], match[1] == b"1.1")
            if len(self._starts) < self.MEMORY and len(line) <= self.LONGEST:
                self._starts[line] = start
        return start


def _answer_field(head: AnswerHead, code: int, name: bytes, value: bytes, line: bytes) -> None:
    """
    One answer field line that means something to a proxy.
    """
    if code == LENGTH:
        length = parse_length(value)
        if head.length >= 0 and head.length != length:
            raise BadMessage(502, "conflicting Content-Length")
        if head.length >= 0:
            raise BadMessage(502, "more than one Content-Length")
        head.length = length
        head.length_at = len(head.lines)
        head.lines.append(line)
    elif code == TYPE:
        head.significant.append((name.lower(), value))
        head.stream = value[:17].lower() == b"text/event-stream"
        head.lines.append(line)
    elif code in COOKIES and value.lstrip(NAMELESS).startswith(OURS):
        # Only we make them: a side could end what a client or a tester has of us, or say it in our name.
        return
    elif code == COOKIE_ALONE:
        head.lines.append(line)
    elif code == COOKIE:
        # Values are secrets and differ by nature: they are never compared.
        head.significant.append((name.lower(), name_of(value)))
        head.lines.append(line)
    elif code == UPGRADE:
        head.upgrade = value.lower()
    elif code == COOKIE_ATTRIBUTES:
        head.significant.append((name.lower(), attributes_of(value)))
        head.lines.append(line)
    elif code == KEEP_ALIVE and (match := KEEP_ALIVE_TIMEOUT.search(value)):
        head.idle_limit = float(match[1])


def _told(lines: list[bytes], names: frozenset[bytes]) -> dict[bytes, bytes] | None:
    """
    The values of these fields that aren't empty, the first of each.
    """
    found: dict[bytes, bytes] = {}
    for line in reversed(lines):
        name, _, value = line.partition(b":")
        if name.lower() in names and (value := value.strip(OWS)):
            found[name.lower()] = value
    return found or None


def _finish_answer(head: AnswerHead, nominated: bytes | None, codings: list[bytes], modern: bool) -> None:
    """
    Framing and the connection's future, from the whole head.
    """
    if nominated is not None:
        options = {option.strip(OWS).lower() for option in nominated.split(b",")}
        if b"close" in options:
            head.reusable = False
        elif not modern and b"keep-alive" in options:
            head.reusable = True
        if doomed := frozenset(options - PROTECTED - {b""}):
            head.nominated = doomed
            length_line = head.lines[head.length_at] if head.length_at >= 0 else None
            head.lines = [line for line in head.lines if line[: line.find(b":")].lower() not in doomed]
            head.length_at = head.lines.index(length_line) if length_line is not None else -1
    if codings:
        coding = b",".join(codings).replace(b" ", b"").replace(b"\t", b"")
        if coding.endswith(b",chunked") or (coding == b"chunked" and not modern):
            # Passed on, the client would get codings it wasn't told of; RFC 9112 §6.1 calls the second one faulty.
            raise BadMessage(502, "transfer coding not supported")
        head.chunked = coding == b"chunked"
        if head.length >= 0 or not head.chunked:
            head.reusable = False
    if head.length_at >= 0 and (codings or head.status < 200 or head.status == 204):
        # RFC 9112 §6.3: Transfer-Encoding overrides it; RFC 9110 §8.6: it must not come in 1xx and 204.
        del head.lines[head.length_at]
        head.length, head.length_at = -1, -1
