"""
Every endpoint of the router × every kind of token × every wrong way of asking: nothing is changed without right, and
what was turned away is in the audit.
"""

import re
from itertools import product

from proxy.admin.calls import CALLS, INDEX, OPEN, is_change
from proxy.admin.throttle import WINDOW
from proxy.clock import monotonic
from tests.parts.served import JSON, OPERATOR, VIEWER, WRONG, Admin, admin

TOKENS = {"no": None, "wrong": WRONG, "viewer": VIEWER, "operator": OPERATOR}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
BODY = b'{"new": 100, "reason": "matrix"}'
REASON = b'{"reason": "matrix"}'
COUNT = re.compile(r"; ([0-9]+) in all since")
WAYS: dict[str, tuple[str | None, dict[str, str], bytes | None]] = {
    # The method (None: the endpoint's own), fields, and a body (None: a good one).
    "as it should be": (None, JSON, None),
    "foreign Host": (None, {**JSON, "Host": "evil.example"}, None),
    "foreign Origin": (None, {**JSON, "Origin": "https://evil.example"}, None),
    "by GET": ("GET", {}, b""),
    "by GET with a body": ("GET", JSON, None),
    "form POST": ("POST", FORM, b"new=100&reason=matrix"),
    "form of its own method": (None, FORM, b"new=100&reason=matrix"),
    "token in the query": (None, JSON, None),
}


READS = {"GET", "HEAD"}
READABLE = {call.path for call in CALLS if call.method == "GET"}
CHANGING = {(call.method, call.path) for call in CALLS if call.takes is not None}


def endpoints(served: Admin) -> list[tuple[str, str]]:
    """
    Method and path of every route, so that a new one can't be forgotten; and what is 405 and 404.
    """
    routes = {(route.method, route.resource.canonical) for route in served.app.router.routes() if route.resource}
    known = {(method, path) for method, path in routes if method != "*"}
    return sorted(known | {("DELETE", "/admin/weights"), ("POST", "/admin/plan/start"), ("POST", "/")})


def due(method: str, path: str, token: str, way: str) -> str:
    """
    What has to become of a request: answered, changed, or turned away; that is `refused` or `sign_in_failed` where the
    audit has to tell of it.
    """
    turned = "refused" if is_change(path, method) else "turned"
    token = "no" if way == "token in the query" else token
    if path in OPEN and method in READS:
        return "answered"
    if way in {"foreign Host", "foreign Origin"}:
        return turned
    if path == INDEX and method in READS:
        return turned if way == "token in the query" else "answered"
    if token == "no":
        return turned
    if token == "wrong":
        return "sign_in_failed"
    if (method, path) in CHANGING:
        return "changed" if token == "operator" and way == "as it should be" else turned
    return "answered" if method in READS and path in READABLE else turned


async def ask(served: Admin, method: str, path: str, token: str, way: str) -> int:
    """
    The status of one case.
    """
    _, fields, body = WAYS[way]
    if way == "token in the query":
        path, token = f"{path}?access_token={TOKENS[token]}&token={TOKENS[token]}", "no"
    if path == "/admin/events" and method == "GET":
        method = "HEAD"  # which doesn't go on for ever
    if method in READS and way != "by GET with a body":
        body = b""
    good = BODY if path.startswith("/admin/weights") else REASON
    answer = await served.ask(path, method, good if body is None else body, token=TOKENS[token], **fields)
    assert TOKENS[token] is None or str(TOKENS[token]).encode() not in answer.body
    return answer.status


def told(served: Admin, *actions: str) -> int:
    """
    How many requests the audit tells of in lines of these actions, those that are only counted included.
    """
    counts = [COUNT.search(entry.reason) for entry in served.steering.entries if entry.action in actions]
    return sum(1 if found is None else int(found[1]) for found in counts)


async def test_nobody_changes_anything_without_right_and_everything_else_is_in_the_audit() -> None:
    """
    The one good way changes; each other one is turned away by a status that fits, and counted.
    """
    expected = dict.fromkeys(("answered", "changed", "refused", "sign_in_failed", "turned"), 0)
    async with admin() as served:
        served.know()
        for (own, path), token, way in product(endpoints(served), TOKENS, WAYS):
            method = WAYS[way][0] or own
            outcome = due(method, path, token, way)
            before = len(served.steering.done())
            status = await ask(served, method, path, token, way)
            name = f"{method} {path}, {token} token, {way}: {status}, {outcome}"

            assert (len(served.steering.done()) > before) is (outcome == "changed"), name
            assert (status < 400) is (outcome in {"answered", "changed"}), name
            assert outcome != "sign_in_failed" or status in {401, 429}, name
            expected[outcome] += 1
        served.port.tick(monotonic() + WINDOW + 1)

        assert expected["changed"] == len(CHANGING)
        assert told(served, "weights", "mirror", "kill", "restore", "reload") == expected["changed"]
        assert told(served, "refused") == expected["refused"]
        assert told(served, "sign_in_failed") == expected["sign_in_failed"]
        assert min(expected.values()) > 3
        assert served.troubles == []
