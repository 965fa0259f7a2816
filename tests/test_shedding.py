"""
What a worker sheds, look by look: real connections and exchanges over transports that go nowhere, and limits so small
that every look is a bad one.
"""

import asyncio
import time
from collections.abc import Iterator
from typing import Any, cast

import pytest

from proxy.metrics.books import LIVE
from proxy.mirror.brownout import ANSWERS, BAD, FIRST, WINDOW
from proxy.mirror.brownout import REST as BREAK
from proxy.net.client import ClientConnection
from proxy.overload import BODIES, CALM, CLIENTS, COPIES, PATIENCE, QUOTA, READ, REQUESTS, REST
from proxy.plane import MANY
from proxy.pressure import BUSY
from proxy.shedding import FEW, RESTING, SWEEP, TELLING, Shedding
from tests.parts.plane import GET, OK, OLD, Data, data_plane
from tests.parts.transport import FakeTransport
from tests.parts.values import a_table

# No process is that small, none so large; turns may take any time.
TOO_LITTLE, PLENTY = {"memory": 1, "lag": 0}, {"memory": 10**13, "lag": 0}


@pytest.fixture
def data() -> Iterator[Data]:
    """
    A plane that has too little memory; everything is mirrored.
    """
    with data_plane(overload=TOO_LITTLE) as made:
        yield made


class Looking:
    """
    A plane and its shedding, a look every quarter of a second.
    """

    def __init__(self, data: Data) -> None:
        self.data = data
        self.lines: list[dict[str, Any]] = []
        self.now = data.plane.now
        self.shedding = Shedding(data.plane, data.front, self._report)

    def _report(self, event: str, level: str, **fields: Any) -> None:
        self.lines.append({"event": event, "level": level, **fields})

    def look(self, times: int = 1) -> int:
        """
        So many looks; the level after them.
        """
        for _ in range(times):
            self.now += 0.25
            self.data.front.now = self.now
            self.shedding.look(self.now)
        return self.shedding.level

    def relief(self) -> None:
        """
        There is plenty of everything from now on.
        """
        self.shedding.obey(a_table(overload=PLENTY))


def asked(data: Data) -> tuple[FakeTransport, FakeTransport]:
    """
    A request of a new client, and both sides' connections.
    """
    both = data.both()
    data.a_client().feed(GET)
    return both


async def test_at_first_nothing_is_shed(data: Data) -> None:
    """
    Before the first look, and with plenty of everything after it.
    """
    looking = Looking(data)
    looking.relief()

    assert looking.look(20) == CALM
    old, new = asked(data)
    old.feed(OK)
    new.feed(OK)
    assert data.entries() == {"identical": 1}
    assert not looking.lines


async def test_first_answers_are_no_longer_kept(data: Data) -> None:
    """
    The copy is made, nothing but the request is held for it, and there is no verdict: not even of a failure.
    """
    looking = Looking(data)
    assert looking.look() == BODIES

    old, new = asked(data)
    held = data.pairs.budget.used
    assert b"X-Parallax-Shadow" in new.written
    old.feed(OK)
    assert data.pairs.budget.used == held
    new.feed(OK)
    assert data.entries() == {"memory_budget": 1}

    old, new = asked(data)
    old.feed(OK)
    new.lose()
    assert data.entries() == {"memory_budget": 2}
    data.settled()


async def test_then_no_copies_are_made(data: Data) -> None:
    """
    Those under way go on.
    """
    looking = Looking(data)
    old, new = asked(data)
    assert looking.look(2) == COPIES

    live, shadow = asked(data)
    assert live.written
    assert not shadow.written
    live.feed(OK)
    assert data.entries() == {"sampled_out": 1}
    old.feed(OK)
    new.feed(OK)
    assert data.entries() == {"sampled_out": 1, "identical": 1}
    data.settled()


async def test_then_copies_under_way_are_dropped(data: Data) -> None:
    """
    Their clients are answered as ever.
    """
    looking = Looking(data)
    old, new = asked(data)
    assert looking.look(3) == CLIENTS

    assert new.closed
    assert data.entries() == {"memory_budget": 1}
    data.settled()
    old.feed(OK)
    assert data.entries() == {"memory_budget": 1}


async def test_then_clients_that_rest_are_let_go(data: Data) -> None:
    """
    Not those that are being answered, and not before they have rested.
    """
    looking = Looking(data)
    resting, waiting = data.a_client(), data.a_client()
    data.idle(0, "live")
    waiting.feed(GET)
    idle_shadow = data.idle(1, "shadow")
    connections = (resting, idle_shadow, waiting)
    looking.look(2)
    assert [connection.closed for connection in connections] == [False, False, False]
    looking.look(round(RESTING / 0.25))

    assert [connection.closed for connection in connections] == [True, True, False]


