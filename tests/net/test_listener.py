"""
A listener loses nobody who got in, and lets nobody in who comes later.
"""

import asyncio
import socket
from collections.abc import Iterator

import pytest

from proxy.net.listener import Listener


class Greeter(asyncio.Protocol):
    """
    Says hello.
    """

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """
        Called by the loop.
        """
        assert isinstance(transport, asyncio.Transport)
        transport.write(b"hello")
        transport.close()


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    """
    A bound socket that listens, as the supervisor hands it on.
    """
    bound = socket.create_server(("127.0.0.1", 0), backlog=64)
    with bound:
        yield bound


async def greeting(client: socket.socket) -> bytes:
    """
    What a connected client is told.
    """
    client.setblocking(False)
    async with asyncio.timeout(5):
        return await asyncio.get_running_loop().sock_recv(client, 100)


async def test_clients_are_served_once_it_is_open(listening: socket.socket) -> None:
    """
    Those that were queued before, too.
    """
    listener = Listener(listening, Greeter)
    with socket.create_connection(listening.getsockname()) as early:
        await listener.open()

        assert await greeting(early) == b"hello"
    await listener.close()


async def test_a_sweep_takes_all_that_wait(listening: socket.socket) -> None:
    """
    Without the loop's accepting one a turn; as many as fit into a turn.
    """
    listener = Listener(listening, Greeter)
    waiting = [socket.create_connection(listening.getsockname()) for _ in range(40)]

    listener.sweep(30)
    listener.sweep(100)

    try:
        assert [await greeting(client) for client in waiting] == [b"hello"] * 40
    finally:
        for client in waiting:
            client.close()
        await listener.close()
    listener.sweep(100)


async def test_closing_serves_whoever_is_in_the_queue(listening: socket.socket) -> None:
    """
    The kernel has completed their handshakes; then the port is closed.
    """
    address = listening.getsockname()
    listener = Listener(listening, Greeter)
    await listener.open()
    queued = [socket.create_connection(address) for _ in range(20)]

    await listener.close()

    try:
        assert [await greeting(client) for client in queued] == [b"hello"] * 20
    finally:
        for client in queued:
            client.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address)


async def test_it_may_be_closed_before_it_was_open(listening: socket.socket) -> None:
    """
    Draining may come before the first table.
    """
    await Listener(listening, Greeter).close()

    assert listening.fileno() == -1
