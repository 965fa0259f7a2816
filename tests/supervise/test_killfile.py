"""
The kill file: seen when it appears, whatever it is, and on whatever disk.
"""

import asyncio
import os
import threading
from pathlib import Path

import pytest

import proxy.supervise.killfile as room
from proxy.supervise.killfile import KillFile, Sighting, sight
from tests.parts.disk import as_nobody
from tests.parts.logged import Logged

PATIENCE = 10.0


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Look often.
    """
    monkeypatch.setattr(room, "LOOK_SECONDS", 0.01)


class Seen:
    """
    A kill file that is watched.
    """

    def __init__(self, path: Path) -> None:
        self.logged = Logged()
        self.told: asyncio.Queue[Sighting | None] = asyncio.Queue()
        self.file = KillFile(path, self.told.put_nowait, self.logged.log)
        self.file.watch()

    async def next(self) -> Sighting | None:
        """
        What is told next.
        """
        return await asyncio.wait_for(self.told.get(), PATIENCE)

    async def logs(self, event: str) -> None:
        """
        Wait until something is logged, which no callback tells.
        """
        async with asyncio.timeout(PATIENCE):
            while event not in self.logged.events:  # noqa: ASYNC110
                await asyncio.sleep(0.01)


async def test_it_is_told_when_the_file_appears_and_when_it_goes(tmp_path: Path) -> None:
    """
    Once each, however long it stays.
    """
    seen = Seen(tmp_path / "kill")
    await asyncio.wait_for(seen.file.looked.wait(), PATIENCE)
    (tmp_path / "kill").write_bytes(b"")

    assert await seen.next() == Sighting(by="file", reason=f"{tmp_path}/kill is there")

    (tmp_path / "kill").unlink()

    assert await seen.next() is None
    assert seen.told.empty()
    assert seen.logged.lines == []


def test_who_and_why_are_taken_from_it_if_it_says_so(tmp_path: Path) -> None:
    """
    Commands write that; people write anything.
    """
    path = tmp_path / "kill"
    anybody = Sighting(by="file", reason=f"{path} is there")
    for data, expected in (
        (b'{"by": "ops", "reason": "errors"}', Sighting(by="ops", reason="errors")),
        (b'{"by": "ops"}', Sighting(by="ops", reason=anybody.reason)),
        (b'{"by": null, "reason": 7}', Sighting(by="file", reason="7")),
        (b"help!", anybody),
        (b"[1]", anybody),
        (b"\xff\x00", anybody),
        (b'{"by": "' + b"x" * 100_000 + b'"}', anybody),
    ):
        path.write_bytes(data)
        assert sight(path, known=False) == expected


def test_whatever_has_that_name_counts(tmp_path: Path) -> None:
    """
    A folder, a link to nowhere, a pipe that nobody writes to.
    """
    path = tmp_path / "kill"
    path.mkdir()
    assert sight(path, known=False)
    path.rmdir()
    path.symlink_to(tmp_path / "nowhere")
    assert sight(path, known=False)
    path.unlink()
    os.mkfifo(path)
    assert sight(path, known=False)
    assert sight(path, known=True) is True
    path.unlink()
    assert sight(path, known=True) is False
    assert sight(tmp_path / "missing" / "kill", known=False) is False


async def test_a_disk_that_hangs_is_told_and_what_was_seen_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    The loop goes on; when the disk answers again, looks do too.
    """
    answers = threading.Event()

    def hang(path: Path, *, known: bool) -> Sighting | bool:
        assert answers.wait(PATIENCE)
        return sight(path, known=known)

    monkeypatch.setattr(room, "sight", hang)
    seen = Seen(tmp_path / "kill")
    await seen.logs("kill_file_not_watched")
    assert not seen.file.looked.is_set()
    (tmp_path / "kill").write_bytes(b"")
    answers.set()

    assert await seen.next() is not None
    assert seen.logged.events == ["kill_file_not_watched", "kill_file_watched"]
    assert "SIGUSR1" in seen.logged.lines[0]["remedy"]


async def test_a_folder_that_may_not_be_looked_into_is_told_once(tmp_path: Path) -> None:
    """
    Whether the file is there can't be said; nobody is killed for that.
    """
    folder = tmp_path / "closed"
    folder.mkdir(mode=0)
    with as_nobody():
        seen = Seen(folder / "kill")
        await seen.logs("kill_file_not_watched")
    folder.chmod(0o700)
    await seen.logs("kill_file_watched")

    assert seen.told.empty()
    assert seen.logged.lines[0]["why"] == "Permission denied"
