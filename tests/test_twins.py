"""
Tests of asking a twin: what it learns, what it costs, and that nobody else notices.
"""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from proxy.mirror.pair import Pair, Unkept
from proxy.net.upstream import UpstreamConnection
from tests.parts.plane import GET, NEW, OK, OLD, Data, data_plane
from tests.parts.transport import FakeTransport, sockets


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """
    Closes what tests open.
    """
    with ExitStack() as made:
        yield made


def prepared(stack: ExitStack, **settings: object) -> Data:
    """
    Old is live, all is mirrored, and a twin is asked each time.
    """
    data = stack.enter_context(data_plane(**{"noise": {"sample": 100}, **settings}))
    data.plane.tick(data.plane.now + 1.0)
    return data


def a_twin(data: Data, stack: ExitStack) -> FakeTransport:
    """
    An idle connection to it.
    """
    reach = data.plane.course.twin
    assert reach is not None
    connection = UpstreamConnection(reach.shadow, reach.shadow.places.all[0])
    transport = FakeTransport(connection, *stack.enter_context(sockets()))
    reach.shadow.give_back(connection)
    return transport


def test_the_same_request_goes_to_the_twin_marked_as_a_copy(stack: ExitStack) -> None:
    """
    Byte for byte what new gets.
    """
    data = prepared(stack)
    _, new = data.both()
    twin = a_twin(data, stack)
    data.client.feed(GET)

    assert bytes(twin.written) == bytes(new.written)
    assert b"X-Parallax-Shadow: 1\r\n" in twin.written


@pytest.mark.parametrize("order", ["old new twin", "twin old new", "new twin old"])
@pytest.mark.parametrize(("says", "counts"), [(OK, [1, 0]), (OK.replace(b"hello", b"hallo"), [0, 1])])
@pytest.mark.parametrize("live", [OLD, NEW])
def test_old_is_compared_with_its_twin(stack: ExitStack, live: int, says: bytes, counts: list[int], order: str) -> None:
    """
    Whoever is live and whoever comes first: one pair with the twin, and one verdict on old and new.
    """
    data = prepared(stack, weights={"new": 100.0 * live})
    first, other = data.both(live)
    sides = {"old": other if live else first, "new": first if live else other, "twin": a_twin(data, stack)}
    data.client.feed(GET)
    for name in order.split():
        sides[name].feed(says if name == "twin" else OK)

    assert data.page().twins == counts
    assert data.entries() == {"identical": 1}
    assert sum(data.page().eligible) == 1
    assert not data.divergent
    assert sum(sum(codes.values()) for codes in data.page().requests) == 2, "what a twin answers is no side's answer"
    data.settled()


def test_the_client_does_not_wait_for_the_twin(stack: ExitStack) -> None:
    """
    Nor does its next request; what the twin owes stays within the budget until then.
    """
    data = prepared(stack)
    live, shadow = data.both()
    twin = a_twin(data, stack)
    data.client.feed(GET)
    live.feed(OK)
    shadow.feed(OK)
    assert data.client.written.endswith(b"hello")
    assert data.entries() == {"identical": 1}
    assert data.pairs.budget.used > 0

    twin.feed(OK)
    data.settled()


@pytest.mark.parametrize("fails", ["old", "twin"])
def test_who_gives_no_answer_teaches_nothing(stack: ExitStack, fails: str) -> None:
    """
    Neither a failure of old, nor one of its twin.
    """
    data = prepared(stack)
    old, new = data.both()
    sides = {"old": old, "new": new, "twin": a_twin(data, stack)}
    data.client.feed(GET)
    sides.pop(fails).lose(ConnectionResetError())
    for side in sides.values():
        side.feed(OK)

    assert data.page().twins == [0, 0]
    assert data.entries() == ({"identical": 1} if fails == "twin" else {"failed": 1})
    data.settled()


def test_a_client_that_goes_away_ends_the_twin_too(stack: ExitStack) -> None:
    """
    Nobody's answer is waited for.
    """
    data = prepared(stack)
    data.both()
    a_twin(data, stack)
    data.client.feed(GET)
    data.client.lose()

    assert data.entries() == {"client_gone": 1}
    data.settled()


