"""
Everything at once, in an order that a seed makes: kills of processes, changes, reloads, the kill latch, a hung control.
"""

import asyncio
import logging
import os
import random
from contextlib import suppress
from pathlib import Path
from signal import SIGCONT, SIGSTOP, SIGUSR1

import pytest

from proxy.clock import monotonic
from tests.parts.editor import WAYS, Editor, editor
from tests.parts.operator import Tried
from tests.parts.parallax import until
from tests.parts.ruled import broken_line
from tests.parts.siege import Siege, siege

log = logging.getLogger("survival")

# What happens, and how often beside the others.
DEEDS = {
    "change": 8,
    "kill_worker": 4,
    "kill_control": 3,
    "kill_supervisor": 2,
    "hang_control": 1,
    "reload": 3,
    "reload_bad": 3,
    "latch": 2,
    "restore": 3,
}


class Chaos:
    """
    What is done, and what must be so afterwards.
    """

    def __init__(self, it: Siege, author: Editor, roll: random.Random) -> None:
        self.it = it
        self.author = author
        self.roll = roll
        self.tried: list[Tried] = []
        # Since when new must not get anything, None while it may.
        self.latched: float | None = None

    async def change(self) -> None:
        """
        Weights or mirroring.
        """
        values = {"new": self.roll.choice((0, 10, 50, 100)), "mirror": self.roll.choice((0, 100))}
        self.tried.append(await self.it.operator.try_change(f"change {len(self.tried)}", **values))

    async def kill_worker(self) -> None:
        """
        Any.
        """
        await self.it.kill_worker(self.roll.randrange(2))

    async def kill_control(self) -> None:
        """
        In the middle of a change.
        """
        async with asyncio.TaskGroup() as both:
            both.create_task(self.change())
            both.create_task(self.it.kill_control())

    async def kill_supervisor(self) -> None:
        """
        In the middle of a change.
        """
        async with asyncio.TaskGroup() as both:
            both.create_task(self.change())
            both.create_task(self.it.kill_supervisor())

    async def hang_control(self) -> None:
        """
        For a while.
        """
        hung = self.it.parallax.control()
        os.kill(hung, SIGSTOP)
        await self.it.load.answered(self.roll.randrange(50, 500))
        with suppress(ProcessLookupError):
            os.kill(hung, SIGCONT)

    async def reload(self) -> None:
        """
        A good one.
        """
        await self.author.load_good(self.roll.choice(tuple(WAYS)), self.roll)

    async def reload_bad(self) -> None:
        """
        A bad one, and back to what was there: a Parallax that starts on a bad one does not start.
        """
        good = self.author.file.read_text()
        await self.author.load_bad(self.roll.choice(tuple(WAYS)), self.roll)
        self.author.put(good)

    async def latch(self) -> None:
        """
        By any way.
        """
        it = self.it
        match self.roll.choice(("api", "file", "signal")):
            case "api":
                assert (await it.operator.insist("POST", "/admin/kill", {"reason": "chaos"})).status == 200
            case "file":
                (it.folder / "var/kill").touch()
            case _:
                it.parallax.signal(SIGUSR1)

        async def obeyed() -> bool:
            now = await it.operator.weights()
            return bool(now["killed"]) and all(worker["killed"] for worker in now["workers"])

        await until(obeyed, "every worker obeys the kill", 20)
        # Workers tell that they obey after they do, so nothing is on its way by now but what a side got before.
        self.latched = self.latched or monotonic()

    async def restore(self) -> None:
        """
        By the API, after the file is gone.
        """
        (self.it.folder / "var/kill").unlink(missing_ok=True)
        await self.look()
        self.latched = None

        async def restored() -> bool:
            return (await self.it.operator.ask("POST", "/admin/restore", {"reason": "chaos"})).status == 200

        await until(restored, "restored", 20)

    async def look(self) -> None:
        """
        Let it be quiet, and see what must be so.
        """
        it = self.it
        stand = await it.quiet()
        lines = await it.operator.audit()
        it.load.go_on()
        late = [one for one in it.arrivals if self.latched and one.side == "new" and one.at > self.latched]

        assert late == []
        assert {one.reason for one in self.tried if one.acknowledged} <= {line["reason"] for line in lines}
        assert broken_line(lines) is None
        assert self.author.strangers(stand.fates) == []


@pytest.mark.prove
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_nothing_acknowledged_is_lost_in_chaos(tmp_path: Path, seed: int) -> None:
    """
    Whatever comes after whatever else: requests are lost only with the worker that had them in hand, a kill stays a
    kill, what was acknowledged is in the audit, what is bad is not applied, counters grow, and the books balance.
    """
    roll = random.Random(seed)
    async with siege({}, tmp_path) as it:
        await it.open()
        chaos = Chaos(it, await editor(it), roll)
        for number in range(40):
            deed = roll.choices(tuple(DEEDS), tuple(DEEDS.values()))[0]
            log.info("%d/%d: %s", seed, number, deed)
            await getattr(chaos, deed)()
            await it.load.answered(20)
            if number % 5 == 4:
                await chaos.look()
        await chaos.look()
        log.info("%d: %d requests, %d changes", seed, len(it.load.asked), len(chaos.tried))