async def test_clients_stay_when_only_time_is_short(data: Data) -> None:
    """
    To let them come back would cost more of it.
    """
    looking = Looking(data)
    looking.relief()
    data.plane.on_full()
    looking.now += 100.0
    looking.look(PATIENCE)

    assert looking.shedding.level == CLIENTS
    assert not data.client.closed


async def test_last_some_requests_are_refused(data: Data) -> None:
    """
    With a 503 of our own that says when to come again; they never were eligible.
    """
    looking = Looking(data)
    assert looking.look(5) == REQUESTS

    client = data.a_client()
    client.feed(GET)
    answer = client.taken()
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nRetry-After: 1\r\n" in answer
    assert b"\r\nProxy-Status: parallax; error=proxy_internal_response\r\n" in answer
    assert b"Connection: close" not in answer
    assert data.books.errors == {"client|overload": 1}
    assert not any(any(page.eligible) for page in data.books.pages.values())


async def test_a_refused_connection_serves_the_next_request(data: Data) -> None:
    """
    When the dice say so.
    """
    looking = Looking(data)
    looking.look(5)
    client = data.a_client()
    client.feed(GET)
    data.plane.random = lambda: 0.99
    client.taken()
    await asyncio.sleep(0)
    old = data.idle(0, "live")
    client.feed(GET)
    old.feed(OK)

    assert client.taken().startswith(b"HTTP/1.1 200 ")
    assert data.entries() == {"sampled_out": 1}


async def test_content_of_a_refused_request_goes_nowhere(data: Data) -> None:
    """
    The answer says that the connection ends.
    """
    Looking(data).look(5)
    client = data.a_client()
    client.feed(GET.replace(b"GET", b"POST").replace(b"Host", b"Content-Length: 5\r\nHost") + b"he", b"llo")

    assert client.written.startswith(b"HTTP/1.1 503 ")
    assert b"Connection: close" in client.written


async def test_it_all_comes_back(data: Data) -> None:
    """
    In reverse order.
    """
    looking = Looking(data)
    looking.look(10)
    looking.relief()
    assert looking.look(4 * PATIENCE + REST) == CALM

    data.idle(0, "live")
    old, new = asked(data)
    old.feed(OK)
    new.feed(OK)
    assert data.entries() == {"identical": 1}


@pytest.mark.parametrize("cause", ["limit", "descriptors"])
async def test_no_connection_left_ends_copies_before_the_503(cause: str, data: Data) -> None:
    """
    That of the request itself counts as what it was refused for.
    """
    looking = Looking(data)
    looking.relief()
    _, new = asked(data)
    refused = data.a_client()
    refused.feed(GET)
    exchange: Any = refused.protocol
    exchange.exchange.failed(cause)

    assert refused.taken().startswith(b"HTTP/1.1 503 ")
    assert new.closed
    assert not data.pairs.open
    assert looking.shedding.level == REQUESTS
    assert asked(data)[1].written == b""


async def test_in_a_crowd_a_connection_asks_once_in_a_turn(data: Data) -> None:
    """
    What it sends meanwhile stays where it is.
    """
    data.front.rest = data.loop.call_soon
    old, new = data.both()
    data.client.feed(GET)
    old.feed(OK)
    new.feed(OK)
    paused = [data.client.paused]
    data.loop.run()
    paused.append(data.client.paused)
    assert paused == [True, False]

    data.client.feed(GET)
    old.feed(OK)
    assert data.entries() == {"identical": 1}
    assert data.client.written.count(b"HTTP/1.1 200 ") == 2


async def test_clients_that_rest_are_read_on_from_when_it_is_over(data: Data) -> None:
    """
    All of them at once.
    """
    looking = Looking(data)
    looking.look(5)
    clients = [data.a_client() for _ in range(3 * READ)]
    for client in clients:
        client.feed(GET)
    resting = [sum(client.paused for client in clients)]
    await asyncio.sleep(0)
    resting.append(sum(client.paused for client in clients))
    looking.shedding.obey(a_table(overload=PLENTY))
    resting.append(sum(client.paused for client in clients))

    assert resting == [3 * READ, 0, 0]


async def test_clients_take_turns_where_time_is_short(data: Data) -> None:
    """
    So many are read on from in a turn; the others with the next, or when it is over.
    """
    looking = Looking(data)
    looking.shedding.obey(a_table(overload={"memory": 10**13, "lag": 100}))
    data.plane.on_full()
    data.plane.random = lambda: 0.99
    clients = [data.a_client() for _ in range(QUOTA + 3 * READ)]
    for client in clients[:QUOTA]:
        data.idle(0, "live")
        client.feed(GET)
    for client in clients[QUOTA:]:
        client.feed(GET)
        assert client.taken().startswith(b"HTTP/1.1 503 ")
    resting = []
    for _ in range(3):
        resting.append(sum(client.paused for client in clients))
        await asyncio.sleep(0)
    looking.look(PATIENCE + 1)

    assert resting == [3 * READ, 2 * READ, READ]
    assert looking.shedding.level == CLIENTS
    assert not any(client.paused for client in clients)


