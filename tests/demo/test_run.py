"""
The demo as a whole, in processes of its own: its verdict, and that it leaves nothing behind however it ends.
"""

import asyncio
import os
import re
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from signal import SIGHUP, SIGINT, SIGKILL, Signals

import pytest

from tests.parts.kernel import children
from tests.parts.parallax import until

PATIENCE = 90.0  # seconds; two interpreters' worth of imports on a busy machine, a run with a whole plan, and its end


class Demo:
    """
    A running `parallax demo` and what it has printed so far.
    """

    def __init__(self, process: Process) -> None:
        self.process = process
        self.text = ""

    async def said(self, words: str) -> None:
        """
        Return once `words` were printed.
        """
        assert self.process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            while words not in self.text:
                more = await self.process.stdout.read(65536)
                assert more, f"the demo ended without {words!r}: {self.text}"
                self.text += more.decode()

    async def over(self) -> int:
        """
        Its exit code, once it has ended and all was read.
        """
        assert self.process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            self.text += (await self.process.stdout.read()).decode()
            return await self.process.wait()

    def family(self) -> dict[int, str]:
        """
        All processes below the demo: process id → command line.
        """
        found: dict[int, str] = {}
        todo = [self.process.pid]
        while todo:
            below = children(todo.pop())
            found |= below
            todo += below
        return found


@asynccontextmanager
async def demo(*options: str) -> AsyncIterator[Demo]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "proxy", "demo", *options), stdout=PIPE, stderr=STDOUT
    )
    try:
        yield Demo(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def alive(pid: int) -> bool:
    """
    Does this process run? One that has ended and that nobody asked about yet (a zombie) doesn't.
    """
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


async def all_gone(family: dict[int, str]) -> None:
    async def gone() -> bool:
        return not any(map(alive, family))

    await until(gone, f"all of {family} ended")


async def test_everything_is_found_as_planted() -> None:
    """
    A short run: exit code 0, each planted difference found, clients unharmed, books balanced, the plan back from a bad
    release and then at its end, nothing left running.
    """
    async with demo("--seconds", "5") as running:
        await running.said(" requests (")
        family = running.family()
        code = await running.over()

    assert code == 0, running.text
    assert "All as planted: differences found, noise called noise, nothing else blamed." in running.text
    assert "✗" not in running.text
    assert "errors: 0" in running.text
    for says in ("answers of old after that: 0", "Once killed, new answered no request sent", "then it went"):
        assert says in running.text
    assert "\x1b" not in running.text
    assert len(family) == 6, family
    await all_gone(family)


async def test_keep_stays_up_until_it_is_stopped() -> None:
    """
    After the summary all processes go on and say where; Ctrl-C is then no failure.
    """
    async with demo("--seconds", "1", "--keep") as running:
        await running.said("/metrics")
        family = running.family()

        assert all(map(alive, family))
        commands = re.findall(r"parallax ((?:evidence|noise) --admin .+)\n", running.text)
        assert len(commands) == 2
        for words in commands:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "proxy", *words.split()), stdout=PIPE, stderr=STDOUT
            )
            assert process.stdout is not None
            shown = (await process.stdout.read()).decode()
            assert await process.wait() == 0, shown
            assert "GET /stores" in shown

        running.process.send_signal(SIGINT)

        assert await running.over() == 0, running.text
    await all_gone(family)


@pytest.mark.parametrize("signal", [SIGINT, SIGHUP])
async def test_stopped_before_the_end_it_says_so_and_leaves_nothing(signal: Signals) -> None:
    """
    Ctrl-C and a closed terminal end every process, in order.
    """
    async with demo("--seconds", "60") as running:
        await running.said(" requests (")
        family = running.family()
        running.process.send_signal(signal)

        assert await running.over() == 1
    assert "Stopped before the end, so nothing was checked." in running.text
    assert "Traceback" not in running.text
    await all_gone(family)


async def test_stopped_while_it_starts_it_leaves_nothing() -> None:
    """
    A signal need not wait until all is up.
    """
    async with demo("--seconds", "60") as running:
        await running.said("Starting")

        async def started() -> bool:
            return bool(running.family())

        await until(started, "the first child was started")
        family = running.family()
        running.process.send_signal(SIGINT)

        assert await running.over() == 1
    assert "Traceback" not in running.text
    await all_gone(family)


@pytest.mark.parametrize(("child", "name"), [("demo.server new", "the new shop"), ("proxy serve", "parallax serve")])
async def test_a_child_that_dies_ends_the_demo(child: str, name: str) -> None:
    """
    It says which one ended, fails, and takes the others down.
    """
    async with demo("--seconds", "60") as running:
        await running.said(" requests (")
        family = running.family()
        (victim,) = (pid for pid, line in family.items() if child in line)
        os.kill(victim, SIGKILL)

        assert await running.over() == 1
    assert f"The demo can't go on: {name} ended (killed by SIGKILL)" in running.text
    assert "Traceback" not in running.text
    await all_gone(family)


async def test_a_demo_that_is_killed_takes_its_children_along() -> None:
    """
    Even SIGKILL, which nobody can handle, leaves no process behind.
    """
    async with demo("--seconds", "60") as running:
        await running.said(" requests (")
        family = running.family()
        running.process.kill()
        await running.over()
    await all_gone(family)
