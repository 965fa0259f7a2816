"""
The configuration as a model: every key, its kind, its default and what it means.

`config/parallax.yaml` and `docs/configuration.md` are written from here (`document`). Field names of `limits`,
`timeouts` and `mirror` are those of `proxy.routing.table`. What must hold between keys is in `checks`.
"""

from pydantic import Field

from proxy.settings.access import Hosts, Store, Tokens
from proxy.settings.addresses import Address
from proxy.settings.cohorts import ClaimsSettings, Cohorts
from proxy.settings.comparing import Comparing
from proxy.settings.flags import FlagsSettings
from proxy.settings.kinds import (
    Addresses,
    CookieParts,
    Credentials,
    Endpoints,
    Factor,
    Headers,
    HealthPath,
    Host,
    Listen,
    Methods,
    Name,
    Names,
    Networks,
    OptionalUrl,
    Order,
    Paths,
    Patterns,
    Percent,
    Rate,
    Seconds,
    SideUrl,
    Size,
    Version,
)
from proxy.settings.routes import Routes
from proxy.settings.rules import EndpointRules
from proxy.settings.section import Section
from proxy.settings.sticky import Data, StickyKey


class Health(Section):
    """
    Where probes ask.
    """

    listen: Listen = Field(
        Address(host="127.0.0.1", port=9901), description="/healthz and /readyz, answered whatever else is down"
    )


class AdminTls(Section):
    """
    How the admin port is encrypted; both files or neither.
    """

    certificate: str | None = Field(None, description="PEM file with the certificate chain, relative to this file")
    key: str | None = Field(None, description="PEM file with its private key")


class Admin(Section):
    """
    Where operators and Prometheus ask.
    """

    listen: Listen = Field(
        Address(host="127.0.0.1", port=9900), description="/metrics and /admin; beyond loopback only with tokens"
    )
    tokens: Tokens = Field((), description="who may ask; none: on loopback one is made, in admin-token by the store")
    tls: AdminTls = Field(AdminTls())
    insecure: bool = Field(False, description="true allows plaintext beyond loopback: tokens can be read on the way")
    hosts: Hosts = Field((), description="names it may be asked by, besides localhost and addresses")


class ListenTls(Section):
    """
    How clients' connections are encrypted; certificate and key, or neither for plaintext.
    """

    certificate: str | None = Field(None, description="PEM file with the certificate chain, relative to this file")
    key: str | None = Field(None, description="PEM file with its private key; ECDSA signs ten times faster than RSA")
    client_ca: str | None = Field(None, description="file of CA certificates; clients then must have a certificate")
    # What a loop can sign in a second or so: four begin in each of its turns, so this bounds memory, not time. With
    # less, clients that are half a second away wait for each other, and a few that never answer are in everybody's way.
    handshakes: int = Field(1024, ge=1, description="under way at once, in each worker; more clients wait their turn")
    handshake_timeout: Seconds = Field(10.0, gt=0, description="for one handshake")


class Tls(Section):
    """
    How an https side is verified, and what we show it.
    """

    ca: str | None = Field(None, description="file of CA certificates, relative to this file; null: the system's")
    verify: bool = Field(True, description="false accepts any certificate: for trials only")
    server_name: str | None = Field(None, description="name sent as SNI and verified; null: the URL's host")
    certificate: str | None = Field(None, description="PEM file with a client certificate for a side that asks for one")
    key: str | None = Field(None, description="PEM file with its private key")


class Eject(Section):
    """
    When a side gets no more live requests: its connections fail. An answer, also a 5xx, is no failure.
    """

    consecutive: int = Field(5, ge=0, le=1000, description="failures on end; 0: however many")
    share: Percent = Field(50.0, description="of the last live requests, that failed; 0: however many")
    of: int = Field(20, ge=1, le=1000, description="the last live requests")
    pause: Seconds = Field(1.0, gt=0, description="before it is tried again, doubling each time that fails")
    longest: Seconds = Field(30.0, gt=0, description="pause")


