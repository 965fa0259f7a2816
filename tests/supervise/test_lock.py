"""
One supervisor per folder for state.
"""

import fcntl
import os
import threading
from pathlib import Path

import pytest

import proxy.supervise.lock as room
from proxy.errors import ConfigurationError
from proxy.supervise.lock import Hold, exposed, hold, release
from tests.parts.disk import as_nobody, remount, small_disk


def test_the_folder_is_made_and_the_lock_names_its_holder(tmp_path: Path) -> None:
    """
    Commands send signals to that process.
    """
    folder = tmp_path / "var" / "state"
    with hold(folder) as held:
        assert held == Hold(held=True)
        assert (folder / "lock").read_text() == f"{os.getpid()}\n"
        assert folder.stat().st_mode & 0o777 == 0o700


def test_a_second_one_is_refused_with_folder_process_and_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    One sentence; the first is not disturbed.
    """
    monkeypatch.setattr(room, "TRY_SECONDS", 0.0)
    with hold(tmp_path):
        with pytest.raises(ConfigurationError) as refused, hold(tmp_path):
            pass

        assert str(refused.value) == (
            f"store: {tmp_path} belongs to a Parallax that is running (process {os.getpid()}); stop that one, "
            "or set store to a file in another folder"
        )
        assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"
    with hold(tmp_path) as held:
        assert held.held


def test_somebody_who_only_looks_hinders_nobody(tmp_path: Path) -> None:
    """
    Commands take the lock for a moment, to see whether it is free.
    """
    with hold(tmp_path):
        pass
    looking = os.open(tmp_path / "lock", os.O_RDONLY)
    fcntl.flock(looking, fcntl.LOCK_SH)
    done = threading.Timer(0.05, os.close, (looking,))
    done.start()
    with hold(tmp_path) as held:
        assert held.held
    done.join()


def test_who_was_killed_leaves_children_that_may_still_be_leaving(tmp_path: Path) -> None:
    """
    Its name is still in the file; who ends in peace takes it out.
    """
    with hold(tmp_path):
        pass
    with hold(tmp_path) as held:
        assert held.orphaned
        release(tmp_path)
    with hold(tmp_path) as held:
        assert not held.orphaned


def test_a_folder_that_cannot_be_written_is_no_reason_not_to_serve(tmp_path: Path) -> None:
    """
    Held all the same where the file is there, so that there is one who serves from it.
    """
    with small_disk(tmp_path / "small") as folder:
        with hold(folder):
            pass
        remount(folder, "ro")
        with hold(folder) as held:
            assert held.held
            assert held.trouble == "Read-only file system"
    tmp_path.chmod(0o500)
    with as_nobody(), hold(tmp_path / "state") as held:
        assert held == Hold(trouble="Permission denied")


def test_a_folder_that_others_can_write_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Whoever can may lay the kill file there, or swap what the next start goes by.
    """
    tmp_path.chmod(0o750)
    assert exposed(tmp_path) is None
    assert exposed(tmp_path / "missing") is None
    tmp_path.chmod(0o1777)
    assert exposed(tmp_path) == "everybody may write there (mode 1777)"
    tmp_path.chmod(0o700)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    owner = os.getuid()
    assert exposed(tmp_path) == (None if owner == 0 else f"it belongs to another user ({owner})")