def test_it_is_asked_at_most_so_often(stack: ExitStack) -> None:
    """
    A bucket of one second's worth; time fills it.
    """
    data = prepared(stack, noise={"sample": 100, "per_second": 2})
    asked = []
    for later in (0.0, 0.0, 0.0, 0.5, 0.0, 9.0, 0.0, 0.0):
        data.plane.tick(data.plane.now + later)
        asked.append(data.plane.asks_twin(data.plane.course))

    assert asked == [True, True, False, True, False, True, True, False]


def test_chance_decides_which(stack: ExitStack) -> None:
    """
    `noise.sample` percent.
    """
    data = prepared(stack, noise={"sample": 50})
    rolls = iter([0.49, 0.51, 0.1, 0.5])
    data.plane.random = lambda: next(rolls)

    assert [data.plane.asks_twin(data.plane.course) for _ in range(4)] == [True, False, True, False]


def test_it_is_the_first_to_be_shed(stack: ExitStack) -> None:
    """
    None while copies or contents are shed, while draining, or by default.
    """
    data = prepared(stack)
    plane = data.plane
    plane.copies = 0.99
    assert not plane.asks_twin(plane.course)
    plane.copies, plane.make_pair = 1.0, Unkept
    assert not plane.asks_twin(plane.course)
    plane.make_pair, plane.closing = Pair, True
    assert not plane.asks_twin(plane.course)
    plane.closing = False
    assert plane.asks_twin(plane.course)

    assert prepared(stack, noise={}).plane.course.twin is None


@pytest.mark.parametrize(
    ("request_text", "settings"),
    [
        (GET.replace(b"Host", b"Content-Length: 2\r\nHost") + b"ab", {}),
        (GET.replace(b"Host", b"Cookie: a=b\r\nHost"), {"mirror": {"credentials": "strip"}}),
        (GET.replace(b"GET", b"POST").replace(b"Host", b"Content-Length: 0\r\nHost"), {}),
    ],
)
def test_some_requests_are_not_asked_twice(stack: ExitStack, request_text: bytes, settings: dict[str, object]) -> None:
    """
    Those with content, those that a twin would have to be asked without credentials, and writes.
    """
    data = prepared(stack, **settings)
    data.both()
    twin = a_twin(data, stack)
    data.client.feed(request_text)

    assert not twin.written


def test_a_twin_of_its_own_keeps_its_connections(stack: ExitStack) -> None:
    """
    With `noise.twin.url` it is another address, also for Host; a table that leaves it as it was leaves it alone.
    """
    data = prepared(stack, noise={"sample": 100, "twin": {"url": "http://127.0.0.1:9", "host": "upstream"}})
    data.both()
    twin = a_twin(data, stack)
    before = data.plane.course.twin
    data.swap(data.plane.table)
    data.client.feed(GET)

    assert data.plane.course.twin is before
    assert b"Host: 127.0.0.1:9\r\n" in twin.written


@pytest.mark.parametrize(("writes", "asked"), [("never", False), ("dry_run", False), ("mirror", False), ("safe", True)])
def test_a_twin_gets_no_writes(stack: ExitStack, writes: str, asked: bool) -> None:
    """
    It is old: what it is asked, it does. A route may say that what looks like a write is a read.
    """
    data = prepared(stack, routes=[{"name": "one", "match": {"path": "/**"}, "writes": writes}])
    old, _ = data.both()
    twin = a_twin(data, stack)
    data.client.feed(b"DELETE / HTTP/1.1\r\nHost: a\r\nIdempotency-Key: 1\r\n\r\n")
    old.feed(OK)

    assert bool(twin.written) is asked


@pytest.mark.parametrize(("live", "asked"), [(OLD, True), (NEW, False)])
def test_a_twin_is_not_held_against_an_old_that_got_less(stack: ExitStack, live: int, asked: bool) -> None:
    """
    A copy without its cookies is answered differently, and that is no noise.
    """
    route = {"name": "one", "match": {"path": "/**"}, "shadow": {"strip": ["cookie"]}}
    data = prepared(stack, routes=[route], weights={"new": 100 * live})
    data.both(live)
    twin = a_twin(data, stack)
    data.client.feed(GET)

    assert bool(twin.written) is asked
