"""
What is sent on: the canonical request for a side and the answer head for a client. Pure.

A request is composed once and shared by both legs; only the shadow's marker, and what configuration makes different
per side, is added. Nothing is ever sent that was not validated field line by field line.
"""

import re
from dataclasses import replace

from proxy.routing.match import canonical_path
from proxy.routing.route import AS_IT_IS, Rewrite
from proxy.routing.table import Side
from proxy.wire.answer import AnswerHead
from proxy.wire.forwarded import Trust, disown
from proxy.wire.inside import inside
from proxy.wire.request import RequestHead

# Ends the head of a copy.
MARKER = b"X-Parallax-Shadow: 1\r\n\r\n"
EXPECT = b"Expect: 100-continue\r\n"

BODILESS = frozenset({204, 304})

# Field names as gateways make variables of them (RFC 3875 §4.1.18): X_A is X-A to whoever is behind one.
FOLDED = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ_", b"abcdefghijklmnopqrstuvwxyz-")

# How an answer's end is told to the client.
NOTHING, LENGTH, CHUNKS, CLOSE = range(4)


class Hop:
    """
    What this hop adds to the requests of one client connection (RFC 9110 §7.6.3; X-Forwarded-* by custom); no Via
    without a pseudonym.

    `peer` is the address of who is connected, and `address` that of the client as far as it is believed. `usual` is
    what a request for `authority` without X-Forwarded-* gets, ready made. With `trust`, each is to be screened.
    """

    __slots__ = (
        "_believed", "_common", "_own", "address", "authority", "forwarded", "peer", "scheme", "trust", "usual", "via",
    )  # fmt: skip

    def __init__(
        self,
        address: str,
        pseudonym: str | None,
        forwarded: bool,
        *,
        scheme: bytes = b"http",
        trust: Trust | None = None,
    ) -> None:
        self.peer = self.address = self._own = address.encode("ascii", "replace")
        self.scheme = scheme
        self.trust = trust
        self._believed = False
        if trust is not None:
            plain, self._believed = trust.judge(self.peer)
            self.address = self._own = plain or self.peer
        self.forwarded = forwarded
        self.via = b"" if pseudonym is None else b"Via: 1.1 " + pseudonym.encode("ascii") + b"\r\n"
        self._common = self.via
        if forwarded:
            self._common += b"X-Forwarded-For: " + self.peer + b"\r\nX-Forwarded-Proto: " + scheme + b"\r\n"
        self.authority = b""
        self.usual = self._common

    def greet(self, authority: bytes) -> bytes:
        """
        Make `usual` for another authority: clients rarely change it on one connection.
        """
        self.authority = authority
        self.usual = self._common
        if self.forwarded and authority:
            self.usual += b"X-Forwarded-Host: " + authority + b"\r\n"
        return self.usual

    def screen(self, head: RequestHead) -> None:
        """
        Find out who a request comes from, and take away what it says of that without being believed.
        """
        if not self._believed or self.trust is None:
            disown(head)
        elif head.forwarded_for >= 0:
            self.address = self.trust.client(head.lines, self._own)
        else:
            self.address = self._own


