"""
Which route, or which cohort, a request belongs to: patterns compiled once per table, found by the segments of its path.

A path's pattern is a path in which `*` stands for anything within one segment, `{name}` for one whole segment and `**`,
alone in its segment, for any number of them, none included: `/search/**` is `/search` and all below it. Patterns are
matched against the path as RFC 3986 §6.2.2 normalises it, so that `/%73earch` or `/x/../search` are no way around a
route; what is sent on stays as it came. Names and values of the query are compared as they were sent. Pure.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from proxy.routing.keys import cookie_values, field_values
from proxy.routing.route import Match
from proxy.wire.request import RequestHead

Holds = Callable[[RequestHead], bool]

UNRESERVED: Final = re.compile(rb"%(2[dDeE]|3[0-9]|[46][1-9a-fA-F]|[57][0-9aA]|5[fF]|7[eE])")
ANYTHING: Final = "*"


class Matcher:
    """
    `find` the first of some matches, by its place among them.
    """

    __slots__ = ("_conditions", "_loose", "_root")

    def __init__(self, matches: Sequence[Match]) -> None:
        self._root = _Node()
        # Those that no tree of segments leads to: without a path, or with a regular expression.
        self._loose: list[tuple[int, re.Pattern[bytes] | None]] = []
        self._conditions = [_conditions(match) for match in matches]
        for place, match in enumerate(matches):
            if match.path:
                self._root.add(_segments(match.path.encode()), place)
            else:
                self._loose.append((place, re.compile(match.regex.encode()) if match.regex else None))

    def find(self, head: RequestHead) -> int:
        """
        The place of the first match that a request has, -1 for none.
        """
        path = canonical_path(head.target)
        places: list[int] = []
        self._root.collect(path.split(b"/"), 1, places)
        for place, pattern in self._loose:
            if pattern is None or pattern.fullmatch(path) is not None:
                places.append(place)
        if len(places) > 1:
            places.sort()
        conditions = self._conditions
        for place in places:
            if all(holds(head) for holds in conditions[place]):
                return place
        return -1


class _Node:
    """
    One segment of paths: what may follow it, and which matches end here.
    """

    __slots__ = ("ends", "literal", "patterns", "rest")

    def __init__(self) -> None:
        self.literal: dict[bytes, _Node] = {}
        # None is any segment.
        self.patterns: list[tuple[bytes, re.Pattern[bytes] | None, _Node]] = []
        self.ends: list[int] = []
        # After `**`.
        self.rest: _Node | None = None

    def add(self, segments: list[bytes], place: int) -> None:
        """
        A pattern's segments lead to a match.
        """
        if not segments:
            self.ends.append(place)
            return
        first, rest = segments[0], segments[1:]
        self._next(first).add(rest, place)

    def _next(self, segment: bytes) -> "_Node":
        if segment == b"**":
            if self.rest is None:
                self.rest = _Node()
            return self.rest
        pattern = _segment_pattern(segment)
        if isinstance(pattern, bytes):
            return self.literal.setdefault(pattern, _Node())
        for text, _, node in self.patterns:
            if text == segment:
                return node
        node = _Node()
        self.patterns.append((segment, pattern, node))
        return node

    def collect(self, segments: list[bytes], at: int, places: list[int]) -> None:
        """
        Add the places of all matches that a path's segments from `at` on lead to.
        """
        if self.rest is not None:
            rest = self.rest
            places += rest.ends
            if rest.literal or rest.patterns:
                for start in range(at, len(segments)):
                    rest.collect(segments, start, places)
        if at == len(segments):
            places += self.ends
            return
        segment = segments[at]
        node = self.literal.get(segment)
        if node is not None:
            node.collect(segments, at + 1, places)
        for _, pattern, below in self.patterns:
            if segment and (pattern is None or pattern.fullmatch(segment) is not None):
                below.collect(segments, at + 1, places)


def canonical_path(target: bytes) -> bytes:
    """
    A target's path for matching: percent-encoded unreserved characters decoded, dot segments and repeated slashes
    removed (RFC 3986 §6.2.2.2 and §5.2.4; many servers take `//` for `/`).
    """
    path = target.partition(b"?")[0]
    if b"%" in path:
        path = UNRESERVED.sub(lambda found: bytes([int(found[1], 16)]), path)
    if b"/." not in path and b"//" not in path:
        return path
    kept: list[bytes] = []
    segments = path.split(b"/")
    for segment in segments[1:]:
        if segment == b"..":
            if kept:
                kept.pop()
        elif segment not in (b".", b""):
            kept.append(segment)
    if segments[-1] in (b".", b"..", b""):
        kept.append(b"")
    return b"/" + b"/".join(kept)


def check_match(match: Match) -> None:
    """
    Raises ValueError for a match that can't be compiled; after a semicolon what would be right.
    """
    if match.path and match.regex:
        raise ValueError("has both path and regex; write one of them")
    if match.path:
        if not match.path.startswith("/"):
            raise ValueError(f"path {match.path!r} doesn't begin with /; write one such as /search/**")
        if any("**" in segment and segment != "**" for segment in match.path.split("/")):
            raise ValueError(f"path {match.path!r} has ** beside other characters; give it a segment: /a/**")
        if sum(segment == "**" for segment in match.path.split("/")) > 1:
            raise ValueError(f"path {match.path!r} has ** twice; write a regex instead")
        if canonical_path(match.path.encode()) != match.path.encode() or "?" in match.path:
            raise ValueError(f"path {match.path!r} is never the path of a request; write it without ?, //, . and ..")
    try:
        re.compile(match.regex.encode())
    except re.error as error:
        raise ValueError(f"{match.regex!r} is no regular expression ({error}); write one such as /v[12]/.*") from None


def _segments(path: str | bytes) -> list[bytes]:
    raw = path.encode() if isinstance(path, str) else path
    return raw.split(b"/")[1:]


def _segment_pattern(segment: bytes) -> bytes | re.Pattern[bytes] | None:
    """
    A segment as it is written; None where any will do.
    """
    if segment == b"*" or (segment[:1] == b"{" and segment[-1:] == b"}"):
        return None
    if b"*" in segment:
        return re.compile(b"[^/]*".join(re.escape(part) for part in segment.split(b"*")))
    return segment


# Everything but the path...


def _conditions(match: Match) -> list[Holds]:
    """
    The quick ones first.
    """
    holds: list[Holds] = []
    if match.methods:
        holds.append(_is_method(frozenset(method.encode("ascii") for method in match.methods)))
    if match.hosts:
        holds.append(_is_host(match.hosts))
    holds += [_has_field(name, value) for name, value in match.headers]
    holds += [_has_cookie(name, value) for name, value in match.cookies]
    holds += [_has_parameter(name, value) for name, value in match.query]
    return holds


def _is_method(methods: frozenset[bytes]) -> Holds:
    return lambda head: head.method in methods


def _is_host(hosts: Iterable[str]) -> Holds:
    exact = frozenset(host.encode("ascii") for host in hosts if not host.startswith("*."))
    below = tuple(host[1:].encode("ascii") for host in hosts if host.startswith("*."))

    def holds(head: RequestHead) -> bool:
        host = host_of(head.authority)
        return host in exact or (bool(below) and host.endswith(below))

    return holds


def host_of(authority: bytes) -> bytes:
    """
    The host of an authority, lower-case, without its port and a final dot.
    """
    host = authority if authority[-1:] == b"]" else authority.rpartition(b":")[0] or authority
    return host.lower().rstrip(b".")


def _has_field(name: str, value: str) -> Holds:
    start, fits = name.encode("ascii") + b":", _value(value)
    return lambda head: any(fits(one) for one in field_values(head, start))


def _has_cookie(name: str, value: str) -> Holds:
    find, fits = cookie_values(name), _value(value)
    return lambda head: any(fits(one) for one in find(head))


def _has_parameter(name: str, value: str) -> Holds:
    start, fits = name.encode(), _value(value)

    def holds(head: RequestHead) -> bool:
        query = head.target.partition(b"?")[2].partition(b"#")[0]
        parts = (one.partition(b"=") for one in query.split(b"&")) if query else ()
        return any(one == start and fits(said) for one, _, said in parts)

    return holds


def _value(pattern: str) -> Callable[[bytes], bool]:
    """
    Whether a value fits a pattern, in which `*` stands for anything.
    """
    raw = pattern.encode()
    if pattern == ANYTHING:
        return lambda _: True
    if b"*" not in raw:
        return lambda value: value == raw
    compiled = re.compile(b".*".join(re.escape(part) for part in raw.split(b"*")), re.DOTALL)
    return lambda value: compiled.fullmatch(value) is not None
