"""
A worker's data plane without a network: real connections and exchanges over transports that go nowhere.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, cast

from proxy.metrics.books import VERDICTS, Books, Page
from proxy.metrics.endpoints import Known
from proxy.mirror.pair import Pair
from proxy.net.client import ClientConnection
from proxy.net.pool import Pool
from proxy.net.upstream import UpstreamConnection
from proxy.routing.table import Table, encode
from proxy.tables import Tables
from tests.parts.transport import FakeTransport, sockets
from tests.parts.values import a_table

OLD, NEW = 0, 1
ENDPOINT = "GET /users/{id}"
GET = b"GET /users/7?x=1 HTTP/1.1\r\nHost: a\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Length: 5\r\n\r\nhello"


class Later:
    """
    A loop of which only calls to come are used; the test says when soon is, and when later.
    """

    def __init__(self) -> None:
        self.calls: list[Callable[[], None]] = []
        self.later: list[Callable[[], None]] = []

    def call_later(self, seconds: float, call: Callable[[], None]) -> None:
        """
        In a while.
        """
        assert seconds > 0
        self.later.append(call)

    def wait(self) -> None:
        """
        A while has passed.
        """
        while self.later:
            self.later.pop(0)()

    def call_soon(self, call: Callable[[], None]) -> None:
        """
        Soon.
        """
        self.calls.append(call)

    def run(self) -> None:
        """
        Now.
        """
        while self.calls:
            self.calls.pop(0)()


class Data:
    """
    One client, and as many idle connections to each side and role as the test asks for. Dice always say `roll`.
    """

    def __init__(self, stack: ExitStack, **settings: Any) -> None:
        self._stack = stack
        self.loop = Later()
        self.books = Books()
        self.divergent: list[tuple[bytes, bytes]] = []
        self.tables = Tables(self.books, self._look, obeyed=lambda: None, refused=self._refuse)
        self.tables.take(encode(a_table(**settings)))
        self.plane, self.front = self.tables.plane, self.tables.front
        self.pairs = self.plane.pairs
        self.plane.random = lambda: 0.5
        self.plane.bits = lambda count: 0
        self.plane.know(Known([ENDPOINT]))
        self.front.date = b"Date: now"
        self.client = self.a_client()

    def _look(self, pair: Pair, _signature: int) -> None:
        self.divergent.append((pair.live.body(), pair.shadow.body()))

    def _refuse(self, why: str) -> None:
        raise AssertionError(why)

    def swap(self, table: Table) -> None:
        """
        Another table.
        """
        self.tables.take(encode(table))

    def a_client(self) -> FakeTransport:
        """
        Another client.
        """
        made = ClientConnection(self.front, cast("asyncio.AbstractEventLoop", self.loop))
        return FakeTransport(made, *self._stack.enter_context(sockets()))

    def pool(self, side: int, role: str) -> Pool:
        """
        The connections of one side in one role.
        """
        reach = self.plane.sides[side]
        return reach.live if role == "live" else reach.shadow

    def idle(self, side: int, role: str, *, reused: bool = False) -> FakeTransport:
        """
        An idle connection to a side; what fails on a `reused` one, which has served before, may be tried again.
        """
        return self.idle_in(self.pool(side, role), reused=reused)

    def idle_in(self, pool: Pool, *, reused: bool = False) -> FakeTransport:
        """
        The same in any pool.
        """
        connection = UpstreamConnection(pool, pool.places.all[0])
        connection.reused = reused
        transport = FakeTransport(connection, *self._stack.enter_context(sockets()))
        pool.give_back(connection)
        return transport

    def both(self, live: int = OLD) -> tuple[FakeTransport, FakeTransport]:
        """
        An idle connection for each leg: live, shadow.
        """
        return self.idle(live, "live"), self.idle(1 - live, "shadow")

    def page(self, endpoint: str = ENDPOINT) -> Page:
        """
        The page of an endpoint.
        """
        return self.books.page(endpoint)

    def entries(self) -> dict[str, int]:
        """
        Everything in the books, all endpoints and both live sides together.
        """
        found: dict[str, int] = {}
        for page in self.books.pages.values():
            for side in (OLD, NEW):
                for index, count in enumerate(page.verdicts[side]):
                    if count:
                        found[VERDICTS[index]] = found.get(VERDICTS[index], 0) + count
                for reason, count in page.skipped[side].items():
                    found[reason] = found.get(reason, 0) + count
        return found

    def settled(self) -> None:
        """
        Asserts that nothing is in flight, held or owed.
        """
        assert not self.pairs.open
        assert self.pairs.budget.used == 0
        for page in self.books.pages.values():
            assert page.pending(OLD) == page.pending(NEW) == 0
        assert [reach.copies for reach in self.plane.sides] == [0, 0]


@contextmanager
def data_plane(**settings: Any) -> Iterator[Data]:
    """
    With these settings; everything is closed in the end.
    """
    with ExitStack() as stack:
        yield Data(stack, **settings)
