"""
What is explained is what is decided; that it is so of a running Parallax is shown in `tests/test_explaining.py`.
"""

from dataclasses import replace
from typing import Any

import pytest

from proxy.errors import BadMessage
from proxy.routing.explain import Explanation, explain, read_request, told
from proxy.routing.overrides import WROTE, forcing
from proxy.routing.signed import pack
from proxy.routing.table import NEW
from tests.parts.values import a_table

KEY = "0123456789abcdef" * 4
NOW = 1_790_000_000.0
SEARCH = {"name": "search", "match": {"path": "/search/**"}, "weight": 50, "mirror": 10, "writes": "safe"}
STAFF = {"name": "staff", "match": {"header": {"x-staff": "*"}}, "side": "new"}
CONFIGURED: dict[str, Any] = {
    "sticky": {"key": ["header:x-user", "request"]},
    "routes": [SEARCH],
    "cohorts": [STAFF],
    "mirror": {"max_body": 100},
}


def explained(words: str, *fields: str, is_killed: bool = False, **settings: Any) -> Explanation:
    """
    What becomes of a request.
    """
    table = replace(a_table(**{**CONFIGURED, **settings}), signing=KEY)
    return explain(table, read_request(words, list(fields), table), "192.0.2.7", NOW, is_killed=is_killed)


def test_everything_is_said() -> None:
    """
    user-7 is in bucket 4805 of the usual salt.
    """
    assert explained("POST /%73earch/../search/a?b", "X-User: user-7", "Content-Length: 0") == Explanation(
        method="POST",
        path="/search/a",
        client="192.0.2.7",
        route="search",
        flag="",
        cohort="",
        key="header:x-user",
        value="user-7",
        bucket=4805,
        side="new",
        by="route",
        share=50.0,
        writes="safe",
        copied=10.0,
        refusal=None,
        failover=False,
    )


@pytest.mark.parametrize(
    ("words", "fields", "settings", "side", "by", "share"),
    [
        ("GET /", [], {}, "old", "weight", 0.0),
        ("GET /", [], {"weights": {"new": 100}}, "new", "weight", 100.0),
        ("GET /", [], {"weights": {"new": 20}}, None, "weight", 20.0),
        ("GET /", [], {"weights": {"new": 20}, "sticky": {"key": ["header:x-user"]}}, "old", "weight", 20.0),
        ("GET /", [], {"weights": {"new": 20}, "sticky": {"key": ["request"]}, "cohorts": []}, None, "weight", 20.0),
        ("GET /search", [], {}, None, "route", 50.0),
        ("GET /search", ["X-Staff: 1"], {}, "new", "cohort", 100.0),
        ("DELETE /search", ["X-Staff: 1"], {"data": "split"}, "old", "split", None),
    ],
)
def test_who_answers_and_why(
    words: str, fields: list[str], settings: dict[str, Any], side: str | None, by: str, share: float | None
) -> None:
    """
    No side where chance decides.
    """
    one = explained(words, *fields, **settings)

    assert (one.side, one.by, one.share) == (side, by, share)


def test_testers_and_the_latch() -> None:
    """
    The second is the stronger.
    """
    value = f"X-Parallax-Force: {forcing(KEY, NEW, int(NOW) + 60)}"
    forced, killed = explained("GET /", value), explained("GET /", value, is_killed=True)

    assert (forced.side, forced.by) == ("new", "forced")
    assert (killed.side, killed.by, killed.refusal) == ("old", "kill", "off")


@pytest.mark.parametrize(
    ("words", "fields", "refusal"),
    [
        ("POST /", ["Content-Length: 0"], "method"),
        ("GET /", ["Accept: text/event-stream"], "streaming"),
        ("GET /", ["Connection: upgrade", "Upgrade: websocket"], "upgrade"),
        ("POST /search", ["Content-Length: 101"], "body_too_large"),
        ("POST /search", ["Content-Length: 100"], None),
    ],
)
def test_why_there_is_no_copy(words: str, fields: list[str], refusal: str | None) -> None:
    """
    As the books name it.
    """
    assert explained(words, *fields).refusal == refusal


def test_an_address_is_believed_as_it_is_of_real_requests() -> None:
    """
    From trusted proxies only.
    """
    field = "X-Forwarded-For: 198.51.100.9"

    assert explained("GET /", field, trusted_proxies=["192.0.2.0/24"]).client == "198.51.100.9"
    assert explained("GET /", field, trusted_proxies=["203.0.113.0/24"]).client == "192.0.2.7"


