"""
A real WebSocket side and real clients of it, at both ends of Parallax.
"""

import asyncio
import hashlib
import random
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from tests.parts.client import NAME, Address
from tests.parts.origin import LOOPBACK
from tests.parts.strict import PATIENCE

# Bytes of one message.
PIECE = 65536


class Echo:
    """
    A side that sends back every message, and remembers how each connection ended: the close code, by its path.
    """

    def __init__(self) -> None:
        self.ended: dict[str, int | None] = {}
        self.port = 0

    async def serve(self, connection: ServerConnection) -> None:
        """
        One connection, to its end.
        """
        with suppress(ConnectionClosed):
            async for message in connection:
                await connection.send(message)
        assert connection.request is not None
        self.ended[connection.request.path] = connection.close_code

    async def all_ended(self, times: int) -> list[int | None]:
        """
        How they ended, once that is so of so many.
        """
        async with asyncio.timeout(PATIENCE):
            while len(self.ended) < times:  # noqa: ASYNC110 nobody tells when
                await asyncio.sleep(0)
        return list(self.ended.values())


@asynccontextmanager
async def echo(tls: ssl.SSLContext | None = None) -> AsyncIterator[Echo]:
    """
    A running one.
    """
    made = Echo()
    quiet = {"compression": None, "ping_interval": None}
    async with serve(made.serve, LOOPBACK, 0, ssl=tls, max_size=PIECE, **quiet) as server:  # type: ignore[arg-type]
        made.port = next(iter(server.sockets)).getsockname()[1]
        yield made


async def open_socket(address: Address, path: str, trusted: ssl.SSLContext | None = None) -> ClientConnection:
    """
    A client of its own, through whoever listens at an address.
    """
    return await connect(
        f"{'ws' if trusted is None else 'wss'}://{NAME}{path}",
        host=address[0],
        port=address[1],
        ssl=trusted,
        proxy=None,
        compression=None,
        ping_interval=None,
        max_size=PIECE,
    )


async def converse(client: ClientConnection, size: int, seed: int) -> None:
    """
    Send so many bytes and get them back, byte for byte; then close as the protocol has it.
    """
    dice, sent, got = random.Random(seed), hashlib.sha256(), hashlib.sha256()
    for _ in range(size // PIECE):
        piece = dice.randbytes(PIECE)
        sent.update(piece)
        await client.send(piece)
        message = await client.recv()
        assert isinstance(message, bytes)
        got.update(message)
    await client.close()

    assert got.digest() == sent.digest()
    assert client.close_code == 1000
