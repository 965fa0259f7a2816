"""
Large bodies: streamed both ways in bounded memory, and the same at both ends.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator

import pytest

from tests.parts.client import Client, get
from tests.parts.kernel import forget_peak, peak, resident
from tests.parts.origin import OK, Origin, Received
from tests.parts.parallax import Configuration, running
from tests.parts.scene import Scene
from tests.parts.strict import PIECE, Cut

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(600)]

# Workers of its own: in what others have freed before, growth would not show.
CONFIGURATION: Configuration = {}
MIB = 1024 * 1024
GROWTH = 64 * MIB
# A body is this block over and over, each time with another 8 bytes in front, so that a lost or doubled piece shows.
BLOCK = bytes(range(251)) * (PIECE // 251)


async def body(size: int) -> AsyncIterator[bytes]:
    """
    `size` bytes in pieces.
    """
    number = 0
    while size > 0:
        piece = (number.to_bytes(8, "big") + BLOCK)[:size]
        yield piece
        size -= len(piece)
        number += 1


async def digest(pieces: AsyncIterator[bytes]) -> tuple[int, str]:
    """
    Size and SHA-256 of all pieces.
    """
    size, sha = 0, hashlib.sha256()
    async for piece in pieces:
        size += len(piece)
        sha.update(piece)
    return size, sha.hexdigest()


async def upload(client: Client, size: int, *, chunked: bool) -> None:
    """
    Send a request with a body of `size` bytes.
    """
    framing = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % size
    client.send(get(b"/up", framing, method=b"POST"))
    async for piece in body(size):
        client.send(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
        await client.drained()
    if chunked:
        client.send(b"0\r\n\r\n")


async def download(received: Received, size: int, *, chunked: bool) -> None:
    """
    Answer with a body of `size` bytes.
    """
    framing = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % size
    received.answer(b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n\r\n")
    async for piece in body(size):
        received.answer(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
        await received.connection.writer.drain()
    if chunked:
        received.answer(b"0\r\n\r\n")


class Watch:
    """
    How much more memory the workers used than when this was made, at their worst.
    """

    def __init__(self, stage: Scene) -> None:
        self._workers = stage.parallax.workers()
        assert self._workers
        for worker in self._workers:
            forget_peak(worker)
        self._before = {worker: resident(worker) for worker in self._workers}

    def growth(self) -> int:
        """
        Bytes.
        """
        return max(peak(worker) - self._before[worker] for worker in self._workers)


async def up(stage: Scene, size: int, *, chunked: bool) -> None:
    """
    One upload: old gets what the client sent.
    """
    client = await stage.client()
    sending = asyncio.gather(upload(client, size, chunked=chunked))
    received = await stage.old.begin()
    got = await digest(received.pieces())
    received.read.set()
    received.answer(OK)
    await sending
    answered = await client.answer()
    client.close()

    assert got == await digest(body(size))
    assert answered.status == 200


async def down(stage: Scene, size: int, *, chunked: bool) -> None:
    """
    One download: the client gets what old sent.
    """
    client = await stage.client()
    client.send(get(b"/down"))
    received = await stage.old.request()
    sending = asyncio.gather(download(received, size, chunked=chunked))
    answered = await client.begin()
    got = await digest(answered.pieces())
    await sending
    client.close()

    assert got == await digest(body(size))


SIZES = [pytest.param(64 * MIB, id="64MiB"), pytest.param(1024 * MIB, id="1GiB", marks=pytest.mark.prove)]


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
@pytest.mark.parametrize("size", SIZES)
async def test_a_large_upload_is_streamed(stage: Scene, size: int, chunked: bool) -> None:
    """
    What old gets is what the client sent, and memory grows by no more than 64 MiB.
    """
    watch = Watch(stage)
    await up(stage, size, chunked=chunked)

    assert watch.growth() <= GROWTH


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
@pytest.mark.parametrize("size", SIZES)
async def test_a_large_download_is_streamed(stage: Scene, size: int, chunked: bool) -> None:
    """
    What the client gets is what old sent, and memory grows by no more than 64 MiB.
    """
    watch = Watch(stage)
    await down(stage, size, chunked=chunked)

    assert watch.growth() <= GROWTH


MANY = [
    pytest.param(20, 4 * MIB, id="20x4MiB"),
    pytest.param(50, 50 * MIB, id="50x50MiB", marks=pytest.mark.prove),
]


@pytest.mark.parametrize(("count", "size"), MANY)
async def test_many_at_once_are_streamed(stage: Scene, count: int, size: int) -> None:
    """
    Concurrent uploads and downloads keep to the same bound.
    """
    watch = Watch(stage)
    stage.old.script = None
    expected = await digest(body(size))

    async def serve() -> None:
        received = await stage.old.begin()
        if received.method == b"POST":
            assert await digest(received.pieces()) == expected
            received.read.set()
            received.answer(OK)
        else:
            await received.whole()
            await download(received, size, chunked=bool(received.values(b"x-chunked")))

    async def ask(number: int) -> None:
        client = await stage.client()
        if number % 2:
            await upload(client, size, chunked=number % 4 == 1)
            assert (await client.answer()).status == 200
        else:
            client.send(get(b"/down", *([b"X-Chunked: 1"] if number % 4 else [])))
            answered = await client.begin()
            assert await digest(answered.pieces()) == expected
        client.close()

    await asyncio.gather(*(serve() for _ in range(count)), *(ask(number) for number in range(count)))

    assert watch.growth() <= GROWTH


async def test_a_slow_reader_holds_up_the_origin_and_nobody_else(stage: Scene) -> None:
    """
    A client that stops reading stops its origin, in bounded memory, while another client is served.
    """
    watch = Watch(stage)
    client = await stage.client(receive_buffer=4096)
    client.send(get(b"/down"))
    received = await stage.old.request()
    received.answer(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (32 * MIB))
    sent = 0
    try:
        async for piece in body(32 * MIB):
            received.answer(piece)
            sent += len(piece)
            async with asyncio.timeout(0.5):
                await received.connection.writer.drain()
    except TimeoutError:
        pass
    assert await stage.canary() == []

    assert sent < 32 * MIB
    assert watch.growth() <= 8 * MIB
    client.reset()
    await received.connection.closed()


async def test_a_slow_origin_holds_up_its_client_and_nobody_else(stage: Scene) -> None:
    """
    The same for an upload that an origin does not read; when the client goes away, so does its leg.
    """
    watch = Watch(stage)
    client = await stage.client()
    client.send(get(b"/up", b"Content-Length: %d" % (32 * MIB), method=b"POST"))
    received = await stage.old.begin()
    received.connection.deafen()
    sent = 0
    try:
        async for piece in body(32 * MIB):
            client.send(piece)
            sent += len(piece)
            async with asyncio.timeout(0.5):
                await client.writer.drain()
    except TimeoutError:
        pass
    assert await stage.canary() == []

    assert sent < 32 * MIB
    assert watch.growth() <= 8 * MIB
    client.reset()
    # Reading again, the origin finds what was on its way, and no end.
    received.connection.hear()
    with pytest.raises(Cut):
        await received.whole()


async def test_shadow_bodies_cost_no_memory(tmp_path_factory: pytest.TempPathFactory) -> None:
    """
    Both sides answering large bodies cost no more than the budget: what is too large is compared and not kept.
    """
    size = 32 * MIB

    def large(received: Received) -> None:
        received.answer(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + bytes(size))

    async with Origin(large) as old, Origin(large) as new:
        sides = {"old": {"url": old.url}, "new": {"url": new.url}}
        async with running(sides, tmp_path_factory.mktemp("large")) as parallax:
            watch = Watch(Scene(old, new, parallax))
            for _ in range(3):
                client = await parallax.client()
                client.send(get())
                assert await digest((await client.begin()).pieces()) == (size, hashlib.sha256(bytes(size)).hexdigest())
                client.close()
            books = await parallax.settled(3)
            growth = watch.growth()

    assert growth <= GROWTH
    assert books.verdicts == {"identical": 3}
