"""
A side dies while it has half of the traffic: requests of a route with failover lose nothing, whichever side it is;
without, the share of new is back on old at once, and that of old stays lost.

One worker goes by one configuration after the other. Many clients ask at once, so that some requests are under way
when the side falls.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from proxy.clock import monotonic
from proxy.tasks import spawn
from tests.parts.alone import Alone, alone
from tests.parts.client import get
from tests.parts.origin import Origin, Received, always, answer

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(60)]

OLD, NEW = b"old", b"new"
CLIENTS = 20
PATIENCE = 30.0
# The promise for requests without failover.
BACK_WITHIN = 2.0


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def worker() -> AsyncIterator[Alone]:
    """
    One for all tests.
    """
    async with alone() as made:
        yield made


def half(old: str, new: str, *, failover: bool) -> dict[str, Any]:
    """
    Half of the requests to each side, below /safe with failover or not.
    """
    return {
        "old": {"url": old},
        "new": {"url": new},
        "weights": {"new": 50},
        "mirror": {"percent": 0},
        "routes": [{"name": "safe", "match": {"path": "/safe/**"}, "failover": failover}],
    }


class Crowd:
    """
    Clients that ask one request after the other until they are told to stop. `seen` counts who answered, or the status
    of an error of Parallax; `failed_at` are the times of such errors, in seconds.
    """

    def __init__(self, worker: Alone) -> None:
        self._worker = worker
        self._stop = False
        self.seen: Counter[bytes] = Counter()
        self.failed_at: list[float] = []

    async def ask(self) -> None:
        """
        One client.
        """
        client = await self._worker.client()
        while not self._stop:
            got = await client.ask(get(b"/safe/1"))
            self.seen[bytes(got.body) if got.status == 200 else b"%d" % got.status] += 1
            if got.status != 200:
                self.failed_at.append(monotonic())
        client.close()

    async def has_seen(self, who: bytes, times: int) -> None:
        """
        Return once this side has answered so many more.
        """
        wanted = self.seen[who] + times
        async with asyncio.timeout(PATIENCE):
            while self.seen[who] < wanted:  # noqa: ASYNC110 nobody tells when
                await asyncio.sleep(0)

    async def fall(self, falling: Origin, other: bytes) -> float:
        """
        Both sides answer; then one falls with whatever it has in hand, and the other goes on. Returns when it fell.
        """
        tasks = [spawn(self.ask(), name="client") for _ in range(CLIENTS)]
        await self.has_seen(OLD, 50)
        await self.has_seen(NEW, 50)
        fell = monotonic()
        await falling.stop_listening()
        await falling.forget()
        await self.has_seen(other, 500)
        self._stop = True
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*tasks)
        return fell


def slowly(body: bytes) -> Any:
    """
    A script that answers a few milliseconds later, so that at any moment requests are under way.
    """

    def script(received: Received) -> None:
        asyncio.get_running_loop().call_later(0.005, received.answer, answer(body))

    return script


@pytest.mark.parametrize("falls", [OLD, NEW])
async def test_with_failover_a_falling_side_costs_nothing(worker: Alone, falls: bytes, tmp_path: Path) -> None:
    """
    Not one request of twenty clients, neither those it has in hand nor those that it refuses.
    """
    async with Origin(slowly(OLD)) as old, Origin(slowly(NEW)) as new:
        await worker.goes_by(half(old.url, new.url, failover=True), tmp_path)
        crowd = Crowd(worker)
        await crowd.fall(old if falls == OLD else new, NEW if falls == OLD else OLD)

    assert crowd.seen.keys() == {OLD, NEW}


async def test_without_failover_the_share_of_new_is_back_on_old_at_once(worker: Alone, tmp_path: Path) -> None:
    """
    What new had in hand is lost, and what it refused before the worker had seen five failures.
    """
    async with Origin(slowly(OLD)) as old, Origin(slowly(NEW)) as new:
        await worker.goes_by(half(old.url, new.url, failover=False), tmp_path)
        crowd = Crowd(worker)
        fell = await crowd.fall(new, OLD)

    assert crowd.seen.keys() <= {OLD, NEW, b"502"}
    assert max(crowd.failed_at) - fell < BACK_WITHIN


async def test_without_failover_nothing_of_old_is_shifted(worker: Alone, tmp_path: Path) -> None:
    """
    Old dies: its share gets errors for as long as it is gone.
    """
    async with Origin(always(answer(OLD))) as old, Origin(slowly(NEW)) as new:
        await worker.goes_by(half(old.url, new.url, failover=False), tmp_path)
        crowd = Crowd(worker)
        await crowd.fall(old, NEW)

    assert crowd.seen[b"502"] > 100


async def test_a_side_that_says_nothing_costs_the_time_for_a_head(worker: Alone, tmp_path: Path) -> None:
    """
    Then the other answers.
    """
    async with Origin(lambda received: None) as old, Origin(always(answer(NEW))) as new:
        configuration = half(old.url, new.url, failover=True)
        configuration["routes"][0]["timeouts"] = {"answer_head": 0.3}
        await worker.goes_by({**configuration, "weights": {"new": 0}}, tmp_path)
        client = await worker.client()
        got = await client.ask(get(b"/safe/1"))
        client.close()

    assert (got.status, bytes(got.body), got.value(b"x-parallax-failover")) == (200, NEW, b"old")
