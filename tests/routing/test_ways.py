"""
What a route makes of its requests: its own weight, keys and copies, else those of the whole table; and cohorts, which
say more of who answers than routes do.
"""

from typing import Any

import pytest

from proxy.routing.buckets import bucket
from proxy.routing.choice import Decision, stays_on_old
from proxy.routing.intent import Intent, killed, with_intent
from proxy.routing.table import NEW, OLD, Table, decode, encode
from proxy.routing.ways import Way, Ways, may_go_over
from proxy.wire.forward import without_credentials
from tests.parts.values import a_request, a_table

ADDRESS = b"192.0.2.7"
SEARCH = {"name": "search", "match": {"path": "/search/**"}}
STAFF = {"name": "staff", "match": {"header": {"X-Staff": "*"}}}


def never() -> float:
    """
    Dice that nobody is to roll.
    """
    raise AssertionError("nobody was to roll dice")


def way(table: Table, target: str = "/search/a", fields: str = "") -> Way:
    """
    The way of a request.
    """
    return Ways(table).find(a_request(f"GET {target} HTTP/1.1\r\nHost: a\r\n{fields}\r\n".encode()))


def decided(table: Table, target: str = "/search/a", fields: str = "", method: str = "GET") -> Decision:
    """
    Who answers a request, and what decided, where chance has no say.
    """
    head = a_request(f"{method} {target} HTTP/1.1\r\nHost: a\r\n{fields}\r\n".encode())
    choice = Ways(table).find(head).choice
    assert choice is not None
    return choice.decide(head, ADDRESS, never)


def test_without_routes_there_is_one_way() -> None:
    """
    And nothing of a request is looked at to find it.
    """
    table = a_table(weights={"new": 5})
    only = Ways(table).only

    assert only is not None
    assert (only.name, only.weight, only.choice, only.percent) == ("", 5.0, None, 100.0)


def test_a_route_has_what_it_says_and_else_what_all_have() -> None:
    """
    Requests without a route are as if there were none.
    """
    table = a_table(
        weights={"new": 5},
        mirror={"percent": 50},
        routes=[{**SEARCH, "weight": 10, "mirror": 50, "sticky": ["client"]}, {"name": "a", "match": {"path": "/a"}}],
    )
    search, plain, other = way(table), way(table, "/a"), way(table, "/b")

    assert Ways(table).only is None
    assert (search.name, search.weight, search.percent, search.find is None) == ("search", 10.0, 25.0, False)
    assert (plain.name, plain.weight, plain.percent, plain.find) == ("a", 5.0, 50.0, None)
    assert (other.name, other.weight, other.percent, other.find) == ("", 5.0, 50.0, None)


def test_a_client_keeps_its_bucket_on_every_route() -> None:
    """
    One salt for all; each route reaches as many buckets as its weight says.
    """
    mine = bucket(b"parallax", ADDRESS) / 100
    table = a_table(
        sticky={"key": ["client"]},
        weights={"new": round(mine, 2)},
        routes=[{**SEARCH, "weight": round(mine + 0.01, 2)}],
    )

    assert decided(table) == (NEW, "route")
    assert decided(table, "/b") == (OLD, "weight")


def test_an_intent_says_more_than_the_configuration() -> None:
    """
    Of routes and cohorts by name; what it doesn't name, the configuration says.
    """
    table = a_table(
        sticky={"key": ["client"]},
        routes=[{**SEARCH, "weight": 10}, {"name": "a", "match": {"path": "/a"}}],
        cohorts=[{**STAFF, "weight": 0}],
    )
    moved = with_intent(
        table, Intent(epoch=2, new=0, mirror=100, routes={"search": 0, "a": 100, "gone": 7}, cohorts={"staff": 100})
    )

    assert [way(moved, target).weight for target in ("/search", "/a", "/b")] == [0, 100, 0]
    assert decided(moved, "/b", "X-Staff: 1\r\n") == (NEW, "cohort")
    assert decode(encode(moved)) == moved


def test_a_cohort_says_more_than_a_route() -> None:
    """
    The first that matches; a side has all of its own, whatever the weights.
    """
    table = a_table(
        weights={"new": 100},
        routes=[{**SEARCH, "weight": 100}],
        cohorts=[{**STAFF, "side": "old"}, {"name": "beta", "match": {"cookie": {"beta": "1"}}, "weight": 100}],
    )

    assert decided(table, fields="X-Staff: 1\r\nCookie: beta=1\r\n") == (OLD, "cohort")
    assert decided(table, fields="Cookie: beta=1\r\n") == (NEW, "cohort")
    assert decided(table) == (NEW, "route")
    assert decided(table, "/b") == (NEW, "weight")


def test_split_data_says_more_than_all_of_them() -> None:
    """
    No write leaves old.
    """
    table = a_table(
        data="split",
        weights={"new": 100},
        routes=[{**SEARCH, "weight": 100, "writes": "safe"}],
        cohorts=[{**STAFF, "side": "new"}],
    )

    assert decided(table, method="POST", fields="X-Staff: 1\r\nContent-Length: 0\r\n") == (OLD, "split")
    assert decided(table, fields="X-Staff: 1\r\n") == (NEW, "cohort")


@pytest.mark.parametrize("intent", [{}, {"routes": {"search": 100}, "cohorts": {"staff": 100}}])
def test_a_kill_says_more_than_everything(intent: dict[str, Any]) -> None:
    """
    All goes to old, also when that fails, and nothing is copied; what else a route does to requests stays.
    """
    table = a_table(
        weights={"new": 100},
        routes=[{**SEARCH, "weight": 100, "failover": True}],
        cohorts=[{**STAFF, "side": "new"}],
    )
    assert way(table).failover
    off = killed(with_intent(table, Intent(epoch=2, new=100, mirror=100, **intent)))
    search = way(off, fields="X-Staff: 1\r\n")

    assert (search.name, search.weight, search.choice, search.percent) == ("search", 0, None, 0)
    assert not search.failover
    assert way(off, "/b").weight == 0


@pytest.mark.parametrize(
    ("field", "is_read"),
    [
        ("X-HTTP-Method-Override: DELETE", False),
        ("x-http-method: post", False),
        ("X-Method-Override: GET, PUT", False),
        ("X_HTTP_Method_Override: PATCH", False),
        ("X-HTTP-Method-Override: head", True),
        ("X-HTTP-Method-Override:", True),
        ("X-HTTP-Method-Other: DELETE", True),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_a_read_that_names_a_method_that_writes_is_none(method: str, field: str, is_read: bool) -> None:
    """
    Frameworks do what it names: it is not copied, not asked of another side, not repeated, and stays with split data.
    """
    routes = [{"name": "a", "match": {"path": "/**"}, "failover": True}]
    head = a_request(f"{method} / HTTP/1.1\r\nHost: a\r\n{field}\r\n\r\n".encode())
    way = Ways(a_table(data="stateless", routes=routes)).find(head)

    assert way.refusal(head, OLD) == (None if is_read else "method")
    assert may_go_over(way, head) is is_read
    assert head.is_idempotent is is_read
    assert stays_on_old(head) is not is_read
    assert without_credentials(head).is_read is is_read


def test_a_write_stays_one_whatever_it_names() -> None:
    """
    A POST that is to be a GET may be taken for a POST.
    """
    head = a_request(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nX-HTTP-Method-Override: GET\r\n\r\n")

    assert stays_on_old(head)
    assert not head.is_idempotent
