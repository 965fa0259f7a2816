"""
Routes and cohorts as the configuration has them: who goes to new, and what is copied where.
"""

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, Literal, Protocol, Self, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, model_validator

from proxy.routing.match import check_match
from proxy.routing.route import Match, Route
from proxy.settings.comparing import Comparing
from proxy.settings.copies import IdempotencySettings, ShadowSettings
from proxy.settings.expressions import check_expression
from proxy.settings.flags import FlagSettings
from proxy.settings.kinds import METHOD, TOKEN, Kind, Percent, Seconds, Size
from proxy.settings.quote import quote
from proxy.settings.rewrite import RewriteSettings
from proxy.settings.section import Section
from proxy.settings.sticky import StickyKey

ROUTE_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
# Of the IANA's registry of methods, those that APIs use.
REGISTERED: Final = frozenset(
    {
        *("CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"),
        *("COPY", "LOCK", "MKCOL", "MOVE", "PROPFIND", "PROPPATCH", "REPORT", "SEARCH", "UNLOCK"),
    }
)
HOST: Final = re.compile(r"(\*\.)?[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?", re.ASCII)


def parse_name(value: object) -> str:
    """
    What a route or a cohort is called in metrics, changes and the audit.
    """
    if not isinstance(value, str) or ROUTE_NAME.fullmatch(value) is None:
        raise ValueError(f"{quote(value)} is no name; write letters, digits and . _ -, such as search")
    return value


def _parse_items(what: str, pattern: re.Pattern[str], example: str) -> Any:
    """
    Parses one text, or a list of them, each of which has to fit.
    """

    def parse(value: object) -> tuple[str, ...]:
        items = value if isinstance(value, list | tuple) else [value]
        for item in items:
            if not isinstance(item, str) or pattern.fullmatch(item) is None:
                raise ValueError(f"{quote(item)} is no {what}; write {example}")
        return tuple(dict.fromkeys(items))

    return parse


def parse_match_methods(value: object) -> tuple[str, ...]:
    """
    Methods as they are sent: registered ones in upper case (RFC 9110 §9.1: methods are compared by case).
    """
    items = _parse_items("method", METHOD, "one or a list such as [GET, HEAD]")(value)
    for item in items:
        if item != item.upper() and item.upper() not in REGISTERED:
            raise ValueError(f"{quote(item)} is no method that is known, and methods have case; write {item.upper()}")
    return tuple(dict.fromkeys(item.upper() for item in items))


def parse_pairs(
    what: str, *, name: re.Pattern[str] = TOKEN, lower: bool = False, example: str = "{x-name: value}"
) -> Callable[[object], tuple[tuple[str, str], ...]]:
    """
    Parses a mapping of names to patterns for their values.
    """
    remedy = f"write a mapping such as {example}, with '*' for any value of the {what}"

    def parse(value: object) -> tuple[tuple[str, str], ...]:
        pairs = tuple(value.items()) if isinstance(value, dict) else value
        if not isinstance(pairs, tuple):
            raise ValueError(f"{quote(value)} is no mapping; {remedy}")
        for one, said in pairs:
            if not isinstance(one, str) or name.fullmatch(one) is None:
                raise ValueError(f"{quote(one)} is no name of a {what}; {remedy}")
            if not isinstance(said, str) or not said:
                raise ValueError(f"{one}: {quote(said)} is no text; put it in quotes, or {remedy}")
        return tuple((one.lower() if lower else one, said) for one, said in pairs)

    return parse


def show_nothing(value: object) -> str:
    """
    The default of a list.
    """
    assert not value
    return "[]"


Name = Annotated[str, PlainValidator(parse_name), Kind(words="name", show=str)]
MatchMethods = Annotated[
    tuple[str, ...],
    PlainValidator(parse_match_methods),
    Kind(words="list of methods", show=show_nothing, text=False),
]
Hosts = Annotated[
    tuple[str, ...],
    PlainValidator(_parse_items("host", HOST, "one such as shop.example or '*.shop.example', in lower case")),
    Kind(words="list of hosts", show=show_nothing, text=False),
]
NAMES: Final = Kind(words="names with values", show=lambda _: "{}", text=False)
Fields = Annotated[tuple[tuple[str, str], ...], PlainValidator(parse_pairs("header field", lower=True)), NAMES]
Cookies = Annotated[tuple[tuple[str, str], ...], PlainValidator(parse_pairs("cookie")), NAMES]
Query = Annotated[tuple[tuple[str, str], ...], PlainValidator(parse_pairs("parameter")), NAMES]
Side = Annotated[Literal["old", "new"], Kind(words="old or new", show=str)]
Writes = Annotated[
    Literal["never", "safe", "dry_run", "mirror"], Kind(words="never, safe, dry_run or mirror", show=str)
]


