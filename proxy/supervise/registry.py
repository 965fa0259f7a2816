"""
Where commands find a running Parallax without its configuration: one small file per admin port, in a folder of ours.

It says how to reach the process also when control doesn't answer. Whether it still runs, its lock tells.
"""

import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from proxy.files import explain, write_whole


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
    The user's own folder for such files.
    """
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
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise PermissionError("it is somebody else's, open to others, or no folder")


def _remove(path: Path, entry: Entry) -> None:
    try:
        # Another one on the same port, at another address, may have taken the name.
        if orjson.loads(path.read_bytes())["pid"] == entry.pid:
            path.unlink()
    except (OSError, ValueError, KeyError, TypeError):
        return
