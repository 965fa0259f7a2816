"""
What probes get, and what those that are none get.
"""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import pytest

from proxy.supervise.health import CONNECTIONS, LARGEST_HEAD, Health
from proxy.supervise.sockets import listen_on

PATIENCE = 10.0


@asynccontextmanager
async def connected(where: tuple[str, int]) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """
    One connection, closed at the end.
    """
    reader, writer = await asyncio.open_connection(*where)
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


class Probed:
    """
    A running Health whose reason a test sets.
    """

    def __init__(self) -> None:
        self.reason: str | None = None
        self.killed = False
        self.listener = listen_on("health.listen", ("127.0.0.1", 0))
        self.where: tuple[str, int] = self.listener.getsockname()

    async def ask(self, request: bytes) -> bytes:
        """
        All that comes back until the connection ends.
        """
        async with connected(self.where) as (reader, writer), asyncio.timeout(PATIENCE):
            writer.write(request)
            return await reader.read()


@asynccontextmanager
async def probed() -> AsyncIterator[Probed]:
    """
    Started and closed.
    """
    probe = Probed()
    health = Health(lambda: probe.reason, lambda: probe.killed)
    await health.start(probe.listener)
    try:
        yield probe
    finally:
        health.close()


async def test_alive_and_ready() -> None:
    """
    200 with a word, whatever Host is asked for.
    """
    async with probed() as probe:
        alive = await probe.ask(b"GET /healthz HTTP/1.1\r\nHost: anything.example\r\n\r\n")
        ready = await probe.ask(b"GET /readyz?verbose=1 HTTP/1.0\r\n\r\n")

    assert alive.startswith(b"HTTP/1.1 200 OK\r\n")
    assert alive.endswith(b"\r\n\r\nok")
    assert b"\r\nConnection: close\r\n" in alive
    assert ready.startswith(b"HTTP/1.1 200 OK\r\n")
    assert ready.endswith(b"\r\n\r\nready")


async def test_a_kill_is_told_whatever_else_is() -> None:
    """
    For `parallax kill`, which asks here when control is away; 200 stays 200, as old serves.
    """
    async with probed() as probe:
        probe.killed = True
        ready = await probe.ask(b"GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n")
        probe.reason = "no worker is ready"
        waiting = await probe.ask(b"GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n")

    assert ready.startswith(b"HTTP/1.1 200 OK\r\n")
    assert ready.endswith(b"\r\n\r\nready, killed")
    assert waiting.endswith(b"\r\n\r\nno worker is ready, killed")


async def test_not_ready_says_why_and_is_alive_all_the_same() -> None:
    """
    A draining Parallax must not be restarted by its liveness probe.
    """
    async with probed() as probe:
        probe.reason = "draining"
        ready = await probe.ask(b"GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n")
        alive = await probe.ask(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")

    assert ready.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
    assert ready.endswith(b"\r\n\r\ndraining")
    assert alive.startswith(b"HTTP/1.1 200 ")


async def test_head_is_get_without_the_body() -> None:
    """
    The same length announced, nothing after the head.
    """
    async with probed() as probe:
        answer = await probe.ask(b"HEAD /healthz HTTP/1.1\r\nHost: a\r\n\r\n")

    assert b"\r\nContent-Length: 2\r\n" in answer
    assert answer.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n", b"404"),
        (b"POST /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", b"405"),
        (b"GET /healthz\r\n\r\n", b"400"),
        (b"PRI * HTTP/2.0\r\n\r\n", b"400"),
        (b"\x16\x03\x01\n\n", b"400"),
        (b"GET /healthz HTTP/1.1\r\nX: " + b"x" * LARGEST_HEAD, b"431"),
    ],
)
async def test_what_is_no_probe_is_refused(request_bytes: bytes, status: bytes) -> None:
    """
    With a status where HTTP has one.
    """
    async with probed() as probe:
        answer = await probe.ask(request_bytes)

    assert answer.split(b" ")[1] == status


async def test_a_request_in_pieces_is_one_request() -> None:
    """
    The head may come byte by byte.
    """
    async with probed() as probe, connected(probe.where) as (reader, writer), asyncio.timeout(PATIENCE):
        for byte in b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n":
            writer.write(bytes([byte]))
            await writer.drain()
        answer = await reader.read()

    assert answer.startswith(b"HTTP/1.1 200 ")


async def test_idle_connections_do_not_keep_a_probe_from_its_answer() -> None:
    """
    The oldest gives way when all places are taken.
    """
    async with probed() as probe, AsyncExitStack() as idle, asyncio.timeout(PATIENCE):
        oldest, _ = await idle.enter_async_context(connected(probe.where))
        for _ in range(CONNECTIONS * 2):
            await idle.enter_async_context(connected(probe.where))
        answer = await probe.ask(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await oldest.readexactly(1)

    assert answer.startswith(b"HTTP/1.1 200 ")


async def test_a_connection_that_asks_nothing_is_dropped() -> None:
    """
    After two seconds, with no answer.
    """
    async with probed() as probe, connected(probe.where) as (reader, writer), asyncio.timeout(PATIENCE):
        writer.write(b"GET /healthz HT")
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)


async def test_a_prober_that_goes_away_at_once_is_nothing_special() -> None:
    """
    A TCP probe connects and resets.
    """
    async with probed() as probe:
        raw = socket.create_connection(probe.where)
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        raw.close()
        answer = await probe.ask(b"GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 200 ")
