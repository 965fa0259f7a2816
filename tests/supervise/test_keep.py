"""
A file that follows the newest bytes: whole at any instant, and patient with disks.
"""

import asyncio
import errno
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

import proxy.supervise.keep as room
from proxy.files import set_aside, write_whole
from proxy.supervise.keep import Keeper
from tests.parts.disk import fill, small_disk
from tests.parts.logged import Logged

PATIENCE = 10.0


class Kept:
    """
    A keeper, what it logs, and a way to wait for what it does.
    """

    def __init__(self, path: Path) -> None:
        self.logged = Logged()
        self._news = asyncio.Event()
        self.keeper = Keeper(path, self.logged.log, self._news.set)

    def state(self) -> tuple[bytes | None, str | None]:
        """
        What is saved, and what hinders.
        """
        return self.keeper.saved, self.keeper.error

    async def until(self, holds: Callable[[Keeper], bool]) -> None:
        """
        Wait until something holds.
        """
        async with asyncio.timeout(PATIENCE):
            while not holds(self.keeper):
                self._news.clear()
                await self._news.wait()


class HungDisk:
    """
    Writes wait until the disk answers again; `written` is what got there.
    """

    def __init__(self) -> None:
        self.answers = threading.Event()
        self.written: list[bytes] = []

    def write(self, path: Path, data: bytes) -> None:
        """
        As `write_whole`.
        """
        assert self.answers.wait(PATIENCE)
        self.written.append(data)


@pytest.fixture
def hung(monkeypatch: pytest.MonkeyPatch) -> HungDisk:
    """
    A disk that doesn't answer yet.
    """
    disk = HungDisk()
    monkeypatch.setattr(room, "write_whole", disk.write)
    return disk


# One write.


def test_a_file_is_replaced_as_a_whole_and_nobody_else_may_read_it(tmp_path: Path) -> None:
    """
    Folders are made, and nothing but the file is left.
    """
    path = tmp_path / "a" / "state" / "table.json"
    write_whole(path, b"first")
    before = path.stat().st_ino
    write_whole(path, b"second")

    assert path.read_bytes() == b"second"
    assert path.stat().st_ino != before
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [found.name for found in path.parent.iterdir()] == ["table.json"]


def test_what_a_killed_writer_left_is_taken_over_and_no_link_is_followed(tmp_path: Path) -> None:
    """
    Half a file is written over; a link in its place is refused, and its target unhurt.
    """
    path, left, target = tmp_path / "table.json", tmp_path / ".table.json.new", tmp_path / "target"
    left.write_bytes(b"half of something longer")
    write_whole(path, b"whole")
    target.write_bytes(b"somebody's")
    left.symlink_to(target)
    with pytest.raises(OSError, match=os.strerror(errno.ELOOP)):
        write_whole(path, b"again")

    assert path.read_bytes() == b"whole"
    assert target.read_bytes() == b"somebody's"


def test_without_room_the_old_file_stays_and_the_new_one_goes(tmp_path: Path) -> None:
    """
    Half a file would take the room that is needed for a whole one.
    """
    with small_disk(tmp_path / "small") as folder:
        write_whole(folder / "table.json", b"small")
        with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
            write_whole(folder / "table.json", bytes(2 << 20))

        assert (folder / "table.json").read_bytes() == b"small"
        assert [found.name for found in folder.iterdir()] == ["table.json"]


def test_a_broken_file_is_kept_for_people(tmp_path: Path) -> None:
    """
    Under another name, so that it isn't found again; when that fails the words say so.
    """
    path = tmp_path / "latch.json"
    path.write_bytes(b"broken")

    assert set_aside(path) == f"moved to {tmp_path}/latch.json.broken"
    assert (tmp_path / "latch.json.broken").read_bytes() == b"broken"
    assert set_aside(path) == f"it stays there: {os.strerror(errno.ENOENT)}"


# Following.


async def test_what_comes_while_a_write_is_under_way_is_written_after_it_and_only_the_newest(
    tmp_path: Path, hung: HungDisk
) -> None:
    """
    One write at a time; a thousand changes on a slow disk are two writes.
    """
    kept = Kept(tmp_path / "table.json")
    for number in range(1000):
        kept.keeper.keep(b"%d" % number)
    hung.answers.set()
    await kept.until(lambda keeper: keeper.saved == b"999" and not keeper.pending)

    assert hung.written == [b"0", b"999"]
    assert kept.logged.events == []


