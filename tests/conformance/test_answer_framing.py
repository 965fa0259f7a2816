"""
Where an answer ends, and what a connection to an origin that says it wrongly comes to: items 48 to 55 of docs/http.md.
"""

import pytest

from tests.parts.client import get
from tests.parts.origin import OK, Received, answer
from tests.parts.scene import Scene
from tests.parts.strict import Cut, Framing

pytestmark = pytest.mark.asyncio(loop_scope="session")

POISON = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


async def next_is_its_own(stage: Scene, before: Received) -> None:
    """
    The connection that carried `before` is gone, and the next request gets its own answer from another.
    """
    await before.connection.closed()
    following, own = await stage.relay(get(b"/next"), answer(b"next"))

    assert following.connection is not before.connection
    assert bytes(own.body) == b"next"


@pytest.mark.parametrize(
    ("method", "head"),
    [
        (b"HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"),
        (b"HEAD", CHUNKED),
        (b"GET", b"HTTP/1.1 204 No Content\r\nContent-Length: 100\r\n\r\n"),
        (b"GET", b"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n"),
        (b"GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 100\r\n\r\n"),
        (b"GET", b"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n"),
    ],
)
async def test_answers_that_have_no_body(stage: Scene, method: bytes, head: bytes) -> None:
    """
    To HEAD, and with 204 and 304, there is no body whatever the fields say; connections go on (RFC 9112 §6.3). item 48
    """
    client = await stage.client()
    client.send(get(b"/1", method=method))
    first = await stage.old.request()
    first.answer(head)
    got = await client.answer(method)
    client.send(get(b"/2"))
    second = await stage.old.request()
    second.answer(answer(b"second"))

    assert got.framing is Framing.NONE
    assert bytes((await client.answer()).body) == b"second"
    if b"Content-Length" in head and b" 204 " not in head:
        assert got.value(b"content-length") == b"100"


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
async def test_bytes_where_no_body_is_cost_the_connection(stage: Scene, status: bytes) -> None:
    """
    Bytes after an answer that has no body reach nobody (RFC 9112 §6.3). item 48
    """
    received, got = await stage.relay(get(), b"HTTP/1.1 " + status + b"\r\nContent-Length: 6\r\n\r\npoison" + POISON)

    assert got.status == int(status[:3])
    await next_is_its_own(stage, received)


async def test_a_body_in_answer_to_head_costs_the_connection(stage: Scene) -> None:
    """
    The same for an origin that answers HEAD as if it were GET (RFC 9112 §6.3). item 48
    """
    received, got = await stage.relay(get(method=b"HEAD"), OK, b"HEAD")

    assert got.status == 200
    await next_is_its_own(stage, received)


async def test_a_100_has_no_body(stage: Scene) -> None:
    """
    A Content-Length in a 1xx means nothing: what follows is the final answer (RFC 9112 §6.3). item 48
    """
    client = await stage.client()
    client.send(get())
    received = await stage.old.request()
    received.answer(b"HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\n\r\n" + OK)
    first = await client.begin()
    final = first if first.status == 200 else await client.begin()
    await final.whole()

    assert bytes(final.body) == b"ok"


@pytest.mark.parametrize("keep", [[], [b"Connection: keep-alive"]])
async def test_no_chunks_for_a_1_0_client(stage: Scene, keep: list[bytes]) -> None:
    """
    HTTP/1.0 knows no chunks: the end of the connection ends the content (RFC 9112 §6.1). item 49
    """
    client = await stage.client()
    client.send(b"\r\n".join([b"GET / HTTP/1.0", b"Host: a", *keep, b"", b""]))
    received = await stage.old.request()
    received.answer(CHUNKED + b"5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n")
    got = await client.answer()

    assert (got.framing, bytes(got.body)) == (Framing.CLOSE, b"hello")
    await client.over()


