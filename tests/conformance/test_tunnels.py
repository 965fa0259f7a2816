"""
Tunnels as those who use them see them: real WebSocket peers on both ends, over plaintext and over TLS; and their end
when new is left. Item 67 of docs/http.md.
"""

import asyncio
import random
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import trustme
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from tests.parts.alone import Alone, alone
from tests.parts.client import NAME, Client, get
from tests.parts.origin import LOOPBACK
from tests.parts.tls import client_context, write_authority, write_pair
from tests.parts.websocket import PIECE, Echo, converse, echo, open_socket

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(60)]

AUTHORITY = trustme.CA()
UPGRADE = get(b"/raw", b"Connection: Upgrade", b"Upgrade: websocket")
SWITCHING = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
STREAMS = 0.5
PATIENCE = 30.0
# How many clients, and how much each sends and gets.
FEW, LITTLE = 20, 4 * PIECE
MANY, MUCH = 100, 10 * 2**20


class Way:
    """
    A worker, over TLS to both ends or over neither, with a WebSocket side as new.
    """

    def __init__(self, worker: Alone, folder: Path, trusted: ssl.SSLContext | None) -> None:
        self.worker = worker
        self.trusted = trusted
        self._folder = folder

    async def leads_to(self, new: int, **settings: Any) -> None:
        """
        Have new be at this port.
        """
        scheme = "http" if self.trusted is None else "https"
        sides: dict[str, Any] = {
            "old": {"url": "http://127.0.0.1:9"},
            "new": {"url": f"{scheme}://{NAME}", "addresses": [f"127.0.0.1:{new}"], "tls": {"ca": "ca.pem"}},
            "weights": {"new": 100},
            "drain": {"streams": STREAMS},
        }
        if self.trusted is None:
            del sides["new"]["tls"]
        else:
            sides["tls"] = {"certificate": "server.pem", "key": "server.key"}
        await self.worker.goes_by({**sides, **settings}, self._folder)

    async def clients(self, times: int) -> list[ClientConnection]:
        """
        So many with an open WebSocket.
        """
        return [await open_socket(self.worker.address, f"/{number}", self.trusted) for number in range(times)]


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["plain", "tls"])
async def way(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Way]:
    """
    One worker for all tests over plaintext, and one for all over TLS.
    """
    folder = tmp_path_factory.mktemp("tunnels")
    write_authority(folder, AUTHORITY)
    write_pair(folder, AUTHORITY)
    async with alone() as worker:
        yield Way(worker, folder, client_context(AUTHORITY) if request.param == "tls" else None)


@pytest_asyncio.fixture(loop_scope="module")
async def new(way: Way, tmp_path: Path) -> AsyncIterator[Echo]:
    """
    Sends everything back; the worker leads to it.
    """
    tls = None
    if way.trusted is not None:
        write_pair(tmp_path, AUTHORITY)
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(tmp_path / "server.pem", tmp_path / "server.key")
    async with echo(tls) as side:
        await way.leads_to(side.port)
        yield side


async def test_messages_pass_byte_for_byte(way: Way, new: Echo) -> None:
    """
    Many at once, and their closing handshakes (RFC 9110 §7.8). item 67
    """
    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
        for number, client in enumerate(await way.clients(FEW)):
            group.create_task(converse(client, LITTLE, number))

    assert await new.all_ended(FEW) == [1000] * FEW


@pytest.mark.prove
@pytest.mark.timeout(600)
async def test_a_hundred_clients_send_and_get_10_mib_each(way: Way, new: Echo) -> None:
    """
    The long form.
    """
    async with asyncio.TaskGroup() as group:
        for number, client in enumerate(await way.clients(MANY)):
            group.create_task(converse(client, MUCH, number))

    assert await new.all_ended(MANY) == [1000] * MANY


@pytest.mark.parametrize("times", [FEW, pytest.param(MANY, marks=pytest.mark.prove)])
async def test_a_kill_closes_all_of_them(way: Way, new: Echo, times: int) -> None:
    """
    In `drain.streams`. No closing handshake comes, since that is the peers' to say; and nobody calls it a failure.
    """
    clients = await way.clients(times)
    await way.worker.latch(True)
    try:
        async with asyncio.timeout(PATIENCE):
            for client in clients:
                with pytest.raises(ConnectionClosed):
                    await client.recv()
                assert client.close_code == 1006
    finally:
        await way.worker.latch(False)

    assert await new.all_ended(times) == [1006] * times
    assert way.worker.told("side_failing") == []


async def say_much(way: Way, size: int) -> None:
    """
    A client sends so many bytes and closes its half; only then the side answers with as many, and closes its own.
    """
    if way.trusted is not None:
        pytest.skip("TLS has no half-close that its peers agree on")

    async def side(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(SWITCHING)
        answer = (await reader.read())[::-1]
        for start in range(0, size, PIECE):
            writer.write(answer[start : start + PIECE])
            await writer.drain()
        writer.close()

    async with await asyncio.start_server(side, LOOPBACK, 0) as server:
        await way.leads_to(server.sockets[0].getsockname()[1])
        clients = [await way.worker.client() for _ in range(MANY if size == MUCH else FEW)]
        for client in clients:
            client.send(UPGRADE)
            assert (await client.answer()).status == 101
        # All stand, and some talk at a time: nobody waits for anything longer than the machine takes.
        talking = asyncio.Semaphore(FEW)
        await asyncio.gather(*(ask_much(client, size, number, talking) for number, client in enumerate(clients)))


async def ask_much(client: Client, size: int, seed: int, talking: asyncio.Semaphore) -> None:
    """
    One client of `say_much`.
    """
    async with talking:
        said = random.Random(seed).randbytes(size)
        for start in range(0, size, PIECE):
            client.send(said[start : start + PIECE])
            await client.drained()
        client.finish()

        assert await client.source.rest() == said[::-1]
    client.close()


async def test_half_a_tunnel_may_be_closed_long_before_the_other(way: Way) -> None:
    """
    Nothing is lost of what the other half says then.
    """
    await say_much(way, LITTLE)


@pytest.mark.prove
@pytest.mark.timeout(600)
async def test_a_hundred_half_closed_tunnels_carry_10_mib_each(way: Way) -> None:
    """
    The long form.
    """
    await say_much(way, MUCH)
