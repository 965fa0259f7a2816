"""
A supervisor's entry in a registry of the test's own, with its lock held by this very process.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

TOKEN = "plx_" + "a" * 43


def private(path: Path, text: str, mode: int = 0o600) -> Path:
    """
    A file with this mode, whatever the umask.
    """
    path.write_text(text)
    path.chmod(mode)
    return path


def write_entry(folder: Path, state: Path, admin: str, **changes: Any) -> dict[str, Any]:
    """
    The entry of a Parallax at `admin` ("host:port") that keeps its state in `state`; both folders are made.
    """
    for path in (folder, state):
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.chmod(0o700)
    private(state / "admin-token", TOKEN + "\n")
    entry = {
        "admin": admin,
        "health": "127.0.0.1:1",
        "pid": os.getpid(),
        "lock": str(state / "lock"),
        "state": str(state),
        "kill_file": str(state / "kill"),
        "token_file": str(state / "admin-token"),
        "certificate": None,
        **changes,
    }
    private(folder / f"{admin.rpartition(':')[2]}.json", json.dumps(entry))
    return entry


@contextmanager
def held(state: Path, pid: int | None = None) -> Iterator[None]:
    """
    The lock in `state` is held, in the name of `pid` (this process).
    """
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (state / "lock").open("w") as lock:
        lock.write(str(os.getpid() if pid is None else pid))
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


@contextmanager
def registered(folder: Path, state: Path, admin: str, **changes: Any) -> Iterator[dict[str, Any]]:
    """
    An entry, and its lock.
    """
    with held(state, changes.get("pid")):
        yield write_entry(folder, state, admin, **changes)
