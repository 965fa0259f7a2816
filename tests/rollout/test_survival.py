"""
A plan outlives control: killed at each step of a shift, again and again, it never gives new more than was saved, and
goes on to its end.
"""

import asyncio
import json
import os
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from signal import SIGKILL

import pytest

from proxy.clock import monotonic
from proxy.routing.buckets import bucket, on_new
from proxy.routing.intent import intent_in
from proxy.tasks import spawn
from tests.parts.load import Asked, Outcome
from tests.parts.parallax import until
from tests.parts.planned import SMALL, Planned, planned

GATE = "  errors: {event: old_ok & new_error, max: 0.5, min: 5}"
STAGE = "  - {name: live-%d, success: Well., weight: %d, observe: 0.1s..1h, gates: [errors], rollback: {to: %s}}"
# A request that began before a shift may be answered by what was in force then, and is told a little later.
SLACK = 1.0


def many(stages: int) -> str:
    """
    A plan that shifts that often, by the same share each time.
    """
    share = 100 // stages
    before = ["shadow", *(f"live-{share * number}" for number in range(1, stages))]
    lines = [STAGE % (share * (number + 1), share * (number + 1), before[number]) for number in range(stages)]
    shadow = "  - {name: shadow, success: Well., weight: 0, observe: 0.1s..1h, gates: [errors]}"
    head = [
        "plan: many",
        "expect: {rate: 50}",
        "defaults: {settle: 0.2s, cooldown: 1s}",
        "gates:",
        GATE,
        "stages:",
        shadow,
    ]
    return "\n".join([*head, *lines, ""])


class Watched:
    """
    What is saved and what is in force, as the disk has them, looked at all the time.
    """

    def __init__(self, folder: Path) -> None:
        self._store = folder / "var" / "parallax.db"
        self._connection: sqlite3.Connection | None = None
        self._seen = ""
        self._table = folder / "var" / "table.json"
        self.step = ""
        self.seq = 0
        self.wanted = 0.0
        self.in_force = 0.0
        # When which share was the most that could have been saved.
        self.history: list[tuple[float, float]] = []
        self.over: list[tuple[float, float]] = []

    def look(self) -> None:
        """
        Look once: what is in force may not be above what was saved before or after.
        """
        before = self._saved()
        with suppress(OSError, ValueError):
            self.in_force = intent_in(self._table.read_bytes()).new
        most = max(before, self._saved())
        self.history.append((monotonic(), most))
        if self.in_force > most:
            self.over.append((self.in_force, most))

    def _saved(self) -> float:
        with suppress(sqlite3.Error):
            if self._connection is None:
                self._connection = sqlite3.connect(f"file:{self._store}?mode=ro", uri=True)
            row = self._connection.execute("SELECT state FROM plans").fetchone()
            if row is not None and row[0] != self._seen:
                self._seen, state = row[0], json.loads(row[0])
                self.step, self.seq, self.wanted = state["step"], state["seq"], state["wanted"]["weight"]
        return self.wanted

    async def until(self, holds: Callable[[], bool], patience: float = 60.0) -> None:
        """
        Look until something holds.
        """
        end = monotonic() + patience
        while not holds():
            assert monotonic() < end, self._seen
            self.look()
            # A shift takes some 30 ms.
            await asyncio.sleep(0.004)

    def allowed(self, asked: Asked) -> bool:
        """
        Whether new could have answered this request by what was ever saved about then.
        """
        most = [share for at, share in self.history if asked.began - SLACK <= at <= asked.ended + SLACK]
        return on_new(bucket(b"parallax", asked.user.encode()), max(most, default=100.0))


def moment(watched: Watched, number: int, seq: int, before: float) -> Callable[[], bool]:
    """
    A step of a shift after a state, as it can be seen from outside: being saved, saved, in force, acknowledged, later.
    """
    steps: tuple[Callable[[], bool], ...] = (
        lambda: watched.seq > seq,
        lambda: watched.step == "shifting" and watched.seq > seq,
        lambda: watched.in_force > before,
        lambda: watched.step == "settling" and watched.seq > seq,
        lambda: watched.step == "observing" and watched.seq > seq,
    )
    return steps[number]


async def killed_at(it: Planned, watched: Watched, moment: Callable[[int, float], Callable[[], bool]]) -> None:
    """
    Kill control at a moment, and wait until there is another.
    """
    # Who dies young is replaced later each time; two seconds of work make up for a death.
    grown = monotonic() + 2.0
    await watched.until(lambda: monotonic() > grown)
    await watched.until(moment(watched.seq, watched.in_force))
    (pid,) = it.parallax.controls()
    with suppress(ProcessLookupError):
        os.kill(pid, SIGKILL)
    looking = spawn(watched.until(lambda: False, 300.0), name="look on")

    async def succeeded() -> bool:
        return bool(it.parallax.controls()) and pid not in it.parallax.controls()

    await until(succeeded, "control has a successor", 30.0)
    looking.cancel()


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("kills", "stages"),
    # Who is killed again and again is started later each time, so the long form is in parts: 50 in all.
    [
        pytest.param(3, 5, id="3"),
        *(pytest.param(10, 20, id=f"10/{part}", marks=pytest.mark.prove) for part in range(5)),
    ],
)
async def test_control_killed_at_each_step_of_a_shift_never_gives_new_more_than_was_saved(
    kills: int, stages: int, tmp_path: Path
) -> None:
    """
    Neither the table nor a single answer; and each successor goes on, to the end.
    """
    async with planned(tmp_path) as it:
        it.parallax.forgiven |= {"child_died", "child_ended"}
        watched = Watched(tmp_path)
        async with it.load() as load:
            await it.start(many(stages))
            for number in range(kills):
                watched.look()
                await killed_at(it, watched, partial(moment, watched, (number + 1) % 5))
            looking = spawn(watched.until(lambda: False, 300.0), name="look on")
            finished = await it.until(lambda plan: plan["phase"] == "finished", "the plan has finished", 250.0)
            looking.cancel()
            asked = list(load.asked)

    new = [one for one in asked if one.side == "new"]
    assert watched.over == []
    assert [one for one in new if not watched.allowed(one)] == []
    assert len(new) > 10
    assert {one.outcome for one in asked} <= {Outcome.RIGHT, Outcome.OPEN}
    assert finished["in_force"]["weight"] == 100
    assert finished["generation"] == kills + 1


async def test_a_lost_store_changes_nothing_that_is_in_force_and_waits_for_a_person(tmp_path: Path) -> None:
    """
    The supervisor knows the table and the plan's text; where the plan is follows from what is in force.
    """
    async with planned(tmp_path) as it, it.load():
        it.parallax.forgiven |= {"child_ended", "store_renewed", "store_fails"}
        await it.start(SMALL.replace("weight: 10, observe: 0.5s..1h", "weight: 10, observe: 1h..2h"))
        await it.until(lambda plan: plan["stage"] == "live-10" and plan["step"] == "observing", "it is live")
        for file in (tmp_path / "var").glob("parallax.db*"):
            file.unlink()
        os.kill(it.parallax.control(), SIGKILL)
        held = await it.until(lambda plan: plan["held"] == "recovered", "it holds")
        weights = await it.operator.weights()
        resumed = await it.move("resume", reason="that is where it was")

    assert (held["stage"], held["in_force"]["weight"], weights["new"]) == ("live-10", 10, 10)
    assert (resumed.status, resumed.value["step"]) == (200, "observing")
