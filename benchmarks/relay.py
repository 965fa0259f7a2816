"""
The least that a copying proxy can do: a client's bytes go to old and to new, old's answer goes back, new's is dropped.

It parses nothing, limits nothing and compares nothing: its cost is what Python, uvloop and the kernel take for the
sockets alone, and the distance to it is what everything else in Parallax costs.

    python -m benchmarks.relay OLD_PORT NEW_PORT      (prints {"port": …} once it listens)
"""

import asyncio
import sys
from typing import cast

import uvloop

from proxy.tasks import spawn

HOST = "127.0.0.1"


class Answering(asyncio.Protocol):
    """
    The connection to old: whatever comes is the client's.
    """

    def __init__(self, client: asyncio.Transport) -> None:
        self._client = client

    def data_received(self, data: bytes) -> None:
        """
        Hand an answer's bytes on.
        """
        self._client.write(data)

    def connection_lost(self, _exc: Exception | None) -> None:
        """
        Without old there is no answer to come.
        """
        self._client.close()


class Discarding(asyncio.Protocol):
    """
    The connection to new: whatever comes is nobody's.
    """

    def data_received(self, _data: bytes) -> None:
        """
        Drop it.
        """


class Relayed(asyncio.Protocol):
    """
    One client with its two upstream connections.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, ports: tuple[int, int]) -> None:
        self._loop = loop
        self._ports = ports
        self._early: list[bytes] = []
        self._upstream: list[asyncio.Transport] = []
        self._opening: asyncio.Task[None] | None = None
        self._client: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """
        Connect to both sides; bytes that come earlier wait.
        """
        # uvloop's transports are no subclass of asyncio's.
        self._client = cast("asyncio.Transport", transport)
        self._opening = spawn(self._open(self._client), name="relay: open")

    async def _open(self, client: asyncio.Transport) -> None:
        old, new = self._ports
        try:
            to_old, _ = await self._loop.create_connection(lambda: Answering(client), HOST, old)
            self._upstream.append(to_old)
            to_new, _ = await self._loop.create_connection(Discarding, HOST, new)
            self._upstream.append(to_new)
        except OSError:
            client.close()
            return
        for data in self._early:
            to_old.write(data)
            to_new.write(data)
        self._early.clear()

    def data_received(self, data: bytes) -> None:
        """
        Copy a request's bytes to both sides.
        """
        if len(self._upstream) == 2:
            for transport in self._upstream:
                transport.write(data)
        else:
            self._early.append(data)

    def connection_lost(self, _exc: Exception | None) -> None:
        """
        The client went: so do its two connections.
        """
        if self._opening is not None:
            self._opening.cancel()
        for transport in self._upstream:
            transport.close()


async def serve(ports: tuple[int, int]) -> None:
    """
    Relay until the process is ended.
    """
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Relayed(loop, ports), HOST, 0, backlog=4096)
    print(f'{{"port": {server.sockets[0].getsockname()[1]}}}', flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve((int(sys.argv[1]), int(sys.argv[2]))))
