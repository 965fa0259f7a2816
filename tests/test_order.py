"""
`mirror.order: after`: the copy waits until the live answer is complete, and then is one like any other.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from proxy.metrics.books import FAILED
from tests.parts.plane import GET, NEW, OK, OLD, Data, data_plane

COPY = b"X-Parallax-Shadow: 1\r\n\r\n"
HEAD = GET.replace(b"GET", b"HEAD")
POST = GET.replace(b"GET", b"POST").replace(b"Host", b"Content-Length: 5\r\nHost") + b"hello"
SEARCH = {"name": "search", "match": {"path": "/users/**"}, "writes": "safe"}

Make = Callable[..., Data]


@pytest.fixture
def make() -> Iterator[Make]:
    """
    A data plane with this order.
    """
    with ExitStack() as stack:

        def build(mirror: dict[str, Any] | None = None, **settings: Any) -> Data:
            return stack.enter_context(data_plane(mirror={"order": "after", **(mirror or {})}, **settings))

        yield build


@pytest.mark.parametrize("live", [OLD, NEW])
def test_the_copy_is_sent_when_the_live_answer_is_complete(make: Make, live: int) -> None:
    """
    Not with its head. Both are compared; their latencies aren't, since the second finds what the first has warmed.
    """
    data = make(weights={"new": 100 * live})
    front, back = data.both(live)
    data.client.feed(GET)
    front.feed(OK[:-1])
    assert back.written == b""
    front.feed(OK[-1:])
    assert back.written == front.written.removesuffix(b"\r\n") + COPY
    assert data.client.taken().endswith(b"hello")
    back.feed(OK)

    assert data.entries() == {"identical": 1}
    assert data.page().unpaired[live] == {"later": 1}
    data.settled()


def test_the_next_request_does_not_wait_for_it(make: Make) -> None:
    """
    Its client has had its answer.
    """
    data = make()
    front, back = data.both()
    data.client.feed(GET)
    front.feed(OK)
    second = data.idle(NEW, "shadow")
    data.client.feed(GET)
    front.feed(OK)
    back.feed(OK)
    second.feed(OK.replace(b"hello", b"HELLO"))

    assert data.client.taken().count(b"hello") == 2
    assert data.entries() == {"identical": 1, "divergent": 1}
    data.settled()


def test_an_answer_without_content_is_known_as_one(make: Make) -> None:
    """
    The copy of a HEAD.
    """
    data = make()
    front, back = data.both()
    data.client.feed(HEAD)
    front.feed(OK[:-5])
    back.feed(OK[:-5])

    assert data.entries() == {"identical": 1}
    data.settled()


def test_content_is_held_until_then(make: Make) -> None:
    """
    Within the budget.
    """
    data = make(routes=[SEARCH])
    front, back = data.both()
    data.client.feed(POST[:-3], POST[-3:])
    assert data.pairs.budget.used > 5
    front.feed(OK)
    assert back.written.endswith(COPY + b"hello")
    back.feed(OK)

    assert data.entries() == {"identical": 1}
    data.settled()


def test_a_live_side_that_fails_is_copied_too(make: Make) -> None:
    """
    Or nobody would know that it fails alone.
    """
    data = make(weights={"new": 100})
    front, back = data.both(NEW)
    data.client.feed(GET)
    front.lose()
    back.feed(OK)

    assert data.page().verdicts[NEW][FAILED] == data.page().failed[NEW] == 1
    data.settled()


def test_a_client_that_leaves_first_takes_the_copy_along(make: Make) -> None:
    """
    There is nothing to compare it with.
    """
    data = make()
    front, back = data.both()
    data.client.feed(GET)
    front.feed(OK[:-1])
    data.client.lose()

    assert back.written == b""
    assert data.entries() == {"client_gone": 1}
    data.settled()


def test_a_kill_ends_what_waits(make: Make) -> None:
    """
    The live answer goes on.
    """
    data = make()
    front, back = data.both()
    data.client.feed(GET)
    data.tables.latch(True)
    front.feed(OK)

    assert back.written == b""
    assert data.client.taken().endswith(b"hello")
    assert data.entries() == {"off": 1}
    data.settled()


def test_a_twin_is_asked_together_with_the_copy(make: Make) -> None:
    """
    Not while the live side is at work.
    """
    data = make(noise={"sample": 100})
    data.plane.tick(data.plane.now + 1.0)
    front, back = data.both()
    reach = data.plane.course.twin
    assert reach is not None
    twin = data.idle_in(reach.shadow)
    data.client.feed(GET)
    assert twin.written == b""
    front.feed(OK)
    assert twin.written.endswith(COPY)
    twin.feed(OK)
    back.feed(OK)

    assert data.page().twins == [1, 0]
    assert data.entries() == {"identical": 1}
    data.settled()
