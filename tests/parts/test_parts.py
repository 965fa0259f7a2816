"""
The parts against each other: what a client sends is what an origin gets, and the other way round.
"""

import pytest

from tests.parts.client import Client, get, post
from tests.parts.kernel import unread
from tests.parts.origin import LOOPBACK, OK, Connection, Origin, Received, always, answer
from tests.parts.parallax import merged
from tests.parts.strict import Cut, Framing, Malformed, announced, parse_head

CHUNKED = get(b"/up", b"Transfer-Encoding: chunked", method=b"POST") + b"3\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 5\r\n\r\n"


async def test_a_scripted_origin_answers_and_remembers() -> None:
    """
    With a script each request is answered as it comes, and its bytes are kept.
    """
    async with Origin(always(OK)) as origin:
        client = await Client.connect((LOOPBACK, origin.port))
        first = await client.ask(get(b"/a", b"X-Case: One"))
        second = await client.ask(post(b"hello", target=b"/b"))
        client.close()

        assert (first.status, bytes(first.body)) == (200, b"ok")
        assert second.complete
        assert origin.requests[0].head.raw == get(b"/a", b"X-Case: One")
        assert bytes(origin.requests[1].body) == b"hello"


async def test_a_test_answers_by_hand_in_pieces() -> None:
    """
    Without a script the test takes a request and answers it, and sees each piece arrive before it sends the next.
    """
    async with Origin() as origin:
        client = await Client.connect((LOOPBACK, origin.port))
        client.send(CHUNKED)
        received = await origin.request()
        received.answer(b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab")
        interim = await client.answer()
        final = await client.begin()
        first = await final.until(2)
        received.answer(b"cd")
        await final.whole()
        client.close()

        assert (bytes(received.body), received.trailers) == (b"abcde", ((b"X-Sum", b"5"),))
        assert interim.status == 103
        assert (first, bytes(final.body)) == (b"ab", b"abcd")


@pytest.mark.parametrize("way", ["close", "reset"])
async def test_an_answer_that_ends_early_is_seen(way: str) -> None:
    """
    A close or a reset inside an answer is a cut, never a clean end, and the client can tell which it was.
    """
    async with Origin() as origin:
        client = await Client.connect((LOOPBACK, origin.port))
        client.send(get())
        received = await origin.request()
        received.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
        partial = await client.begin()
        await partial.until(3)
        getattr(received.connection, way)()

        with pytest.raises(Cut):
            await partial.whole()
        assert client.source.reset == (way == "reset")
        client.close()


async def test_pieces_sent_apart_are_read_apart() -> None:
    """
    `send_apart` goes on only when the peer has read the piece before, so each read of the peer gets one piece.
    """
    seen: list[bytes] = []

    async def listen(connection: Connection) -> None:
        while piece := await connection.source.some():
            seen.append(piece)

    async with Origin() as origin:
        origin.behaviour = listen
        client = await Client.connect((LOOPBACK, origin.port))
        connection = await origin.connection()
        await client.send_apart(*(bytes([byte]) for byte in b"one by one"))
        client.close()
        await connection.closed()

        assert seen == [bytes([byte]) for byte in b"one by one"]


async def test_the_kernel_tells_what_is_unread() -> None:
    """
    `unread` counts bytes that a peer's kernel holds and its program has not read.
    """

    async def deaf(connection: Connection) -> None:
        connection.deafen()
        await connection.ended.wait()

    async with Origin() as origin:
        origin.behaviour = deaf
        client = await Client.connect((LOOPBACK, origin.port))
        await origin.connection()
        client.send(b"abc")

        assert unread(client.there, client.here) == 3
        client.close()


async def test_a_strict_origin_refuses_what_a_proxy_must_not_send() -> None:
    """
    What a lenient reader would take is put on record as refused.
    """
    async with Origin(always(OK)) as origin:
        for raw in (
            b"GET / HTTP/1.1\nHost: a\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\nA : b\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
            b"GET / HTTP/1.0\r\nHost: a\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\nA: b\r\n c\r\n\r\n",
        ):
            client = await Client.connect((LOOPBACK, origin.port))
            client.send(raw)
            await client.over()
            client.close()

        assert len(origin.refused) == 7
        assert not [received for received in origin.requests if received.answered.is_set()]


@pytest.mark.parametrize(
    ("fields", "framing"),
    [
        (b"", (Framing.NONE, 0)),
        (b"Content-Length: 5\r\n", (Framing.LENGTH, 5)),
        (b"Transfer-Encoding: chunked\r\n", (Framing.CHUNKED, 0)),
        (b"Transfer-Encoding: gzip, chunked\r\n", (Framing.CHUNKED, 0)),
    ],
)
def test_framing_is_read_from_the_fields(fields: bytes, framing: tuple[Framing, int]) -> None:
    """
    Each framing is recognised.
    """
    assert announced(parse_head(b"GET / HTTP/1.1\r\n" + fields + b"\r\n")) == framing


@pytest.mark.parametrize("value", [b"+5", b"", b"5, 5", b"0x5"])
def test_odd_lengths_are_refused(value: bytes) -> None:
    """
    A length is digits.
    """
    with pytest.raises(Malformed):
        announced(parse_head(b"GET / HTTP/1.1\r\nContent-Length: " + value + b"\r\n\r\n"))


async def test_an_origin_can_be_gone_and_come_back_on_its_port() -> None:
    """
    After `stop_listening` connections are refused; after `listen` they are taken again.
    """
    async with Origin(always(answer(b"back"))) as origin:
        port = origin.port
        await origin.stop_listening()
        with pytest.raises(OSError, match="111"):
            await Client.connect((LOOPBACK, port))
        await origin.listen()
        client = await Client.connect((LOOPBACK, port))
        back = await client.ask(get())
        client.close()

        assert bytes(back.body) == b"back"


async def test_a_script_sees_the_request_that_it_answers() -> None:
    """
    A script may look at what came before it answers.
    """

    def echo(received: Received) -> None:
        received.answer(answer(received.method + b" " + received.target))

    async with Origin(echo) as origin:
        client = await Client.connect((LOOPBACK, origin.port))
        echoed = await client.ask(get(b"/x", method=b"PURGE"))
        client.close()

        assert bytes(echoed.body) == b"PURGE /x"


def test_configurations_are_merged_by_section() -> None:
    """
    A change of one key leaves its neighbours alone.
    """
    assert merged({"a": {"b": 1, "c": 2}}, {"a": {"c": 3}}) == {"a": {"b": 1, "c": 3}}
