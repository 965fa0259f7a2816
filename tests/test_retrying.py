"""
What one side gives no answer to is asked of the other where the route says so; the client is told, and the books know
who failed.
"""

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from proxy.metrics.books import FAILED
from tests.parts.plane import GET, NEW, OK, OLD, Data, data_plane
from tests.parts.transport import FakeTransport

POST = GET.replace(b"GET", b"POST").replace(b"Host", b"Content-Length: 5\r\nHost") + b"hello"
BODY = GET.replace(b"Host", b"Content-Length: 5\r\nHost") + b"hello"
UPGRADE = GET.replace(b"Host", b"Connection: upgrade\r\nUpgrade: websocket\r\nHost")
ROUTE = {"name": "users", "match": {"path": "/users/**"}, "failover": True}
TOLD = (b"\r\nX-Parallax-Failover: old\r\n", b"\r\nX-Parallax-Failover: new\r\n")
FAILURES = 5

Make = Callable[..., Data]


@pytest.fixture
def make() -> Iterator[Make]:
    """
    A data plane with a route that fails over; nothing is copied unless the test says so.
    """
    with ExitStack() as stack:

        def build(**settings: Any) -> Data:
            return stack.enter_context(data_plane(**{"mirror": {"percent": 0}, "routes": [ROUTE], **settings}))

        yield build


def lose(transport: FakeTransport) -> None:
    """
    The side ends the connection without a byte.
    """
    transport.end()
    transport.lose()


def only(live: int) -> dict[str, Any]:
    """
    Everything to one side.
    """
    return {"weights": {"new": 100 * live}}


# Going over...


@pytest.mark.parametrize("live", [OLD, NEW])
def test_the_other_side_answers_and_the_client_is_told(make: Make, live: int) -> None:
    """
    It gets the same request; the books say who should have answered, who did, and nothing of an error.
    """
    data = make(**only(live))
    first, second = data.idle(live, "live"), data.idle(1 - live, "live")
    data.client.feed(GET)
    assert second.written == b""
    lose(first)
    assert second.written == first.written
    second.feed(OK)

    assert TOLD[live] in data.client.taken()
    assert data.page().eligible[live] == data.page().failovers[live] == 1
    assert data.page().requests[(1 - live) * 2] == {200: 1}
    assert data.entries() == {"off": 1}
    assert data.books.errors == {}
    data.settled()


def test_what_the_other_side_answers_otherwise_is_not_marked(make: Make) -> None:
    """
    Heads are remembered: the mark is on this answer alone.
    """
    data = make()
    first, second = data.idle(OLD, "live"), data.idle(NEW, "live")
    data.client.feed(GET)
    lose(first)
    second.feed(OK)
    assert TOLD[OLD] in data.client.taken()
    third = data.idle(OLD, "live")
    data.client.feed(GET)
    third.feed(OK)

    assert b"X-Parallax-Failover" not in data.client.taken()


def test_each_side_gets_the_request_in_its_own_form(make: Make) -> None:
    """
    What a route changes for one side is not for the other; the fields that were added are the same, and added once.
    """
    route = {**ROUTE, "old": {"set": {"x-old": "1"}}, "new": {"path": {"pattern": "^/users", "with": "/people"}}}
    data = make(routes=[route])
    first, second = data.idle(OLD, "live"), data.idle(NEW, "live")
    data.client.feed(GET.replace(b"Host", b"X-Forwarded-For: 9.9.9.9\r\nHost"))
    lose(first)

    assert first.written.startswith(b"GET /users/7?x=1 HTTP/1.1\r\n")
    assert second.written.startswith(b"GET /people/7?x=1 HTTP/1.1\r\n")
    rest = second.written.partition(b"\r\n")[2]
    assert rest == first.written.partition(b"\r\n")[2].replace(b"x-old: 1\r\n", b"")
    assert rest.count(b"9.9.9.9, ") == 1


def test_a_pair_is_this_sides_failure(make: Make) -> None:
    """
    The copy's answer stays the pair's, and the client's answer is asked for by itself.
    """
    data = make(weights={"new": 100}, mirror={"percent": 100})
    live, shadow = data.both(NEW)
    instead = data.idle(OLD, "live")
    data.client.feed(GET)
    lose(live)
    instead.feed(OK)
    assert TOLD[NEW] in data.client.taken()
    assert data.entries() == {}
    shadow.feed(OK)

    assert data.page().verdicts[NEW][FAILED] == data.page().failed[NEW] == 1
    assert data.page().failed[OLD] == 0
    data.settled()


def test_a_client_that_leaves_takes_no_verdict_along(make: Make) -> None:
    """
    The side that failed has failed, whoever waits for the other.
    """
    data = make(weights={"new": 100}, mirror={"percent": 100})
    live, shadow = data.both(NEW)
    instead = data.idle(OLD, "live")
    data.client.feed(GET)
    lose(live)
    data.client.lose()
    assert instead.is_closing()
    shadow.feed(OK)

    assert data.entries() == {"failed": 1}
    data.settled()


def test_our_own_limit_is_no_failure_of_a_side(make: Make) -> None:
    """
    The other answers too when no connection may be made; there is nothing to compare then.
    """
    data = make(mirror={"percent": 100}, limits={"upstream_connections": 1})
    busy, _ = data.both(OLD)
    data.a_client().feed(GET)
    instead = data.idle(NEW, "live")
    data.client.feed(GET)
    instead.feed(OK)

    assert TOLD[OLD] in data.client.taken()
    assert data.page().skipped[OLD]["failover"] == 1
    assert not data.plane.sides[OLD].ejection.trouble
    busy.feed(OK)


