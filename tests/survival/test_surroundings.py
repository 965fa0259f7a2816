"""
What surrounds Parallax fails: control hangs, the disk is full or read-only, the clock jumps. Clients notice nothing.
"""

import asyncio
import logging
import os
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from signal import SIGCONT, SIGSTOP

import pytest

from tests.parts.client import get
from tests.parts.disk import fill, remount, small_disk
from tests.parts.parallax import until
from tests.parts.required import faketime
from tests.parts.siege import Siege, siege

log = logging.getLogger("survival")

pytestmark = pytest.mark.timeout(120)

# What Parallax may say as an error when its state can't be saved.
UNSAVED = {"state_not_saved", "state_not_locked", "store_fails"}


async def unharmed(it: Siege) -> None:
    """
    Asserts that no request failed and no connection was dropped or refused so far.
    """
    stand = await it.quiet()
    it.load.go_on()

    assert stand.lost == []
    assert it.load.refused == []


@pytest.mark.parametrize("replaced", [False, pytest.param(True, marks=pytest.mark.prove)], ids=["resumed", "replaced"])
async def test_clients_do_not_notice_that_control_hangs(tmp_path: Path, replaced: bool) -> None:
    """
    Control is stopped for a while, or until the supervisor has had enough of its silence: requests are answered, probes
    stay green, and afterwards a change of weights works.
    """
    async with siege({}, tmp_path) as it:
        await it.open()
        await it.load.answered(50)
        hung = it.parallax.control()
        os.kill(hung, SIGSTOP)
        await it.load.answered(200)
        assert (await it.parallax.fetch(it.parallax.health, b"/readyz"))[0] == 200

        async def another() -> bool:
            return it.parallax.control() not in (0, hung)

        if replaced:
            await until(another, "a silent control is replaced", 30)
        with suppress(ProcessLookupError):
            os.kill(hung, SIGCONT)
        change = await it.operator.change("after the silence", new=50)
        await it.load.answered(50)
        await unharmed(it)

    assert change.status == 200


async def test_a_full_disk_lets_traffic_go_to_old_only(tmp_path: Path) -> None:
    """
    With no room left raising new is refused, saying why, while lowering and kill work at once; once there is room both
    are saved. Clients notice nothing.
    """
    with small_disk(tmp_path / "var") as disk:
        await on_a_full_disk(tmp_path, disk)


async def on_a_full_disk(folder: Path, disk: Path) -> None:
    """
    The same, with the disk of the state at hand.
    """
    async with siege({}, folder) as it:
        it.parallax.forgiven |= UNSAVED
        assert (await it.operator.change("to begin with", new=40)).status == 200
        ballast = await asyncio.to_thread(fill, disk)
        await it.load.answered(50)
        # What the log of the database has room for is saved; no more.
        number, raised = 0, await it.operator.change("up 0", new=41)
        while raised.status == 200 and number < 200:
            number += 1
            raised = await it.operator.change(f"up {number}", new=41 + number / 100)
        before = (await it.operator.weights())["new"]
        lowered = await it.operator.change("away from it", new=5)
        killed = await it.operator.ask("POST", "/admin/kill", {"reason": "all the way"})
        now = await it.operator.weights()
        await it.load.answered(100)
        await unharmed(it)

        assert raised.status == 507, raised
        assert "full" in raised.value["error"], raised
        assert before == (41 + (number - 1) / 100 if number else 40), "what was refused is not in force"
        assert (lowered.status, killed.status) == (200, 200)
        assert (now["new"], now["killed"]) == (5, True)
        assert now["warnings"], "says that it is not saved"

        ballast.unlink()

        async def saved() -> bool:
            reasons = {line["reason"] for line in await it.operator.audit()}
            return {"away from it", "all the way"} <= reasons

        await until(saved, "what was done meanwhile is in the audit", 20)
        assert f"up {number}" not in {line["reason"] for line in await it.operator.audit()} - {"refused"}

        async def taken() -> bool:
            # The supervisor tries again every few seconds.
            return (await it.operator.change("up again", new=60)).status == 200

        await until(taken, "new can be raised again", 20)
        assert (await it.operator.ask("POST", "/admin/restore", {"reason": "room again"})).status == 200
        await it.load.answered(50)
        await unharmed(it)


async def test_a_read_only_disk_keeps_nobody_from_old(tmp_path: Path) -> None:
    """
    Parallax starts and serves although it can save nothing; new is not raised, kill works.
    """
    with small_disk(tmp_path / "var") as disk:
        remount(disk, "ro")
        await on_a_read_only_disk(tmp_path)


async def on_a_read_only_disk(folder: Path) -> None:
    """
    The same, with the disk of the state as it is.
    """
    async with siege({"weights": {"new": 10}}, folder) as it:
        it.parallax.forgiven |= UNSAVED
        await it.load.answered(50)
        raised = await it.operator.ask("PUT", "/admin/weights", {"new": 20, "reason": "up"})
        lowered = await it.operator.change("down", new=5)
        killed = await it.operator.ask("POST", "/admin/kill", {"reason": "all the way"})
        now = await it.operator.weights()
        await it.load.answered(50)
        await unharmed(it)

    assert raised.status in (503, 507), raised
    assert (lowered.status, killed.status) == (200, 200)
    assert (now["new"], now["killed"]) == (5, True)
    assert now["warnings"]


async def clock(it: Siege) -> datetime:
    """
    The time as an answer of Parallax's tells it.
    """
    client = await it.parallax.client()
    got = await client.ask(get(b"/clock/0", b"Connection: close"))
    client.close()
    return parsedate_to_datetime((got.value(b"date") or b"").decode())


async def test_clients_do_not_notice_that_the_clock_jumps(tmp_path: Path) -> None:
    """
    The clock is set an hour ahead and then two hours back under load: nothing fails, nothing times out, no
    worker is thought silent, and weights can be changed at any time.
    """
    dial = tmp_path / "dial"
    dial.write_text("+0")
    environment = {
        "LD_PRELOAD": faketime(),
        "FAKETIME_TIMESTAMP_FILE": str(dial),
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        # Its cure for hanging waits makes handing over the interpreter lock ten times slower.
        "FAKETIME_FORCE_MONOTONIC_FIX": "0",
    }
    async with siege({}, tmp_path / "parallax", environment=environment) as it:
        it.parallax.forgiven.clear()
        await it.open()
        for number, hours in enumerate((1, -1)):
            await it.load.answered(50)
            dial.write_text(f"{hours * 3600:+d}")

            async def jumped(hours: int = hours) -> bool:
                off = await clock(it) - datetime.now(UTC) - timedelta(hours=hours)
                return abs(off) < timedelta(minutes=10)

            await until(jumped, f"the clock is {hours} h off")
            change = await it.operator.change(f"{hours} h off", new=10 * number)
            assert change.status == 200
            await it.load.answered(100)
        await unharmed(it)
        assert not it.parallax.events("child_ended")
