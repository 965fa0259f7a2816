"""
Routes and cohorts as the configuration has them: values, to be compiled by `ways`. Pure.
"""

from dataclasses import dataclass
from typing import Any, Literal, Self

# What may be copied of a route's requests besides those that write nothing.
Writes = Literal["never", "safe"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """
    What a request has to be, all of it; what is empty says nothing. `path` is a pattern (`match`), `regex` is matched
    against the whole path; `headers`, `cookies` and `query` are names with patterns for their values, "*" for any.
    """

    methods: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    path: str = ""
    regex: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    cookies: tuple[tuple[str, str], ...] = ()
    query: tuple[tuple[str, str], ...] = ()

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
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """
    One entry of the routing configuration. `weight` is new's share in percent, None for the one of the whole table;
    `mirror` the share, in percent, of what would be copied without the route; `sticky` are the keys of its own, None
    for those of the whole table.
    """

    name: str
    match: Match
    weight: float | None = None
    mirror: float = 100.0
    writes: Writes = "never"
    sticky: tuple[str, ...] | None = None

    @classmethod
    def from_values(cls, raw: dict[str, Any]) -> Self:
        """
        The route that `dataclasses.asdict` made these values of.
        """
        sticky = raw["sticky"]
        return cls(
            name=raw["name"],
            match=Match.from_values(raw["match"]),
            weight=raw["weight"],
            mirror=raw["mirror"],
            writes=raw["writes"],
            sticky=None if sticky is None else tuple(sticky),
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