class SideHealth(Section):
    """
    How each worker asks a side for its health.
    """

    path: HealthPath = Field(None, description="GET this; 2xx or 3xx is healthy. null: it is not asked")
    interval: Seconds = Field(5.0, ge=0.1, description="between two checks, ±10 %")
    timeout: Seconds = Field(2.0, gt=0, description="for the connection, and again for the answer")
    healthy: int = Field(2, ge=1, description="good checks in a row that bring a side back")
    unhealthy: int = Field(3, ge=1, description="bad checks in a row that put it out")


class Side(Section):
    """
    One of the two systems.
    """

    url: SideUrl = Field(description="http or https, also http://unix:/PATH; a path is put before every request's path")
    host: Host = Field("preserve", description="the Host it gets: the client's, the URL's (upstream), or a name")
    addresses: Addresses = Field((), description="where to connect, instead of the URL's host: HOST:PORT or unix:/PATH")
    tls: Tls = Field(Tls(), description="only for an https URL")
    version: Version = Field(None, description="the version that a plan's evidence is of; a new one begins it anew")
    eject: Eject = Field(Eject())
    health: SideHealth = Field(SideHealth())


class Old(Side):
    """
    The system that is being replaced.
    """

    url: SideUrl = Field(description=Side.model_fields["url"].description, examples=["http://127.0.0.1:9001"])


class New(Side):
    """
    The system that replaces it.
    """

    url: SideUrl = Field(description=Side.model_fields["url"].description, examples=["http://127.0.0.1:9002"])


class Weights(Section):
    """
    Who is answered by new.
    """

    new: Percent = Field(0.0, description="share answered by new at the very first start; then the store knows")


class Mirror(Section):
    """
    How much is copied to the side that doesn't answer, and what a copy may cost.
    """

    percent: Percent = Field(
        100.0, description="share of GET, HEAD and OPTIONS requests that are copied at the very first start; 0 is off"
    )
    memory_budget: Size = Field(64 * 2**20, ge=2**16, description="all that is held for copies, in each worker")
    max_body: Size = Field(2**20, ge=0, description="longer bodies are not compared (for each side)")
    concurrency: int = Field(64, ge=1, description="copies in flight at once, in each worker; more are skipped")
    credentials: Credentials = Field("forward", description="what copies do with Authorization and Cookie")
    order: Order = Field("together", description="after: a copy is sent once the live answer is complete")
    connect_timeout: Seconds = Field(1.0, gt=0, description="for a copy's connection")
    head_timeout: Seconds = Field(30.0, gt=0, description="for the head of a copy's answer")
    body_timeout: Seconds = Field(30.0, gt=0, description="for the rest of a copy's answer")
    breaker: bool = Field(True, description="stop copying for a while to a side that mostly gives no answer")
    brownout: Factor = Field(
        0.0, description="stop while live answers' p99 is so many times what it is without copies; 0: never"
    )


class Sticky(Section):
    """
    Who stays where while the weight grows.
    """

    key: StickyKey = Field(
        ("request",), description="what a client is known by, the first it has; request: drawn for each request"
    )
    salt: str = Field("parallax", min_length=1, max_length=64, description="never change it during a migration")
    after_write: Seconds = Field(
        0.0, ge=0, description="how long a client stays with the side that did its write; 0 is off"
    )


class Overload(Section):
    """
    When a worker sheds: bodies at 70 % of a limit, copies at 80, idle clients at 90, requests at 95.
    """

    memory: Size = Field(0, ge=0, description="of one worker; 0: its share of what the container or machine has")
    lag: Seconds = Field(0.5, ge=0, description="how long one turn of a worker's loop may take; 0: not looked at")


class Recheck(Section):
    """
    Whether a divergent pair is asked again: what both sides agree on a moment later was transient.
    """

    per_second: int = Field(0, ge=0, le=1000, description="divergent pairs, from each worker, at most; 0: none")
    in_flight: int = Field(32, ge=1, le=1000, description="of them at once, in each worker; each takes 0.25 to 2 s")


class Compare(Comparing):
    """
    What makes two answers identical, besides status and body.
    """

    headers: Headers = Field(
        "significant", description="fields that count: significant, all, or a list such as [content-type, x-total-*]"
    )
    cookies: CookieParts = Field(
        "names", description="of set-cookie, where it counts: names, or their attributes too; values never"
    )
    endpoints: EndpointRules = Field(
        {}, description="more of all these, for one endpoint, which is known from the start"
    )
    recheck: Recheck = Field(Recheck())


