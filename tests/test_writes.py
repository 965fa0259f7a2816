"""
Every way to a shadow, tried: routes × methods × what they say of writes × who is live and why. Not one write gets there
without its route saying so, nor any but to the side and at the moment that it says.
"""

from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from proxy.routing.overrides import WROTE, forcing
from proxy.routing.signed import pack
from proxy.routing.table import SIDES
from tests.parts.plane import NEW, OK, OLD, data_plane

READS = (b"GET", b"HEAD", b"OPTIONS")
WRITING = (b"POST", b"PUT", b"PATCH", b"DELETE")
POLICIES = ("none", "never", "safe", "dry_run", "mirror")
# Who is live, if data were not split, and by what settings.
DECIDED: dict[str, tuple[int, dict[str, Any]]] = {
    "weight 0": (OLD, {}),
    "weight 100": (NEW, {"weights": {"new": 100}}),
    "route": (NEW, {"weights": {"new": 0}}),
    "cohort on new": (NEW, {"cohorts": [{"name": "all", "match": {"path": "/**"}, "side": "new"}]}),
    "cohort on old": (
        OLD,
        {"weights": {"new": 100}, "cohorts": [{"name": "all", "match": {"path": "/**"}, "side": "old"}]},
    ),
}
KEY = "0123456789abcdef" * 4
# ... and with what in the request.
FIELDS = {
    f"forced to {side}": (live, b"X-Parallax-Force: %b\r\n" % forcing(KEY, live, 2**40).encode())
    for live, side in enumerate(SIDES)
} | {
    f"pinned to {side}": (
        live,
        b"Cookie: __parallax_write=%b\r\n" % pack(bytes.fromhex(KEY), WROTE, side.encode(), 2**40),
    )
    for live, side in enumerate(SIDES)
}
DECIDED |= {why: (live, {"weights": {"new": 50}, "sticky": {"after_write": 1}}) for why, (live, _) in FIELDS.items()}
# A share of 0 is closed to pins and to flags, on that route.
HALF_ON_NEW = {"weights": {"new": 50}, "sticky": {"after_write": 1}}
DECIDED |= {
    "pinned to new where that is closed": (OLD, HALF_ON_NEW),
    "forced to new where that is closed": (NEW, HALF_ON_NEW),
    "flag says new": (NEW, {}),
    "flag says new where that is closed": (OLD, {}),
}
FIELDS |= {f"{why} where that is closed": FIELDS[why] for why in ("pinned to new", "forced to new")}
FLAG = {"flag": {"key": "one", "mode": "decide"}}
# What the route says for that, and who is live beside it.
ON_ROUTE: dict[str, tuple[dict[str, Any], int]] = {
    "route": ({"weight": 100}, OLD),
    "pinned to new where that is closed": ({"weight": 0}, NEW),
    "forced to new where that is closed": ({"weight": 0}, NEW),
    "flag says new": ({"weight": 0.01, **FLAG}, OLD),
    "flag says new where that is closed": ({"weight": 0, **FLAG}, OLD),
}
AT_ONCE, AFTERWARDS, NEVER = "at once", "afterwards", "never"


def expected(policy: str, method: bytes, live: int, has_key: bool) -> str:
    """
    When the shadow gets a copy.
    """
    if method in READS:
        return AT_ONCE
    match policy:
        case "safe":
            return AT_ONCE
        case "dry_run":
            return AT_ONCE if live == OLD else NEVER
        case "mirror":
            return AFTERWARDS if has_key else NEVER
        case _:
            return NEVER


def configured(policy: str, why: str, split: bool, order: str) -> dict[str, Any]:
    """
    The settings of one case.
    """
    settings = {**DECIDED[why][1], "mirror": {"order": order}}
    if policy != "none" or why in ON_ROUTE:
        route = {"name": "one", "match": {"path": "/one/**"}, "writes": "never" if policy == "none" else policy}
        settings["routes"] = [route | (ON_ROUTE[why][0] if why in ON_ROUTE else {})]
    return settings | ({"data": "split"} if split else {})


@pytest.mark.parametrize("order", ["together", "after"])
@pytest.mark.parametrize("split", [False, True])
@pytest.mark.parametrize("why", DECIDED)
@pytest.mark.parametrize("policy", POLICIES)
def test_no_write_reaches_a_shadow_without_its_policy(policy: str, why: str, split: bool, order: str) -> None:
    """
    With content and without, with a key and without, on the route and beside it.
    """
    with data_plane(**configured(policy, why, split, order)) as data:
        data.swap(replace(data.plane.table, signing=KEY))
        claimed: list[bytes] = []

        def claim(digest: bytes) -> bool:
            claimed.append(digest)
            return True

        data.plane.claims.send = claim
        for route in data.plane.table.routes:
            if route.flag is not None:
                data.plane.flags.says(route.flag, b"", data.plane.now)
                data.plane.flags.answered(route.flag.key, b"", True, data.plane.now)
        cases = product((*READS, *WRITING), (b"", b"hello"), (False, True), (b"/one/a", b"/two"))
        for number, (method, content, has_key, path) in enumerate(cases):
            on_route = path == b"/one/a"
            wanted = DECIDED[why][0] if on_route or why not in ON_ROUTE else ON_ROUTE[why][1]
            live = OLD if split and method in WRITING else wanted
            head = b"%b %b HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n" % (method, path, len(content))
            key = b"Idempotency-Key: %d\r\n" % number if has_key else b""
            key += FIELDS[why][1] if why in FIELDS else b""
            front, back = data.both(live)
            client = data.a_client()
            client.feed(head + key + b"\r\n" + content)
            assert front.written, f"{method!r} {path!r} should be answered by {live}"
            before = back.taken()
            front.feed(OK if method != b"HEAD" else OK.removesuffix(b"hello"))
            while claimed:
                data.plane.claims.answered(claimed.pop() + b"\1")
            after = back.taken()

            got = {(True, False): AT_ONCE, (False, True): AFTERWARDS, (False, False): NEVER}[bool(before), bool(after)]
            case = (method, content, has_key, path, live)
            wanted_at = expected(policy if on_route else "none", method, live, has_key)
            is_tried = policy == "dry_run" and method in WRITING and wanted_at == AT_ONCE
            if order == "after" and wanted_at == AT_ONCE:
                wanted_at = AFTERWARDS
            assert got == wanted_at, case
            assert (b"Dry-Run" in before + after) is is_tried, case
            assert (before + after).endswith(content) or got == NEVER, case
            data.pairs.drop_all("draining")
            for transport in (front, back):
                transport.lose()
        assert data.page("other").pending(OLD) == data.page("other").pending(NEW) == 0