async def test_no_transfer_encoding_where_it_must_not_be(stage: Scene) -> None:
    """
    A Transfer-Encoding that an origin put into a 1xx or 204 is not forwarded (RFC 9112 §6.1). item 49
    """
    client = await stage.client()
    client.send(get())
    received = await stage.old.request()
    received.answer(b"HTTP/1.1 103 Early Hints\r\nTransfer-Encoding: chunked\r\n\r\n")
    received.answer(b"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n")

    # `Answer` itself refuses framing fields in either.
    assert [(await client.answer()).status for _ in range(2)] == [103, 204]


@pytest.mark.parametrize(
    "lines",
    [
        *([b"Content-Length: x"], [b"Content-Length: -1"], [b"Content-Length: 5, 6"], [b"Content-Length: +2"]),
        *(
            [b"Content-Length: 2", b"Content-Length: 3"],
            [b"Content-Length: "],
            [b"Content-Length: 99999999999999999999"],
        ),
        [b"Content-Length: 0x2"],
    ],
)
async def test_a_bad_length_of_an_answer_is_502(stage: Scene, lines: list[bytes]) -> None:
    """
    A Content-Length that is none, or two that differ, is 502, and the connection is closed (RFC 9112 §6.3). item 50
    """
    raw = b"\r\n".join([b"HTTP/1.1 200 OK", *lines, b"", b"ok"])
    received, got = await stage.relay(get(), raw)

    assert got.status == 502
    await next_is_its_own(stage, received)


async def test_chunked_wins_over_length_in_an_answer(stage: Scene) -> None:
    """
    Content-Length beside Transfer-Encoding is removed, and the connection not used again (RFC 9112 §6.3). item 51
    """
    raw = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    received, got = await stage.relay(get(), raw)

    assert (got.framing, bytes(got.body)) == (Framing.CHUNKED, b"hello")
    assert got.value(b"content-length") is None
    await next_is_its_own(stage, received)


async def test_transfer_encoding_in_a_1_0_answer_costs_the_connection(stage: Scene) -> None:
    """
    That framing is faulty, and the connection is closed after the answer (RFC 9112 §6.1). item 51
    """
    client = await stage.client()
    client.send(get())
    received = await stage.old.request()
    received.answer(
        b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    )
    received.connection.finish()
    got = await client.answer()

    assert got.status == 502 or b"hello" in bytes(got.body)
    await next_is_its_own(stage, received)


PARTS = {
    "length": b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello",
    "chunk": CHUNKED + b"a\r\nhello",
    "between chunks": CHUNKED + b"5\r\nhello\r\n",
    "last chunk": CHUNKED + b"5\r\nhello\r\n0\r\n",
}


@pytest.mark.parametrize("end", ["finish", "reset"])
@pytest.mark.parametrize("part", PARTS)
async def test_a_cut_answer_looks_cut(stage: Scene, part: str, end: str) -> None:
    """
    An answer that its origin breaks off has no proper end at the client either, and nothing appended (RFC 9112 §8).
    item 52
    """
    client = await stage.client()
    client.send(get())
    received = await stage.old.request()
    received.answer(PARTS[part])
    got = await client.begin()
    await got.until(5)
    getattr(received.connection, end)()

    with pytest.raises(Cut):
        await got.whole()
    assert bytes(got.body) == b"hello"
    assert await client.source.rest() == b""


async def test_a_cut_answer_looks_cut_to_a_1_0_client(stage: Scene) -> None:
    """
    Where the end of the connection is the end of the content, only a reset tells (RFC 9112 §8). item 52
    """
    client = await stage.client()
    client.send(b"GET / HTTP/1.0\r\nHost: a\r\n\r\n")
    received = await stage.old.request()
    received.answer(PARTS["chunk"])
    got = await client.begin()
    await got.until(5)
    received.connection.finish()

    with pytest.raises(Cut):
        await got.whole()
    assert client.source.reset


async def test_content_until_the_end_is_chunked_for_the_client(stage: Scene) -> None:
    """
    An answer that ends with the origin's connection is forwarded in chunks, and the client's goes on (RFC 9112 §6.3).
    item 53
    """
    client = await stage.client()
    client.send(get(b"/1"))
    received = await stage.old.request()
    received.answer(b"HTTP/1.1 200 OK\r\n\r\nhello")
    got = await client.begin()
    first = await got.until(5)
    received.answer(b", world")
    received.connection.finish()
    await got.whole()
    client.send(get(b"/2"))
    (await stage.old.request()).answer(OK)

    assert (got.framing, first, bytes(got.body)) == (Framing.CHUNKED, b"hello", b"hello, world")
    assert (await client.answer()).status == 200


