"""
A kill, or a weight of 0, gives tunnels and long answers on new their time, and ends them.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest

from proxy.leaving import SLICE
from tests.parts.plane import GET, NEW, OK, OLD, Data, data_plane
from tests.parts.transport import FakeTransport
from tests.parts.values import a_table

UPGRADE = GET.replace(b"Host", b"Connection: upgrade\r\nUpgrade: websocket\r\nHost")
SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
LONG = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"
STREAMS = 30.0
ROUTE = {"name": "users", "match": {"path": "/users/**"}}
FLAGGED = {**ROUTE, "flag": {"key": "users", "mode": "decide"}}
ON_OLD = {"name": "all", "match": {"path": "/**"}, "side": "old"}

Make = Callable[..., Data]


@pytest.fixture
def make() -> Iterator[Make]:
    """
    A data plane in which new answers everything, and nothing is copied unless the test says so.
    """
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(data_plane(**common(**settings)))


def common(**settings: Any) -> dict[str, Any]:
    """
    What all tables here have.
    """
    return {"weights": {"new": 100}, "mirror": {"percent": 0}, "drain": {"streams": STREAMS}, **settings}


def swap(data: Data, /, **settings: Any) -> None:
    """
    The next epoch.
    """
    data.swap(replace(a_table(**common(**settings)), epoch=data.plane.table.epoch + 1))


def tunnel(data: Data, side: int) -> tuple[FakeTransport, FakeTransport]:
    """
    A client with a tunnel to a side: both ends.
    """
    there, client = data.idle(side, "live"), data.a_client()
    client.feed(UPGRADE)
    there.feed(SWITCHED)
    assert client.taken().startswith(b"HTTP/1.1 101 ")
    return client, there


def stands(transport: FakeTransport) -> bool:
    """
    It isn't closed.
    """
    return not transport.closed


def wait(data: Data, seconds: float) -> None:
    """
    So much later, looked at at both ends of the time.
    """
    data.tables.leaving.tick(data.plane.now)
    data.plane.now += seconds
    data.tables.leaving.tick(data.plane.now)


def test_a_tunnel_is_closed_when_its_time_is_over(make: Make) -> None:
    """
    Not before; what was sent reaches the client.
    """
    data = make()
    client, there = tunnel(data, NEW)
    data.tables.latch(True)
    wait(data, STREAMS - 0.5)
    there.feed(b"last words")
    assert stands(client)
    wait(data, 0.5)

    assert client.taken() == b"last words"
    assert client.closed
    assert not client.aborted
    assert there.closed
    assert data.books.errors == {"live|left": 1}
    assert not data.plane.sides[NEW].ejection.trouble


def test_a_long_answer_is_cut_so_that_it_shows(make: Make) -> None:
    """
    The last chunk doesn't come. Nothing is said of new: its copy's pair has no verdict.
    """
    data = make(mirror={"percent": 100})
    live, shadow = data.both(NEW)
    data.client.feed(GET)
    live.feed(LONG)
    shadow.feed(LONG)
    swap(data, weights={"new": 0})
    wait(data, STREAMS)

    assert data.client.taken().endswith(b"3\r\nabc\r\n")
    assert data.client.closed
    assert live.closed
    assert data.entries() == {"draining": 1}
    data.settled()


def test_what_waits_for_an_answer_goes_on_waiting(make: Make) -> None:
    """
    An answer that is whole at once is the client's; one that goes on and on is cut.
    """
    data = make()
    first, second = data.idle(NEW, "live"), data.idle(NEW, "live")
    short, long = data.a_client(), data.a_client()
    short.feed(GET)
    long.feed(GET)
    swap(data, weights={"new": 0})
    wait(data, STREAMS * 2)
    assert stands(short)
    assert stands(long)
    second.feed(OK)
    first.feed(LONG)
    wait(data, 0)

    assert short.taken().endswith(b"hello")
    assert stands(short)
    assert long.closed


def test_new_brought_back_in_time_keeps_its_tunnels(make: Make) -> None:
    """
    And those of a second kill have their whole time again.
    """
    data = make()
    client, _ = tunnel(data, NEW)
    data.tables.latch(True)
    wait(data, STREAMS / 2)
    data.tables.latch(False)
    wait(data, STREAMS)
    assert stands(client)
    data.tables.latch(True)
    wait(data, STREAMS - 1)
    assert stands(client)
    wait(data, 1)

    assert client.closed


def test_nobody_has_to_leave_old(make: Make) -> None:
    """
    Whatever the weight.
    """
    data = make(weights={"new": 0})
    client, _ = tunnel(data, OLD)
    swap(data)
    wait(data, STREAMS * 2)
    data.tables.latch(True)
    wait(data, STREAMS * 2)

    assert stands(client)


@pytest.mark.parametrize(
    ("settings", "stays"),
    [
        ({"weights": {"new": 0.01}}, True),
        ({"weights": {"new": 0}}, False),
        ({"weights": {"new": 0}, "routes": [{**ROUTE, "weight": 1}]}, True),
        ({"routes": [{**ROUTE, "weight": 0}]}, False),
        ({"weights": {"new": 0}, "cohorts": [{"name": "all", "match": {"path": "/**"}, "side": "new"}]}, True),
        ({"cohorts": [{"name": "all", "match": {"path": "/**"}, "weight": 0}]}, False),
        ({"sticky": {"key": ["client"]}}, True),
        ({"sticky": {"key": ["header:x-user"]}, "weights": {"new": 50}}, False),
        ({"data": "split"}, False),
        ({"routes": [{**FLAGGED, "weight": 0.01}]}, True),
        ({"routes": [{**FLAGGED, "weight": 0}]}, False),
        ({"routes": [{**FLAGGED, "weight": 50}], "cohorts": [ON_OLD]}, False),
        ({"routes": [FLAGGED], "data": "split"}, False),
    ],
)
def test_who_may_still_be_asked_of_new_stays(make: Make, settings: dict[str, Any], stays: bool) -> None:
    """
    Chance and flags may say what they like; a route, a cohort, a bucket or split data that says old means it.
    """
    data = make()
    client, _ = tunnel(data, NEW)
    swap(data, **settings)
    wait(data, STREAMS)

    assert client.closed is not stays


def test_what_stands_in_for_old_stays_unless_killed(make: Make) -> None:
    """
    A route with failover may use new at weight 0.
    """
    routes = [{**ROUTE, "failover": True}]
    data = make(weights={"new": 0}, routes=routes)
    failing, standing_in = data.idle(OLD, "live"), data.idle(NEW, "live")
    data.client.feed(GET)
    failing.end()
    failing.lose()
    standing_in.feed(LONG)
    swap(data, weights={"new": 0}, routes=routes, limits={"head": 1024})
    wait(data, STREAMS * 2)
    assert stands(data.client)
    data.tables.latch(True)
    wait(data, STREAMS)

    assert data.client.closed


def test_many_are_looked_at_in_slices(make: Make) -> None:
    """
    So that nobody waits for it; all are seen.
    """
    data = make()
    client, _ = tunnel(data, NEW)
    for _ in range(SLICE):
        data.a_client()
    data.tables.latch(True)
    for _ in range(3):
        wait(data, STREAMS)

    assert client.closed
