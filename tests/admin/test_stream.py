"""
`GET /admin/events` over real HTTP: what a listener sees, and what becomes of those who don't read.
"""

import asyncio
import logging
import socket
from contextlib import suppress
from itertools import count
from typing import Any

import orjson
import pytest
from aiohttp import web

from proxy.admin.events import SUBSCRIBERS, Events
from proxy.admin.gate import Access
from proxy.admin.serve import serving
from proxy.admin.stream import stream
from tests.parts.client import Client, get
from tests.parts.payloads import status, table, worker
from tests.parts.served import PATIENCE, TOKENS, VIEWER, Admin, admin, bearer


class Listener:
    """
    A client that reads events one by one.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer
        self.head = b""
        self.numbers: list[int] = []

    @classmethod
    async def connect(cls, where: tuple[str, int], token: str = VIEWER) -> "Listener":
        """
        Connected, its head read.
        """
        reader, writer = await asyncio.open_connection(*where, limit=1 << 20)
        # HTTP/1.0 gets the stream without chunks, up to the connection's end.
        writer.write(b"GET /admin/events HTTP/1.0\r\nHost: localhost\r\n" + bearer(token) + b"\r\n\r\n")
        listener = cls(reader, writer)
        async with asyncio.timeout(PATIENCE):
            listener.head = await reader.readuntil(b"\r\n\r\n")
        return listener

    async def block(self) -> dict[str, str]:
        """
        The next block of lines as fields; an empty one at the end of the stream.
        """
        async with asyncio.timeout(PATIENCE):
            try:
                raw = await self._reader.readuntil(b"\n\n")
            except asyncio.IncompleteReadError as error:
                raw = error.partial
        if not raw:
            return {}
        return dict(line.split(": ", 1) for line in raw.decode().strip().split("\n"))

    async def event(self) -> tuple[str, Any]:
        """
        The next event: its kind and its value.
        """
        block = await self.block()
        self.numbers.append(int(block["id"]))
        return block["event"], orjson.loads(block["data"])


async def listening(served: Admin) -> Listener:
    """
    Somebody who has heard the present state.
    """
    listener = await Listener.connect(served.where)
    assert await listener.block() == {"retry": "2000"}
    assert [(await listener.event())[0] for _ in range(2)] == ["weights", "workers"]
    return listener


async def test_a_listener_hears_the_state_at_once_and_every_change() -> None:
    """
    Weights and workers first; then what happens, with ids that grow.
    """
    async with admin() as served:
        served.know()
        listener = await Listener.connect(served.where)
        assert listener.head.startswith(b"HTTP/1.0 200 OK\r\n")
        assert b"\r\nContent-Type: text/event-stream\r\n" in listener.head
        assert b"\r\nCache-Control: no-store\r\n" in listener.head
        assert await listener.block() == {"retry": "2000"}
        kind, weights = await listener.event()
        assert (kind, weights) == ("weights", (await served.ask("/admin/weights")).json())
        kind, workers = await listener.event()
        assert (kind, [one["id"] for one in workers["workers"]]) == ("workers", ["host/0"])

        served.port.look()
        served.facts.take_table(table(weight=10.0))
        served.port.look()
        served.port.events.publish("audit", {"id": 1})
        served.port.diverged({"endpoint": "GET /a", "old": {}, "new": {}})
        served.facts.take_status(status(worker(1, epoch=3), draining=True))
        served.port.tick(0)
        heard = [await listener.event() for _ in range(5)]

        assert [kind for kind, _ in heard] == ["weights", "audit", "divergence", "weights", "workers"]
        assert heard[0][1]["new"] == 10.0
        assert heard[2][1] == {"endpoint": "GET /a"}
        assert listener.numbers == sorted(set(listener.numbers))
        listener.writer.close()


async def test_a_sign_of_life_comes_when_nothing_else_does() -> None:
    """
    A comment, so that proxies in between keep the connection.
    """
    events = Events(list, start=0)

    async def handler(request: web.Request) -> web.StreamResponse:
        return await stream(request, events, events.subscribe("a"), keep_alive=0.01)

    app = web.Application()
    app.add_routes([web.get("/admin/events", handler)])
    listener = socket.create_server(("127.0.0.1", 0))
    where = listener.getsockname()
    async with serving(app, listener, logging.getLogger("tests.admin")):
        heard = await Listener.connect(where)
        blocks = [await heard.block() for _ in range(3)]
        heard.writer.close()

    assert blocks == [{"retry": "2000"}, {"": "keep-alive"}, {"": "keep-alive"}]


async def test_places_are_bounded_and_who_hangs_up_gives_his_back_at_once() -> None:
    """
    Sixteen; the next is told to ask again.
    """
    async with admin() as served, asyncio.timeout(PATIENCE):
        served.know()
        listeners = [await listening(served) for _ in range(SUBSCRIBERS)]
        late = await served.ask("/admin/events")
        assert (late.status, late.headers["Retry-After"]) == (503, "10")
        listeners[5].writer.close()
        await listeners[5].writer.wait_closed()
        while (await served.ask("/admin/weights")).status and len(served.port.events._subscriptions) == SUBSCRIBERS:
            pass
        listeners.append(await listening(served))
        for listener in listeners:
            listener.writer.close()


async def test_a_slow_reader_is_told_and_cut_and_others_go_on() -> None:
    """
    It costs a bounded number of bytes, and nobody waits for it.
    """
    async with admin() as served, asyncio.timeout(PATIENCE * 2):
        served.know()
        slow = await Client.connect(served.where, receive_buffer=4096)
        slow.send(b"GET /admin/events HTTP/1.0\r\nHost: localhost\r\n" + bearer(VIEWER) + b"\r\n\r\n")
        quick = await listening(served)
        while len(served.port.events._subscriptions) < 2:
            await served.ask("/healthz")
        padding = "x" * 100_000
        for number in range(100):
            served.port.events.publish("divergence", {"number": number, "padding": padding})
            assert (await quick.event())[1]["number"] == number
        rest = await slow.source.rest()

        assert len(rest) < 8_000_000
        assert rest.endswith(b"\n\n")
        last = rest.removesuffix(b"\n\n").rpartition(b"\n\n")[2]
        assert b"event: lagged\n" in last
        served.port.events.publish("audit", {})
        assert await quick.event() == ("audit", {})
        quick.writer.close()
        slow.close()


async def test_one_that_never_reads_is_cut_in_the_end() -> None:
    """
    It can't even be told.
    """
    events = Events(list, start=0)
    ended = asyncio.Event()

    async def handler(request: web.Request) -> web.StreamResponse:
        try:
            return await stream(request, events, events.subscribe("a"), patience=0.05)
        finally:
            ended.set()

    app = web.Application()
    app.add_routes([web.get("/admin/events", handler)])
    listener = socket.create_server(("127.0.0.1", 0))
    where = listener.getsockname()
    async with serving(app, listener, logging.getLogger("tests.admin")), asyncio.timeout(PATIENCE):
        deaf = await Client.connect(where, receive_buffer=4096)
        deaf.send(get(b"/admin/events"))
        for number in count():
            events.publish("divergence", {"number": number, "padding": "x" * 200_000})
            # Each turn of the loop may write a part; the last one finds that nothing was taken for too long.
            with suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), 0.001)
                break
        deaf.close()

    assert not events.is_heard


async def test_streams_end_when_control_stops() -> None:
    """
    Well within what the supervisor waits for it, whoever reads or doesn't.
    """
    async with admin() as served, asyncio.timeout(PATIENCE):
        served.know()
        listener = await listening(served)
        deaf = await Client.connect(served.where, receive_buffer=4096)
        deaf.send(get(b"/admin/events", bearer(VIEWER), host=b"localhost"))
        while len(served.port.events._subscriptions) < 2:
            await served.ask("/healthz")
        for _ in range(3):
            served.port.events.publish("divergence", {"padding": "x" * 200_000})
        begun = asyncio.get_running_loop().time()
    took = asyncio.get_running_loop().time() - begun
    while (block := await listener.block()) != {}:
        assert "event" in block

    assert took < 5
    listener.writer.close()
    deaf.close()


@pytest.mark.parametrize("kept", [True, False])
async def test_a_stream_ends_with_its_token(kept: bool) -> None:
    """
    After a reload that took the token away; others go on.
    """
    async with admin() as served:
        served.know()
        listener = await listening(served)
        served.port.take_access(Access(tokens=TOKENS if kept else TOKENS[:1]))
        served.port.events.publish("reload", {"ok": True})
        if kept:
            assert await listener.event() == ("reload", {"ok": True})
        else:
            assert await listener.block() == {}
        listener.writer.close()
