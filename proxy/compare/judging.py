"""
The judging table: rules, noise and waivers, versioned, as it travels; and the book of each endpoint made from it.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from typing import Any, Final

import orjson

from proxy.compare.difference import Kind, Part
from proxy.compare.judge import Book
from proxy.compare.redaction import Redaction
from proxy.compare.rules import Rule, compile_rules

# Endpoints whose books are kept compiled; metrics know 200 by default.
MOST_BOOKS: Final = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class Noisy:
    """
    A place at which old differs from itself: a path pattern and a kind of difference, at one endpoint.
    """

    endpoint: str
    pattern: str
    kind: Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """
    A waived signature by its parts: so a pair that shows two waived signatures at once is waived too.
    """

    endpoint: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgingTable:
    """
    Everything pairs are judged by. `rules` are for all endpoints, `by_endpoint` and those of the route, `by_route`,
    come after them; `waived` are ids of signatures, `accepted` the same signatures by their parts, where those are
    known; `largest` the bytes a body may decode into, `max_seconds` what a pair may cost.
    """

    version: int
    rules: tuple[Rule, ...] = ()
    by_endpoint: Mapping[str, tuple[Rule, ...]] = field(default_factory=dict)
    by_route: Mapping[str, tuple[Rule, ...]] = field(default_factory=dict)
    noise: tuple[Noisy, ...] = ()
    waived: frozenset[str] = frozenset()
    accepted: tuple[Accepted, ...] = ()
    redact: Redaction = field(default_factory=Redaction)
    largest: int = 16 * 2**20
    max_seconds: float = 1.0


class Judging:
    """
    A judging table in use: makes the book of an endpoint when its first pair comes. `masked` takes secrets out of the
    names in patterns, as it has in those of the table.
    """

    def __init__(self, table: JudgingTable, masked: Callable[[str], str] = str) -> None:
        self.table = table
        self._masked = masked
        self._books: dict[tuple[str, str], Book] = {}
        self._known: dict[tuple[bytes, bytes], tuple[Book, bool]] = {}
        # The number of each route's first rule: beyond those of any endpoint, so that a number is one rule's.
        self._first: dict[str, int] = dict(first_numbers(table))
        self._noise: dict[str, set[Part]] = {}
        for noisy in table.noise:
            self._noise.setdefault(noisy.endpoint, set()).add((noisy.pattern, noisy.kind))

    def book(self, endpoint: str, route: str = "") -> Book:
        """
        What this endpoint's pairs on this route are judged by.
        """
        key = endpoint, route if route in self._first else ""
        book = self._books.get(key)
        if book is None:
            if len(self._books) >= MOST_BOOKS:
                self._books.clear()
            book = self._books[key] = self._make(*key)
        return book

    def known(self, endpoint: bytes, route: bytes) -> tuple[Book, bool]:
        """
        The book of pairs, by names as they come from a worker, and whether there is any rule for them.
        """
        known = self._known.get((endpoint, route))
        if known is None:
            names = endpoint.decode("utf-8", "replace"), route.decode("utf-8", "replace")
            if len(self._known) >= MOST_BOOKS:
                self._known.clear()
            known = self._known[endpoint, route] = self.book(*names), self.has_rules(*names)
        return known

    def has_rules(self, endpoint: str, route: str = "") -> bool:
        """
        Is there any rule for these pairs?
        """
        return bool(self.table.rules) or endpoint in self.table.by_endpoint or route in self._first

    def _make(self, endpoint: str, route: str) -> Book:
        rules = (*self.table.rules, *self.table.by_endpoint.get(endpoint, ()))
        own = self.table.by_route.get(route, ())
        first = self._first.get(route, 0)
        compiled = compile_rules((*rules, *own), (*range(len(rules)), *range(first, first + len(own))))
        return Book(
            endpoint=endpoint,
            body=compiled.body,
            fields=compiled.fields,
            any_field=compiled.any_field,
            same_status=compiled.same_status,
            noise=frozenset(self._noise.get(endpoint, ())),
            waived=self.table.waived,
            accepted=[frozenset(one.parts) for one in self.table.accepted if one.endpoint == endpoint],
            masked=self._masked,
            largest=self.table.largest,
        )


def first_numbers(table: JudgingTable) -> Iterator[tuple[str, int]]:
    """
    The number of each route's first rule.
    """
    number = len(table.rules) + max(map(len, table.by_endpoint.values()), default=0)
    for route, rules in table.by_route.items():
        yield route, number
        number += len(rules)


def rules_digest(table: JudgingTable) -> str:
    """
    What names the rules of a table and their numbers; noise and waivers don't matter for it.
    """
    rules = [table.rules, [*table.by_endpoint.items()], [*table.by_route.items()]]
    return sha256(orjson.dumps(rules)).hexdigest()[:16]


def with_learned(configured: JudgingTable, learned: JudgingTable) -> JudgingTable:
    """
    What is configured in one table, with what was learned and accepted in another.
    """
    return replace(
        configured,
        noise=learned.noise,
        waived=learned.waived,
        accepted=learned.accepted,
        redact=replace(configured.redact, salt=learned.redact.salt or configured.redact.salt),
    )


def encode(table: JudgingTable) -> bytes:
    """
    The table as it travels over a link: one line, and if there are secrets to be redacted one more with those.
    """
    raw = {**asdict(table), "waived": sorted(table.waived)}
    secrets = raw["redact"].pop("secrets")
    return orjson.dumps(raw) + (b"\n" + orjson.dumps(secrets) if secrets else b"")


def for_disk(data: bytes) -> bytes:
    """
    What may lie on disk of an encoded table: who is started anew has the secrets from where the configuration has them.
    """
    return data.partition(b"\n")[0]


def decode(data: bytes) -> JudgingTable:
    """
    The table that `encode` made these bytes of. Raises KeyError, TypeError or ValueError for anything else.
    """
    line, _, secrets = data.partition(b"\n")
    raw: dict[str, Any] = orjson.loads(line)
    return JudgingTable(
        version=raw["version"],
        rules=tuple(Rule(**rule) for rule in raw["rules"]),
        by_endpoint={name: tuple(Rule(**rule) for rule in rules) for name, rules in raw["by_endpoint"].items()},
        by_route={name: tuple(Rule(**rule) for rule in rules) for name, rules in raw.get("by_route", {}).items()},
        noise=tuple(
            Noisy(endpoint=one["endpoint"], pattern=one["pattern"], kind=Kind(one["kind"])) for one in raw["noise"]
        ),
        waived=frozenset(raw["waived"]),
        accepted=tuple(
            Accepted(endpoint=one["endpoint"], parts=tuple((pattern, Kind(kind)) for pattern, kind in one["parts"]))
            for one in raw["accepted"]
        ),
        redact=_decode_redaction(raw.get("redact", {}), orjson.loads(secrets or b"[]")),
        largest=raw["largest"],
        max_seconds=raw["max_seconds"],
    )


def _decode_redaction(raw: Mapping[str, Any], secrets: list[str]) -> Redaction:
    salt = str(raw.get("salt", ""))
    bytes.fromhex(salt)
    lists = {name: tuple(raw.get(name, ())) for name in ("headers", "paths", "query", "patterns")}
    return Redaction(**lists, salt=salt, secrets=tuple(secrets))
