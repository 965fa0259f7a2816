"""
New dies while it has half of the traffic: after five failures old answers everything, until new is back.

One worker goes by one configuration after the other; nothing is copied, so that only knocking shows that new is back.
"""

import asyncio
import socket
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.parts.alone import Alone, alone
from tests.parts.client import get
from tests.parts.origin import LOOPBACK, Connection, Origin, Received, always, answer

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(60)]

OLD, NEW = b"old", b"new"
FAILURES = 5
PATIENCE = 20.0


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def worker() -> AsyncIterator[Alone]:
    """
    One for all tests.
    """
    async with alone() as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def old() -> AsyncIterator[Origin]:
    """
    Says that it is old.
    """
    async with Origin(always(answer(OLD))) as origin:
        yield origin


@pytest_asyncio.fixture(loop_scope="module")
async def new() -> AsyncIterator[Origin]:
    """
    Says that it is new.
    """
    async with Origin(always(answer(NEW))) as origin:
        yield origin


def half(old: Origin, new: str, **new_has: Any) -> dict[str, Any]:
    """
    Half of the requests to each side.
    """
    return {
        "old": {"url": old.url},
        "new": {"url": new, "eject": {"pause": 0.2}, **new_has},
        "weights": {"new": 50},
        "mirror": {"percent": 0},
        "timeouts": {"connect": 0.2},
    }


async def ask(worker: Alone) -> bytes:
    """
    Who answered one request, or the status of an error of Parallax.
    """
    client = await worker.client()
    got = await client.ask(get())
    client.close()
    return bytes(got.body) if got.status == 200 else b"%d" % got.status


async def ask_until(worker: Alone, enough: Callable[[Counter[bytes]], bool]) -> Counter[bytes]:
    """
    One request after the other; who answered how many.
    """
    seen: Counter[bytes] = Counter()
    async with asyncio.timeout(PATIENCE):
        while not enough(seen):
            seen[await ask(worker)] += 1
    return seen


def told(worker: Alone, event: str) -> list[dict[str, Any]]:
    """
    What the worker has reported since the test began to look.
    """
    return [report for report in worker.reports if report["event"] == event]


async def heard(worker: Alone, event: str, times: int) -> Counter[bytes]:
    """
    Go on asking until the worker has reported this so often.
    """
    return await ask_until(worker, lambda _: len(told(worker, event)) >= times)


async def test_a_new_side_that_falls_and_rises_costs_five_requests_each_time(
    worker: Alone, old: Origin, new: Origin, tmp_path: Path
) -> None:
    """
    Its connections break and it refuses others: what comes until the fifth failure is lost, and nothing after.
    """
    worker.reports.clear()
    await worker.goes_by(half(old, new.url), tmp_path)
    for times in (1, 2):
        served = await ask_until(worker, lambda seen: seen[NEW] >= 5)
        assert served.keys() <= {OLD, NEW}

        await new.stop_listening()
        await new.forget()
        lost = await ask_until(worker, lambda seen: seen[b"502"] >= FAILURES)
        assert lost[NEW] == 0
        after = await heard(worker, "side_ejected", times) + Counter([await ask(worker) for _ in range(50)])
        assert after.keys() == {OLD}
        assert told(worker, "side_returned")[times - 1 :] == []

        await new.listen()
        back = await ask_until(worker, lambda seen: seen[NEW] >= 5)
        assert back.keys() <= {OLD, NEW}
        await heard(worker, "side_returned", times)

    assert told(worker, "side_ejected")[0] == {
        "event": "side_ejected",
        "level": "warning",
        "side": "new",
        "url": new.url,
        "cause": "refused",
        "words": "the side refused the connection",
        "detail": "Connection refused",
    }
    assert told(worker, "side_returned")[0] == {
        "event": "side_returned",
        "level": "info",
        "side": "new",
        "url": new.url,
    }


@pytest.fixture
def black_hole() -> Iterator[str]:
    """
    An address whose backlog is full: nothing ever comes of a connection there.
    """
    with ExitStack() as stack:
        listening = stack.enter_context(socket.socket())
        listening.bind((LOOPBACK, 0))
        listening.listen(0)
        for _ in range(4):
            one = stack.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(listening.getsockname())
        yield f"http://{LOOPBACK}:{listening.getsockname()[1]}"


async def test_a_black_hole_costs_five_requests(worker: Alone, old: Origin, black_hole: str, tmp_path: Path) -> None:
    """
    Each waits for `timeouts.connect`; nobody waits after that, and nobody tries.
    """
    worker.reports.clear()
    await worker.goes_by(half(old, black_hole), tmp_path)
    lost = await ask_until(worker, lambda seen: seen[b"504"] >= FAILURES)
    assert lost.keys() <= {OLD, b"504"}
    after = await heard(worker, "side_ejected", 1) + Counter([await ask(worker) for _ in range(50)])

    assert after.keys() == {OLD}
    assert told(worker, "side_ejected")[0]["cause"] == "connect_timeout"


async def test_one_that_accepts_and_resets_costs_one_more_request_now_and_then(
    worker: Alone, old: Origin, new: Origin, tmp_path: Path
) -> None:
    """
    Its door is open, so that one request tries each time; the first that it answers brings it back.
    """

    async def reset(connection: Connection) -> None:
        await connection.source.some()
        connection.reset()

    worker.reports.clear()
    new.behaviour = reset
    await worker.goes_by(half(old, new.url), tmp_path)
    lost = await ask_until(worker, lambda seen: seen[b"502"] >= FAILURES)
    assert lost.keys() <= {OLD, b"502"}
    tried = await ask_until(worker, lambda seen: seen[b"502"] >= 2)
    assert tried[OLD] > tried[b"502"]
    assert tried.keys() == {OLD, b"502"}
    assert told(worker, "side_returned") == []

    new.behaviour = None
    back = await ask_until(worker, lambda seen: seen[NEW] >= 5)
    assert back[b"502"] <= 1


