"""
Routes and cohorts as the configuration has them: values, to be compiled by `ways`. Pure.
"""

from dataclasses import dataclass, field
from typing import Any, Final, Literal, Self

# What may be copied of a route's requests besides those that write nothing.
Writes = Literal["never", "safe", "dry_run", "mirror"]
# A file of sticky keys, and what tells apart what it held when the configuration was read.
KeyFile = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """
    What a request has to be, all of it; what is empty says nothing. `path` is a pattern (`match`), `regex` is matched
    against the whole path; `headers`, `cookies` and `query` are names with patterns for their values, "*" for any. The
    rest is for cohorts: `claims` likewise, the networks that `addresses` are in, and a file that has the sticky key.
    """

    methods: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    path: str = ""
    regex: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    cookies: tuple[tuple[str, str], ...] = ()
    query: tuple[tuple[str, str], ...] = ()
    claims: tuple[tuple[str, str], ...] = ()
    addresses: tuple[str, ...] = ()
    keys: KeyFile | None = None

    @classmethod
    def from_values(cls, raw: dict[str, Any]) -> Self:
        """
        The match that `dataclasses.asdict` made these values of.
        """
        return cls(
            methods=tuple(raw["methods"]),
            hosts=tuple(raw["hosts"]),
            path=raw["path"],
            regex=raw["regex"],
            headers=_pairs(raw["headers"]),
            cookies=_pairs(raw["cookies"]),
            query=_pairs(raw["query"]),
            claims=_pairs(raw["claims"]),
            addresses=tuple(raw["addresses"]),
            keys=None if raw["keys"] is None else (raw["keys"][0], raw["keys"][1]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewrite:
    """
    What one side gets differently. `path` is a regular expression and what replaces its first match in the path; `host`
    takes the place of the side's own, as `table.Side.host` has it ("" keeps that); fields are removed, then set. Values
    may be secrets of that side.
    """

    path: tuple[str, str] | None = None
    host: str | None = ""
    set: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    remove: tuple[str, ...] = ()

    @classmethod
    def from_values(cls, raw: dict[str, Any]) -> Self:
        """
        The rewrite that `dataclasses.asdict` made these values of.
        """
        path = raw["path"]
        return cls(
            path=None if path is None else (path[0], path[1]),
            host=raw["host"],
            set=_pairs(raw["set"]),
            remove=tuple(raw["remove"]),
        )


AS_IT_IS: Final = Rewrite()


@dataclass(frozen=True, slots=True, kw_only=True)
class Idempotency:
    """
    How one write is known from another: by the field `header` ("" for none) that the client sends, else by the parts of
    `derive`: "method", "path", "body" and "header:NAME".
    """

    header: str = "Idempotency-Key"
    derive: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """
    A feature flag that has a say in who answers: whether new does ("decide"), or that it doesn't ("veto"). What it says
    of a key counts for `cache` seconds.
    """

    key: str
    mode: Literal["veto", "decide"]
    cache: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """
    One entry of the routing configuration. `weight` is new's share in percent, None for the one of the whole table;
    `mirror` the share, in percent, of what would be copied without the route; `sticky` are the keys of its own, None
    for those of the whole table; `failover`: each side answers safe requests that the other gives no answer to;
    `rewrites` are what old and new get differently; `body` is how long a request's content may be in bytes,
    `answer_head` and `answer_idle` are timeouts in seconds, None for those of all. `shadow` is what copies get
    differently besides, and only of its `remove` copies to old.
    """

    name: str
    match: Match
    weight: float | None = None
    mirror: float = 100.0
    writes: Writes = "never"
    sticky: tuple[str, ...] | None = None
    failover: bool = False
    rewrites: tuple[Rewrite, Rewrite] = (AS_IT_IS, AS_IT_IS)
    body: int | None = None
    answer_head: float | None = None
    answer_idle: float | None = None
    idempotency: Idempotency = Idempotency()
    shadow: Rewrite = AS_IT_IS
    flag: Flag | None = None

    @classmethod
    def from_values(cls, raw: dict[str, Any]) -> Self:
        """
        The route that `dataclasses.asdict` made these values of.
        """
        sticky = raw["sticky"]
        old, new = raw["rewrites"]
        known = raw["idempotency"]
        return cls(
            name=raw["name"],
            match=Match.from_values(raw["match"]),
            weight=raw["weight"],
            flag=None if raw["flag"] is None else Flag(**raw["flag"]),
            mirror=raw["mirror"],
            writes=raw["writes"],
            sticky=None if sticky is None else tuple(sticky),
            failover=raw["failover"],
            rewrites=(Rewrite.from_values(old), Rewrite.from_values(new)),
            body=raw["body"],
            answer_head=raw["answer_head"],
            answer_idle=raw["answer_idle"],
            idempotency=Idempotency(header=known["header"], derive=tuple(known["derive"])),
            shadow=Rewrite.from_values(raw["shadow"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Cohort:
    """
    A named group of clients: those whose requests match. `weight` is new's share of them in percent, unless `side`
    (0 old, 1 new) has them all.
    """

    name: str
    match: Match
    weight: float = 0.0
    side: int | None = None

    @classmethod
    def from_values(cls, raw: dict[str, Any]) -> Self:
        """
        The cohort that `dataclasses.asdict` made these values of.
        """
        return cls(name=raw["name"], match=Match.from_values(raw["match"]), weight=raw["weight"], side=raw["side"])


def _pairs(raw: list[list[str]]) -> tuple[tuple[str, str], ...]:
    return tuple((one, other) for one, other in raw)
