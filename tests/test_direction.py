"""
Whichever side answers, the other gets the copy, by the same rules: with new live, old is the shadow.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from proxy.metrics.books import FAILED, IDENTICAL
from proxy.mirror.breaker import OPEN, SAMPLES
from proxy.plane import RETRIES
from proxy.routing.buckets import bucket
from tests.parts.plane import GET, NEW, OK, OLD, Data, data_plane

MARKER = b"X-Parallax-Shadow: 1\r\n"
MARKED = GET.replace(b"Host", MARKER + b"Host")
POST = GET.replace(b"GET", b"POST").replace(b"Host", b"Content-Length: 5\r\nHost") + b"hello"

Make = Callable[..., Data]


@pytest.fixture(params=[OLD, NEW], ids=["old live", "new live"])
def live(request: pytest.FixtureRequest) -> int:
    """
    Who answers.
    """
    side: int = request.param
    return side


@pytest.fixture
def make(live: int) -> Iterator[Make]:
    """
    A data plane with settings, in which one side answers everything.
    """
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(data_plane(weights={"new": 100 * live}, **settings))


@pytest.mark.parametrize("request_", [GET, MARKED])
def test_only_the_copy_is_marked(request_: bytes, live: int, make: Make) -> None:
    """
    Whatever the client claims to be.
    """
    data = make()
    front, back = data.both(live)
    data.client.feed(request_)
    front.feed(OK)
    back.feed(OK)

    assert MARKER not in front.written
    assert back.written.count(MARKER) == 1
    assert data.page().verdicts[live][IDENTICAL] == data.page().eligible[live] == 1
    assert data.page().eligible[1 - live] == 0
    data.settled()


def test_writes_are_not_copied(live: int, make: Make) -> None:
    """
    To nobody.
    """
    data = make()
    front, back = data.both(live)
    data.client.feed(POST)
    front.feed(OK)

    assert front.written.endswith(b"hello")
    assert back.written == b""
    assert data.books.page("other").skipped[live] == {"method": 1}


def test_a_shadow_that_fails_is_told_by_its_side_and_costs_nobody_anything(live: int, make: Make) -> None:
    """
    Until its breaker opens; the live side's stays closed.
    """
    data = make()
    for _ in range(SAMPLES):
        front, back = data.both(live)
        data.client.feed(GET)
        front.feed(OK)
        back.lose(ConnectionResetError())
    front, back = data.both(live)
    data.client.feed(GET)
    front.feed(OK)

    assert data.client.written.count(b"hello") == SAMPLES + 1
    assert back.written == b""
    assert data.page().failed[1 - live] == data.page().verdicts[live][FAILED] == SAMPLES
    assert data.page().failed[live] == 0
    assert data.page().skipped[live] == {"breaker_open": 1}
    assert data.plane.sides[1 - live].breaker.state == OPEN
    assert data.plane.breakers_open()[live] == 0
    told = [(trouble.side, trouble.role) for reach in data.plane.sides for trouble in reach.troubles.due(0.0)]
    assert told == [(1 - live, 1)]


def test_a_live_side_that_fails_is_told_by_its_side(live: int, make: Make) -> None:
    """
    With new live and dying, this is new's failure; its shadow breaker isn't asked.
    """
    data = make()
    front, back = data.both(live)
    data.client.feed(GET)
    back.feed(OK)
    front.lose(ConnectionResetError())

    assert data.client.written.startswith(b"HTTP/1.1 502 ")
    assert data.page().failed[live] == data.page().verdicts[live][FAILED] == 1
    assert data.page().failed[1 - live] == 0
    assert data.books.errors == {"live|terminated": 1}
    assert data.plane.sides[live].troubles.due(0.0)[0][:2] == (live, 0)
    data.settled()


async def test_a_live_side_is_asked_again_within_the_budget_of_retries(live: int, make: Make) -> None:
    """
    On the same side; the copy isn't sent again, and a shadow is never asked again.
    """
    data = make(limits={"upstream_connections": 1})
    data.idle(live, "live")
    front = data.idle(live, "live", reused=True)
    back = data.idle(1 - live, "shadow", reused=True)
    data.client.feed(GET)
    front.lose(ConnectionResetError())

    # The limit allows no other connection, which is how we see that one was asked for.
    assert data.books.errors == {"live|limit": 1}
    assert back.written.count(MARKER) == 1
    assert [data.plane.may_retry() for _ in range(RETRIES)] == [True] * (RETRIES - 1) + [False]


def test_a_side_that_takes_too_long_is_not_asked_again(live: int, make: Make) -> None:
    """
    Not even on a connection that served before: it would take as long again.
    """
    data = make()
    front = data.idle(live, "live", reused=True)
    data.idle(1 - live, "shadow")
    data.client.feed(GET)
    data.plane.tick(data.plane.now + 61.0)

    assert front.aborted
    assert data.client.written.startswith(b"HTTP/1.1 504 ")
    assert data.books.errors == {"live|timeout": 1}


@pytest.mark.parametrize("limit", [10, 600])
def test_the_budget_holds(limit: int, live: int, make: Make) -> None:
    """
    For the copy's request, and for what both answer.
    """
    data = make()
    data.pairs.budget.limit = limit
    front, back = data.both(live)
    data.client.feed(GET)
    front.feed(OK.replace(b": 5", b": 900").removesuffix(b"hello"), b"x" * 900)

    assert data.client.written.endswith(b"x" * 900)
    assert data.page().skipped[live] == {"memory_budget": 1}
    assert back.aborted or not back.written
    data.settled()


def test_copies_under_way_are_bounded_by_side(live: int, make: Make) -> None:
    """
    The next one isn't made.
    """
    data = make(mirror={"concurrency": 1})
    front, back = data.both(live)
    data.client.feed(GET)
    front.feed(OK)
    assert [reach.copies for reach in data.plane.sides] == [live, 1 - live]
    data.client.feed(GET)
    front.feed(OK)
    back.feed(OK)

    assert data.entries() == {"concurrency": 1, "identical": 1}
    data.settled()


def test_credentials_are_kept_from_the_shadow_where_that_is_configured(live: int, make: Make) -> None:
    """
    The live side sees them.
    """
    data = make(mirror={"credentials": "strip"})
    front, back = data.both(live)
    data.client.feed(GET.replace(b"Host", b"Authorization: secret\r\nCookie: secret\r\nHost"))

    assert front.written.count(b"secret") == 2
    assert b"secret" not in back.written


# By key, and where writes stay...


def asking(user: bytes, method: bytes = b"GET") -> bytes:
    """
    A request of this user.
    """
    return method + GET[3:].replace(b"Host", b"X-User-Id: %b\r\nHost" % user)


def test_a_user_is_on_one_side_on_every_connection() -> None:
    """
    And the copy goes to the other.
    """
    users = [b"user-%d" % number for number in range(20)]
    with data_plane(weights={"new": 50}, sticky={"key": ["header:X-User-Id"]}) as data:
        for user in users * 2:
            side = NEW if bucket(b"parallax", user) < 5000 else OLD
            front, back = data.both(side)
            client = data.a_client()
            client.feed(asking(user))
            front.feed(OK)
            back.feed(OK)
            assert client.written.endswith(b"hello")

        assert data.entries() == {"identical": 40}
        assert data.page().eligible[NEW] == 2 * sum(bucket(b"parallax", user) < 5000 for user in users)
        data.settled()


@pytest.mark.parametrize("killed", [False, True])
@pytest.mark.parametrize("weight", [0, 50, 100])
def test_while_data_is_split_writes_are_on_old_whatever_the_weight_the_kill_or_the_key(
    weight: float, killed: bool
) -> None:
    """
    Reads go where they would.
    """
    user = next(b"%d" % number for number in range(100) if bucket(b"parallax", b"%d" % number) < 5000)
    with data_plane(weights={"new": weight}, data="split", sticky={"key": ["header:X-User-Id"]}) as data:
        data.tables.latch(killed)
        for method in (b"POST", b"PUT", b"DELETE", b"PATCH"):
            old, _ = data.both()
            data.client.feed(asking(user, method))
            old.feed(OK)
        reads = NEW if weight and not killed else OLD
        front, _ = data.both(reads)
        data.client.feed(asking(user))
        front.feed(OK)

        assert data.client.written.count(b"hello") == 5
        assert data.books.page("GET /users/{id}").eligible[reads] == 1
        assert data.books.page("other").eligible == [4, 0]
