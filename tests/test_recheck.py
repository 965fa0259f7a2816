"""
Tests of asking again: what is learned by it, what it costs, and that nobody else notices.
"""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from proxy.mirror.breaker import OPEN
from proxy.mirror.pair import Unkept
from proxy.recheck import AT_ONCE
from tests.parts.plane import GET, NEW, OK, OLD, Data, data_plane
from tests.parts.transport import FakeTransport
from tests.parts.values import a_table

OTHER = OK.replace(b"hello", b"hallo")
LOST = b""
ASKING = {"compare": {"recheck": {"per_second": 10}}}


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """
    Closes what tests open.
    """
    with ExitStack() as made:
        yield made


def prepared(stack: ExitStack, **settings: object) -> Data:
    """
    Old is live, all is mirrored, and divergent pairs are asked again.
    """
    data = stack.enter_context(data_plane(**{**ASKING, **settings}))
    later(data, 1.0)
    return data


def later(data: Data, seconds: float) -> None:
    """
    The timer comes.
    """
    now = data.plane.now + seconds
    data.plane.tick(now)
    data.tables.rechecks.tick(now)


def diverge(data: Data, live: int = OLD, request: bytes = GET, times: int = 1) -> None:
    """
    So many divergent pairs.
    """
    for _ in range(times):
        first, other = data.both(live)
        client = data.a_client()
        client.feed(request)
        first.feed(OK)
        other.feed(OTHER)
        first.lose()
        other.lose()


def asked(data: Data) -> tuple[FakeTransport, FakeTransport]:
    """
    Connections for copies to both sides, for whoever asks.
    """
    return data.idle(OLD, "shadow"), data.idle(NEW, "shadow")


def answer(sides: tuple[FakeTransport, FakeTransport], *says: bytes) -> None:
    """
    What old and new say, or that they don't.
    """
    for side, said in zip(sides, says, strict=True):
        if said:
            side.feed(said)
        else:
            side.lose(ConnectionResetError())


@pytest.mark.parametrize("live", [OLD, NEW])
def test_a_pair_that_agrees_a_moment_later_stays_divergent_and_is_transient(stack: ExitStack, live: int) -> None:
    """
    Both sides get the request that they had, marked as a copy, and not before a quarter of a second; none of it is in
    the books but that.
    """
    data = prepared(stack, weights={"new": 100.0 * live})
    diverge(data, live)
    sides = asked(data)
    requests = [dict(codes) for codes in data.page().requests]
    later(data, 0.2)
    assert not any(side.written for side in sides)

    later(data, 0.05)
    assert sides[OLD].written == sides[NEW].written
    assert sides[OLD].written.startswith(GET[:-2])
    assert sides[OLD].written.endswith(b"\r\nX-Parallax-Shadow: 1\r\n\r\n")
    assert sides[OLD].written.count(b"X-Forwarded-For") == 1
    answer(sides, OK, OK)
    assert data.page().rechecks == [0, 1]
    assert data.entries() == {"divergent": 1}
    assert [dict(codes) for codes in data.page().requests] == requests
    assert len(data.divergent) == 1
    data.settled()


@pytest.mark.parametrize(
    ("first", "second", "counts"),
    [
        ((OK, OTHER), (OK, OK), [0, 1]),
        ((OK, OTHER), (OK, OTHER), [1, 0]),
        ((OK, LOST), (OK, OK), [0, 1]),
        ((LOST, OK), (OK, OTHER), [1, 0]),
        ((OK, OTHER), (LOST, LOST), [1, 0]),
        ((LOST, OK), (OK, LOST), [0, 0]),
    ],
)
def test_who_does_not_agree_is_asked_once_more(
    stack: ExitStack, first: tuple[bytes, bytes], second: tuple[bytes, bytes], counts: list[int]
) -> None:
    """
    Two seconds after the verdict; where only failures were seen, nothing can be said.
    """
    data = prepared(stack)
    diverge(data)
    sides = asked(data)
    later(data, 0.25)
    answer(sides, *first)
    assert data.page().rechecks == [0, 0]
    sides = asked(data)
    later(data, 1.5)
    assert not any(side.taken().count(b"GET") > 1 for side in sides)
    later(data, 0.25)
    answer(sides, *second)

    assert data.page().rechecks == counts
    later(data, 10.0)
    data.settled()


def test_what_waits_is_in_the_budget(stack: ExitStack) -> None:
    """
    Until its end; without room in it, nobody asks again.
    """
    data = prepared(stack)
    diverge(data)
    assert data.pairs.budget.used > len(GET)
    asked(data)
    later(data, 0.25)
    data.pairs.drop_all("memory_budget")
    data.pairs.budget.limit = data.pairs.budget.used + len(GET)
    later(data, 2.0)
    assert data.pairs.budget.refused > 0
    data.settled()

    diverge(data)
    assert data.page().rechecks == [0, 0]


def test_so_many_a_second(stack: ExitStack) -> None:
    """
    A bucket of one second's worth; time fills it.
    """
    data = prepared(stack, compare={"recheck": {"per_second": 10, "in_flight": 100}})
    diverge(data)
    one = data.pairs.budget.used
    diverge(data, times=11)
    assert data.pairs.budget.used == 10 * one
    later(data, 0.11)
    diverge(data, times=2)
    assert data.pairs.budget.used == 11 * one


def test_so_many_at_once_and_a_quarter_of_one_signature(stack: ExitStack) -> None:
    """
    So that a frequent one doesn't keep out the rare.
    """
    data = prepared(stack, compare={"recheck": {"per_second": 100, "in_flight": 8}})
    diverge(data)
    one = data.pairs.budget.used
    diverge(data, times=5)
    assert data.pairs.budget.used == 2 * one
    for name in ("a", "b", "c", "d"):
        diverge(data, request=b"GET /" + name.encode() + b" HTTP/1.1\r\nHost: a\r\n\r\n", times=2)

    assert data.pairs.budget.used < 5 * one, "endpoints that nobody knows are one"


