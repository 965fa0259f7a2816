"""
What a worker routes by: configuration × intent, immutable, swapped whole.

The supervisor's parent validates the configuration (`proxy/settings`) and makes a `Table` of it; workers get the
table as bytes over their link and never see YAML or pydantic. All times are seconds, all sizes bytes.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from math import inf
from typing import Any

import orjson

from proxy.gates.events import EventSpec, armed
from proxy.routing.route import Cohort, Route

OLD, NEW = 0, 1
SIDES = ("old", "new")
# How an address begins that is the path of a Unix socket.
UNIX = "unix:"
# Descriptors of a worker for everything but clients and legs: the loop, the link, the listener, look-ups.
RESERVED = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Eject:
    """
    When a side gets no more live requests: after `consecutive` failures on end, or `share` percent of the last `of`; 0
    switches one off. Out for `pause` seconds at first, up to `longest`.
    """

    consecutive: int
    share: float
    of: int
    pause: float
    longest: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """
    How a side's health is asked for: GET `path` every `interval` seconds, 2xx or 3xx within `timeout` is well; so many
    in a row decide.
    """

    path: str
    interval: float
    timeout: float
    healthy: int
    unhealthy: int


NEVER = Eject(consecutive=0, share=0.0, of=1, pause=1.0, longest=1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """
    One of the two systems, as an address: `base` is prefixed to every target; `host` None keeps the client's Host.
    `addresses` are where to connect instead of `address` and `port`: "HOST:PORT" or "unix:PATH". `certificate` and
    `key` are what it is shown. `files` tells apart what `ca`, `certificate` and `key` held when they were read.
    """

    scheme: str
    address: str
    port: int
    base: str
    host: str | None
    server_name: str
    ca: str | None
    verify: bool
    addresses: tuple[str, ...] = ()
    certificate: str | None = None
    key: str | None = None
    files: str = ""
    eject: Eject = NEVER
    health: Health | None = None

    @property
    def url(self) -> str:
        """
        The side's URL as an operator would write it.
        """
        if len(self.addresses) == 1 and self.addresses[0].startswith(UNIX):
            return f"{self.scheme}://{self.addresses[0]}{self.base and ':' + self.base}"
        address = f"[{self.address}]" if ":" in self.address else self.address
        return f"{self.scheme}://{address}:{self.port}{self.base}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Encryption:
    """
    TLS towards clients: whole paths of PEM files; with `client_ca` a client must have a certificate of these
    authorities. So many handshakes at once, so many seconds for each. `files` tells apart what the files held when the
    configuration was read; `pair` is the chain and its key as they were then, `authorities` the text of `client_ca`, ""
    for what was not read: a worker that is started later must not depend on what becomes of the files.
    """

    certificate: str
    key: str
    client_ca: str | None
    handshakes: int
    handshake_timeout: float
    files: str = ""
    pair: str = field(default="", repr=False)
    authorities: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirror:
    """
    How much is copied and what a copy may cost; `order` is `together` or `after`: a copy waits until the live answer is
    complete. Where live answers take `brownout` times as long as without copies, there are none; 0: nobody looks.
    """

    percent: float
    memory_budget: int
    max_body: int
    concurrency: int
    credentials: bool
    order: str = "together"
    connect_timeout: float
    head_timeout: float
    body_timeout: float
    breaker: bool
    brownout: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """
    What one client, one message and one worker may use.
    """

    line: int
    head: int
    fields: int
    pipelined: int
    body: int
    chunk_extensions: int
    interim: int
    connections: int
    requests_per_connection: int
    upstream_connections: int
    methods: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """
    How long each step may take; 0 switches one off. `*_rate` are bytes per second, asked for after `rate_grace`.
    """

    head: float
    body_idle: float
    write_idle: float
    body_rate: int
    write_rate: int
    rate_grace: float
    keep_alive: float
    connection_age: float
    connect: float
    answer_head: float
    answer_idle: float
    upstream_idle: float
    upstream_age: float
    continue_wait: float
    tunnel_idle: float
    dns_ttl: float

    def patient(self) -> "Timeouts":
        """
        The same with 0, "off", as forever, which adds up without special cases. Rates keep their 0.
        """
        never: dict[str, Any] = {
            field.name: inf
            for field in fields(self)
            if getattr(self, field.name) == 0 and not field.name.endswith("_rate") and field.name != "rate_grace"
        }
        return replace(self, **never)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sticky:
    """
    What a client is known by: `keys` such as "header:x-user-id", "cookie:sid", "claim:sub", "client" and "request", the
    first that a request has; `salt` goes into every bucket.
    """

    keys: tuple[str, ...]
    salt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Overload:
    """
    The limits of one worker that work is shed by; 0 is "find out" for `memory` and "don't look" for `lag`. `workers`
    share what there is.
    """

    memory: int
    lag: float
    workers: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """
    How often a twin is asked: `sample` percent of what is copied, `per_second` at most; `twin` None is old itself.
    `learn_for` and `expires` are for control.
    """

    sample: float
    per_second: int
    learn_for: float
    expires: float
    twin: Side | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recheck:
    """
    How many divergent pairs are asked again: `per_second` (0: none), and `in_flight` from verdict to end.
    """

    per_second: int
    in_flight: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Judging:
    """
    What a worker may ask of comparers: `queue` pairs without a verdict.
    """

    queue: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """
    Everything a worker needs to answer requests. `epoch` versions the intent, `digest` names the configuration,
    `endpoints` are the configured ones (learned ones travel by themselves). `split`: unsafe methods stay on old.
    `route_weights` and `cohort_weights`, by name, are intent and take the place of what the configuration says.
    `streams` are the seconds that what is under way on new has to end once new is left.
    `trusted_proxies` are networks; None: anybody may add to what X-Forwarded-For says, and nobody is believed.
    `claims_key` is what tokens have to be signed with, "" to believe any.
    `signing` is the key of this deployment, hexadecimal, for what clients bring back; "" without one. For `after_write`
    seconds after a write, a client stays with the side that did it. `cookie_attributes`: of Set-Cookie these are
    compared too. `events` are counted for a plan's gates and guards; like `signing` they are no part of the digest.
    `versions` say how old's and new's are known (`metrics.versions`).
    """

    epoch: int
    digest: str
    sides: tuple[Side, Side]
    weight: float
    mirror: Mirror
    sticky: Sticky
    split: bool
    noise: Noise
    recheck: Recheck
    overload: Overload
    judging: Judging
    limits: Limits
    timeouts: Timeouts
    headers: tuple[str, ...]
    via: bool
    pseudonym: str
    forwarded: bool
    add_date: bool
    endpoints: tuple[str, ...] = ()
    max_endpoints: int = 200
    routes: tuple[Route, ...] = ()
    cohorts: tuple[Cohort, ...] = ()
    route_weights: Mapping[str, float] = field(default_factory=dict)
    cohort_weights: Mapping[str, float] = field(default_factory=dict)
    tls: Encryption | None = None
    proxy_protocol: bool = False
    trusted_proxies: tuple[str, ...] | None = None
    streams: float = 30.0
    claims_key: str = field(default="", repr=False)
    signing: str = field(default="", repr=False)
    after_write: float = 0.0
    cookie_attributes: bool = False
    events: tuple[EventSpec, ...] = ()
    versions: tuple[str, str] = ("", "")

    @property
    def shares(self) -> tuple[float, ...]:
        """
        Every share, in percent, that new may have of a request: by flag, by cohort, by route, and of those without any.
        """
        # A flag may keep everybody on old. What one may send to new, some other share of here has opened.
        by_flag = (0.0,) if any(route.flag is not None for route in self.routes) else ()
        by_cohort = map(self.weight_of_cohort, self.cohorts)
        return (*by_flag, *by_cohort, *map(self.weight_of, self.routes), self.weight)

    @property
    def name(self) -> tuple[int, str, str]:
        """
        What tells this table from others: its epoch, the digest of its configuration, and what its events are.
        """
        return self.epoch, self.digest, armed(event.id for event in self.events)

    @property
    def addresses(self) -> tuple[Side, ...]:
        """
        Both sides, and the twin if there is one.
        """
        twin = self.noise.twin
        return self.sides if twin is None else (*self.sides, twin)

    def has_weight(self, route: Route) -> bool:
        """
        Whether a route has a weight of its own.
        """
        return route.weight is not None or route.name in self.route_weights

    def weight_of(self, route: Route | None) -> float:
        """
        New's share, in percent, of a route's requests; None: of those without one.
        """
        own = None if route is None else self.route_weights.get(route.name, route.weight)
        return self.weight if own is None else own

    def weight_of_cohort(self, cohort: Cohort) -> float:
        """
        New's share, in percent, of a cohort's requests.
        """
        if cohort.side is not None:
            return 100.0 * cohort.side
        return self.cohort_weights.get(cohort.name, cohort.weight)

    def keys_of(self, route: Route | None) -> tuple[str, ...]:
        """
        What the clients of a route are known by; None: of those without one.
        """
        return self.sticky.keys if route is None or route.sticky is None else route.sticky


def fitted(table: Table, descriptors: int) -> Table:
    """
    The table for a worker with so many file descriptors: each client needs one, and one for each leg, or else old would
    seem to fail because we have run out.
    """
    room = max(1, (descriptors - RESERVED) // 3)
    limits = replace(table.limits, connections=min(table.limits.connections, room))
    # A pool for copies may be twice as large as the copies at once, while connections are being replaced.
    mirror = replace(table.mirror, concurrency=min(table.mirror.concurrency, max(1, room // 2)))
    return replace(table, limits=limits, mirror=mirror)


def encode(table: Table) -> bytes:
    """
    The table as it travels over a link and lies on disk.
    """
    return orjson.dumps(asdict(table))


def decode(data: bytes) -> Table:
    """
    The table that `encode` made these bytes of.
    """
    raw: dict[str, Any] = orjson.loads(data)
    old, new = raw.pop("sides")
    limits = raw.pop("limits")
    sticky = raw.pop("sticky")
    noise = raw.pop("noise")
    twin = noise.pop("twin")
    tls, trusted = raw.pop("tls", None), raw.pop("trusted_proxies", None)
    old_version, new_version = raw.pop("versions", ("", ""))
    return Table(
        sides=(_side(old), _side(new)),
        mirror=Mirror(**raw.pop("mirror")),
        sticky=Sticky(keys=tuple(sticky["keys"]), salt=sticky["salt"]),
        noise=Noise(twin=None if twin is None else _side(twin), **noise),
        recheck=Recheck(**raw.pop("recheck")),
        overload=Overload(**raw.pop("overload")),
        judging=Judging(**raw.pop("judging")),
        limits=Limits(**{**limits, "methods": tuple(limits["methods"])}),
        timeouts=Timeouts(**raw.pop("timeouts")),
        headers=tuple(raw.pop("headers")),
        endpoints=tuple(raw.pop("endpoints")),
        routes=tuple(map(Route.from_values, raw.pop("routes"))),
        cohorts=tuple(map(Cohort.from_values, raw.pop("cohorts"))),
        tls=None if tls is None else Encryption(**tls),
        trusted_proxies=None if trusted is None else tuple(trusted),
        versions=(old_version, new_version),
        events=tuple(map(EventSpec.from_values, raw.pop("events", ()))),
        **raw,
    )


def _side(raw: dict[str, Any]) -> Side:
    health = raw["health"]
    made = {
        "addresses": tuple(raw["addresses"]),
        "eject": Eject(**raw["eject"]),
        "health": None if health is None else Health(**health),
    }
    return Side(**{**raw, **made})
