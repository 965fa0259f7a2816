"""
Where commands find a running Parallax without its configuration: one small file per admin port, in a folder of ours.

It says how to reach the process also when control doesn't answer. Whether it still runs, its lock tells.
"""

import fcntl
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import orjson

from proxy.files import explain, write_whole

# Entries that are looked at when one is made.
SWEPT: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """
    `admin` and `health` are bound addresses. `token_file` None: tokens are configured; `certificate` None: plaintext.
    """

    admin: str
    health: str
    pid: int
    lock: str
    state: str
    kill_file: str | None
    token_file: str | None
    certificate: str | None


def folder_of(environment: Mapping[str, str], user: int) -> Path:
    """
    The user's own folder for such files, or the one that is named.
    """
    if (named := Path(environment.get("PARALLAX_RUNTIME_DIR", ""))).is_absolute():
        return named
    runtime = Path(environment.get("XDG_RUNTIME_DIR", ""))
    if runtime.is_absolute() and runtime.is_dir():
        return runtime / "parallax"
    # Anybody can make this name first; `_own` sees to it that we use none but ours.
    return Path(f"/tmp/parallax-{user}")  # noqa: S108


@contextmanager
def registered(entry: Entry, folder: Path) -> Iterator[str | None]:
    """
    Be found as long as this lasts. Yields why not, or None.
    """
    path = folder / f"{entry.admin.rpartition(':')[2]}.json"
    try:
        _own(folder)
        _sweep(folder)
        write_whole(path, orjson.dumps(asdict(entry)))
    except OSError as error:
        yield f"{folder}: {explain(error)}"
        return
    try:
        yield None
    finally:
        _remove(path, entry)


def _own(folder: Path) -> None:
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise PermissionError("it is no folder")
    if found.st_uid != os.getuid():
        raise PermissionError("it belongs to another user")
    if found.st_mode & 0o077:
        raise PermissionError(f"others may read or write it; `chmod 700 {folder}`")


def _sweep(folder: Path) -> None:
    """
    Remove what supervisors that were killed have left: nobody holds the locks that it names.
    """
    for path in list(folder.glob("*.json"))[:SWEPT]:
        # One that can't be read or removed is in nobody's way.
        with suppress(OSError, ValueError, KeyError, TypeError):
            seen = path.stat().st_ino
            if not _is_held(orjson.loads(path.read_bytes())["lock"]) and path.stat().st_ino == seen:
                path.unlink()


def _is_held(lock: str) -> bool:
    try:
        descriptor = os.open(lock, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return False
    try:
        # Shared, and for a moment: whoever else only looks isn't taken for a holder.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _remove(path: Path, entry: Entry) -> None:
    try:
        # Another one on the same port, at another address, may have taken the name.
        if orjson.loads(path.read_bytes())["pid"] == entry.pid:
            path.unlink()
    except (OSError, ValueError, KeyError, TypeError):
        return