def test_few_are_under_way_at_once(stack: ExitStack) -> None:
    """
    The others have time.
    """
    data = prepared(stack, compare={"recheck": {"per_second": 1000, "in_flight": 1000}})
    diverge(data, times=AT_ONCE + 2)
    sides = [asked(data) for _ in range(AT_ONCE + 2)]
    later(data, 0.25)
    assert sum(bool(old.written) for old, _ in sides) == AT_ONCE
    for pair in sides:
        if pair[OLD].written:
            answer(pair, OK, OK)
    later(data, 0.25)
    assert data.page().rechecks == [0, AT_ONCE]


def test_killed_there_is_nothing_to_ask(stack: ExitStack) -> None:
    """
    What waits is let go, what is under way ends, and nothing begins; after it was restored, what diverges then counts.
    """
    data = prepared(stack)
    diverge(data)
    old, new = asked(data)
    later(data, 0.25)
    diverge(data)
    assert old.written
    data.tables.latch(True)
    assert old.aborted
    assert new.aborted
    assert data.pairs.budget.used > 0
    sides = asked(data)
    later(data, 5.0)
    data.settled()
    assert data.page().rechecks == [0, 0]

    data.tables.latch(False)
    later(data, 5.0)
    assert not any(side.written for side in sides)


@pytest.mark.parametrize("why", ["closing", "copies", "contents", "off", "side", "route", "recheck"])
def test_nobody_is_asked_where_copies_are_not_wanted(stack: ExitStack, why: str) -> None:
    """
    While draining or shedding, or when a reload has switched it off, or changed a side.
    """
    data = prepared(stack)
    diverge(data)
    table = {
        "off": a_table(**ASKING, mirror={"percent": 0}),
        "side": a_table(**ASKING, new={"url": "http://127.0.0.1:9003"}),
        "route": a_table(**ASKING, routes=[{"name": "users", "match": {"path": "/users/**"}, "mirror": 0}]),
        "recheck": a_table(),
    }
    if why == "closing":
        data.plane.closing = True
    elif why == "copies":
        data.plane.copies = 0.9
    elif why == "contents":
        data.plane.make_pair = Unkept
    else:
        data.swap(table[why])
    sides = asked(data)
    later(data, 5.0)

    assert not any(side.written for side in sides)
    data.settled()


@pytest.mark.parametrize("side", [OLD, NEW])
def test_breakers_and_concurrency_are_respected(stack: ExitStack, side: int) -> None:
    """
    Of either side; a probe is for a client's copy, not for this.
    """
    data = prepared(stack)
    diverge(data)
    data.plane.sides[side].breaker.state = OPEN
    later(data, 0.25)
    later(data, 2.0)
    assert data.page().rechecks == [0, 0]
    data.settled()

    data.plane.sides[side].breaker.state = 0
    diverge(data)
    data.plane.sides[side].copies = 64
    later(data, 0.25)
    later(data, 2.0)
    data.plane.sides[side].copies = 0
    data.settled()


def test_a_side_that_fails_when_asked_again_tells_its_breaker(stack: ExitStack) -> None:
    """
    As with any copy; it is no failure in the books.
    """
    data = prepared(stack)
    diverge(data)
    sides = asked(data)
    later(data, 0.25)
    answer(sides, OK, LOST)

    assert data.plane.sides[NEW].breaker._bad == 1
    assert data.plane.sides[OLD].breaker._bad == 0
    assert data.page().failed == [0, 0]


@pytest.mark.parametrize(
    ("request_text", "settings"),
    [
        (GET.replace(b"Host", b"Content-Length: 2\r\nHost") + b"ab", {}),
        (GET.replace(b"Host", b"Cookie: a=b\r\nHost"), {"mirror": {"credentials": "strip"}}),
        (GET, {"compare": {}}),
    ],
)
def test_some_are_not_asked_again(stack: ExitStack, request_text: bytes, settings: dict[str, object]) -> None:
    """
    Those with content, those that would have to be asked without credentials; and by default none.
    """
    data = prepared(stack, **settings)
    diverge(data, request=request_text)
    assert data.entries() == {"divergent": 1}

    data.settled()
    sides = asked(data)
    later(data, 5.0)
    assert not any(side.written for side in sides)


def test_long_answers_are_compared_too(stack: ExitStack) -> None:
    """
    Longer than is kept, at the speed at which they come.
    """
    data = prepared(stack, mirror={"max_body": 1000})
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n"
    first, other = data.both()
    data.client.feed(GET)
    first.feed(head, b"x" * 200_000)
    other.feed(head, b"y" * 200_000)
    assert data.entries() == {"divergent": 1}
    first.lose()
    other.lose()
    old, new = asked(data)
    later(data, 0.25)
    old.feed(head, b"x" * 100_000, b"x" * 100_000)
    new.feed(head, b"x" * 200_000)

    assert data.page().rechecks == [0, 1]
    data.settled()


def test_copies_that_are_without_something_are_not_asked_again(stack: ExitStack) -> None:
    """
    Both sides would answer to less than the client had asked with.
    """
    route = {"name": "one", "match": {"path": "/**"}, "shadow": {"strip": ["cookie"]}}
    data = prepared(stack, routes=[route])
    diverge(data)
    old, new = data.idle(OLD, "shadow"), data.idle(NEW, "shadow")
    later(data, 1.0)

    assert not old.written
    assert not new.written
