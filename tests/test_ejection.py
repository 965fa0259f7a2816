"""
While new doesn't answer, old takes its share at once; a request that tries, or a copy, brings new back.
"""

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from proxy.metrics.books import IDENTICAL
from tests.parts.plane import GET, NEW, OK, OLD, Data, data_plane
from tests.parts.transport import FakeTransport
from tests.parts.values import a_table

POST = GET.replace(b"GET", b"POST").replace(b"Host", b"Content-Length: 5\r\nHost") + b"hello"
FAILURES = 5
# Longer than the first pause.
PAUSE = 1.2

Make = Callable[..., Data]


@pytest.fixture
def make() -> Iterator[Make]:
    """
    A data plane in which new answers everything, and nothing is copied unless the test says so.
    """
    with ExitStack() as stack:

        def build(**settings: Any) -> Data:
            return stack.enter_context(data_plane(**{"weights": {"new": 100}, "mirror": {"percent": 0}, **settings}))

        yield build


def ask(data: Data, side: int, request: bytes = GET) -> FakeTransport:
    """
    One request of a client of its own, for which there is an idle connection to either side; checks that this one gets
    it.
    """
    there = [data.idle(one, "live") for one in (OLD, NEW)]
    client = data.a_client()
    client.feed(request)
    assert [bool(transport.written) for transport in there] == [side == OLD, side == NEW]
    there[1 - side].end()
    there[1 - side].lose()
    return there[side]


def fail(data: Data, times: int = FAILURES) -> None:
    """
    So many requests to new that break off before an answer.
    """
    for _ in range(times):
        ask(data, NEW).lose()


def knock(data: Data, *, side: int = NEW, opens: bool = True) -> None:
    """
    Let the first pause pass, and knock.
    """
    ejection = data.plane.sides[side].ejection
    data.plane.now += PAUSE
    assert ejection.is_due(data.plane.now, 0.5)
    if opens:
        ejection.knocked(data.plane.now)


def test_old_answers_what_new_was_to_answer(make: Make) -> None:
    """
    Writes too, and the books say who answered.
    """
    data = make()
    fail(data)
    for request in (GET, POST, GET):
        ask(data, OLD, request).feed(OK)

    assert data.page().eligible[NEW] == FAILURES
    assert sum(page.eligible[OLD] for page in data.books.pages.values()) == 3
    assert data.books.errors == {"live|terminated": FAILURES}
    assert data.plane.ejected() == [0, 1]


def test_an_answer_in_between_keeps_new_in(make: Make) -> None:
    """
    Also one of 500: who answers wrongly is a matter for gates.
    """
    data = make()
    fail(data, FAILURES - 1)
    ask(data, NEW).feed(OK.replace(b"200 OK", b"500 Oh"))
    fail(data, FAILURES - 1)

    assert data.plane.ejected() == [0, 0]


def test_an_answer_that_breaks_off_was_an_answer(make: Make) -> None:
    """
    Its head has come.
    """
    data = make()
    for _ in range(FAILURES * 5):
        transport = ask(data, NEW)
        transport.feed(OK[:-2])
        transport.lose()

    assert data.plane.ejected() == [0, 0]


async def test_a_second_try_counts_once(make: Make) -> None:
    """
    A connection that served before may be closed at any time: what comes of the second try is what counts.
    """
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    data = make(new={"url": f"http://127.0.0.1:{port}"})
    ejection = data.plane.sides[NEW].ejection
    for number in range(1, FAILURES + 1):
        assert not ejection.is_out
        transport = data.idle(NEW, "live", reused=True)
        data.a_client().feed(GET)
        transport.lose()
        async with asyncio.timeout(10):
            while data.books.errors.get("live|refused", 0) < number:  # noqa: ASYNC110 nobody tells when
                await asyncio.sleep(0)

    assert data.books.errors == {"live|refused": FAILURES}
    assert ejection.is_out
    assert ejection.cause == "refused"


def test_one_request_tries_once_new_has_opened_its_door(make: Make) -> None:
    """
    With its answer, new has its share again.
    """
    data = make()
    fail(data)
    knock(data)
    ask(data, OLD, POST).feed(OK)
    trying = ask(data, NEW)
    ask(data, OLD).feed(OK)
    assert data.plane.ejected() == [0, 1]
    trying.feed(OK)

    assert data.plane.ejected() == [0, 0]
    ask(data, NEW).feed(OK)


def test_nobody_tries_while_the_door_stays_shut(make: Make) -> None:
    """
    However long.
    """
    data = make()
    fail(data)
    knock(data, opens=False)
    ask(data, OLD).feed(OK)

    assert data.plane.ejected() == [0, 1]


def test_a_copy_that_is_answered_brings_new_back(make: Make) -> None:
    """
    Copies go on while it is out: the pair is compared as any other.
    """
    data = make(mirror={"percent": 100})
    for _ in range(FAILURES):
        live, shadow = data.both(NEW)
        data.a_client().feed(GET)
        live.lose()
        shadow.feed(OK)
    assert data.plane.ejected() == [0, 1]
    # The pause is over for copies, which are timed exactly; nobody has knocked yet.
    data.plane.sides[NEW].ejection._until = 0.0
    live, shadow = data.both(OLD)
    data.a_client().feed(GET)
    live.feed(OK)
    shadow.feed(OK)

    assert data.page().verdicts[OLD][IDENTICAL] == 1
    assert data.plane.ejected() == [0, 0]


def test_from_old_nothing_is_shifted(make: Make) -> None:
    """
    It goes on getting its requests, and comes back by their answers.
    """
    data = make(weights={"new": 0})
    for _ in range(FAILURES * 2):
        ask(data, OLD).lose()
    assert data.plane.ejected() == [1, 0]
    data.plane.sides[OLD].ejection._until = 0.0
    ask(data, OLD).feed(OK)

    assert data.plane.ejected() == [0, 0]


def test_with_both_out_everybody_stays_where_they_were(make: Make) -> None:
    """
    Old is no better.
    """
    data = make()
    fail(data)
    for _ in range(FAILURES):
        ask(data, OLD).lose()

    assert data.plane.ejected() == [1, 1]
    ask(data, NEW).lose()


def test_switched_off_new_keeps_its_share(make: Make) -> None:
    """
    `new.eject`, both rules 0.
    """
    data = make(new={"url": "http://127.0.0.1:9002", "eject": {"consecutive": 0, "share": 0}})
    fail(data, 30)

    assert data.plane.ejected() == [0, 0]


def test_another_intent_brings_nobody_back_and_another_address_does(make: Make) -> None:
    """
    What was learned of a side holds as long as the side is the same.
    """
    data = make()
    fail(data)
    data.tables.latch(True)
    ask(data, OLD).feed(OK)
    data.tables.latch(False)
    ask(data, OLD).feed(OK)
    assert data.plane.ejected() == [0, 1]
    data.swap(a_table(weights={"new": 100}, mirror={"percent": 0}, new={"url": "http://127.0.0.1:9003"}))

    assert data.plane.ejected() == [0, 0]