class Destination:
    """
    How requests to one side are written: `host` None keeps the client's Host, `base` goes before every target,
    `rewrite` is what a route changes besides; `moves`: targets are not those of clients.
    """

    __slots__ = ("_path", "authority", "base", "host", "moves", "rewrite")

    def __init__(self, side: Side, rewrite: Rewrite = AS_IT_IS) -> None:
        address = f"[{side.address}]" if ":" in side.address else side.address
        usual = {"http": 80, "https": 443}[side.scheme]
        self.authority = (address if side.port == usual else f"{address}:{side.port}").encode("ascii")
        self.base = side.base.encode("ascii")
        host = rewrite.host if rewrite.host != "" else side.host
        self.host = None if host is None else host.encode("ascii")
        plain = replace(rewrite, host="") == AS_IT_IS
        self.rewrite = None if plain else Rewriting(rewrite)
        self._path = self.rewrite if rewrite.path is not None else None
        self.moves = bool(self.base) or self._path is not None

    def target(self, target: bytes) -> bytes:
        """
        What the side is asked for where it `moves`: no client leaves `base`, or what a route matches, by dot segments.
        """
        if target == b"*":
            return target
        if self._path is None and b"." not in target and b"%" not in target:
            return self.base + target
        path, mark, query = target.partition(b"?")
        if self._path is not None:
            path = self._path.path(path)
        return self.base + inside(path) + mark + query

    def trailers(self, lines: list[bytes]) -> list[bytes]:
        """
        What of a request's trailer section the side gets.
        """
        return lines if self.rewrite is None else self.rewrite.kept(lines)


class Rewriting:
    """
    What a route changes of a request for one side, compiled.
    """

    __slots__ = ("_added", "_pattern", "_removed", "_replacement")

    def __init__(self, rewrite: Rewrite) -> None:
        pattern, replacement = rewrite.path or ("", "")
        self._pattern = re.compile(pattern.encode()) if rewrite.path is not None else None
        self._replacement = replacement.encode()
        named = (*rewrite.remove, *(name for name, _ in rewrite.set))
        self._removed = frozenset(name.encode("ascii").translate(FOLDED) for name in named)
        self._added = [f"{name}: {value}".encode("latin-1") for name, value in rewrite.set]

    def path(self, path: bytes) -> bytes:
        """
        Another path in place of this one, which is read as routes are matched. What is none any more gets its / back.
        """
        if self._pattern is None:
            return path
        path = self._pattern.sub(self._replacement, inside(canonical_path(path)), count=1)
        return path if path[:1] == b"/" else b"/" + path

    def lines(self, lines: list[bytes]) -> list[bytes]:
        """
        The lines of the head without the removed ones, and with those that are set at the end. Never the list itself.
        """
        return self.kept(lines) + self._added

    def kept(self, lines: list[bytes]) -> list[bytes]:
        """
        The lines without the removed ones, and without their look-alikes. Never the list itself.
        """
        removed = self._removed
        if not removed:
            return lines.copy()
        return [line for line in lines if line[: line.find(b":")].translate(FOLDED) not in removed]


def added_lines(head: RequestHead, hop: Hop, bits: int) -> bytes:
    """
    The field lines that this hop adds, the same for both legs, each ended by CRLF.

    `bits` are 256 random ones: a request id, and a trace context (W3C Trace Context §3.2) for a client without one.
    """
    if head.forwarded_for < 0 and not head.has_forwarded_proto and not head.has_forwarded_host:
        added = hop.usual if head.authority == hop.authority else hop.greet(head.authority)
    else:
        added = hop.via
        if hop.forwarded:
            added += _forwarded_lines(head, hop)
    if not head.request_id or not head.traceparent:
        digits = b"%064x" % bits
        if not head.request_id:
            head.request_id = digits[:16]
            added += b"X-Request-Id: " + head.request_id + b"\r\n"
        if not head.traceparent:
            added += b"traceparent: 00-" + digits[16:48] + b"-" + digits[48:] + b"-01\r\n"
    if head.chunked:
        added += b"Transfer-Encoding: chunked\r\n"
    if head.te:
        added += b"TE: trailers\r\nConnection: TE\r\n"
    return added


def _forwarded_lines(head: RequestHead, hop: Hop) -> bytes:
    """
    The X-Forwarded-* lines for a request that brought some itself: its own stay, the address it came from is appended.
    """
    added = b""
    if head.forwarded_for >= 0:
        head.lines[head.forwarded_for] += b", " + hop.peer
    else:
        added += b"X-Forwarded-For: " + hop.peer + b"\r\n"
    if not head.has_forwarded_proto:
        added += b"X-Forwarded-Proto: " + hop.scheme + b"\r\n"
    if head.authority and not head.has_forwarded_host:
        added += b"X-Forwarded-Host: " + head.authority + b"\r\n"
    return added