def test_when_both_fail_the_client_gets_an_error(make: Make) -> None:
    """
    Each is asked once.
    """
    data = make()
    first, second = data.idle(OLD, "live"), data.idle(NEW, "live")
    spare = data.idle(OLD, "live")
    data.client.feed(GET)
    # The last that came free is lent first.
    first, spare = spare, first
    lose(first)
    lose(second)

    assert b" 502 " in data.client.taken()
    assert spare.written == b""
    assert data.books.errors == {"live|terminated": 1}
    assert [reach.ejection.trouble for reach in data.plane.sides] == [1, 1]
    data.settled()


async def test_a_second_try_of_the_same_side_comes_first(make: Make) -> None:
    """
    A connection that served before may be closed at any time. A side that can't be connected to has failed.
    """
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    data = make(old={"url": f"http://127.0.0.1:{port}"})
    first, second = data.idle(OLD, "live", reused=True), data.idle(NEW, "live")
    data.client.feed(GET)
    first.lose()
    assert second.written == b""
    async with asyncio.timeout(10):
        while not second.written:  # noqa: ASYNC110 nobody tells when
            await asyncio.sleep(0)
    second.feed(OK)

    assert TOLD[OLD] in data.client.taken()
    assert data.page().failovers == [1, 0]


# Not going over...


@pytest.mark.parametrize("request_", [POST, BODY, UPGRADE], ids=["a write", "content", "a tunnel"])
def test_what_writes_or_has_content_stays(make: Make, request_: bytes) -> None:
    """
    Nobody knows what became of it.
    """
    data = make()
    first, second = data.idle(OLD, "live"), data.idle(NEW, "live")
    data.client.feed(request_)
    lose(first)

    assert second.written == b""
    assert b" 502 " in data.client.taken()


@pytest.mark.parametrize("answer", [b"H", b"HTTP/1.1 103 Wait\r\n\r\n", OK[:-2], b"garbage\r\n\r\n"])
def test_nothing_goes_over_after_a_byte_of_an_answer(make: Make, answer: bytes) -> None:
    """
    Also of one that is no HTTP.
    """
    data = make()
    first, second = data.idle(OLD, "live"), data.idle(NEW, "live")
    data.client.feed(GET)
    first.feed(answer)
    lose(first)

    assert second.written == b""
    assert data.page().failovers == [0, 0]


def test_without_a_route_that_says_so_nothing_goes_over(make: Make) -> None:
    """
    The default.
    """
    data = make(routes=[{**ROUTE, "failover": False}])
    first, second = data.idle(OLD, "live"), data.idle(NEW, "live")
    data.client.feed(GET)
    lose(first)

    assert second.written == b""
    assert b" 502 " in data.client.taken()


def test_while_killed_nothing_goes_over_to_new(make: Make) -> None:
    """
    Neither what begins then, nor what began before.
    """
    data = make()
    before = data.idle(OLD, "live")
    data.client.feed(GET)
    data.tables.latch(True)
    new = data.idle(NEW, "live")
    lose(before)
    assert b" 502 " in data.client.taken()
    after = data.idle(OLD, "live")
    data.a_client().feed(GET)
    lose(after)

    assert new.written == b""


def test_what_began_on_new_before_a_kill_goes_over_to_old(make: Make) -> None:
    """
    There everything goes now.
    """
    data = make(weights={"new": 100})
    before, old = data.idle(NEW, "live"), data.idle(OLD, "live")
    data.client.feed(GET)
    data.tables.latch(True)
    lose(before)
    old.feed(OK)

    assert TOLD[NEW] in data.client.taken()


# A side that is out...


@pytest.mark.parametrize("live", [OLD, NEW])
def test_an_ejected_side_is_not_tried_first(make: Make, live: int) -> None:
    """
    Whichever it is; what writes stays on old.
    """
    data = make(**only(live))
    for _ in range(FAILURES):
        first, second = data.idle(live, "live"), data.idle(1 - live, "live")
        client = data.a_client()
        client.feed(GET)
        lose(first)
        second.feed(OK)
        assert TOLD[live] in client.taken()
    assert data.plane.ejected()[live] == 1
    first, second = data.idle(live, "live"), data.idle(1 - live, "live")
    data.client.feed(GET)
    second.feed(OK)
    assert TOLD[live] in data.client.taken()
    assert first.written == b""
    data.client.feed(POST)

    assert [bool(first.written), second.written.startswith(b"POST")] == [live == OLD, False]


def test_the_request_that_tries_an_ejected_side_is_not_lost(make: Make) -> None:
    """
    It goes over as any other.
    """
    data = make(weights={"new": 100})
    for _ in range(FAILURES):
        first, second = data.idle(NEW, "live"), data.idle(OLD, "live")
        data.a_client().feed(GET)
        lose(first)
        second.feed(OK)
    data.plane.sides[NEW].ejection.knocked(data.plane.now)
    trying, instead = data.idle(NEW, "live"), data.idle(OLD, "live")
    data.client.feed(GET)
    assert trying.written
    lose(trying)
    instead.feed(OK)

    assert TOLD[NEW] in data.client.taken()


def test_one_that_stands_in_and_fails_is_not_the_last(make: Make) -> None:
    """
    An ejected side may be better than its name.
    """
    data = make(weights={"new": 100})
    for _ in range(FAILURES):
        first, second = data.idle(NEW, "live"), data.idle(OLD, "live")
        data.a_client().feed(GET)
        lose(first)
        second.feed(OK)
    standing_in, ejected = data.idle(OLD, "live"), data.idle(NEW, "live")
    data.client.feed(GET)
    assert ejected.written == b""
    lose(standing_in)
    ejected.feed(OK)

    assert TOLD[OLD] in data.client.taken()
