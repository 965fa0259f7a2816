"""
Request heads: bytes in, a `RequestHead` out, or `BadMessage`. Pure; see `head.py` for the strategy.
"""

import re

from proxy.errors import BadMessage
from proxy.routing.table import Limits
from proxy.wire.fields import (
    ACCEPT,
    CONNECTION,
    COOKIE,
    CREDENTIAL,
    DIGITS,
    DROP,
    EXPECT,
    FORCE,
    FORWARDED_FOR,
    FORWARDED_HOST,
    FORWARDED_PROTO,
    HOST,
    LENGTH,
    MAX_FORWARDS,
    OVERRIDE,
    PLAIN,
    PROTECTED,
    REQUEST_ID,
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
from proxy.wire.head import OWS, parse_length, split_head
from proxy.wire.marks import FORCE_COOKIE, OURS, WRITE_COOKIE, take_cookies
from proxy.wire.target import check_host, parse_target

# The IANA method registry (RFC 9110 §16.1.1), and what UPnP, caches and Icecast use. Others are refused with 501: a
# method run together with something else is how request splitting looks. `limits.methods` adds to these.
METHODS = frozenset(
    b"ACL BASELINE-CONTROL BIND CHECKIN CHECKOUT CONNECT COPY DELETE GET HEAD LABEL LINK LOCK M-SEARCH MERGE "
    b"MKACTIVITY MKCALENDAR MKCOL MKREDIRECTREF MKWORKSPACE MOVE NOTIFY OPTIONS ORDERPATCH PATCH POST PROPFIND "
    b"PROPPATCH PURGE PUT QUERY REBIND REPORT SEARCH SOURCE SUBSCRIBE TRACE UNBIND UNCHECKOUT UNLINK UNLOCK "
    b"UNSUBSCRIBE UPDATE UPDATEREDIRECTREF VERSION-CONTROL".split()
)
# Requests of HTTP's relatives that sources of streams send to HTTP ports (RFC 2326 §10, Icecast); taken for HTTP/1.0.
RELATIVES = {b"RTSP/1.0": frozenset({b"ANNOUNCE", b"DESCRIBE", b"OPTIONS"}), b"ICE/1.0": frozenset({b"SOURCE"})}
# RFC 9110 §9.2.1, but for TRACE, which is refused here: requests that write nothing.
SAFE = frozenset({b"GET", b"HEAD", b"OPTIONS"})
# RFC 9110 §9.2.2: requests behind which a client may send the next one ahead of the answer (RFC 9112 §9.3.2).
IDEMPOTENT = frozenset({b"GET", b"HEAD", b"OPTIONS", b"PUT", b"DELETE"})


class RequestHead:
    """
    A client's request as it will be forwarded: `lines` without hop-by-hop fields, everything else as values.

    `length` is -1 without Content-Length; `close` says that the client won't reuse the connection; `upgrade` is the
    lower-case protocol when a permitted upgrade was asked for. `force` is a tester's value and `wrote` that of a
    client who has written, as they came (`routing.signed`); neither is among the lines. `is_read`: it writes
    nothing, as far as its method tells, also the one that a field puts in its place. `bucket` is that of its sticky
    key (`routing.buckets`; as many as there are for none), -1 while nobody has looked for one.
    """

    __slots__ = (
        "_folded", "_text", "accepts_stream", "authority", "bucket", "chunked", "close", "credentials", "expects",
        "force", "forwarded_for", "has_forwarded_host", "has_forwarded_proto", "host_at", "is_read", "length", "lines",
        "max_forwards", "method", "nominated", "old_version", "request_id", "target", "te", "traceparent", "typed",
        "upgrade", "validators", "vias", "wrote",
    )  # fmt: skip

    method: bytes
    target: bytes
    authority: bytes
    lines: list[bytes]

    def __init__(self) -> None:
        self.nominated: frozenset[bytes] = frozenset()
        self.old_version = False
        self.host_at = -1
        self.length = -1
        self.chunked = False
        self.close = False
        self.te = False
        self.typed = False
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
        self.is_read = False
        self.force = self.wrote = b""
        self.bucket = -1
        self._text = self._folded = b""

    def folded(self) -> bytes:
        """
        All lines in one text, in lower case, each after a line feed: made once, for requests that are asked for fields.
        """
        if not self._folded:
            self._text = b"\n" + b"\n".join(self.lines) + b"\n"
            self._folded = self._text.lower()
        return self._folded

    def values(self, start: bytes) -> list[bytes]:
        """
        The values, as they came, of the field whose lines `start` so in the folded text: line feed, name, colon.
        """
        folded = self.folded()
        at = folded.find(start)
        if at < 0:
            return []
        text, size, found = self._text, len(start), []
        while at >= 0:
            end = text.find(b"\n", at + size)
            found.append(text[at + size : end].strip(OWS))
            at = folded.find(start, end)
        return found

    @property
    def is_idempotent(self) -> bool:
        """
        Done twice, it is as if it were done once (RFC 9110 §9.2.2).
        """
        return self.is_read if self.method in SAFE else self.method in IDEMPOTENT

    @property
    def has_body(self) -> bool:
        """
        Content follows the head.
        """
        return self.chunked or self.length > 0


class RequestRules:
    """
    What requests are held to: sizes in bytes, the number of field lines, and the methods that are understood.
    """

    __slots__ = ("fields", "line", "methods", "names")

    def __init__(self, names: Names, limits: Limits) -> None:
        self.names = names
        self.line = limits.line
        self.fields = limits.fields
        self.methods = METHODS | {method.encode("ascii") for method in limits.methods}


def parse_request(block: bytes, rules: RequestRules) -> RequestHead:
    """
    The request whose head (without the closing empty line) is `block`.

    Raises `BadMessage` with the status a client gets: 400, 405 (CONNECT, TRACE), 414, 417, 431, 501 (method or coding
    not known), 505.
    """
    head, nominated = _read_request(block, rules)
    _finish_request(head, nominated)
    return head


def check_beginning(data: bytes, rules: RequestRules) -> None:
    """
    Raises `BadMessage` when `data` can't be the beginning of a request, as far as its complete lines tell.
    """
    whole = data.find(b"\r\n\r\n")
    if whole >= 0:
        _read_request(data[:whole], rules)
        return
    end = data.rfind(b"\r\n")
    if end >= 0:
        _read_request(data[:end], rules)
        if data[end + 2 : end + 3] in (b" ", b"\t"):
            raise BadMessage(400, "malformed field line")
        return
    parts = data.split(b" ")
    if len(parts) > 3:
        raise BadMessage(400, "malformed request line")
    if len(parts) == 3:
        _check_version_so_far(parts[2])


def _check_version_so_far(version: bytes) -> None:
    """
    Raises `BadMessage`, the same as for the whole line, when a version can't become one that is spoken here.
    """
    if any(known.startswith(version) for known in (b"HTTP/1.1\r", b"HTTP/1.0\r", b"RTSP/1.0\r", b"ICE/1.0\r")):
        return
    if re.fullmatch(rb"HTTP/[0-9]\.[0-9]\r?", version):
        raise BadMessage(505, "only HTTP/1.1 and HTTP/1.0 are spoken here")
    if not re.fullmatch(rb"HTTP/[0-9]\.?", version):
        raise BadMessage(400, "malformed version")


def _read_request(block: bytes, rules: RequestRules) -> tuple[RequestHead, bytes | None]:
    """
    Line by line what a request head says, and the Connection options.
    """
    lines = split_head(block)
    if len(lines) - 1 > rules.fields:
        raise BadMessage(431, "too many field lines")
    if len(block) > rules.line:
        if len(lines[0]) > rules.line:
            raise BadMessage(414, "request line too long")
        if max(map(len, lines)) > rules.line:
            raise BadMessage(431, "field line too long")
    head = RequestHead()
    _request_line(head, lines[0], rules.methods)
    head.lines = kept = []
    nominated: bytes | None = None
    codes = rules.names.codes
    for line in lines[1:]:
        code = codes.get(line[: line.find(b":") + 1])
        if code is None:
            code = rules.names.learn(line)
        if code == PLAIN:
            kept.append(line)
        elif code == CONNECTION:
            nominated = line[11:] if nominated is None else nominated + b"," + line[11:]
        else:
            _request_field(head, code, line, kept)
    return head, nominated


def _request_line(head: RequestHead, line: bytes, methods: frozenset[bytes]) -> None:
    """
    Method, target and version (RFC 9112 §3): exactly one SP between parts.
    """
    parts = line.split(b" ")
    if len(parts) != 3 or b"\t" in line:
        raise BadMessage(400, "malformed request line")
    head.method, head.target, version = parts
    head.is_read = head.method in SAFE
    if version != b"HTTP/1.1":
        if version == b"HTTP/1.0":
            head.old_version = head.close = True
        elif head.method in RELATIVES.get(version, ()):
            head.old_version = head.close = True
            return
        elif re.fullmatch(rb"HTTP/[0-9]\.[0-9]", version):
            raise BadMessage(505, "only HTTP/1.1 and HTTP/1.0 are spoken here")
        else:
            raise BadMessage(400, "malformed version")
    if head.method not in methods:
        if not head.method or head.method.translate(None, TOKEN_BYTES):
            raise BadMessage(400, "malformed method")
        raise BadMessage(501, "method not known here")
    if not head.target.isascii():
        raise BadMessage(400, "request target with bytes beyond ASCII")


def _request_field(head: RequestHead, code: int, line: bytes, kept: list[bytes]) -> None:  # noqa: C901 one branch a field
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
        _check_coding(value.lower())
        head.chunked = True
    elif code == EXPECT:
        if value.lower() != b"100-continue":
            raise BadMessage(417, "unknown expectation")
        head.expects = True
    elif code == TYPE:
        if head.typed:
            raise BadMessage(400, "more than one Content-Type")
        head.typed = True
        kept.append(line)
    elif code == FORWARDED_FOR:
        head.forwarded_for = len(kept)
        kept.append(line)
    elif code == COOKIE:
        _cookies(head, line, value, kept)
    elif code == FORCE:
        head.force = value
    elif code == UPGRADE:
        head.upgrade = value.lower() if not head.upgrade else b"several"
    elif code == TE:
        head.te = head.te or b"trailers" in value.lower().replace(b" ", b"").split(b",")
    elif code != DROP:
        _note(head, code, value)
        kept.append(line)


def _cookies(head: RequestHead, line: bytes, value: bytes, kept: list[bytes]) -> None:
    """
    A Cookie line, without the cookies that are for us.
    """
    if OURS in value:
        value, taken = take_cookies(value)
        # A field says more than a cookie, wherever it stands.
        head.force = head.force or taken.get(FORCE_COOKIE, b"")
        head.wrote = head.wrote or taken.get(WRITE_COOKIE, b"")
        if not value:
            return
        line = b"Cookie: " + value
    head.credentials = True
    kept.append(line)


def _check_coding(coding: bytes) -> None:
    """
    Raises `BadMessage` unless a Transfer-Encoding is chunked: 501 for other codings, 400 for what is none.

    `identity` before chunked (RFC 2616 §3.6, gone since RFC 7230) changes nothing and is taken away.
    """
    if coding in (b"chunked", b"identity, chunked", b"identity,chunked"):
        return
    known = re.fullmatch(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+(?:, ?chunked)?", coding)
    raise BadMessage(
        501 if known and b"chunked" not in coding[:8] and coding != b"identity" else 400, "transfer coding"
    )


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
    elif code == OVERRIDE:
        # Frameworks do what it names: a GET that is to be a DELETE is none.
        head.is_read = head.is_read and (not value or value.upper() in SAFE)
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
    if head.old_version and head.length < 0 and head.method in (b"POST", b"PUT"):
        # RFC 1945 §7.2.2 and §8.3: without it the content's end can't be known.
        raise BadMessage(400, "no Content-Length in an HTTP/1.0 request with content")
    options: set[bytes] = set()
    if nominated is not None:
        options = {option.strip(OWS).lower() for option in nominated.split(b",")}
        if head.old_version:
            head.close = b"keep-alive" not in options or b"close" in options
        else:
            head.close = b"close" in options
        _strip_nominated(head, options)
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
    doomed = head.nominated = frozenset(options - PROTECTED - {b""})
    if not doomed:
        return
    host = head.lines[head.host_at] if head.host_at >= 0 else None
    forwarded = head.lines[head.forwarded_for] if head.forwarded_for >= 0 else None
    head.lines = [line for line in head.lines if line[: line.find(b":")].lower() not in doomed]
    head.host_at = head.lines.index(host) if host is not None else -1
    head.forwarded_for = head.lines.index(forwarded) if forwarded is not None else -1
