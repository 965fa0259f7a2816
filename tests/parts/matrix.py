"""
Every endpoint of the admin port × every kind of token × every wrong way of asking, and what has to become of each.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product

from proxy.admin.calls import CALLS, INDEX, MOVES, OPEN, is_change
from tests.parts.payloads import SIGNATURE
from tests.parts.served import JSON, OPERATOR, VIEWER, WRONG

TOKENS = {"no": None, "wrong": WRONG, "viewer": VIEWER, "operator": OPERATOR}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
# Changes of what a Parallax that has just begun doesn't know.
PLANNED = {f"/admin/plan/{name}" for name in MOVES}
PLACES = {"/admin/noise/accept", "/admin/noise/forget"}
ABSENT = PLANNED | PLACES
PLACE = b'{"endpoint": "GET /a", "path": "$.b", "kind": "value", "reason": "matrix"}'
GOOD = {
    "/admin/weights": b'{"new": 100, "reason": "matrix"}',
    "/admin/waivers": b'{"signature": "%s", "until": "2099-01-01", "reason": "matrix"}' % SIGNATURE.encode(),
    **dict.fromkeys(PLACES, PLACE),
    "/admin/plan/tick": b"{}",
    "/admin/plan/amend": b'{"text": "plan: a", "reason": "matrix"}',
    "/admin/plan/force": b'{"seconds": 60, "reason": "matrix"}',
    "/admin/plan/check": b'{"item": "preflight/1", "reason": "matrix"}',
}
REASON = b'{"reason": "matrix"}'
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
OUTCOMES = ("answered", "changed", "refused", "sign_in_failed", "turned")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """
    One request. `method` is the endpoint's own; some ways ask by another.
    """

    method: str
    path: str
    token: str
    way: str

    @property
    def known(self) -> str:
        """
        What stands for `{id}` in its path: something that is there.
        """
        return "1" if "waivers" in self.path else SIGNATURE

    @property
    def used(self) -> str:
        """
        The method it is asked by.
        """
        return WAYS[self.way][0] or self.method

    @property
    def outcome(self) -> str:
        """
        What has to become of it: answered, changed, or turned away; that is `refused` or `sign_in_failed` where the
        audit has to tell of it.
        """
        method, path, way = self.used, self.path, self.way
        turned = "refused" if is_change(path, method) else "turned"
        token = "no" if way == "token in the query" else self.token
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

    def request(self) -> tuple[str, str, str | None, dict[str, str], bytes]:
        """
        Method, target, token in its field, other fields, body.
        """
        _, fields, body = WAYS[self.way]
        method, target, token = self.used, self.path.replace("{id}", self.known), TOKENS[self.token]
        if self.way == "token in the query":
            target, token = f"{target}?access_token={token}&token={token}", None
        if method in READS and self.way != "by GET with a body":
            body = b""
        if target == "/admin/events" and method == "GET":
            method = "HEAD"  # which doesn't go on for ever
        return method, target, token, fields, GOOD.get(self.path, REASON) if body is None else body

    def fits(self, status: int) -> bool:
        """
        Is this a status for its outcome?
        """
        if self.outcome == "sign_in_failed":
            return status in {401, 429}
        return (status < 400) is (self.outcome in {"answered", "changed"})


def cases(routes: Iterable[tuple[str, str]]) -> Iterator[Case]:
    """
    All there are for these endpoints, and for some that are not there.
    """
    endpoints = {*routes, ("DELETE", "/admin/weights"), ("POST", "/admin/plan/skip"), ("POST", "/")}
    for (method, path), token, way in product(sorted(endpoints), TOKENS, WAYS):
        yield Case(method=method, path=path, token=token, way=way)
