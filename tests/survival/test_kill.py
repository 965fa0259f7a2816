"""
kill -9 of one process after the other, under load, while an operator changes weights.
"""

import asyncio
import logging
import random
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import pytest

from tests.parts.operator import Tried
from tests.parts.ruled import broken_line
from tests.parts.siege import Siege, siege

log = logging.getLogger("survival")

TURNS = ("worker", "control", "worker", "supervisor")
WEIGHTS = (0, 10, 50, 90, 100)


@dataclass(slots=True)
class Campaign:
    """
    All rounds: what was tried, and how long successors took.
    """

    it: Siege
    roll: random.Random = field(default_factory=lambda: random.Random(9))
    tried: list[Tried] = field(default_factory=list)
    took: dict[str, list[float]] = field(default_factory=lambda: {what: [] for what in TURNS})

    async def round(self, number: int, what: str) -> None:
        """
        Kill one process under load with one change done and one under way, then see what is left of everything.
        """
        it = self.it
        await it.load.answered(50)
        self.tried.append(await it.operator.try_change(f"before {number}", new=self.roll.choice(WEIGHTS)))
        assert self.tried[-1].acknowledged, self.tried[-1]
        before = await it.operator.weights()
        during, took = await asyncio.gather(
            it.operators[1].try_change(f"during {number}", new=self.roll.choice(WEIGHTS)), self.strike(what)
        )
        self.tried.append(during)
        self.took[what].append(took)
        await it.load.answered(50)
        stand = await it.quiet()
        # With the audit readable, what is in the store and what is in force are one.
        lines = await it.operator.audit()
        now = await it.operator.weights()
        log.info(
            "round %d: %s killed, back after %.2f s; %d sent, %d lost, %d refused; the change during it got %d",
            number, what, took, len(stand.fates), len(stand.lost), len(it.load.refused), during.status,
        )  # fmt: skip

        kept = {line["reason"]: line for line in lines}
        assert {one.reason for one in self.tried if one.acknowledged} <= kept.keys()
        assert broken_line(lines) is None
        last = [line for line in lines if line["action"] == "weights"][-1]
        assert now["epoch"] == last["epoch"] >= before["epoch"]
        assert now["new"] == last["after"]["new"]
        assert intact(it.folder / "var/parallax.db")
        it.load.go_on()

    async def strike(self, what: str) -> float:
        """
        Kill one process. Returns how long it took until its successor was at work.
        """
        match what:
            case "worker":
                return (await self.it.kill_worker(self.roll.randrange(2)))[1]
            case "control":
                return (await self.it.kill_control())[1]
            case _:
                return (await self.it.kill_supervisor())[1]


def intact(database: Path) -> bool:
    """
    What SQLite itself says of its file.
    """
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


@pytest.mark.parametrize(
    ("rounds", "seconds"),
    [
        pytest.param(4, None, marks=pytest.mark.timeout(120)),
        pytest.param(50, 10.0, marks=[pytest.mark.prove, pytest.mark.timeout(1200)]),
    ],
)
async def test_only_what_a_killed_worker_had_in_hand_is_lost(
    tmp_path: Path, rounds: int, seconds: float | None
) -> None:
    """
    Each process in turn is killed under load: requests are lost only on the killed worker's connections, no counter
    shrinks while its supervisor lives, the books balance after each round, and every acknowledged change is in force
    and in the audit.
    """
    async with siege({}, tmp_path) as it:
        campaign = Campaign(it)
        for number in range(rounds):
            await campaign.round(number, TURNS[number % len(TURNS)])
    for what, took in campaign.took.items():
        log.info("%s: back after %.2f s (median), %.2f s at most", what, median(took), max(took))
        assert seconds is None or max(took) < seconds, f"{what} took {max(took):.2f} s to come back"
