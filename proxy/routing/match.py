"""
Which route, or which cohort, a request belongs to: patterns compiled once per table, found by the segments of its path.

A path's pattern is a path in which `*` stands for anything within one segment, `{name}` for one whole segment and `**`,
alone in its segment, for any number of them, none included: `/search/**` is `/search` and all below it. Patterns are
matched against the path as RFC 3986 §6.2.2 normalises it, so that `/%73earch` or `/x/../search` are no way around a
route; what is sent on stays as it came, unless a side's URL or a rewrite moves it (`wire.inside`). Names and values of
the query are decoded once, as servers do it (`+` is a space). Pure.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple
from urllib.parse import unquote_to_bytes

from proxy.routing.belonging import Lookup, conditions
from proxy.routing.globs import compile_glob
from proxy.routing.keys import cookie_start, cookie_values, field_start
from proxy.routing.route import Match
from proxy.wire.request import RequestHead

Holds = Callable[[RequestHead], bool]
Fits = Callable[[bytes], bool]

# Not right behind a broken code: what is decoded would become a part of it (%2%65).
UNRESERVED: Final = re.compile(rb"(?<!%)(?<!%[0-9a-fA-F])%(2[dDeE]|3[0-9]|[46][1-9a-fA-F]|[57][0-9aA]|5[fF]|7[eE])")
ANYTHING: Final = "*"
# Paths that are remembered, and how long one may be: 2 MiB in all. Beyond, the memory starts anew.
REMEMBERED: Final = 4096
LONGEST: Final = 256


class Matcher:
    """
    `find` the first of some matches, by its place among them; with `lookup`, clients are looked at too.
    """

    __slots__ = ("_by_fields", "_clients", "_conditions", "_known", "_pathless", "_regexes", "_root")

    def __init__(self, matches: Sequence[Match], lookup: Lookup | None = None) -> None:
        places = range(len(matches))
        self._conditions = [_conditions(match) for match in matches]
        self._clients = [conditions(match, lookup, _value) for match in matches] if lookup is not None else []
        if not any(self._clients):
            self._clients = []
        self._by_fields = any(fields for _, fields in self._conditions)
        self._pathless = [place for place in places if not matches[place].path and not matches[place].regex]
        self._regexes = [(place, re.compile(matches[place].regex.encode())) for place in places if matches[place].regex]
        # By paths as they were asked for: many clients ask for the same few.
        self._known: dict[bytes, list[int]] = {}
        # None where no path matters.
        self._root = _Node() if len(self._pathless) < len(matches) else None
        for place, match in enumerate(matches):
            if match.path and self._root is not None:
                self._root.add(match.path.encode().split(b"/")[1:], place)

    def find(self, head: RequestHead, address: bytes = b"") -> int:
        """
        The place of the first match that a request from this address has, -1 for none.
        """
        places = self._pathless if self._root is None else self._by_path(self._root, head)
        requests, clients = self._conditions, self._clients
        folded = head.folded() if self._by_fields else b""
        for place in places:
            quick, fields = requests[place]
            if (quick and not _all(quick, head)) or (fields and not _has_all(fields, folded, head)):
                continue
            if not clients or all(belongs(head, address) for belongs in clients[place]):
                return place
        return -1

    def _by_path(self, root: "_Node", head: RequestHead) -> list[int]:
        """
        The places of all matches whose path is that of a request, the first first.
        """
        asked = head.target.partition(b"?")[0]
        known = self._known.get(asked)
        if known is not None:
            return known
        path = canonical_path(asked)
        places = self._pathless.copy()
        root.collect(path.split(b"/"), 1, places)
        for place, pattern in self._regexes:
            if pattern.fullmatch(path) is not None:
                places.append(place)
        if len(places) > 1:
            places.sort()
        if len(asked) <= LONGEST:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[asked] = places
        return places


class _Node:
    """
    One segment of paths: what may follow it, and which matches end here.
    """

    __slots__ = ("any", "ends", "literal", "patterns", "rest")

    def __init__(self) -> None:
        self.literal: dict[bytes, _Node] = {}
        # After a whole segment of whatever kind, and after one of a certain kind.
        self.any: _Node | None = None
        self.patterns: list[tuple[bytes, Fits, _Node]] = []
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
        if segment == b"*" or (segment[:1] == b"{" and segment[-1:] == b"}"):
            if self.any is None:
                self.any = _Node()
            return self.any
        if b"*" not in segment:
            return self.literal.setdefault(segment, _Node())
        for text, _, node in self.patterns:
            if text == segment:
                return node
        node = _Node()
        self.patterns.append((segment, compile_glob(segment), node))
        return node

    def collect(self, segments: list[bytes], at: int, places: list[int]) -> None:
        """
        Add the places of all matches that a path's segments from `at` on lead to.
        """
        if self.rest is not None:
            rest = self.rest
            places += rest.ends
            if rest.literal or rest.patterns or rest.any is not None:
                for start in range(at, len(segments)):
                    rest.collect(segments, start, places)
        if at == len(segments):
            places += self.ends
            return
        segment = segments[at]
        node = self.literal.get(segment)
        if node is not None:
            node.collect(segments, at + 1, places)
        if segment:
            if self.any is not None:
                self.any.collect(segments, at + 1, places)
            for _, fits, below in self.patterns:
                if fits(segment):
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


# Everything but the path...


class _Conditions(NamedTuple):
    """
    What is quickly found out, and what fields and cookies are needed: what must be somewhere in the folded text, and
    then a closer look.
    """

    quick: list[Holds]
    fields: list[tuple[bytes, Holds]]


def _conditions(match: Match) -> _Conditions:
    quick: list[Holds] = []
    if match.methods:
        quick.append(_is_method(frozenset(method.encode("ascii") for method in match.methods)))
    if match.hosts:
        quick.append(_is_host(match.hosts))
    quick += [_has_parameter(name, value) for name, value in match.query]
    fields = [(field_start(name), _has_field(name, value)) for name, value in match.headers]
    fields += [(cookie_start(name).lower(), _has_cookie(name, value)) for name, value in match.cookies]
    return _Conditions(quick, fields)


def _all(quick: list[Holds], head: RequestHead) -> bool:
    for holds in quick:  # noqa: SIM110 a generator costs three times as much
        if not holds(head):
            return False
    return True


def _has_all(fields: list[tuple[bytes, Holds]], folded: bytes, head: RequestHead) -> bool:
    for start, holds in fields:  # noqa: SIM110 as above
        if start not in folded or not holds(head):
            return False
    return True


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
    start = field_start(name)
    return _has_any(lambda head: head.values(start), _value(value))


def _has_cookie(name: str, value: str) -> Holds:
    return _has_any(cookie_values(name), _value(value))


def _has_any(find: Callable[[RequestHead], list[bytes]], fits: Fits) -> Holds:
    def holds(head: RequestHead) -> bool:
        found = find(head)
        return bool(found) and any(map(fits, found))

    return holds


def _has_parameter(name: str, value: str) -> Holds:
    start, fits = name.encode(), _value(value)

    def holds(head: RequestHead) -> bool:
        query = head.target.partition(b"?")[2].partition(b"#")[0]
        if not query:
            return False
        if b"%" not in query and b"+" not in query and start not in query:
            return False
        parts = (one.partition(b"=") for one in query.split(b"&"))
        return any(_decoded(one) == start and fits(_decoded(said)) for one, _, said in parts)

    return holds


def _decoded(part: bytes) -> bytes:
    if b"+" in part:
        part = part.replace(b"+", b" ")
    return unquote_to_bytes(part) if b"%" in part else part


def _value(pattern: str) -> Fits:
    """
    Whether a value fits a pattern, in which `*` stands for anything.
    """
    if pattern == ANYTHING:
        return lambda _: True
    return compile_glob(pattern.encode())