class Judge(Section):
    """
    What comparers may use to judge what isn't byte for byte the same.
    """

    queue: int = Field(4096, ge=1, description="pairs without a verdict, in each worker; then queue_full")
    max_seconds: Seconds = Field(1.0, gt=0, description="what one pair may cost; then judge_error")
    max_decoded: Size = Field(16 * 2**20, ge=2**10, description="bytes that a coded body may decode into")
    memory: Size = Field(2**30, ge=2**30, description="address space of one comparer; it touches a part of it")


class Redact(Section):
    """
    What evidence must not hold, besides what is a secret by its name or looks: digests stand for it.
    """

    headers: Names = Field((), description="fields whose values are replaced, such as [x-user]")
    paths: Paths = Field((), description="places in bodies, such as ['$..name']")
    query: Names = Field((), description="parameters of the query, such as [q]")
    patterns: Patterns = Field((), description="whatever matches, in any text, such as ['cust-[0-9]+']")


class Evidence(Section):
    """
    How much of what differs is kept, in evidence.db beside the store; then the oldest goes.
    """

    max_rows: int = Field(10_000, ge=1, le=1_000_000, description="samples, and signatures")
    max_bytes: Size = Field(256 * 2**20, ge=2**20, description="of the file")
    max_age: Seconds = Field(30 * 86_400.0, gt=0, description="since it was seen last; units up to d are understood")
    per_signature: int = Field(20, ge=1, le=1000, description="samples of one signature")


class Twin(Section):
    """
    A second instance of old, asked only to learn noise. Without a url, old itself is asked once more.
    """

    url: OptionalUrl = Field(None, description="null: old itself")
    host: Host = Field("preserve", description="as old.host")
    addresses: Addresses = Field((), description="as old.addresses")
    tls: Tls = Field(Tls(), description="only for an https URL")


class Noise(Section):
    """
    How it is learned where old differs from itself.
    """

    sample: Percent = Field(0.0, description="share of copied requests that a twin of old is asked too; 0: none")
    per_second: int = Field(20, ge=1, description="requests to the twin, from each worker, at most")
    learn_for: Seconds = Field(3600.0, ge=0, description="after a start or other rules; later, noise is only proposed")
    expires: Seconds = Field(14 * 86400.0, gt=0, description="noise that twins haven't shown for so long is forgotten")
    twin: Twin = Field(Twin())


class Metrics(Section):
    """
    How endpoints are named in metrics.
    """

    max_endpoints: int = Field(200, ge=1, le=10_000, description="endpoints counted by name; the others are 'other'")
    endpoints: Endpoints = Field((), description="named by you, such as 'GET /users/{id}'; the others are learned")
    openapi: str | None = Field(None, description="OpenAPI file that names more of them, relative to this file")


class Limits(Section):
    """
    What one client, one message and one worker may use. Over a limit: refused with a 4xx, 503 or 502.
    """

    # robustness first, then generosity: the precedents are nginx (8 KiB line), Envoy (60 KiB and 100 fields).
    line: Size = Field(8192, ge=64, description="the request line, and each header line")
    head: Size = Field(65536, ge=256, description="all header lines of one message")
    fields: int = Field(100, ge=1, description="header fields of one message")
    pipelined: int = Field(16, ge=1, description="requests of one client that wait for their turn; then reading stops")
    body: Size = Field(0, ge=0, description="a request's body; 0 is no limit, since bodies are streamed")
    chunk_extensions: Size = Field(16384, ge=0, description="all chunk extensions of one message")
    interim: int = Field(16, ge=0, description="1xx answers before the final one")
    connections: int = Field(10_000, ge=1, description="client connections, in each worker")
    requests_per_connection: int = Field(10_000, ge=1, description="then the client is asked to connect anew")
    upstream_connections: int = Field(1024, ge=1, description="connections to one side, in each worker; then 503")
    methods: Methods = Field((), description="request methods understood besides the registered ones; others get 501")


