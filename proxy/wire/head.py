"""
Heads of HTTP/1.1 messages: bytes in, values out, or `BadMessage`. Pure.

Strategy: one scan for bytes that must not be there at all (bare CR or LF, NUL, other controls), one split, one
dictionary hit per field line. Field lines are kept as they came, so order, case and spacing survive. Where RFC 9112
lets a recipient repair or guess (obs-fold, bare LF, Content-Length lists, space before the colon), this refuses: what
we forward has one reading only.
"""

import re

from proxy.errors import BadMessage
from proxy.wire.fields import (
    ACCEPT,
    CONNECTION,
    COOKIE,
    CREDENTIAL,
    DATE,
    DIGITS,
    DROP,
    EXPECT,
    FIELD_BYTES,
    FORWARDED_FOR,
    FORWARDED_HOST,
    FORWARDED_PROTO,
    HOST,
    LENGTH,
    MAX_FORWARDS,
    PLAIN,
    PROTECTED,
    REQUEST_ID,
    SIGNIFICANT,
    TE,
    TOKEN_BYTES,
    TRACEPARENT,
    TRANSFER,
    TYPE,
    UPGRADE,
    VALIDATOR,
    VIA,
    Names,
)
from proxy.wire.target import check_host, parse_target

LARGEST_LENGTH = 2**63 - 1
STATUS_LINE = re.compile(rb"(?:HTTP|RTSP|ICE)/(0\.9|1\.[01]) ([1-9][0-9]{2})(?: [^\r\n]*)?")
OWS = b" \t"


class RequestHead:
    """
    A client's request as it will be forwarded: `lines` without hop-by-hop fields, everything else as values.

    `length` is -1 without Content-Length; `close` says that the client won't reuse the connection; `upgrade` is the
    lower-case protocol when a permitted upgrade was asked for.
    """

    __slots__ = (
        "accepts_stream", "authority", "chunked", "close", "credentials", "expects", "forwarded_for", "has_forwarded_host",
        "has_forwarded_proto", "host_at", "length", "lines", "max_forwards", "method", "old_version", "request_id",
        "target", "te", "traceparent", "upgrade", "validators", "vias",
    )  # fmt: skip

    method: bytes
    target: bytes
    authority: bytes
    lines: list[bytes]

    def __init__(self) -> None:
        self.old_version = False
        self.host_at = -1
        self.length = -1
        self.chunked = False
        self.close = False
        self.te = False
        self.upgrade = b""
        self.expects = False
        self.vias: list[bytes] = []
        self.forwarded_for = -1
        self.has_forwarded_proto = False
        self.has_forwarded_host = False
        self.request_id = b""
        self.traceparent = b""
        self.max_forwards = -1
        self.validators = False
        self.accepts_stream = False
        self.credentials = False

    @property
    def has_body(self) -> bool:
        """
        Content follows the head.
        """
        return self.chunked or self.length > 0


class AnswerHead:
    """
    A side's answer head: `lines` without hop-by-hop fields, `significant` the (name, value) pairs that are compared.

    `length` is -1 when unknown; `chunked` only when chunked is the final coding; `reusable` is what the head says of
    the connection's future.
    """

    __slots__ = (
        "chunked", "has_date", "length", "length_at", "lines", "reason", "reusable", "significant", "status", "stream",
        "upgrade",
    )  # fmt: skip

    status: int
    reason: bytes
    lines: list[bytes]

    def __init__(self) -> None:
        self.length = -1
        self.length_at = -1
        self.chunked = False
        self.reusable = True
        self.has_date = False
        self.stream = False
        self.upgrade = b""
        self.significant: list[tuple[bytes, bytes]] = []


def split_head(block: bytes) -> list[bytes]:
    """
    The lines of a head without its closing empty line. Raises `BadMessage` (400) for bare CR or LF and for controls.
    """
    lines = block.split(b"\r\n")
    if block.translate(None, FIELD_BYTES) != b"\r\n" * (len(lines) - 1):
        raise BadMessage(400, "control character or bare CR or LF in the head")
    return lines


def check_limits(lines: list[bytes], block: bytes, line_limit: int, field_limit: int) -> None:
    """
    Raises `BadMessage` with 414 (request line) or 431 (fields) when a head is over its limits.
    """
    if len(lines) - 1 > field_limit:
        raise BadMessage(431, "too many field lines")
    if len(block) > line_limit:
        if len(lines[0]) > line_limit:
            raise BadMessage(414, "request line too long")
        if max(map(len, lines)) > line_limit:
            raise BadMessage(431, "field line too long")