def request_bytes(head: RequestHead, to: Destination, added: bytes) -> bytes:
    """
    The request head for one side, without the closing empty line.
    """
    lines, target = head.lines, head.target
    if to.host is not None or head.host_at < 0:
        host = b"Host: " + (to.host or head.authority or to.authority)
        lines = lines.copy()
        if head.host_at < 0:
            lines.insert(0, host)
        else:
            lines[head.host_at] = host
    if to.rewrite is not None:
        lines = to.rewrite.lines(lines)
    if to.moves:
        target = to.target(target)
    return b"%b %b HTTP/1.1\r\n%b\r\n%b" % (head.method, target, b"\r\n".join(lines), added)


def without_credentials(head: RequestHead) -> RequestHead:
    """
    The same request without Authorization and Cookie, for a shadow that must not see them.
    """
    lines = [line for line in head.lines if line[: line.find(b":")].lower() not in (b"authorization", b"cookie")]
    copy = RequestHead()
    for name in RequestHead.__slots__:
        if name[0] != "_":
            setattr(copy, name, getattr(head, name))
    copy.lines = lines
    if head.host_at >= 0:
        copy.host_at = lines.index(head.lines[head.host_at])
    return copy


def passes(vias: list[bytes], pseudonym: str) -> int:
    """
    How often a request has come through here already, by its Via fields (RFC 9110 §7.6.3).
    """
    own = b"1.1 " + pseudonym.encode("ascii")
    return sum(via.count(own) for via in vias)


def count_down(head: RequestHead) -> None:
    """
    Max-Forwards of an OPTIONS request, less one (RFC 9110 §7.6.2).
    """
    less = b"Max-Forwards: %d" % (head.max_forwards - 1)
    head.lines = [less if line[:13].lower() == b"max-forwards:" else line for line in head.lines]


def has_content(head: AnswerHead, to_head: bool) -> bool:
    """
    Whether content follows this answer head (RFC 9112 §6.3 items 1–2); `to_head`: it answers a HEAD request.
    """
    return not (to_head or head.status in BODILESS or head.status < 200 or head.length == 0)


def framing(head: AnswerHead, to_head: bool, old_client: bool) -> int:
    """
    How the client learns where the answer ends.
    """
    if to_head or head.status in BODILESS or head.length >= 0:
        return LENGTH if head.length > 0 and has_content(head, to_head) else NOTHING
    return CLOSE if old_client else CHUNKS


def answer_bytes(
    head: AnswerHead, how: int, close: bool, old_client: bool, date: bytes, added: tuple[bytes, ...] = ()
) -> bytes:
    """
    The answer head as the client gets it; `date` is a Date line to add when the side sent none, or empty; `added` are
    lines of ours.
    """
    parts = [b"HTTP/1.1 %d%b" % (head.status, head.reason or b" "), *head.lines, *added]
    if date and not head.has_date:
        parts.append(date)
    if how == CHUNKS:
        parts.append(b"Transfer-Encoding: chunked")
    if close:
        parts.append(b"Connection: close")
    elif old_client:
        parts.append(b"Connection: keep-alive")
    parts.append(b"\r\n")
    return b"\r\n".join(parts)


def interim_bytes(head: AnswerHead, upgrade: bytes = b"", added: tuple[bytes, ...] = ()) -> bytes:
    """
    A 1xx answer (RFC 9110 §15.2), or the 101 that switches to `upgrade`; `added` are lines of ours.
    """
    lines = [b"HTTP/1.1 %d%b" % (head.status, head.reason or b" "), *head.lines, *added]
    if upgrade:
        lines += [b"Connection: Upgrade", b"Upgrade: " + upgrade]
    return b"\r\n".join(lines) + b"\r\n\r\n"
