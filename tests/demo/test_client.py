"""
The demo's HTTP client, against scripted peers.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from proxy.demo.client import Client, Reply

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: t\r\n\r\n"


class Peer:
    """
    Answers each request head on each connection with the next scripted bytes; closes after the last.
    """

    def __init__(self, *answers: bytes) -> None:
        self.answers = list(answers)
        self.connections = 0

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        while self.answers and await _head(reader):
            writer.write(self.answers.pop(0))
        writer.close()


async def _head(reader: asyncio.StreamReader) -> bool:
    try:
        await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return False
    return True


@asynccontextmanager
async def listening(
    talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[Client]:
    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    client = Client(f"{host}:{port}")
    try:
        yield client
    finally:
        client.close()
        server.close()
        await server.wait_closed()


@pytest.mark.parametrize(
    ("answer", "reply"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A:  b \r\n\r\nhi", (200, b"hi")),
        (CHUNKED, (200, b"abcde")),
        (b"HTTP/1.1 204 No Content\r\n\r\n", (204, b"")),
        (b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", (200, b"")),
    ],
)
async def test_every_framing_is_read_to_its_end(answer: bytes, reply: tuple[int, bytes]) -> None:
    """
    Length, chunks, no body, and interim answers; and the connection is good for another.
    """
    peer = Peer(answer, answer)
    async with listening(peer.talk) as client:
        first, second = await client.request("GET", "/"), await client.request("GET", "/")

    assert (first.status, first.body) == (second.status, second.body) == reply
    assert peer.connections == 1


async def test_an_answer_that_closes_is_not_followed_on_the_same_connection() -> None:
    """
    `Connection: close` is obeyed.
    """
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    peer = Peer(answer, answer)
    async with listening(peer.talk) as client:
        await client.request("GET", "/")
        await client.request("GET", "/")

    assert peer.connections == 2


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhal",
        b"garbage\r\n\r\n",
    ],
)
async def test_less_than_a_whole_answer_is_an_error_and_not_tried_again(answer: bytes) -> None:
    """
    A retry would hide from the tally what a client saw.
    """
    peer = Peer(answer)
    async with listening(peer.talk) as client:
        with pytest.raises(ConnectionError):
            await client.request("GET", "/")

    assert peer.connections == 1


async def test_a_body_is_sent_with_its_length() -> None:
    """
    Writes are framed by a length.
    """
    seen = asyncio.get_running_loop().create_future()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        seen.set_result((head, await reader.readexactly(4)))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    async with listening(talk) as client:
        reply = await client.request("PUT", "/cart/1", b"body")
    head, body = await seen

    assert reply == Reply(status=200, headers={"content-length": "0"}, body=b"")
    assert head.startswith(b"PUT /cart/1 HTTP/1.1\r\nHost: 127.0.0.1:")
    assert b"\r\nContent-Length: 4\r\n" in head
    assert body == b"body"