def parse_request(block: bytes, names: Names, line_limit: int, field_limit: int) -> RequestHead:
    """
    The request whose head (without the closing empty line) is `block`.

    Raises `BadMessage` with the status a client gets: 400, 405 (CONNECT, TRACE), 414, 417, 431, 501 (coding), 505.
    """
    lines = split_head(block)
    check_limits(lines, block, line_limit, field_limit)
    head = RequestHead()
    _request_line(head, lines[0])
    head.lines = kept = []
    nominated: bytes | None = None
    codes = names.codes
    for line in lines[1:]:
        code = codes.get(line[: line.find(b":") + 1])
        if code is None:
            code = names.learn(line)
        if code == PLAIN:
            kept.append(line)
        elif code == CONNECTION:
            nominated = line[11:] if nominated is None else nominated + b"," + line[11:]
        else:
            _request_field(head, code, line, kept)
    _finish_request(head, nominated)
    return head


def _request_line(head: RequestHead, line: bytes) -> None:
    """
    Method, target and version (RFC 9112 §3): exactly one SP between parts.
    """
    parts = line.split(b" ")
    if len(parts) != 3 or b"\t" in line:
        raise BadMessage(400, "malformed request line")
    head.method, head.target, version = parts
    if version != b"HTTP/1.1":
        if version == b"HTTP/1.0":
            head.old_version = head.close = True
        elif re.fullmatch(rb"HTTP/[0-9]\.[0-9]", version):
            raise BadMessage(505, "only HTTP/1.1 and HTTP/1.0 are spoken here")
        else:
            raise BadMessage(400, "malformed version")
    if not head.method or head.method.translate(None, TOKEN_BYTES):
        raise BadMessage(400, "malformed method")
    if len(head.method) > 64:
        raise BadMessage(501, "method too long")


