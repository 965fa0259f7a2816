"""
Connections are lent last-in first-out, aged out, bounded, and never queued for.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator

import pytest

from proxy.net.pool import Patience, Pool, tls_context
from proxy.net.upstream import UpstreamConnection
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


def a_pool(url: str = "http://127.0.0.1:9", *, connect: float = 5.0, limit: int = 3, **timeouts: float) -> Pool:
    """
    A pool of a side at this address.
    """
    table = a_table(old={"url": url}, timeouts=timeouts)
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
        self.all = [UpstreamConnection(pool) for _ in ends]
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


async def test_a_side_that_does_not_accept_in_time_fails_its_leg() -> None:
    """
    A full backlog: the kernel drops the handshake.
    """
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        address = deaf.getsockname()
        crowd = [socket.socket() for _ in range(4)]
        for one in crowd:
            one.setblocking(False)
            one.connect_ex(address)
        pool, leg = a_pool(f"http://127.0.0.1:{address[1]}", connect=0.2), Leg()
        pool.connect(leg)

        outcome = await leg.result()
        for one in crowd:
            one.close()
    assert outcome == "connect_timeout"
    assert pool.open == 0


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