async def test_a_disk_that_hangs_is_told_once_and_the_loop_goes_on(
    tmp_path: Path, hung: HungDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Whoever changed something waits for an answer, and it is: not yet saved.
    """
    monkeypatch.setattr(room, "SLOW_SECONDS", 0.05)
    kept = Kept(tmp_path / "table.json")
    kept.keeper.keep(b"first")
    await kept.until(lambda keeper: keeper.error == "the disk has not answered for 0.05 s")
    kept.keeper.keep(b"second")

    hung.answers.set()
    await kept.until(lambda keeper: keeper.saved == b"second")

    assert kept.state() == (b"second", None)
    assert kept.logged.events == ["state_not_saved", "state_saved"]


async def test_what_cannot_be_saved_is_tried_again_until_it_works_and_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    The folder's name is taken by a file, for a while.
    """
    monkeypatch.setattr(room, "RETRY_SECONDS", 0.01)
    obstacle = tmp_path / "state"
    obstacle.write_bytes(b"")
    kept = Kept(obstacle / "table.json")
    kept.keeper.keep(b"first")
    await kept.until(lambda keeper: keeper.error is not None)
    kept.keeper.keep(b"second")
    obstacle.unlink()
    await kept.until(lambda keeper: keeper.saved is not None)

    assert (obstacle / "table.json").read_bytes() == b"second"
    assert kept.state() == (b"second", None)
    assert kept.logged.events == ["state_not_saved", "state_saved"]
    assert str(obstacle) in kept.logged.lines[0]["file"]
    assert kept.logged.lines[0]["remedy"]


async def test_a_full_disk_is_explained_with_its_remedy(tmp_path: Path) -> None:
    """
    And saved to as soon as there is room.
    """
    with small_disk(tmp_path / "small") as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(room, "RETRY_SECONDS", 0.01)
        ballast = fill(folder)
        kept = Kept(folder / "table.json")
        kept.keeper.keep(b"x" * 10_000)
        await kept.until(lambda keeper: keeper.error is not None)

        assert kept.state() == (None, os.strerror(errno.ENOSPC))
        assert kept.logged.lines[0]["remedy"] == "free space there"

        ballast.unlink()
        await kept.until(lambda keeper: keeper.saved is not None)


# A writer of ever new tables, each of which it says once it is on disk. Runs apart: it is killed.
WRITER = """
import asyncio, json, os, signal, sys, time
from pathlib import Path
from proxy.log import LineWriter, build_log
from proxy.supervise.keep import Keeper

path, rounds = Path(sys.argv[1]), int(sys.argv[2])
log = build_log("supervisor", LineWriter())

async def write(told, start):
    loop, epoch = asyncio.get_running_loop(), start
    def changed():
        os.write(told, b"%d\\n" % json.loads(keeper.saved)["epoch"])
    keeper = Keeper(path, log, changed)
    while True:
        epoch += 1
        keeper.keep(json.dumps({"epoch": epoch, "filler": "x" * (epoch * 7919 % 20000)}).encode())
        await asyncio.sleep(0)

start = 0
for round in range(rounds):
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        asyncio.run(write(writing, start))
    os.close(writing)
    told = os.read(reading, 64)
    time.sleep(round % 10 / 1000)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    while data := os.read(reading, 65536):
        told += data
    os.close(reading)
    start = json.loads(path.read_bytes())["epoch"]
    assert start >= int(told.split()[-1]), (start, told[-100:])
print(start)
"""


def test_whoever_is_killed_while_writing_leaves_a_whole_file_with_all_that_was_told_as_saved(tmp_path: Path) -> None:
    """
    By kill -9, in the middle of changes that come as fast as they can, fifty times.
    """
    ran = subprocess.run(
        [sys.executable, "-c", WRITER, str(tmp_path / "table.json"), "50"],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )

    assert ran.returncode == 0, ran.stderr
    assert int(ran.stdout) > 50
