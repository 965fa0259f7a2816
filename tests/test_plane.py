"""
What exchanges share: pages by endpoint, offers of new ones, and both sides' clocks.
"""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.metrics.endpoints import Known
from proxy.plane import FORGET, LONGEST, OFFERS, OTHER, REMEMBERED, RETRIES, RETRY_WINDOW, Plane
from proxy.wire.request import RequestHead
from tests.parts.plane import GET, NEW, OK, OLD, Data, data_plane
from tests.parts.values import a_request


@pytest.fixture
def data() -> Iterator[Data]:
    """
    By default.
    """
    with data_plane() as made:
        yield made


def asking(target: bytes, method: bytes = b"GET") -> RequestHead:
    """
    A request for this.
    """
    return a_request(method + b" " + target + b" HTTP/1.1\r\nHost: a\r\n\r\n")


@pytest.mark.parametrize(
    ("target", "method", "endpoint"),
    [
        (b"/users/7", b"GET", "GET /users/{id}"),
        (b"/users/7?page=2", b"GET", "GET /users/{id}"),
        (b"/users/7", b"POST", OTHER),
        (b"/elsewhere", b"GET", OTHER),
        (b"*", b"OPTIONS", OTHER),
    ],
)
def test_a_request_belongs_to_one_page(target: bytes, method: bytes, endpoint: str, data: Data) -> None:
    """
    The same when it is asked for again; the query doesn't matter.
    """
    page = data.plane.page(asking(target, method))

    assert page.name == endpoint
    assert data.plane.page(asking(target, method)) is page


def test_a_new_list_of_endpoints_holds_at_once(data: Data) -> None:
    """
    What was remembered by the old one is forgotten; its totals stay.
    """
    before = data.plane.page(asking(b"/orders/1"))
    data.plane.know(Known(["GET /orders/{id}"]))

    assert before.name == OTHER
    assert data.plane.page(asking(b"/orders/1")).name == "GET /orders/{id}"
    assert OTHER in data.books.pages


def test_memory_is_bounded_whatever_paths_come(data: Data) -> None:
    """
    In number, and in the length of each.
    """
    data.plane.page(asking(b"/" + b"x" * LONGEST))
    assert not data.plane._pages
    for number in range(REMEMBERED + 10):
        data.plane.page(asking(b"/users/%d" % number))

    assert len(data.plane._pages) <= REMEMBERED
    assert set(data.books.pages) == {OTHER, "GET /users/{id}"}


def test_an_endpoint_is_offered_once_in_a_while(data: Data) -> None:
    """
    An offer may be lost with the process it went to, so it is made again later.
    """
    offers: list[str] = []
    data.plane.on_candidate = offers.append
    now = data.plane.now
    data.plane.offer(asking(b"/orders/17?x"))
    data.plane.offer(asking(b"/orders/17?y"))
    assert offers == ["GET /orders/{id}"]
    data.plane.tick(now + FORGET + 0.1)
    data.plane.offer(asking(b"/orders/17"))

    assert offers == ["GET /orders/{id}"] * 2


def test_offers_are_bounded(data: Data) -> None:
    """
    A scanner's paths don't flood the link.
    """
    offers: list[str] = []
    data.plane.on_candidate = offers.append
    for number in range(OFFERS * 2):
        data.plane.offer(asking(b"/scan/%d" % number))

    assert len(offers) == OFFERS


@pytest.mark.parametrize(("status", "offered"), [(b"200", True), (b"302", True), (b"404", False), (b"500", False)])
def test_only_what_exists_is_offered(status: bytes, offered: bool, data: Data) -> None:
    """
    A live answer under 400 says that the path is one.
    """
    offers: list[str] = []
    data.plane.on_candidate = offers.append
    old, _ = data.both()
    data.client.feed(GET.replace(b"users", b"orders"))
    old.feed(OK.replace(b"200", status))

    assert bool(offers) is offered


def test_both_sides_have_pools_of_their_own(data: Data) -> None:
    """
    A side's copies never take a connection from a client.
    """
    pools = {id(data.pool(side, role)) for side in (OLD, NEW) for role in ("live", "shadow")}

    assert len(pools) == 4


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ({}, {}, True),
        ({"host": "upstream"}, {}, False),
        ({}, {"host": "b"}, False),
        ({"url": "http://127.0.0.1:1/a"}, {"url": "http://127.0.0.1:2/a"}, True),
        ({"url": "http://127.0.0.1:1/a"}, {"url": "http://127.0.0.1:2/b"}, False),
    ],
)
def test_one_text_serves_both_legs_when_nothing_in_it_differs(
    old: dict[str, str], new: dict[str, str], same: bool
) -> None:
    """
    Host and base are all that configuration can make different.
    """
    sides = {
        "old": {"url": "http://127.0.0.1:1", **old},
        "new": {"url": "http://127.0.0.1:2", **new},
    }
    with data_plane(**sides) as data:
        only = data.plane.course.ways.only
        assert only is not None
        assert only.same_form is same


def test_closing_closes_what_is_idle(data: Data) -> None:
    """
    In both roles, on both sides.
    """
    idle = [data.idle(side, role) for side in (OLD, NEW) for role in ("live", "shadow")]
    data.plane.close()

    assert all(transport.closed for transport in idle)


@given(st.integers(1, 100))
def test_a_breaker_that_is_not_closed_is_told(copies: int) -> None:
    """
    By side; new is the one that refuses.
    """
    with data_plane() as data:
        plane: Plane = data.plane
        for _ in range(copies):
            plane.sides[NEW].breaker.ended("refused", plane.now, 0.5)

        assert plane.breakers_open() == [0, int(copies >= 20)]


def test_retries_have_a_budget_and_a_new_one_after_its_window(data: Data) -> None:
    """
    A few always, a share of many requests, and not one more.
    """
    plane: Plane = data.plane
    assert [plane.may_retry() for _ in range(RETRIES + 1)] == [True] * RETRIES + [False]

    plane.requests = 100
    assert [plane.may_retry() for _ in range(11)] == [True] * 10 + [False]

    plane.tick(plane.now + RETRY_WINDOW + 1)
    assert plane.may_retry()
