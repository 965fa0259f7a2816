"""
A shadow leg bothers nobody: it gives back its place, tells the breaker, and says nothing after its end.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator

import pytest

from proxy.mirror import pair
from proxy.mirror.breaker import OPEN, SAMPLES
from proxy.mirror.pair import SLACK
from proxy.plane import SLOWLY
from tests.parts.plane import GET, NEW, OK, OLD, Data, data_plane


@pytest.fixture
def data() -> Iterator[Data]:
    """
    By default: old is live, everything is mirrored; new has nobody at its address.
    """
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with data_plane(new={"url": f"http://127.0.0.1:{port}"}) as made:
        yield made


async def quiet(data: Data) -> None:
    """
    Wait until no connection is being made.
    """
    async with asyncio.timeout(10):
        while data.pool(NEW, "shadow")._attempts:  # noqa: ASYNC110 nobody tells when
            await asyncio.sleep(0.001)


async def test_a_refused_copy_fails_alone(data: Data) -> None:
    """
    The client has its answer; the pair has its verdict; the place is free again.
    """
    old = data.idle(OLD, "live")
    data.client.feed(GET)
    old.feed(OK)
    assert data.client.written.endswith(b"hello")
    await quiet(data)

    assert data.entries() == {"failed": 1}
    assert data.page().failed == [0, 1]
    data.settled()


async def test_refused_copies_open_the_breaker_and_then_nothing_is_sent(data: Data) -> None:
    """
    Half of enough; live traffic doesn't notice.
    """
    old = data.idle(OLD, "live")
    for _ in range(SAMPLES):
        data.client.feed(GET)
        old.feed(OK)
        await quiet(data)
    assert data.plane.sides[NEW].breaker.state == OPEN
    data.client.feed(GET)
    old.feed(OK)

    assert data.entries() == {"failed": SAMPLES, "breaker_open": 1}
    assert data.client.written.count(b"hello") == SAMPLES + 1
    data.settled()


async def test_a_copy_that_is_given_up_before_it_was_sent_leaves_no_trace(data: Data) -> None:
    """
    Its content doesn't fit into the budget, in the same turn of the loop in which its connection was asked for.
    """
    data.pairs.budget.limit = 600
    data.idle(OLD, "live")
    data.client.feed(GET.replace(b"Host", b"Content-Length: 900\r\nHost") + b"x" * 900)
    await quiet(data)

    assert data.entries() == {"memory_budget": 1}
    assert data.pool(NEW, "shadow").open == 0
    data.settled()


async def test_a_client_that_leaves_takes_an_unsent_copy_along(data: Data) -> None:
    """
    Neither leg's connection stands yet.
    """
    data.client.feed(GET)
    data.client.lose()
    await quiet(data)

    assert data.entries() == {"client_gone": 1}
    assert data.pool(NEW, "shadow").open == 0
    data.settled()


@pytest.fixture
async def listening() -> AsyncIterator[tuple[str, asyncio.Queue[bytes]]]:
    """
    A side that accepts, and what it received with each read.
    """
    got: asyncio.Queue[bytes] = asyncio.Queue()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(65536):
            got.put_nowait(piece)
            writer.write(OK)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", got


async def test_what_comes_before_the_connection_stands_is_sent_when_it_does(
    listening: tuple[str, asyncio.Queue[bytes]],
) -> None:
    """
    Head and content in order, in one piece.
    """
    url, got = listening
    with data_plane(new={"url": url}) as data:
        old = data.idle(OLD, "live")
        data.client.feed(GET.replace(b"Host", b"Content-Length: 5\r\nHost") + b"he", b"llo")
        old.feed(OK)
        async with asyncio.timeout(10):
            assert (await got.get()).endswith(b"X-Parallax-Shadow: 1\r\n\r\nhello")
            while data.pairs.open:  # noqa: ASYNC110 nobody tells when
                await asyncio.sleep(0.001)

        assert data.entries() == {"identical": 1}
        assert data.page().connects == [0, 0, 0, 1]
        assert data.page().unpaired == [{"connect": 1}, {}]
        data.settled()
        data.plane.close()


def test_an_answer_without_end_counts_against_its_side(data: Data) -> None:
    """
    Where the live answer had one: such a side costs much for nothing.
    """
    for _ in range(SAMPLES):
        old, new = data.both()
        data.client.feed(GET)
        old.feed(OK)
        new.feed(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 600_000)
        data.plane.tick(data.plane.now + 0.25)
        new.feed(b"x" * 600_000)
        assert new.aborted

    assert data.entries() == {"body_too_large": SAMPLES}
    assert data.plane.sides[NEW].breaker.state == OPEN
    data.settled()


def test_content_that_is_longer_than_is_read_on_both_sides_accuses_none(
    data: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    The pair ends with the live side's content; the copy is ours to stop.
    """
    monkeypatch.setattr(pair, "LONGEST", 1_100_000)
    for _ in range(SAMPLES):
        old, new = data.both()
        client = data.a_client()
        client.feed(GET)
        old.feed(b"HTTP/1.1 200 OK\r\n\r\n", *[b"x" * 600_000] * 2)
        assert new.aborted

    assert data.entries() == {"body_too_large": SAMPLES}
    assert data.plane.breakers_open() == [0, 0]
    data.settled()


