"""
A part of Parallax dies: clients go on, the part comes back, and the totals are all there.
"""

import os
from pathlib import Path
from signal import SIGKILL

import pytest

from tests.parts.client import get
from tests.parts.kernel import children
from tests.parts.origin import OK, always
from tests.parts.parallax import Configuration, Parallax, until
from tests.parts.scene import Scene, scene
from tests.parts.strict import Cut

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(60)]

# One of our own for the first three, which kill parts of it; the others want two workers, or leave nothing of it.
CONFIGURATION: Configuration = {}


def child(parallax: Parallax, what: str) -> int:
    """
    The process id of one child.
    """
    return next(pid for pid, line in children(parallax.pid).items() if what in line)


async def ask(stage: Scene, count: int) -> None:
    """
    So many requests, each on a connection of its own, all answered.
    """
    for number in range(count):
        client = await stage.client()
        got = await client.ask(get(b"/%d" % number, b"Connection: close"))
        client.close()
        assert got.status == 200


async def test_clients_do_not_notice_that_control_dies(stage: Scene) -> None:
    """
    With control killed requests are answered and probes stay green; the next control knows every total.
    """
    parallax = stage.parallax
    parallax.forgiven.add("child_ended")
    stage.old.script = always(OK)
    first = await parallax.settled(0)
    client = await stage.client()
    await client.ask(get(b"/before"))
    await ask(stage, 10)
    before = await parallax.settled(first.eligible + 11)
    dead = child(parallax, "proxy.control")
    os.kill(dead, SIGKILL)
    # The connection that stood goes on, new ones are served, probes say yes.
    for number in range(20):
        assert (await client.ask(get(b"/%d" % number))).status == 200
    await ask(stage, 20)
    assert (await parallax.fetch(parallax.health, b"/readyz"))[0] == 200

    async def back() -> bool:
        return any("proxy.control" in line and pid != dead for pid, line in children(parallax.pid).items())

    await until(back, "another control")
    after = (await parallax.settled(before.eligible + 40)).since(first)

    assert after.eligible == 51
    assert after.verdicts == {"identical": 51}


async def test_a_worker_that_dies_is_replaced(stage: Scene) -> None:
    """
    A killed worker loses what it had in flight, visibly, and nothing else: connections wait for its successor, and what
    it had counted stays counted.
    """
    parallax = stage.parallax
    parallax.forgiven.add("child_ended")
    stage.old.script = always(OK)
    first = await parallax.settled(0)
    lives = len(parallax.events("worker_ready"))
    await ask(stage, 10)
    before = await parallax.settled(first.eligible + 10)
    stage.old.script = None
    client = await stage.client()
    client.send(get(b"/lost"))
    while (await stage.old.request()).target != b"/lost":
        pass
    os.kill(child(parallax, "proxy.worker"), SIGKILL)
    with pytest.raises(Cut):
        await client.answer()
    stage.old.script = always(OK)
    await ask(stage, 10)

    async def counted() -> bool:
        return (await parallax.books()).eligible >= before.eligible + 10

    await until(counted, "the successor's totals beside its predecessor's")
    books = (await parallax.books()).since(first)

    assert books.verdicts["identical"] >= 20
    assert len(parallax.events("worker_ready")) == lives + 1


async def test_what_a_killed_worker_had_pending_is_lost_and_the_books_balance(stage: Scene) -> None:
    """
    Its last snapshot tells what it was waiting for; nobody waits for that any more.
    """
    parallax = stage.parallax
    parallax.forgiven.add("child_ended")
    first = await parallax.settled(0)
    lives = len(parallax.events("worker_ready"))
    stage.old.script = always(OK)
    stage.new.script = None
    await ask(stage, 3)

    async def pending() -> bool:
        books = (await parallax.books()).since(first)
        return books.eligible == 3 and not books.balanced

    await until(pending, "three exchanges whose copies are not answered")
    os.kill(child(parallax, "proxy.worker"), SIGKILL)
    books = (await parallax.settled(first.eligible + 3)).since(first)

    async def replaced() -> bool:
        return len(parallax.events("worker_ready")) > lives

    await until(replaced, "the successor accepts")

    assert (books.verdicts, books.skipped) == ({}, {"worker_lost": 3})


async def test_the_others_serve_while_a_worker_is_away(tmp_path: Path) -> None:
    """
    With two workers, killing one again and again refuses nobody: its listening socket stays open.
    """
    async with scene({"workers": 2}, tmp_path) as stage:
        parallax = stage.parallax
        parallax.forgiven.add("child_ended")
        stage.old.script = always(OK)
        for _ in range(3):
            victim = parallax.workers()[0]
            os.kill(victim, SIGKILL)
            await ask(stage, 20)

            async def replaced(dead: int = victim) -> bool:
                return len(parallax.workers()) == 2 and dead not in parallax.workers()

            await until(replaced, "two workers again", 15)
        await ask(stage, 20)


async def test_nobody_is_left_when_the_supervisor_dies(tmp_path: Path) -> None:
    """
    With the supervisor killed its children end by themselves.
    """
    async with scene({"workers": 2}, tmp_path) as stage:
        left = [Path(f"/proc/{pid}") for pid in children(stage.parallax.pid)]
        stage.parallax.process.kill()
        await stage.parallax.process.wait()

        async def gone() -> bool:
            return not any(path.exists() for path in left)

        await until(gone, "the children have ended", 15)

    assert len(left) == 4
