"""
What survives the supervisor, by whatever it ends: the table, the kill latch, and who may write them.
"""

import asyncio
import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from proxy.routing.intent import intent_in
from proxy.tasks import spawn
from tests.parts.supervised import (
    Supervised,
    kinds_heard,
    latch_heard,
    saved_heard,
    status_heard,
    status_where,
    supervised,
    workers_heard,
)

KILLED = '{"killed":true}'


async def kill_9(run: Supervised) -> None:
    """
    The supervisor, and wait until its children have gone too.
    """
    run.signal(signal.SIGKILL)
    assert await run.end() == -signal.SIGKILL
    assert run.left() == []


# The table.


async def test_the_intent_in_force_outlives_everybody_and_the_configuration_is_the_new_one(tmp_path: Path) -> None:
    """
    Killed with -9 right after the table was told to be on disk; the next start has another digest and the same epoch.
    """
    state = str(tmp_path / "state")
    async with supervised(state=state) as run:
        await run.ready()
        await saved_heard(run, 4)
        await run.ask("admin", "/table")
        status = await saved_heard(run, 5)
        await kill_9(run)

    assert status["saved"] == {"epoch": 5, "digest": "d1", "armed": "", "error": None}

    async with supervised(state=state, changes={"digest": "d2", "epoch": 1, "weight": 50.0}) as run:
        await run.ready()
        await workers_heard(run, epoch=5, digest="d2")
        told = json.loads((await run.see("heard", role="worker", kind="TABLE"))["payload"])
        differs = await run.see("not_in_force", key="weights.new")

        assert told["weight"] == 0.0
        assert (differs["configured"], differs["in_force"]) == (50.0, 0.0)
        assert differs["remedy"] == "parallax weights set --new 50 --reason …"
        assert (await saved_heard(run, 5))["saved"]["digest"] == "d2"


async def test_killed_in_the_middle_of_changes_it_leaves_a_whole_table(tmp_path: Path) -> None:
    """
    No epoch that was told as saved is lost, and no worker begins on an older one.
    """
    state = tmp_path / "state"
    epoch = 4
    for _ in range(3):
        async with supervised(state=str(state)) as run:
            await run.ready()
            await run.ask("admin", "/storm")
            status = await saved_heard(run, epoch + 20)
            await kill_9(run)
        kept = intent_in((state / "table.json").read_bytes())

        assert kept.epoch >= status["saved"]["epoch"]
        epoch = kept.epoch


async def test_a_folder_that_everybody_can_write_is_said(tmp_path: Path) -> None:
    """
    With the command that mends it; it serves all the same.
    """
    os.chmod(tmp_path, 0o777)  # noqa: PTH101 nothing else runs
    async with supervised(state=str(tmp_path)) as run:
        await run.ready()
        told = await run.see("state_exposed")

    assert told["why"] == "everybody may write there (mode 0777)"
    assert told["remedy"] == f"make it this user's alone: chmod 700 {tmp_path}"


async def test_a_folder_that_cannot_be_used_is_said_and_serves(tmp_path: Path) -> None:
    """
    Control hears why nothing is saved; when the cause is gone, everything is.
    """
    obstacle = tmp_path / "state"
    obstacle.write_bytes(b"")
    async with supervised(state=str(obstacle)) as run:
        await run.ready()
        await run.see("state_not_locked")
        told = await run.see("state_not_saved")
        status = await status_where(run, lambda status: status["saved"]["error"] is not None)
        obstacle.unlink()
        await run.see("state_saved")
        saved = await saved_heard(run, 4)

        assert str(obstacle / "table.json") == told["file"]
        assert status["saved"]["epoch"] is None
        assert saved["saved"] == {"epoch": 4, "digest": "d1", "armed": "", "error": None}
        assert (await run.ask("listen", "/"))[0] == 200


# The kill latch.


@pytest.mark.parametrize("how", ["control", "signal", "file"])
@pytest.mark.parametrize("end", ["kill -9", "drain"])
async def test_a_kill_stays_whatever_ends_until_it_is_restored(tmp_path: Path, how: str, end: str) -> None:
    """
    By any of the three ways; the first thing that a worker of the next start hears is that it is killed.
    """
    state, kill_file = tmp_path / "state", tmp_path / "kill"
    where: dict[str, Any] = {"state": str(state), "kill_file": str(kill_file), "drain_delay": 0}
    async with supervised(**where) as run:
        await run.ready()
        if how == "control":
            await run.ask("admin", "/kill")
        elif how == "signal":
            run.signal(signal.SIGUSR1)
        else:
            kill_file.write_bytes(b'{"by": "ops", "reason": "kill"}')
        first = await latch_heard(run, killed=True, saved=True)
        await workers_heard(run, killed=True)
        if end == "drain":
            run.signal(signal.SIGTERM)
            assert await run.end() == 0
        else:
            await kill_9(run)
        kill_file.unlink(missing_ok=True)

    async with supervised(**where) as run:
        await run.ready()
        again = await latch_heard(run, killed=True, saved=True)
        pid = (await run.see("worker_ready"))["pid"]
        heard = await kinds_heard(run, pid, "TABLE")
        still = await run.see("still_killed")
        await run.ask("admin", "/restore")
        restored = await latch_heard(run, killed=False, saved=True)
        await workers_heard(run, run.events.index(still), killed=False)

    assert heard == ["LATCH", "TABLE"]
    assert again["latch"] == first["latch"]
    assert first["latch"]["by"] == ("SIGUSR1" if how == "signal" else "ops")
    assert (first["latch"]["number"], restored["latch"]["number"]) == (1, 2)
    assert json.loads((state / "latch.json").read_bytes())["killed"] is False