PIECES = 40
LONG = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (PIECES * SLACK)


@pytest.mark.parametrize(("last", "verdict"), [(b"x", "identical"), (b"y", "divergent")])
def test_content_that_is_too_long_to_be_kept_is_compared(data: Data, last: bytes, verdict: str) -> None:
    """
    Nothing of it is held, and the copy's keeps step with the live one's.
    """
    old, new = data.both()
    data.client.feed(GET)
    new.feed(LONG)
    old.feed(LONG)
    pieces = [b"x" * SLACK] * (PIECES - 1) + [last * SLACK]
    for number in range(PIECES):
        while pieces and new.is_reading():
            assert len(pieces) > PIECES - number - 3, "far ahead"
            new.feed(pieces.pop(0))
        old.feed(b"x" * SLACK)
        assert data.pairs.budget.used < SLACK
        assert new.is_reading() or new.closed or not pieces
    while pieces:
        new.feed(pieces.pop(0))

    assert data.entries() == {verdict: 1}
    assert data.client.written.count(b"x" * SLACK) == PIECES
    data.settled()


def test_a_copy_that_was_held_back_and_then_fails_accuses_nobody(data: Data) -> None:
    """
    A side may give up a reader that rests, as it may give up a client.
    """
    old, new = data.both()
    data.client.feed(GET)
    old.feed(LONG)
    new.feed(LONG, b"x" * 2 * SLACK)
    assert not new.is_reading()
    old.feed(b"x" * SLACK * 2)
    assert new.is_reading()
    new.lose(ConnectionResetError())

    assert data.entries() == {"body_too_large": 1}
    assert data.page().failed == [0, 0]


def test_a_copy_that_was_held_back_ends_with_a_live_answer_that_fails(data: Data) -> None:
    """
    Nothing waits for ever.
    """
    old, new = data.both()
    data.client.feed(GET)
    old.feed(LONG)
    new.feed(LONG, b"x" * 2 * SLACK)
    old.lose(ConnectionResetError())
    new.feed(b"x" * SLACK)

    assert data.entries() == {"body_too_large": 1}
    data.settled()


def test_interim_answers_are_not_compared(data: Data) -> None:
    """
    Early hints are a side's own affair.
    """
    old, new = data.both()
    data.client.feed(GET)
    new.feed(b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" + OK)
    old.feed(OK)

    assert data.entries() == {"identical": 1}
    assert b"103" not in data.client.written


def test_a_copys_answer_that_outgrows_the_live_one_is_read_in_no_hurry(data: Data) -> None:
    """
    One piece at each turn of the timer; at its end, however long, it is judged.
    """
    old, new = data.both()
    data.client.feed(GET)
    old.feed(OK)
    size = 3 * SLACK
    new.feed(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + b"x" * (2 * SLACK))
    assert not new.is_reading()
    data.plane.tick(data.plane.now + 0.25)
    assert new.is_reading()
    new.feed(b"x" * SLACK)

    assert data.entries() == {"divergent": 1}
    data.settled()


def test_slow_reading_takes_turns_and_passes_over_what_has_ended(data: Data) -> None:
    """
    So many pieces add up to no pause, whoever is still there.
    """
    news = []
    for _ in range(SLOWLY + 2):
        old, new = data.both()
        client = data.a_client()
        client.feed(GET)
        old.feed(OK)
        new.feed(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (2 * SLACK))
        news.append(new)
    news[0].lose()
    data.plane.tick(data.plane.now + 0.25)

    assert [new.is_reading() for new in news[1:]] == [True] * SLOWLY + [False]