class RouteMatch(Section):
    """
    What a request has to be, all of it.
    """

    method: MatchMethods = Field((), description="one of these")
    host: Hosts = Field((), description="one of these, without port; '*.shop.example' is everything below")
    path: str = Field("", description="such as /search/**, /users/{id} or /*.png")
    regex: str = Field("", description="a regular expression for the whole path, instead of path")
    header: Fields = Field((), description="fields with their values, '*' for any")
    cookie: Cookies = Field((), description="cookies with their values")
    query: Query = Field((), description="parameters of the query with their values")

    def build(self) -> Match:
        """
        As workers have it.
        """
        return Match(
            methods=self.method,
            hosts=self.host,
            path=self.path,
            regex=self.regex,
            headers=self.header,
            cookies=self.cookie,
            query=self.query,
        )

    @model_validator(mode="after")
    def _check(self) -> Self:
        match = self.build()
        if match == Match():
            raise ValueError("says nothing, so everything would match; write a method, host, path, header or cookie")
        check_match(match)
        check_expression(match.regex, whole=True)
        return self


class RouteLimits(Section):
    """
    What one of its requests may use.
    """

    body: Size | None = Field(None, ge=0, description="a request's body; 0 is no limit, null: limits.body")


class RouteTimeouts(Section):
    """
    How long its live answers may take.
    """

    answer_head: Seconds | None = Field(None, ge=0, description="for the head; 0 is no limit, null: as all")
    answer_idle: Seconds | None = Field(None, ge=0, description="between two pieces; 0 is no limit, null: as all")


class RouteSettings(Section):
    """
    One route; the first that matches is a request's.
    """

    name: Name = Field(description="in metrics, changes and the audit", examples=["search"])
    match: RouteMatch = Field(description="which requests are its own")
    weight: Percent | None = Field(None, description="share answered by new; null: that of all")
    mirror: Percent = Field(100.0, description="share of what would be copied without the route")
    writes: Writes = Field(
        "never", description="what of POST, PUT, … is copied: safe: they write nothing; see routes.md"
    )
    idempotency: IdempotencySettings = Field(IdempotencySettings())
    shadow: ShadowSettings = Field(ShadowSettings())
    sticky: StickyKey | None = Field(None, description="keys of its own; null: sticky.key")
    failover: bool = Field(False, description="what a side gives no answer to is asked of the other; only safe methods")
    flag: FlagSettings = Field(FlagSettings())
    old: RewriteSettings = Field(RewriteSettings())
    new: RewriteSettings = Field(RewriteSettings())
    compare: Comparing = Field(Comparing(), description="more rules for its answers, as under compare")
    limits: RouteLimits = Field(RouteLimits())
    timeouts: RouteTimeouts = Field(RouteTimeouts())

    def build(self, authorities: tuple[str, str], values: Mapping[str, str]) -> Route:
        """
        As workers have it: `authorities` are those of old and new, `values` what is in variables and files.
        """
        return Route(
            name=self.name,
            match=self.match.build(),
            weight=self.weight,
            flag=self.flag.build(),
            mirror=self.mirror,
            writes=self.writes,
            idempotency=self.idempotency.build(),
            shadow=self.shadow.build(values),
            sticky=self.sticky,
            failover=self.failover,
            rewrites=(self.old.build(authorities[0], values), self.new.build(authorities[1], values)),
            body=self.limits.body,
            answer_head=self.timeouts.answer_head,
            answer_idle=self.timeouts.answer_idle,
        )


class _Named(Protocol):
    @property
    def name(self) -> str: ...


Named = TypeVar("Named", bound=_Named)


def named_once(value: tuple[Named, ...]) -> tuple[Named, ...]:
    """
    A list in which no name is there twice.
    """
    names = [one.name for one in value]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ValueError(f"the name {twice} is there twice; give each a name of its own")
    return value


def as_tuple(value: object) -> object:
    """
    A list as what it is kept as.
    """
    return tuple(value) if isinstance(value, list) else value


Routes = Annotated[
    tuple[RouteSettings, ...],
    BeforeValidator(as_tuple),
    AfterValidator(named_once),
    Kind(words="list of routes", show=show_nothing, text=False),
]