async def test_many_requests_in_one_turn_are_looked_at_in_it(data: Data) -> None:
    """
    The timer doesn't come before it is over: for each that many a look, if the last was long ago.
    """
    looking = Looking(data)
    data.plane.on_many()
    assert looking.shedding.level == CALM
    for level in (BODIES, COPIES):
        looking.shedding.look(looking.now - 10.0 + level)
        data.plane.on_many()
        data.plane.on_many()

    assert looking.shedding.level == REQUESTS
    assert data.front.rest is not None


async def test_a_crowd_is_one_only_while_there_is_something_to_shed(data: Data) -> None:
    """
    However many connections there are.
    """
    looking = Looking(data)
    data.front.connections.update(cast("ClientConnection", number) for number in range(MANY))
    crowded = [data.front.rest]
    looking.look()
    crowded.append(data.front.rest)
    looking.relief()
    looking.look(PATIENCE)
    crowded.append(data.front.rest)
    data.front.connections.clear()

    assert crowded == [None, asyncio.get_running_loop().call_soon, None]


async def test_new_clients_wait_while_requests_are_refused(data: Data) -> None:
    """
    At all other levels they are taken nearly as fast as they come, after turns that are long.
    """
    swept: list[int] = []
    looking = Looking(data)
    looking.shedding = Shedding(data.plane, data.front, lambda *_, **__: None, swept.append)
    looking.look(3)
    while not swept:
        time.sleep(BUSY * 2)  # noqa: ASYNC251 - a long turn
        await asyncio.sleep(0)
    looking.look()
    while swept[-1] != FEW:
        time.sleep(BUSY * 2)  # noqa: ASYNC251
        await asyncio.sleep(0)

    assert looking.shedding.level == REQUESTS
    assert set(swept) == {SWEEP, FEW}


async def test_every_so_many_requests_somebody_is_told(data: Data) -> None:
    """
    When so many have begun, and not before.
    """
    told = []
    data.plane.on_many = lambda: told.append(data.plane.requests)
    data.plane.requests = MANY - 2
    for _ in range(3):
        asked(data)

    assert told == [MANY]


async def test_a_level_is_told_once_and_once_a_second(data: Data) -> None:
    """
    With what it is by, and what was refused meanwhile.
    """
    looking = Looking(data)
    looking.look()
    (line,) = looking.lines
    assert (line["event"], line["level"], line["step"], line["sheds"]) == ("overload", "warning", 1, "bodies")
    assert line["memory"] > 1.0
    assert (line["lag"], line["before"], line["refused"]) == (0.0, 0, 0)

    looking.look(round(TELLING / 0.25) - 1)
    assert len(looking.lines) == 1
    data.a_client().feed(GET)
    looking.look(2)
    assert [(line["step"], line["before"], line["refused"]) for line in looking.lines[1:]] == [(4, 1, 1)]
    looking.look(20)
    assert len(looking.lines) == 2


async def test_the_end_is_told_too(data: Data) -> None:
    """
    As information.
    """
    looking = Looking(data)
    looking.look(8)
    looking.relief()
    looking.look(40)

    assert [(line["level"], line["step"]) for line in looking.lines][-1] == ("info", CALM)
    steps = [line["step"] for line in looking.lines]
    assert steps[:2] == [1, 4]
    assert steps[1:] == sorted(set(steps[1:]), reverse=True)


async def test_the_plane_counts_anew_now_and_then(data: Data) -> None:
    """
    Which makes no rate of requests negative.
    """
    looking = Looking(data)
    data.plane.requests = 1000
    looking.look()
    data.plane.requests = 3
    looking.look()

    assert looking.shedding.level == COPIES


async def test_copies_are_shed_while_live_answers_are_slower_with_them() -> None:
    """
    `mirror.brownout`: the plane makes none before there is a baseline, and none when they are too much.
    """
    with data_plane(overload=PLENTY, mirror={"brownout": 2}) as data:
        looking = Looking(data)
        page = data.page()

        def answers(seconds: float, windows: int) -> float:
            for _ in range(int(windows * WINDOW / 0.25)):
                for _ in range(ANSWERS):
                    page.answered(OLD, LIVE, 200, seconds)
                looking.look()
            return data.plane.copies

        assert answers(0.01, 1) == 0.0
        assert answers(0.01, FIRST) == 1.0
        assert answers(0.04, BAD + 1) == 0.0
        assert 0.0 < answers(0.01, BREAK) < 1.0

    lines = [(line["event"], line["level"], line["side"]) for line in looking.lines]
    assert lines == [("brownout", "warning", "old"), ("brownout_over", "info", "old")]
    assert looking.lines[0]["p99"] > 2 * looking.lines[0]["baseline"]