async def test_a_kill_takes_effect_before_the_disk_has_it_and_without_any_disk(tmp_path: Path) -> None:
    """
    Told as not saved, and obeyed.
    """
    (tmp_path / "state").write_bytes(b"")
    async with supervised(state=str(tmp_path / "state")) as run:
        await run.ready()
        run.signal(signal.SIGUSR1)
        await run.see("heard", role="worker", kind="LATCH", payload=KILLED)
        status = await latch_heard(run, killed=True, error="File exists")

        assert status["latch"]["saved"] is False


async def test_no_worker_begins_before_a_kill_file_that_was_there_first(tmp_path: Path) -> None:
    """
    And while it is there nobody restores.
    """
    kill_file = tmp_path / "kill"
    kill_file.write_bytes(b"")
    async with supervised(kill_file=str(kill_file)) as run:
        await run.ready()
        pid = (await run.see("worker_ready"))["pid"]
        assert await kinds_heard(run, pid, "TABLE") == ["LATCH", "TABLE"]
        await run.ask("admin", "/restore")
        refused = await run.see("restore_refused")
        status = await status_heard(run, ready=True, kill_file=True)
        kill_file.unlink()
        await run.see("kill_file_gone")
        await status_heard(run, ready=True, kill_file=False)
        await run.ask("admin", "/restore")
        await run.see("heard", pid=pid, kind="LATCH", payload='{"killed":false}')

        assert refused["by"] == "ops"
        assert (status["latch"]["by"], status["latch"]["killed"]) == ("file", True)


async def test_a_latch_that_was_broken_is_a_kill(tmp_path: Path) -> None:
    """
    Loudly, with the reason, and kept anew.
    """
    state = tmp_path / "state"
    state.mkdir()
    (state / "latch.json").write_bytes(b"\x00" * 100)
    async with supervised(state=str(state)) as run:
        await run.ready()
        status = await latch_heard(run, killed=True, saved=True)

        assert "was broken" in status["latch"]["reason"]
        assert (await run.see("latch_lost"))["level"] == "error"
        assert json.loads((state / "latch.json").read_bytes())["killed"] is True
        assert (state / "latch.json.broken").exists()


# The lock, and being found.


async def test_a_second_one_on_the_same_folder_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    """
    One sentence, exit code 2; after kill -9 the folder is free at once.
    """
    state = str(tmp_path / "state")
    async with supervised(state=state) as run:
        await run.ready()
        async with supervised(state=state) as second:
            assert await second.end() == 2
            (line,) = second.events
            assert line["text"] == (
                f"store: {state} belongs to a Parallax that is running (process {run.process.pid}); stop that one, "
                "or set store to a file in another folder\n"
            )
        assert (await run.ask("listen", "/"))[0] == 200
        run.signal(signal.SIGKILL)
        await run.process.wait()
        async with supervised(state=state) as third:
            await third.ready()


async def test_a_successor_waits_for_addresses_that_orphans_are_still_leaving(tmp_path: Path) -> None:
    """
    Started the moment that its predecessor was killed, on the same ports.
    """
    state = str(tmp_path / "state")
    async with supervised(state=state, workers=2) as run:
        await run.ready()
        held = spawn(run.ask("listen", "/hold"), name="held request")
        await run.see("holding")
        run.signal(signal.SIGKILL)
        await run.process.wait()
        where: dict[str, Any] = dict(run.addresses)
        async with supervised(state=state, workers=2, **where) as second:
            await second.ready()

            assert second.addresses == run.addresses
            assert (await second.ask("listen", "/"))[0] == 200
        await asyncio.wait([held])


async def test_commands_find_it_while_it_runs(tmp_path: Path) -> None:
    """
    By the port that was bound, also if none was configured.
    """
    state, token = tmp_path / "state", tmp_path / "token"
    async with supervised(
        state=str(state), kill_file=str(tmp_path / "kill"), token_file=str(token), runtime=str(tmp_path), drain_delay=0
    ) as run:
        await run.ready()
        (path,) = (tmp_path / "parallax").iterdir()
        found = json.loads(path.read_bytes())
        host, port = run.addresses["admin"]

        assert path.name == f"{port}.json"
        assert found == {
            "admin": f"{host}:{port}",
            "health": ":".join(map(str, run.addresses["health"])),
            "pid": run.process.pid,
            "lock": str(state / "lock"),
            "state": str(state),
            "kill_file": str(tmp_path / "kill"),
            "token_file": str(token),
            "certificate": None,
        }
        os.kill(found["pid"], signal.SIGTERM)
        assert await run.end() == 0
        assert not path.exists()
