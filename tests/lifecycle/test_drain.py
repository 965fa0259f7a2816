"""
Stopping under load: from the signal on nothing that was accepted is lost.
"""

import asyncio
import random
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGINT, SIGTERM

import pytest

from proxy.clock import monotonic
from proxy.tasks import spawn
from tests.parts.client import Client, get
from tests.parts.origin import OK, always
from tests.parts.parallax import Parallax, until
from tests.parts.scene import scene
from tests.parts.strict import Cut

pytestmark = pytest.mark.timeout(120)


@dataclass(slots=True)
class Tally:
    """
    What clients saw. `lost` names each request that was sent on an accepted connection and not answered.
    """

    answered: int = 0
    said_close: int = 0
    refused: int = 0
    lost: list[str] = field(default_factory=list)


async def ask(client: Client, tally: Tally, who: str, *fields: bytes) -> bool:
    """
    One request. Returns whether the connection may be used again.
    """
    try:
        got = await client.ask(get(b"/work", *fields))
    except (Cut, ConnectionError) as error:
        tally.lost.append(f"{who}: {error}")
        return False
    assert got.status == 200
    tally.answered += 1
    closing = got.value(b"connection") == b"close"
    tally.said_close += closing
    return not closing


async def keeper(parallax: Parallax, tally: Tally, number: int, trusted: ssl.SSLContext | None = None) -> None:
    """
    A client that keeps its connection, pauses between requests as people do, and connects anew when told to.
    """
    roll = random.Random(number)
    longest = 0.3 if number % 4 == 0 else 0.02
    while True:
        try:
            client = await parallax.client(trusted=trusted)
        except OSError:
            tally.refused += 1
            return
        # People pause; the pauses are the load and wait for nothing.
        while await ask(client, tally, f"keeper {number}"):  # noqa: ASYNC110
            await asyncio.sleep(roll.uniform(0, longest))
        client.close()


async def one_shot(parallax: Parallax, tally: Tally, number: int, trusted: ssl.SSLContext | None = None) -> None:
    """
    A client that connects for each request.
    """
    while True:
        try:
            client = await parallax.client(trusted=trusted)
        except OSError:
            tally.refused += 1
            return
        await ask(client, tally, f"one-shot {number}", b"Connection: close")
        client.close()


@pytest.mark.parametrize(
    ("delay", "workers"),
    [pytest.param(1, 1, id="1s"), pytest.param(1, 2, id="1s, 2 workers"), pytest.param(5, 2, marks=pytest.mark.prove)],
)
async def test_nothing_is_lost_under_load(tmp_path: Path, delay: float, workers: int) -> None:
    """
    SIGTERM under 20 keep-alive and 5 one-shot clients: every request on an accepted connection is answered, answers say
    `Connection: close`, probes say no at once, and Parallax exits 0 within 30 s.
    """
    tally = Tally()
    async with scene({"drain": {"delay": delay}, "workers": workers}, tmp_path) as stage:
        parallax = stage.parallax
        stage.old.script = always(OK)
        clients = [spawn(keeper(parallax, tally, number), name="keeper") for number in range(20)]
        clients += [spawn(one_shot(parallax, tally, number), name="one-shot") for number in range(5)]

        async def warm() -> bool:
            return tally.answered >= 1000

        await until(warm, "a thousand answers")
        parallax.signal(SIGTERM)
        begun = monotonic()

        async def not_ready() -> bool:
            return (await parallax.fetch(parallax.health, b"/readyz"))[0] == 503

        await until(not_ready, "/readyz says no", 1)
        before = tally.answered
        code = await parallax.exited()
        spent = monotonic() - begun
        await asyncio.gather(*clients)

    assert tally.lost == []
    assert tally.answered - before > 20, "new requests were served during the delay"
    assert tally.said_close >= 20
    assert tally.refused == 25
    assert code == 0
    assert delay <= spent < 30


async def test_what_is_in_flight_is_finished(tmp_path: Path) -> None:
    """
    A request that was under way when the listeners closed gets its whole answer, marked as the last. Ctrl-C on a
    terminal closes them at once, without the delay that is for load balancers.
    """
    async with scene({"drain": {"delay": 60, "timeout": 90}}, tmp_path) as stage:
        client = await stage.client()
        client.send(get())
        received = await stage.old.request()
        stage.parallax.signal(SIGINT)

        async def closed() -> bool:
            try:
                await stage.client()
            except OSError:
                return True
            return False

        await until(closed, "connections are refused")
        received.answer(OK)
        got = await client.answer()
        await client.over()
        code = await stage.parallax.exited()

    assert got.value(b"connection") == b"close"
    assert code == 0


async def test_idle_connections_and_copies_in_flight_hold_nothing_up(tmp_path: Path) -> None:
    """
    Clients that keep idle connections, used or never used, are closed; a shadow that never answers is given up; and
    Parallax ends.
    """
    async with scene({"mirror": {"head_timeout": 60}}, tmp_path) as stage:
        stage.old.script = always(OK)
        stage.new.script = None
        clients = [await stage.client() for _ in range(10)]
        for client in clients[:5]:
            await client.ask(get())
            await stage.new.request()
        begun = monotonic()
        stage.parallax.signal(SIGTERM)
        for client in clients:
            await client.over()
        code = await stage.parallax.exited()

    assert code == 0
    assert monotonic() - begun < 10


async def test_the_deadline_is_kept(tmp_path: Path) -> None:
    """
    What is still in flight after `drain.timeout` is cut, visibly, and the exit code says so.
    """
    async with scene({"drain": {"timeout": 1.5}}, tmp_path) as stage:
        client = await stage.client()
        client.send(get())
        received = await stage.old.request()
        received.answer(OK[:-1])
        got = await client.begin()
        begun = monotonic()
        stage.parallax.signal(SIGTERM)
        with pytest.raises(Cut):
            await got.whole()
        code = await stage.parallax.exited(10)

    assert code == 1
    assert monotonic() - begun < 5


async def test_a_second_signal_ends_at_once(tmp_path: Path) -> None:
    """
    Whoever asks twice means it.
    """
    async with scene({"drain": {"delay": 20}}, tmp_path) as stage:
        client = await stage.client()
        client.send(get())
        await stage.old.request()
        stage.parallax.signal(SIGTERM)

        async def draining() -> bool:
            return bool(stage.parallax.events("draining"))

        await until(draining, "the first signal is heard")
        stage.parallax.signal(SIGINT)
        begun = monotonic()
        code = await stage.parallax.exited(10)

    assert code == 1
    assert monotonic() - begun < 3