class Timeouts(Section):
    """
    How long each step may take. 0 switches a limit off.
    """

    head: Seconds = Field(10.0, ge=0, description="for a whole request head, and for a new connection's first byte")
    body_idle: Seconds = Field(30.0, ge=0, description="between two pieces of a request's body")
    write_idle: Seconds = Field(30.0, ge=0, description="for a client to take anything of its answer")
    body_rate: Rate = Field(500, ge=0, description="a client must send its body at least this fast")
    write_rate: Rate = Field(500, ge=0, description="a client must take its answer at least this fast")
    rate_grace: Seconds = Field(10.0, ge=0, description="before the two rates are asked for")
    keep_alive: Seconds = Field(75.0, ge=0, description="a client connection without a request")
    connection_age: Seconds = Field(3600.0, ge=0, description="then the client is asked to connect anew")
    connect: Seconds = Field(2.0, ge=0, description="for a connection to a side")
    answer_head: Seconds = Field(60.0, ge=0, description="for the head of a side's answer")
    answer_idle: Seconds = Field(60.0, ge=0, description="between two pieces of a side's answer")
    upstream_idle: Seconds = Field(4.0, ge=0, description="an unused connection to a side; less than its own limit")
    upstream_age: Seconds = Field(300.0, ge=0, description="then a connection to a side is not used again")
    continue_wait: Seconds = Field(1.0, ge=0, description="for a side's 100 Continue before the body is sent anyway")
    tunnel_idle: Seconds = Field(3600.0, ge=0, description="an upgraded connection without traffic")
    dns_ttl: Seconds = Field(30.0, ge=0, description="a side's name is looked up again after this")


class Drain(Section):
    """
    How Parallax stops after SIGTERM, and how it leaves new.
    """

    delay: Seconds = Field(5.0, ge=0, description="not ready but still serving, so that balancers notice")
    timeout: Seconds = Field(28.0, gt=0, description="from the signal to the end, whatever is in flight")
    streams: Seconds = Field(
        30.0, ge=0, description="for tunnels and long answers of new to end after a kill, or a weight of 0"
    )


class Settings(Section):
    """
    Everything an operator can set.
    """

    listen: Listen = Field(Address(host="127.0.0.1", port=8080), description="where clients connect")
    proxy_protocol: bool = Field(False, description="every connection begins with a PROXY header (v2 only)")
    trusted_proxies: Networks = Field(
        None, description="ranges whose X-Forwarded-* is believed; others' is replaced; null: anybody may add to it"
    )
    tls: ListenTls = Field(ListenTls())
    health: Health = Field(Health())
    admin: Admin = Field(Admin())
    workers: int = Field(1, ge=1, le=256, description="processes that serve; about one for each core")
    comparers: int = Field(
        1, ge=0, le=64, description="processes that judge what differs; 0: whatever isn't byte-equal is divergent"
    )
    old: Old = Field()
    new: New = Field()
    weights: Weights = Field(Weights())
    mirror: Mirror = Field(Mirror())
    sticky: Sticky = Field(Sticky())
    routes: Routes = Field((), description="the first that matches a request is its own; docs/routes.md")
    cohorts: Cohorts = Field((), description="the first that matches a client is its own; docs/routes.md")
    claims: ClaimsSettings = Field(ClaimsSettings())
    flags: FlagsSettings = Field(FlagsSettings())
    data: Data = Field("shared", description="do old and new write to one store? split: unsafe methods stay on old")
    compare: Compare = Field(Compare())
    judge: Judge = Field(Judge())
    redact: Redact = Field(Redact())
    evidence: Evidence = Field(Evidence())
    noise: Noise = Field(Noise())
    metrics: Metrics = Field(Metrics())
    limits: Limits = Field(Limits())
    timeouts: Timeouts = Field(Timeouts())
    overload: Overload = Field(Overload())
    drain: Drain = Field(Drain())
    store: Store = Field("sqlite:///var/parallax.db", description="intent and audit; relative to this file")
    kill_file: str | None = Field(
        None, description="when it is there, all goes to old; null: the file kill by the store"
    )
    via: bool = Field(
        True,
        description="add Via to requests, as RFC 9110 wants; nginx doesn't compress for it, loops aren't seen without",
    )
    pseudonym: Name = Field("parallax", description="how Parallax calls itself in Via and Proxy-Status")
    forwarded: bool = Field(True, description="add X-Forwarded-For, -Proto and -Host")
    add_date: bool = Field(True, description="add Date to an answer that has none")