def test_what_parallax_refuses_goes_nowhere() -> None:
    """
    Told by its status.
    """
    with pytest.raises(BadMessage) as refused:
        read_request("GET /", ["Host: a", "Host: b"], a_table())

    assert refused.value.status == 400


def test_phrases_for_people() -> None:
    """
    One for each thing.
    """
    assert dict(told(explained("GET /search", "X-User: user-7"))) == {
        "path": "/search",
        "client": "192.0.2.7",
        "route": "search",
        "cohort": "none",
        "key": "header:x-user = user-7, bucket 4805",
        "side": "new (the weight of its route, new has 50 %)",
        "writes": "safe: its requests write nothing",
        "copy": "10 % of them, to old",
    }
    assert dict(told(explained("POST /", "Content-Length: 0", weights={"new": 20}))) == {
        "path": "/",
        "client": "192.0.2.7",
        "route": "none",
        "cohort": "none",
        "key": "none",
        "side": "by chance (the weight of all, new has 20 %)",
        "writes": "never: only GET, HEAD and OPTIONS are copied",
        "copy": "no: method",
    }


@pytest.mark.parametrize(
    ("writes", "fields", "weight", "refusal"),
    [
        ("never", [], 0, "method"),
        ("dry_run", [], 0, None),
        ("dry_run", [], 50, None),
        ("dry_run", [], 100, "method"),
        ("mirror", [], 0, "method"),
        ("mirror", ["Idempotency-Key: a"], 0, None),
        ("mirror", ["Idempotency-Key: a"], 100, None),
    ],
)
def test_copies_of_writes_are_explained(writes: str, fields: list[str], weight: float, refusal: str | None) -> None:
    """
    As they are made: dry runs to new only, mirrored ones with a key only.
    """
    route = {"name": "one", "match": {"path": "/one"}, "writes": writes, "weight": weight}
    one = explained("POST /one", *fields, routes=[route], cohorts=[])

    assert (one.writes, one.refusal) == (writes, refusal)
    assert dict(told(one))["writes"].startswith(f"{writes}: ")


def pin(side: str, seconds: int = 1) -> str:
    """
    The field of somebody who has written.
    """
    value = pack(bytes.fromhex(KEY), WROTE, side.encode(), int(NOW) + seconds).decode()
    return f"Cookie: __parallax_write={value}"


@pytest.mark.parametrize(("side", "seconds", "by"), [("old", 1, "write"), ("new", 1, "cohort"), ("new", -1, "cohort")])
def test_a_pin_is_explained(side: str, seconds: int, by: str) -> None:
    """
    While it holds, and where it makes a difference.
    """
    fields = ["X-Staff: 1", pin(side, seconds)]
    one = explained("GET /search", *fields, sticky={"key": ["client"], "after_write": 30})

    assert (one.side, one.by) == (side, by)


@pytest.mark.parametrize("side", ["old", "new"])
def test_a_pin_is_explained_where_chance_would_decide(side: str) -> None:
    """
    Whatever chance would say.
    """
    one = explained("GET /search", pin(side), sticky={"key": ["request"], "after_write": 30})

    assert (one.side, one.by, one.share) == (side, "write", None)


def test_a_share_of_0_is_explained() -> None:
    """
    As what keeps whom a pin or a flag would send to new.
    """
    flag = {"key": "search-v2", "mode": "decide"}
    table = a_table(**{**CONFIGURED, "routes": [{**SEARCH, "weight": 0, "flag": flag}]})
    table = replace(table, signing=KEY, after_write=30.0)
    for fields in ([], [pin("new")]):
        head = read_request("GET /search", fields, table)
        one = explain(table, head, "192.0.2.7", NOW, flags={"search-v2": True})

        assert (one.side, one.by, one.share) == ("old", "route", 0)


@pytest.mark.parametrize(
    ("words", "fields", "is_killed", "failover"),
    [
        ("GET /one", [], False, True),
        ("POST /one", ["Content-Length: 0"], False, False),
        ("GET /one", ["Content-Length: 1"], False, False),
        ("GET /one", [], True, False),
        ("GET /two", [], False, False),
    ],
)
def test_failover_is_explained(words: str, fields: list[str], is_killed: bool, failover: bool) -> None:
    """
    For what may go over, and not while killed.
    """
    route = {"name": "one", "match": {"path": "/one"}, "failover": True, "weight": 0}
    one = explained(words, *fields, is_killed=is_killed, routes=[route])

    assert one.failover is failover
    assert dict(told(one)).get("else") == ("new, if the side gives no answer" if failover else None)
