"""
A worker that runs out of something gives up copies first and requests last, says so, and recovers.
"""

import asyncio
import resource
from collections import Counter
from pathlib import Path

import orjson
import pytest

from tests.parts.alone import Alone, alone
from tests.parts.client import Answer, get
from tests.parts.origin import OK, Origin, always
from tests.parts.parallax import Parallax, until
from tests.parts.scene import Scene, scene
from tests.parts.strict import Cut

pytestmark = pytest.mark.timeout(120)


def descriptors(pid: int) -> int:
    """
    How many a process has open.
    """
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


async def level(parallax: Parallax) -> int:
    """
    The level that the only worker told last, -1 before.
    """
    _, body = await parallax.fetch(parallax.admin, b"/metrics")
    lines = [line for line in body.decode().splitlines() if line.startswith("parallax_overload_level{")]
    return int(float(lines[0].rpartition(" ")[2])) if lines else -1


async def reaches(parallax: Parallax, wanted: int) -> None:
    """
    Wait until the worker tells this level.
    """

    async def there() -> bool:
        return await level(parallax) == wanted

    await until(there, f"level {wanted}")


async def ask(asked: Scene | Alone) -> Answer:
    """
    One request on a connection of its own.
    """
    client = await asked.client()
    try:
        return await client.ask(get(b"/", b"Connection: close"))
    finally:
        client.close()


async def test_memory_sheds_copies_and_then_most_requests(tmp_path: Path) -> None:
    """
    No process needs as little as one byte: every look is a bad one. A few requests come through even so.
    """
    async with scene({"overload": {"memory": 1}}, tmp_path) as stage:
        stage.old.script = always(OK)
        parallax = stage.parallax
        await reaches(parallax, 4)
        seen: Counter[int] = Counter()
        while not seen[200] or not seen[503]:
            answer = await ask(stage)
            seen[answer.status] += 1
            if answer.status == 503:
                assert answer.value(b"retry-after") == b"1"
                assert answer.value(b"proxy-status") == b"parallax; error=proxy_internal_response"
        books = await parallax.settled(seen[200])

        async def counted() -> bool:
            return (await parallax.books()).errors == {"client|overload": seen[503]}

        await until(counted, f"{seen[503]} refused requests")
        _, body = await parallax.fetch(parallax.admin, b"/admin/weights", await parallax.signed_in())
        told = orjson.loads(body)

    assert set(seen) == {200, 503}
    assert (books.eligible, books.skipped) == (seen[200], {"sampled_out": seen[200]})
    assert told["workers"][0]["overload"] == 4
    assert any("some requests get a 503" in warning for warning in told["warnings"])
    steps = [event["step"] for event in parallax.events("overload")]
    assert steps == sorted(steps)
    assert steps[-1] == 4
    assert parallax.events("overload")[-1]["memory"] > 1.0


async def test_without_descriptors_a_worker_lives_on_and_recovers(tmp_path: Path) -> None:
    """
    Clients that it has no descriptor for are turned away; when they have left, others are served.
    """
    async with Origin(always(OK)) as old, Origin(always(OK)) as new, alone() as worker:
        await worker.goes_by({"old": {"url": old.url}, "new": {"url": new.url}, "overload": {"lag": 0}}, tmp_path)
        pid = worker.process.pid
        assert (await ask(worker)).status == 200
        _, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        few = descriptors(pid) + 10
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (few, hard))
        crowd = [await worker.client() for _ in range(100)]

        async def full() -> bool:
            return descriptors(pid) >= few - 1

        await until(full, "no descriptor is left")
        asked = await asyncio.gather(*(one.ask(get()) for one in crowd), return_exceptions=True)
        for client in crowd:
            client.close()

        async def serves() -> bool:
            try:
                return (await ask(worker)).status == 200
            except (Cut, OSError):
                # What the crowd had isn't closed yet.
                return False

        await until(serves, "somebody is served again")

        assert worker.process.returncode is None
        assert {got.status for got in asked if isinstance(got, Answer)} <= {200, 503}
        assert sum(not isinstance(got, Answer) for got in asked) >= 90 - 10
