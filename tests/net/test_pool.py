"""
Connections are lent last-in first-out, aged out, bounded, and never queued for.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

import pytest

from proxy.net.pool import Pool
from proxy.net.resuming import tls_context
from proxy.net.upstream import UpstreamConnection
from proxy.routing.patience import Patience
from proxy.wire.answer import AnswerHead, AnswerParser
from proxy.wire.fields import answer_names
from tests.parts.transport import FakeTransport, sockets
from tests.parts.values import SIGNIFICANT, a_table


class Leg:
    """
    Waits for its connection.
    """

    upgrade = b""

    def __init__(self) -> None:
        self.outcome: asyncio.Future[UpstreamConnection | str] = asyncio.get_running_loop().create_future()

    async def result(self) -> UpstreamConnection | str:
        """
        The connection, or why there is none.
        """
        async with asyncio.timeout(10):
            return await self.outcome

    def connected(self, connection: UpstreamConnection) -> None:
        """
        It stands.
        """
        self.outcome.set_result(connection)

    def failed(self, cause: str) -> None:
        """
        It doesn't.
        """
        self.outcome.set_result(cause)

    def interim(self, head: AnswerHead) -> None:
        """
        Not here.
        """

    answer = interim

    def data(self, data: bytes) -> None:
        """
        Not here.
        """

    def end(self, trailers: list[bytes]) -> None:
        """
        Not here.
        """

    def lull(self) -> None:
        """
        Not here.
        """

    full = drained = lull


def a_pool(
    url: str = "http://127.0.0.1:9",
    *addresses: str,
    connect: float = 5.0,
    limit: int = 3,
    ca: str | None = None,
    **timeouts: float,
) -> Pool:
    """
    A pool of a side at this address, or these.
    """
    table = a_table(old={"url": url, "addresses": list(addresses), "tls": {"ca": ca}}, timeouts=timeouts)
    patience = Patience(connect=connect, head=60.0, body=30.0)
    parser = AnswerParser(answer_names(SIGNIFICANT), 100)
    side = table.sides[0]
    tls = tls_context(side) if side.scheme == "https" else None
    return Pool(side, patience, table.limits, table.timeouts.patient(), parser, limit, 1000.0, tls)


class Standing:
    """
    Idle connections over fake transports, oldest first.
    """

    def __init__(self, pool: Pool, ends: list[tuple[socket.socket, socket.socket]]) -> None:
        self.pool = pool
        self.all = [UpstreamConnection(pool, pool.places.all[0]) for _ in ends]
        self.transports = [FakeTransport(one, *pair) for one, pair in zip(self.all, ends, strict=True)]
        for connection in self.all:
            pool.give_back(connection)


@pytest.fixture
def standing() -> Iterator[Standing]:
    """
    Three of them.
    """
    with sockets() as one, sockets() as two, sockets() as three:
        yield Standing(a_pool(), [one, two, three])


# Lending...


def test_the_last_one_given_back_is_lent_first(standing: Standing) -> None:
    """
    The others can grow old and be closed.
    """
    lent = [standing.pool.lend(repeatable=True) for _ in range(4)]

    assert lent == [*reversed(standing.all), None]


def test_what_is_stale_is_closed_and_not_lent(standing: Standing) -> None:
    """
    A side may say goodbye, or speak out of turn, at any time.
    """
    standing.transports[2].far.close()
    standing.transports[1].far.send(b"HTTP/1.1 408 Request Timeout\r\n\r\n")

    assert standing.pool.lend(repeatable=True) is standing.all[0]
    assert [transport.aborted for transport in standing.transports] == [False, True, True]


def test_what_cannot_be_repeated_goes_on_young_connections_only(standing: Standing) -> None:
    """
    The side was seen to close after 4 s, so 1 s is young and 3 s is not; a GET may try.
    """
    standing.pool.lifetime.closed_after(4.0)
    for connection in standing.all:
        connection.idle_since -= 3.0
    standing.all[2].idle_since += 2.0

    assert standing.pool.lend(repeatable=False) is standing.all[2]
    assert standing.pool.lend(repeatable=False) is None
    assert standing.pool.lend(repeatable=True) is standing.all[1]


def test_what_the_side_says_of_its_patience_is_believed(standing: Standing) -> None:
    """
    `Keep-Alive: timeout=5`, less a second.
    """
    for connection in standing.all:
        connection.idle_limit = 5.0
    standing.all[2].idle_since -= 4.5
    standing.all[1].idle_since -= 3.5

    assert standing.pool.lend(repeatable=True) is standing.all[1]
    assert standing.transports[2].aborted


# Ageing...


def test_idle_connections_are_closed_after_a_time(standing: Standing) -> None:
    """
    `timeouts.upstream_idle`, the oldest first.
    """
    standing.all[0].idle_since -= 5.0
    standing.pool.tick(standing.all[1].idle_since + 1.0)

    assert [transport.closed for transport in standing.transports] == [True, False, False]
    assert not standing.transports[0].aborted


def test_an_old_connection_is_not_taken_back(standing: Standing) -> None:
    """
    `timeouts.upstream_age`: so that a new address behind a name is found.
    """
    connection = standing.pool.lend(repeatable=True)
    assert connection is not None
    connection.born -= 301.0
    standing.pool.give_back(connection)

    assert standing.transports[2].closed


def test_a_connection_that_is_gone_is_forgotten(standing: Standing) -> None:
    """
    Idle or lent.
    """
    standing.transports[2].lose()
    standing.transports[1].lose(ConnectionResetError())

    assert standing.pool.open == 1
    assert standing.pool.lend(repeatable=True) is standing.all[0]


def test_closing_takes_the_idle_ones_now_and_the_others_when_they_come_back(standing: Standing) -> None:
    """
    Nobody's answer is cut.
    """
    lent = standing.pool.lend(repeatable=True)
    assert lent is not None
    standing.pool.close()

    assert [transport.closed for transport in standing.transports] == [True, True, False]
    standing.pool.give_back(lent)
    assert standing.transports[2].closed
    assert standing.pool.lend(repeatable=True) is None


# Connecting...


async def emptied(pool: Pool) -> None:
    """
    Wait until the loop has told the pool of every end.
    """
    async with asyncio.timeout(10):
        while pool.open:  # noqa: ASYNC110 nobody tells when
            await asyncio.sleep(0)


@pytest.fixture
async def side() -> AsyncIterator[str]:
    """
    A side that accepts, and says nothing.
    """
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_a_new_connection_is_handed_to_its_leg(side: str) -> None:
    """
    And counted once.
    """
    pool, leg = a_pool(side), Leg()
    pool.connect(leg)
    assert pool.open == 1
    connection = await leg.result()

    assert isinstance(connection, UpstreamConnection)
    assert pool.open == 1
    connection.transport.abort()
    await emptied(pool)


async def test_a_refused_connection_fails_its_leg() -> None:
    """
    And leaves no trace in the count.
    """
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    pool, leg = a_pool(f"http://127.0.0.1:{port}"), Leg()
    pool.connect(leg)

    assert await leg.result() == "refused"
    assert pool.open == 0


async def test_no_more_than_the_limit_at_once(side: str) -> None:
    """
    Those being made count; beyond, there is no waiting.
    """
    pool = a_pool(side, limit=2)
    legs = [Leg(), Leg()]
    tasks = [pool.connect(leg) for leg in legs]

    assert all(task is not None for task in tasks)
    assert pool.connect(Leg()) is None
    for leg in legs:
        connection = await leg.result()
        assert isinstance(connection, UpstreamConnection)
        connection.transport.abort()
    await emptied(pool)


@pytest.mark.parametrize("steps", [0, 1, 2])
async def test_giving_up_leaves_no_trace(steps: int, side: str) -> None:
    """
    The leg hears nothing more; not even a task that never ran keeps its place.
    """
    pool, leg = a_pool(side), Leg()
    task = pool.connect(leg)
    assert task is not None
    for _ in range(steps):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    await emptied(pool)

    assert not leg.outcome.done()


@pytest.fixture
def deaf() -> Iterator[str]:
    """
    An address whose backlog is full: the kernel drops the handshake.
    """
    with ExitStack() as stack:
        listening = stack.enter_context(socket.socket())
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        for _ in range(4):
            one = stack.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(listening.getsockname())
        yield f"127.0.0.1:{listening.getsockname()[1]}"


async def test_a_side_that_does_not_accept_in_time_fails_its_leg(deaf: str) -> None:
    """
    It may be thought of as black-holed.
    """
    pool, leg = a_pool(f"http://{deaf}", connect=0.2), Leg()
    pool.connect(leg)

    assert await leg.result() == "connect_timeout"
    assert pool.open == pool.places.all[0].open == 0


async def test_a_name_without_an_address_is_a_dns_error() -> None:
    """
    Before any connection is tried; `.invalid` never resolves (RFC 6761).
    """
    pool, leg = a_pool("http://side..invalid:80"), Leg()
    pool.connect(leg)

    assert await leg.result() == "dns"
    assert pool.open == 0


async def test_a_side_that_speaks_no_tls_is_told_apart(side: str) -> None:
    """
    From one that refuses, or whose certificate is wrong.
    """
    pool, leg = a_pool(side.replace("http:", "https:")), Leg()
    pool.connect(leg)

    assert await leg.result() in ("tls", "terminated", "unreachable")
    assert pool.open == 0


# Several addresses...


class Quiet(asyncio.Protocol):
    """
    One end of a connection that just stands.
    """

    def __init__(self, standing: set[asyncio.BaseTransport]) -> None:
        self._standing = standing
        self._transport: asyncio.BaseTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """
        Until the other end goes.
        """
        self._transport = transport
        self._standing.add(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """
        It went.
        """
        self._standing.discard(self._transport)


@asynccontextmanager
async def listening(host: str = "127.0.0.1", port: int = 0, path: Path | None = None) -> AsyncIterator[int]:
    """
    A side that accepts there, and says nothing. Ends when the last connection to it has.
    """
    standing: set[asyncio.BaseTransport] = set()
    loop = asyncio.get_running_loop()
    if path is None:
        server = await loop.create_server(lambda: Quiet(standing), host, port)
    else:
        server = await loop.create_unix_server(lambda: Quiet(standing), path)
    async with server:
        yield 0 if path else server.sockets[0].getsockname()[1]
        async with asyncio.timeout(10):
            while standing:  # noqa: ASYNC110 nobody tells when
                await asyncio.sleep(0)


@pytest.fixture
async def quiet() -> AsyncIterator[str]:
    """
    A side whose connections stand.
    """
    async with listening() as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def refusing() -> str:
    """
    An address where nobody listens.
    """
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return f"127.0.0.1:{taken.getsockname()[1]}"


async def connected(pool: Pool) -> UpstreamConnection:
    """
    One more connection.
    """
    leg = Leg()
    pool.connect(leg)
    made = await leg.result()
    assert isinstance(made, UpstreamConnection)
    return made


async def test_a_dead_address_costs_nobody_a_request(quiet: str, refusing: str) -> None:
    """
    The next one is tried at once, and for a time the dead one is not asked.
    """
    pool = a_pool("http://side", refusing, quiet.removeprefix("http://"))
    dead, alive = pool.places.all
    made = [await connected(pool) for _ in range(3)]

    assert [connection.place for connection in made] == [alive] * 3
    assert dead.until == pool.now + 1.0
    assert (dead.open, alive.open) == (0, 3)
    for connection in made:
        connection.transport.abort()
    await emptied(pool)
    assert (dead.open, alive.open) == (0, 0)


async def test_an_address_that_says_nothing_leaves_the_other_its_share_of_the_time(quiet: str, deaf: str) -> None:
    """
    Half of it, for two.
    """
    pool = a_pool("http://side", deaf, quiet.removeprefix("http://"), connect=1.0)
    made = await connected(pool)

    assert made.place is pool.places.all[1]
    assert pool.places.all[0].until > pool.now
    made.transport.abort()
    await emptied(pool)


async def test_when_every_address_is_dead_the_last_one_says_why(refusing: str) -> None:
    """
    They are all tried, also those that are passed over.
    """
    pool = a_pool("http://side", refusing, "unix:/nowhere/side.sock")
    for _ in range(2):
        leg = Leg()
        pool.connect(leg)
        assert await leg.result() in ("refused", "unreachable")
        assert all(place.until > pool.now for place in pool.places.all)
        assert pool.detail in ("Connection refused", "No such file or directory")
    assert pool.open == 0


async def test_connections_go_where_least_is_outstanding() -> None:
    """
    An idle one is lent where that is; else a new one is made there.
    """
    async with listening("0.0.0.0") as port:
        pool = a_pool("http://side", f"127.0.0.1:{port}", f"127.0.0.2:{port}", limit=9)
        one, two = pool.places.all
        made = [await connected(pool) for _ in range(4)]
        assert [connection.place for connection in made] == [one, two, one, two]
        pool.give_back(made[1])
        assert pool.lend(repeatable=True) is made[1]
        pool.give_back(made[0])
        pool.give_back(made[2])
        made.append(await connected(pool))
        assert made[-1].place is one
        assert pool.lend(repeatable=True) is made[2]

        for connection in made:
            connection.transport.abort()
        await emptied(pool)


async def test_an_address_that_was_dead_is_knocked_at_before_a_request_goes_there(quiet: str, refusing: str) -> None:
    """
    Then one request takes that connection, and the others go elsewhere until it has answered.
    """
    pool = a_pool("http://side", refusing, quiet.removeprefix("http://"), limit=9)
    dead, alive = pool.places.all
    made = [await connected(pool)]
    pool.tick(pool.now + 0.9)
    assert not pool._knocking
    pool.tick(pool.now + 0.1)
    while pool._knocking:  # noqa: ASYNC110 nobody tells when
        await asyncio.sleep(0)
    assert dead.until == pool.now + 2.0
    host, _, port = refusing.partition(":")
    async with listening(host, int(port)):
        pool.tick(pool.now + 2.0)
        while pool._knocking:  # noqa: ASYNC110 nobody tells when
            await asyncio.sleep(0)
        assert not dead.is_passed_over
        lent = pool.lend(repeatable=True)
        assert lent is not None
        assert lent.place is dead
        made += [lent, await connected(pool)]
        assert made[-1].place is alive
        dead.answered()
        assert not dead.is_passed_over
        for connection in made:
            connection.transport.abort()
        await emptied(pool)


# Unix sockets...


async def test_a_side_may_listen_on_a_unix_socket(tmp_path: Path) -> None:
    """
    And be missing there.
    """
    pool, leg = a_pool(f"http://unix:{tmp_path}/side.sock"), Leg()
    pool.connect(leg)
    assert await leg.result() == "unreachable"
    assert pool.detail == "No such file or directory"

    async with listening(path=tmp_path / "side.sock"):
        made = await connected(pool)
        made.transport.abort()
        await emptied(pool)