def _request_field(head: RequestHead, code: int, line: bytes, kept: list[bytes]) -> None:
    """
    One field line that means something to a proxy.
    """
    value = line[line.find(b":") + 1 :].strip(OWS)
    if code == HOST:
        if head.host_at >= 0:
            raise BadMessage(400, "more than one Host")
        check_host(value)
        head.host_at = len(kept)
        head.authority = value
        kept.append(line)
    elif code == LENGTH:
        if head.length >= 0:
            raise BadMessage(400, "more than one Content-Length")
        head.length = parse_length(value)
        kept.append(b"Content-Length: " + value)
    elif code == TRANSFER:
        if head.chunked:
            raise BadMessage(400, "more than one Transfer-Encoding")
        if value.lower() != b"chunked":
            known = re.fullmatch(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+", value) and value.lower() != b"identity"
            raise BadMessage(501 if known else 400, "transfer coding not supported")
        head.chunked = True
    elif code == EXPECT:
        if value.lower() != b"100-continue":
            raise BadMessage(417, "unknown expectation")
        head.expects = True
    elif code == FORWARDED_FOR:
        head.forwarded_for = len(kept)
        kept.append(line)
    elif code == UPGRADE:
        head.upgrade = value.lower() if not head.upgrade else b"several"
    elif code == TE:
        head.te = head.te or b"trailers" in value.lower().replace(b" ", b"").split(b",")
    elif code != DROP:
        _note(head, code, value)
        kept.append(line)


def _note(head: RequestHead, code: int, value: bytes) -> None:
    """
    A field that is forwarded as it came and remembered.
    """
    if code == ACCEPT:
        head.accepts_stream = b"text/event-stream" in value.lower()
    elif code == VALIDATOR:
        head.validators = True
    elif code == CREDENTIAL:
        head.credentials = True
    elif code == REQUEST_ID:
        head.request_id = value
    elif code == TRACEPARENT:
        head.traceparent = value
    elif code == VIA:
        head.vias.append(value)
    elif code == FORWARDED_PROTO:
        head.has_forwarded_proto = True
    elif code == FORWARDED_HOST:
        head.has_forwarded_host = True
    elif code == MAX_FORWARDS:
        if not value or value.translate(None, DIGITS) or len(value) > 9:
            raise BadMessage(400, "malformed Max-Forwards")
        head.max_forwards = int(value)


def _finish_request(head: RequestHead, nominated: bytes | None) -> None:
    """
    What only the whole head can tell: framing, Host, target, connection options.
    """
    if head.chunked and (head.length >= 0 or head.old_version):
        # RFC 9112 §6.1: both, or Transfer-Encoding from an HTTP/1.0 client, is an attack or a broken peer.
        raise BadMessage(400, "conflicting message framing")
    if head.host_at < 0:
        if not head.old_version:
            raise BadMessage(400, "no Host")
        head.authority = b""
    options: set[bytes] = set()
    if nominated is not None:
        options = {option.strip(OWS).lower() for option in nominated.split(b",")}
        if head.old_version:
            head.close = b"keep-alive" not in options or b"close" in options
        else:
            head.close = b"close" in options
        _strip_nominated(head, options)
    if head.upgrade:
        if b"upgrade" not in options or head.old_version or head.upgrade != b"websocket" or head.has_body:
            head.upgrade = b""
    if head.old_version:
        head.expects = False
    if head.te and b"te" not in options:
        head.te = False
    parse_target(head)


def _strip_nominated(head: RequestHead, options: set[bytes]) -> None:
    """
    Remove the fields that Connection names (RFC 9110 §7.6.1), end-to-end fields excepted.
    """
    doomed = options - PROTECTED - {b""}
    if not doomed:
        return
    host = head.lines[head.host_at] if head.host_at >= 0 else None
    forwarded = head.lines[head.forwarded_for] if head.forwarded_for >= 0 else None
    head.lines = [line for line in head.lines if line[: line.find(b":")].lower() not in doomed]
    head.host_at = head.lines.index(host) if host is not None else -1
    head.forwarded_for = head.lines.index(forwarded) if forwarded is not None else -1


def parse_length(value: bytes) -> int:
    """
    A Content-Length (RFC 9110 §8.6): digits only, below 2^63. Raises `BadMessage` (400).
    """
    if not value or value.translate(None, DIGITS) or len(value) > 19:
        raise BadMessage(400, "malformed Content-Length")
    length = int(value)
    if length > LARGEST_LENGTH:
        raise BadMessage(400, "Content-Length too large")
    return length


def parse_answer(block: bytes, names: Names, field_limit: int) -> AnswerHead:
    """
    The answer whose head (without the closing empty line) is `block`. Raises `BadMessage`; the caller makes it a 502.

    RFC 9112 §6.3: with Transfer-Encoding, Content-Length is removed and the connection not reused; a coding whose
    last is not chunked runs to the end of the connection.
    """
    lines = split_head(block)
    match = STATUS_LINE.fullmatch(lines[0])
    if match is None:
        raise BadMessage(502, "malformed status line")
    if len(lines) - 1 > field_limit:
        raise BadMessage(502, "too many field lines")
    head = AnswerHead()
    head.status = int(match[2])
    head.reason = lines[0][match.end(2) :]
    head.reusable = match[1] == b"1.1"
    head.lines = kept = []
    significant = head.significant
    nominated: bytes | None = None
    codings: list[bytes] = []
    codes = names.codes
    for line in lines[1:]:
        colon = line.find(b":") + 1
        code = codes.get(line[:colon])
        if code is None:
            code = names.learn(line)
        if code == PLAIN:
            kept.append(line)
        elif code == SIGNIFICANT:
            significant.append((line[:colon].lower(), line[colon:].strip(OWS)))
            kept.append(line)
        elif code == CONNECTION:
            nominated = line[11:] if nominated is None else nominated + b"," + line[11:]
        elif code == TRANSFER:
            codings.append(line[colon:].strip(OWS).lower())
        else:
            _answer_field(head, code, line[:colon], line[colon:].strip(OWS), line)
    _finish_answer(head, nominated, codings, match[1])
    return head


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
    elif code == COOKIE:
        # Values are secrets and differ by nature: only the cookie's name is compared.
        head.significant.append((name.lower(), value.split(b"=", 1)[0]))
        head.lines.append(line)
    elif code == DATE:
        head.has_date = True
        head.lines.append(line)
    elif code == UPGRADE:
        head.upgrade = value.lower()


def _finish_answer(head: AnswerHead, nominated: bytes | None, codings: list[bytes], version: bytes) -> None:
    """
    Framing and the connection's future, from the whole head.
    """
    if nominated is not None:
        options = {option.strip(OWS).lower() for option in nominated.split(b",")}
        if b"close" in options:
            head.reusable = False
        elif version == b"1.0" and b"keep-alive" in options:
            head.reusable = True
        if doomed := options - PROTECTED - {b""}:
            length_line = head.lines[head.length_at] if head.length_at >= 0 else None
            head.lines = [line for line in head.lines if line[: line.find(b":")].lower() not in doomed]
            head.length_at = head.lines.index(length_line) if length_line is not None else -1
    if codings:
        coding = b",".join(codings).replace(b" ", b"").replace(b"\t", b"")
        head.chunked = coding == b"chunked" and version != b"1.0"
        if head.length >= 0 or not head.chunked:
            head.reusable = False
        if head.length_at >= 0:
            del head.lines[head.length_at]
            head.length, head.length_at = -1, -1
