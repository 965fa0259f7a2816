"""
Why a request would go where it goes: what the request path decides, together with what it decided by. Pure.

Nothing is decided here: the same `Ways`, `Choice` and `Overrides` are asked as for a real request. What only a running
Parallax knows (an ejected side, an open breaker, full budgets) is left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from proxy.routing.belonging import Backing
from proxy.routing.buckets import bucket
from proxy.routing.claims import Claims
from proxy.routing.intent import killed
from proxy.routing.keys import compile_keys
from proxy.routing.keyset import KeySet
from proxy.routing.match import canonical_path
from proxy.routing.overrides import Overrides
from proxy.routing.route import KeyFile, Route
from proxy.routing.table import NEW, OLD, SIDES, Table
from proxy.routing.ways import Way, Ways, may_go_over, overruled
from proxy.wire.fields import request_names
from proxy.wire.forward import Hop
from proxy.wire.forwarded import Trust
from proxy.wire.request import RequestHead, RequestRules, parse_request

NOBODY: Final = "none"
# The greatest of all rolls, nearly.
ALMOST: Final = 0.999_999_999


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """
    `side` is None where chance decides, and `share` new's share in percent where a cohort, a route or the weight does.
    `key` is the sticky key that the request has ("" none), `value` what it is and `bucket` where that lies. `copied` is
    how much of such requests is copied, in percent, and `refusal` why none is, as the books name it; `failover` that
    the other side is asked if this one gives no answer.
    """

    method: str
    path: str
    client: str
    route: str
    flag: str
    cohort: str
    key: str
    value: str
    bucket: int | None
    side: str | None
    by: str
    share: float | None
    writes: str
    copied: float
    refusal: str | None
    failover: bool


def read_request(words: str, fields: list[str], table: Table) -> RequestHead:
    """
    The request of "GET /x" and of "Name: value" lines; without a Host it has one. Raises `BadMessage` for what Parallax
    would refuse itself.
    """
    if not any(line.partition(":")[0].strip().lower() == "host" for line in fields):
        fields = ["Host: localhost", *fields]
    block = "\r\n".join([f"{words} HTTP/1.1", *fields])
    return parse_request(block.encode("utf-8"), RequestRules(request_names(), table.limits))


def explain(
    table: Table,
    head: RequestHead,
    client: str,
    now: float,
    *,
    is_killed: bool = False,
    keysets: Mapping[KeyFile, KeySet] | None = None,
    flags: Mapping[str, bool] | None = None,
) -> Explanation:
    """
    What becomes of a request from this address; `now` in seconds since 1970, for what is signed until some time.
    `flags` are what feature flags say of its key, as far as that is known.
    """
    in_force = killed(table) if is_killed else table
    hop = Hop(client, None, False, trust=None if table.trusted_proxies is None else Trust(table.trusted_proxies))
    if hop.trust is not None:
        hop.screen(head)
    ways = Ways(in_force, Backing(lambda: now, keysets or {}))
    way = ways.only or ways.find(head)
    route = next((one for one in in_force.routes if one.name == way.name), None)
    place = ways.clients.find(head, hop.address) if in_force.cohorts else -1
    cohort = in_force.cohorts[place] if place >= 0 else None
    said = None if way.flag is None else (flags or {}).get(way.flag.key)
    side, by = _decided(way, head, hop.address, ways.overrides, now, said)
    share: float | None = None
    if by == "cohort" and cohort is not None:
        share = in_force.weight_of_cohort(cohort)
    elif by in ("route", "weight"):
        share = in_force.weight_of(route)
    key, value = _key(in_force, route, head, hop.address, ways.clients.claims)
    # By chance: while old is live, from which more is copied.
    refusal = way.refusal(head, NEW if side == SIDES[NEW] else OLD)
    if refusal is None and head.accepts_stream:
        refusal = "streaming"
    elif refusal is None and head.length > table.mirror.max_body:
        refusal = "body_too_large"
    return Explanation(
        method=head.method.decode("ascii"),
        path=canonical_path(head.target).decode("latin-1"),
        client=hop.address.decode("ascii"),
        route=way.name,
        flag="" if way.flag is None else f"{way.flag.key} ({way.flag.mode}): {SAYS[said]}",
        cohort="" if cohort is None else cohort.name,
        key=key,
        value=value.decode("utf-8", "replace"),
        bucket=bucket(in_force.sticky.salt.encode(), value) if value else None,
        side="old" if is_killed else side,
        by="kill" if is_killed else by,
        share=None if is_killed else share,
        writes="never" if route is None else route.writes,
        copied=0.0 if refusal is not None else way.percent,
        refusal=refusal,
        failover=by != "forced" and may_go_over(way, head),
    )


def _decided(
    way: Way, head: RequestHead, address: bytes, overrides: Overrides, now: float, said: bool | None
) -> tuple[str | None, str]:
    """
    The side, None if that is up to chance, and what decided; `said` is what the flag of its route says.
    """
    if head.force and (forced := overrides.forced(head, now)) is not None:
        return SIDES[forced.live], forced.by
    if way.choice is None:
        lucky, other = way.by[way.weight > 0.0], way.by[way.weight >= 100.0]
    else:
        lucky, other = way.choice.decide(head, address, lambda: 0.0), way.choice.decide(head, address, lambda: ALMOST)
    pin = overrides.pinned(head, now) if head.wrote else None
    lucky, other = (overruled(way, head, address, native, said, pin) for native in (lucky, other))
    by = other.by if other.by == "write" else lucky.by
    return SIDES[lucky.live] if lucky.live == other.live else None, by


def _key(table: Table, route: Route | None, head: RequestHead, address: bytes, claims: Claims) -> tuple[str, bytes]:
    """
    The first sticky key that the request has, and its value.
    """
    for name in table.keys_of(route):
        find, _ = compile_keys((name,), claims)
        if find is not None and (value := find(head, address)):
            return name, value
    return "", b""


WHY: Final[dict[str, str]] = {
    "kill": "the kill latch is set",
    "split": "data: split, and it may write",
    "forced": "a tester forces it",
    "write": "its client has just written there",
    "flag": "its feature flag",
    "cohort": "its cohort",
    "route": "the weight of its route",
    "weight": "the weight of all",
}
SAYS: Final[dict[bool | None, str]] = {None: "not known", True: "true", False: "false"}
POLICIES: Final = {
    "never": "only GET, HEAD and OPTIONS are copied",
    "safe": "its requests write nothing",
    "dry_run": "copied at once to new, which is told to write nothing",
    "mirror": "copied once for each key, after the live side has done them",
}


def told(explained: Explanation) -> list[tuple[str, str]]:
    """
    The same as what is explained, and a phrase for it.
    """
    one = explained
    key = f"{one.key} = {one.value}, bucket {one.bucket}" if one.key else NOBODY
    other = None if one.side is None else SIDES[1 - SIDES.index(one.side)]
    share = "" if one.share is None else f", new has {one.share:g} %"
    copy = f"no: {one.refusal}"
    if one.refusal is None:
        copy = f"{'yes' if one.copied == 100 else f'{one.copied:g} % of them'}, to {other or 'the other side'}"
    return [
        ("path", one.path),
        ("client", one.client),
        ("route", one.route or NOBODY),
        *([("flag", one.flag)] if one.flag else []),
        ("cohort", one.cohort or NOBODY),
        ("key", key),
        ("side", f"{one.side or 'by chance'} ({WHY[one.by]}{share})"),
        ("writes", f"{one.writes}: {POLICIES[one.writes]}"),
        ("copy", copy),
        *([("else", f"{other or 'the other side'}, if the side gives no answer")] if one.failover else []),
    ]
