"""
What is counted of events is exact, whichever workers saw it and whoever is killed in between.
"""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from signal import SIGKILL
from typing import Any

import pytest

from tests.parts.client import get
from tests.parts.counting import ENVIRONMENT, load
from tests.parts.origin import Origin, Received, always, answer
from tests.parts.parallax import Parallax, running, until

pytestmark = pytest.mark.timeout(120)

ROUTES = [{"name": name, "match": {"path": f"/{name}/**"}} for name in ("a", "b")]


def wrong_where_asked(received: Received) -> None:
    """
    New: another answer than old's, where the path says so.
    """
    received.answer(answer(b'{"n": 2}' if b"bad" in received.target else b'{"n": 1}'))


class Counted:
    """
    A running Parallax of two workers, whose control counts, and what has been asked of it.
    """

    def __init__(self, parallax: Parallax, file: Path) -> None:
        self.parallax = parallax
        self.file = file
        self.sent = {"": [0, 0], "a": [0, 0], "b": [0, 0]}

    async def ask(self, route: str, good: int, bad: int) -> None:
        """
        So many requests, each on a connection of its own, so that both workers get some.
        """
        for number in range(good + bad):
            client = await self.parallax.client()
            got = await client.ask(get(f"/{route}/{'bad' if number < bad else 'good'}".encode()))
            client.close()
            assert got.status == 200
        for name in ("", route):
            self.sent[name][0] += good + bad
            self.sent[name][1] += bad

    def sums(self, kept: dict[str, Any]) -> dict[str, list[int]]:
        """
        What has been counted of pairs that don't match, by route.
        """
        return {route: kept["sums"].get(f"mismatch {route}", [0, 0]) for route in self.sent}

    async def settled(self) -> dict[str, Any]:
        """
        Once all that was sent has been counted.
        """

        async def all_there() -> bool:
            return self.sums(load(self.file)) == self.sent

        try:
            await until(all_there, "all counted", 20)
        except AssertionError:
            assert self.sums(load(self.file)) == self.sent
            raise
        return load(self.file)

    async def armed(self, life: int) -> None:
        """
        Once all workers count, as this control says.
        """

        async def so() -> bool:
            kept = load(self.file)
            return bool(kept["armed"]) and kept["life"] == str(life)

        await until(so, f"control {life} has all workers counting", 20)

    async def another(self, of: Callable[[], list[int]], before: list[int]) -> list[int]:
        """
        The processes after one was killed and replaced.
        """

        async def so() -> bool:
            return len(of()) == len(before) and of() != before

        await until(so, "a successor", 20)
        return of()


@pytest.fixture
async def counted(tmp_path: Path) -> AsyncIterator[Counted]:
    """
    Old and new, two routes, two workers, a comparer.
    """
    async with AsyncExitStack() as stack:
        old = await stack.enter_async_context(Origin(always(answer(b'{"n": 1}'))))
        new = await stack.enter_async_context(Origin(wrong_where_asked))
        configuration = {"old": {"url": old.url}, "new": {"url": new.url}, "routes": ROUTES, "workers": 2}
        file = tmp_path / "counts.json"
        parallax = await stack.enter_async_context(
            running(configuration, tmp_path, environment={ENVIRONMENT: str(file)}, program="tests.parts.counting")
        )
        made = Counted(parallax, file)
        await until_there(lambda: bool(parallax.control()))
        await made.armed(parallax.control())
        yield made


async def until_there(there: Callable[[], bool]) -> None:
    """
    Control is started after the workers.
    """

    async def so() -> bool:
        return there()

    await until(so, "control", 20)


async def test_counts_survive_the_deaths_of_workers_and_of_control(counted: Counted) -> None:
    """
    Planted mismatches are counted by route, each once: with a worker killed, with control killed and requests while it
    was away, and with both. Only what a killed worker did since its last snapshot may be missing.
    """
    parallax = counted.parallax
    await counted.ask("a", 20, 7)
    await counted.ask("b", 15, 4)
    kept = await counted.settled()
    assert kept["traffic"] == {"a": 27, "b": 19}
    assert (kept["eligible"], kept["compared"]) == (46, 46)
    assert kept["sums"]["error "] == [46, 0]

    # A worker dies that has told all.
    before = parallax.workers()
    os.kill(before[0], SIGKILL)
    await counted.another(parallax.workers, before)
    await counted.ask("a", 5, 5)
    await counted.settled()

    # Control dies, and requests come while nobody reads.
    first = parallax.control()
    os.kill(first, SIGKILL)
    await counted.ask("b", 10, 3)
    await until_there(lambda: parallax.control() not in (0, first))
    await counted.armed(parallax.control())
    await counted.settled()

    # Both at once, the worker in the middle of what it has not told yet.
    before, second = parallax.workers(), parallax.control()
    os.kill(second, SIGKILL)
    sent = [list(counts) for counts in counted.sent.values()]
    await counted.ask("a", 8, 2)
    os.kill(before[1], SIGKILL)
    await counted.another(parallax.workers, before)
    await until_there(lambda: parallax.control() not in (0, second))
    await counted.armed(parallax.control())
    parallax.forgiven |= {"child_ended"}
    sums = counted.sums(load(counted.file))
    assert sums["b"] == counted.sent["b"]
    for (n, bad), (least_n, least_bad), (most_n, most_bad) in zip(
        sums.values(), sent, counted.sent.values(), strict=True
    ):
        assert least_n <= n <= most_n
        assert least_bad <= bad <= most_bad