async def test_content_until_the_end_can_be_empty(stage: Scene) -> None:
    """
    An answer without framing whose connection ends at once has an empty body (RFC 9112 §6.3). item 53
    """
    client = await stage.client()
    client.send(get())
    received = await stage.old.request()
    received.answer(b"HTTP/1.1 404 Not Found\r\n\r\n")
    received.connection.finish()
    got = await client.answer()

    assert (got.status, bytes(got.body)) == (404, b"")


async def test_a_reset_is_no_end(stage: Scene) -> None:
    """
    When the origin's connection is reset, content without framing is cut, not complete (RFC 9112 §8). item 53
    """
    client = await stage.client()
    client.send(get())
    received = await stage.old.request()
    received.answer(b"HTTP/1.1 200 OK\r\n\r\nhello")
    got = await client.begin()
    await got.until(5)
    received.connection.reset()

    with pytest.raises(Cut):
        await got.whole()


@pytest.mark.parametrize(
    "bytes_", [POISON, b"\r\n", b"x", b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"]
)
async def test_unasked_bytes_cost_the_connection(stage: Scene, bytes_: bytes) -> None:
    """
    Bytes on a connection with nothing outstanding are delivered to nobody (RFC 9112 §9.2). item 54
    """
    received, _ = await stage.relay(get())
    received.answer(bytes_)

    await next_is_its_own(stage, received)


@pytest.mark.parametrize(
    "reply", [OK, CHUNKED + b"2\r\nok\r\n0\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"]
)
async def test_bytes_after_an_answer_cost_the_connection(stage: Scene, reply: bytes) -> None:
    """
    What follows a complete answer in one go is no second answer (RFC 9112 §9.2). item 55
    """
    client = await stage.client()
    client.send(get())
    received = await stage.old.request()
    received.answer(reply + POISON)
    got = await client.answer()
    client.send(get(b"/again"))
    again = await stage.old.request()
    again.answer(answer(b"again"))

    assert bytes(got.body) in (b"ok", b"")
    assert bytes((await client.answer()).body) == b"again"
    await next_is_its_own(stage, received)


@pytest.mark.parametrize(
    "start",
    [
        *(
            b"HTTP/1.1 20 OK",
            b"HTTP/1.1 2000 OK",
            b"HTTP/1.1 abc OK",
            b"HTTP/2.0 200 OK",
            b"HTTP/1.1  200 OK",
            b"200 OK",
        ),
        *(b"HTTP/1.1\t200 OK", b"http/1.1 200 OK", b"HTTP/1.1 200 O\x00K", b"HTTP/1.1 200 O\rK", b"HTTP/1.1 099 OK"),
    ],
)
async def test_a_bad_status_line_is_502(stage: Scene, start: bytes) -> None:
    """
    What is no status line is not forwarded (RFC 9112 §4). item 50
    """
    received, got = await stage.relay(get(), start + b"\r\nContent-Length: 2\r\n\r\nok")

    assert got.status == 502
    await next_is_its_own(stage, received)


@pytest.mark.parametrize(
    "content", [b"5 \r\nhello\r\n", b"x\r\n", b"5\r\nhello!!\r\n", b"5;\r\nhello\r\n", b"-1\r\n\r\n"]
)
async def test_bad_chunks_of_an_answer_are_never_forwarded(stage: Scene, content: bytes) -> None:
    """
    Chunks that are none make a 502, or a visible cut once the head is out (RFC 9112 §7.1). item 52
    """
    client = await stage.client()
    client.send(get())
    received = await stage.old.request()
    received.answer(CHUNKED + content + b"0\r\n\r\n")
    got = await client.begin()
    try:
        await got.whole()
    except Cut:
        assert got.status == 200
    else:
        assert got.status == 502
    await next_is_its_own(stage, received)
