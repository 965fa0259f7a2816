"""
Where commands find a running Parallax.
"""

import fcntl
import json
import os
from dataclasses import asdict
from pathlib import Path

import pytest

from proxy.supervise.registry import Entry, folder_of, registered


def an_entry(pid: int = 4711) -> Entry:
    """
    A Parallax on the usual ports.
    """
    return Entry(
        admin="127.0.0.1:9900",
        health="127.0.0.1:9901",
        pid=pid,
        lock="/state/lock",
        state="/state",
        kill_file="/state/kill",
        token_file=None,
        certificate=None,
    )


def test_an_entry_is_there_as_long_as_parallax_and_for_its_user_alone(tmp_path: Path) -> None:
    """
    Named like the admin port.
    """
    folder = tmp_path / "parallax"
    with registered(an_entry(), folder) as trouble:
        found = json.loads((folder / "9900.json").read_bytes())

        assert trouble is None
        assert found == asdict(an_entry())
        assert folder.stat().st_mode & 0o777 == 0o700
    assert list(folder.iterdir()) == []


def test_the_entry_of_a_successor_is_left_alone(tmp_path: Path) -> None:
    """
    Two on the same port of different addresses share a name; the last one has it.
    """
    with registered(an_entry(), tmp_path / "parallax"):
        with registered(an_entry(pid=1), tmp_path / "parallax"):
            pass
        assert not (tmp_path / "parallax" / "9900.json").exists()
        (tmp_path / "parallax" / "9900.json").write_text(json.dumps(asdict(an_entry(pid=2))))
    assert (tmp_path / "parallax" / "9900.json").exists()


def test_what_killed_supervisors_left_is_swept_away(tmp_path: Path) -> None:
    """
    Every command reads all entries. One whose lock is held stays, and so does what is no entry.
    """
    folder = tmp_path / "parallax"
    folder.mkdir(mode=0o700)
    for name in ("gone", "killed", "alive"):
        entry = {**asdict(an_entry()), "lock": str(tmp_path / name)}
        (folder / f"{name}.json").write_text(json.dumps(entry))
    (folder / "other.json").write_text("{")
    (tmp_path / "killed").write_text("4711")
    with (tmp_path / "alive").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with registered(an_entry(), folder):
            assert sorted(path.name for path in folder.iterdir()) == ["9900.json", "alive.json", "other.json"]


@pytest.mark.parametrize(
    ("what", "said"),
    [("open", "others may read or write it; `chmod 700 {}`"), ("link", "it is no folder"), ("file", "File exists")],
)
def test_a_folder_that_somebody_else_could_have_made_is_not_used(tmp_path: Path, what: str, said: str) -> None:
    """
    /tmp belongs to all: an entry there could send commands, and their tokens, anywhere. Which of all that it is, is
    said.
    """
    folder = tmp_path / "parallax"
    if what == "open":
        folder.mkdir()
        folder.chmod(0o755)
    elif what == "link":
        (tmp_path / "target").mkdir(mode=0o700)
        folder.symlink_to(tmp_path / "target")
    else:
        folder.write_bytes(b"")
    with registered(an_entry(), folder) as trouble:
        assert trouble is not None
        assert trouble == f"{folder}: {said.format(folder)}"
        assert not list(tmp_path.rglob("*.json"))


def test_the_folder_is_the_runtime_directory_if_there_is_one(tmp_path: Path) -> None:
    """
    Else one in /tmp that is named after the user; unless one is named.
    """
    own = os.getuid()

    assert folder_of({"XDG_RUNTIME_DIR": str(tmp_path)}, own) == tmp_path / "parallax"
    assert folder_of({"XDG_RUNTIME_DIR": str(tmp_path / "missing")}, own) == Path(f"/tmp/parallax-{own}")
    assert folder_of({"XDG_RUNTIME_DIR": "relative"}, own) == Path(f"/tmp/parallax-{own}")
    assert folder_of({"XDG_RUNTIME_DIR": str(tmp_path), "PARALLAX_RUNTIME_DIR": "/elsewhere"}, own) == Path(
        "/elsewhere"
    )
    assert folder_of({"PARALLAX_RUNTIME_DIR": "relative"}, 7) == Path("/tmp/parallax-7")
    assert folder_of({}, 7) == Path("/tmp/parallax-7")