async def test_an_old_side_that_dies_keeps_its_share(worker: Alone, new: Origin, tmp_path: Path) -> None:
    """
    Nothing is shifted to new by itself.
    """
    worker.reports.clear()
    async with Origin(always(answer(OLD))) as old:
        await worker.goes_by(half(old, new.url, eject={}), tmp_path)
        await old.stop_listening()
        await heard(worker, "side_ejected", 1)
        shared = Counter([await ask(worker) for _ in range(60)])
        assert shared.keys() == {NEW, b"502"}
        assert told(worker, "side_ejected")[0]["side"] == "old"

        await old.listen()
        await heard(worker, "side_returned", 1)


async def test_a_side_that_says_it_is_ill_gets_no_requests(
    worker: Alone, old: Origin, new: Origin, tmp_path: Path
) -> None:
    """
    Though it answers: it is asked for its health, with its own Host and below its own path, until it is well again.
    """
    asked: list[Received] = []
    health = answer(b"", status=b"503 Not Now")

    def say(received: Received) -> None:
        if received.target == b"/v2/healthz":
            asked.append(received)
        received.answer(health if received.target == b"/v2/healthz" else answer(NEW))

    new.script = say
    worker.reports.clear()
    check = {"path": "/healthz", "interval": 0.1, "healthy": 1, "unhealthy": 2}
    await worker.goes_by(half(old, f"{new.url}/v2", health=check), tmp_path)
    await heard(worker, "side_ejected", 1)
    after = Counter([await ask(worker) for _ in range(50)])
    assert after.keys() == {OLD}
    (told_of,) = told(worker, "side_ejected")
    assert (told_of["cause"], told_of["words"], told_of["detail"]) == ("unhealthy", "its health checks fail", "503")

    health = answer(b"", status=b"204 Fine")
    await heard(worker, "side_returned", 1)
    await ask_until(worker, lambda seen: seen[NEW] >= 5)
    assert (asked[0].method, asked[0].value(b"host")) == (b"GET", f"{LOOPBACK}:{new.port}".encode())
    assert all(received.connection is not asked[0].connection for received in asked[1:])


async def test_a_side_whose_health_cannot_be_asked_is_ill(
    worker: Alone, old: Origin, new: Origin, tmp_path: Path
) -> None:
    """
    One that nobody answers for, before any client has found out.
    """
    await new.stop_listening()
    worker.reports.clear()
    check = {"path": "/healthz", "interval": 0.1, "healthy": 1, "unhealthy": 1}
    await worker.goes_by({**half(old, new.url, health=check), "weights": {"new": 0}}, tmp_path)
    await heard(worker, "side_ejected", 1)
    await worker.goes_by(half(old, new.url, health=check), tmp_path)
    seen = Counter([await ask(worker) for _ in range(50)])

    assert seen.keys() == {OLD}
    assert told(worker, "side_ejected")[0]["detail"] == "refused"
    await new.listen()
    await heard(worker, "side_returned", 1)


async def test_one_bad_address_of_several_ejects_nobody(
    worker: Alone, old: Origin, new: Origin, tmp_path: Path
) -> None:
    """
    One that accepts and resets costs a request now and then; the others answer meanwhile.
    """
    hits = []

    async def reset(connection: Connection) -> None:
        hits.append(await connection.source.some())
        connection.reset()

    new.behaviour = reset
    worker.reports.clear()
    addresses = [f"{LOOPBACK}:{new.port}", f"{LOOPBACK}:{old.port}"]
    sides = {**half(old, new.url), "weights": {"new": 0}}
    await worker.goes_by({**sides, "old": {"url": "http://shop.internal", "addresses": addresses}}, tmp_path)
    seen = Counter([await ask(worker) for _ in range(100)])

    assert seen == {OLD: 100 - len(hits), b"502": len(hits)}
    assert 1 <= len(hits) < 10
    assert told(worker, "side_ejected") == []


async def test_an_address_that_says_it_is_ill_is_passed_over(
    worker: Alone, old: Origin, new: Origin, tmp_path: Path
) -> None:
    """
    As one that is about to stop does; the side goes on with the other.
    """
    ill = answer(b"", status=b"503 Stopping")
    asked = 0

    def say(received: Received) -> None:
        nonlocal asked
        asked += received.target == b"/healthz"
        received.answer(ill if received.target == b"/healthz" else answer(NEW))

    new.script = say
    addresses = [f"{LOOPBACK}:{new.port}", f"{LOOPBACK}:{old.port}"]
    check = {"path": "/healthz", "interval": 0.1, "healthy": 1, "unhealthy": 1}
    worker.reports.clear()
    both = {"url": "http://shop.internal", "addresses": addresses, "health": check}
    await worker.goes_by({**half(old, new.url), "weights": {"new": 0}, "old": both}, tmp_path)
    # The first of two that are alike, until a check has found out; several rounds of checks later it still is.
    while asked < 5:
        await ask(worker)
    after = Counter([await ask(worker) for _ in range(50)])
    assert after.keys() == {OLD}
    assert told(worker, "side_ejected") == []

    ill = answer(b"", status=b"200 Here")
    await ask_until(worker, lambda seen: seen[NEW] >= 1)
    assert told(worker, "side_ejected") == []
