"""
One supervisor per folder for state: whoever holds the lock on its file `lock` may write there.

The kernel lets go of the lock with the process, however that ends, and children don't inherit it.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import sleep

from proxy.errors import ConfigurationError
from proxy.files import explain

LOCK = "lock"
# `parallax kill` and its like take the lock for a moment, to see whether somebody holds it.
TRIES, TRY_SECONDS = 20, 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """
    `held`: the lock is ours. `trouble` says what is wrong with the folder. `orphaned`: whoever held the lock before was
    killed, so its children may just be leaving.
    """

    held: bool = False
    trouble: str | None = None
    orphaned: bool = False


@contextmanager
def hold(folder: Path) -> Iterator[Hold]:
    """
    Hold the folder's lock; make the folder if need be. Raises `ConfigurationError` when another process holds it.

    A folder that can't be written or locked is no reason not to serve.
    """
    try:
        descriptor, trouble = _open(folder / LOCK)
    except OSError as error:
        yield Hold(trouble=explain(error))
        return
    try:
        yield _take(descriptor, folder, trouble)
    finally:
        os.close(descriptor)


def _open(path: Path) -> tuple[int, str | None]:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600), None
    except OSError as error:
        # What can be read can be locked, which keeps two from serving on one read-only folder.
        with suppress(OSError):
            return os.open(path, os.O_RDONLY | os.O_NOFOLLOW), explain(error)
        raise


def _take(descriptor: int, folder: Path, trouble: str | None) -> Hold:
    for left in reversed(range(TRIES)):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if not left:
                raise ConfigurationError(_taken(folder, _pid(descriptor))) from None
            sleep(TRY_SECONDS)
        except OSError as error:
            return Hold(trouble=explain(error))
    orphaned = bool(_pid(descriptor))
    if trouble is None:
        try:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        except OSError as error:
            trouble = explain(error)
    return Hold(held=True, trouble=trouble, orphaned=orphaned)


def release(folder: Path) -> None:
    """
    Say in the file that its holder went in peace. The lock itself goes with `hold`.
    """
    # If that fails, the next one waits a little longer than it had to, should an address be taken.
    with suppress(OSError):
        os.truncate(folder / LOCK, 0)


def exposed(folder: Path) -> str | None:
    """
    Why others could lay a kill file there, or swap what is kept; None if they can't, or if that can't be told.
    """
    try:
        found = folder.stat()
    except OSError:
        return None
    if found.st_uid not in (0, os.geteuid()):
        return f"it belongs to another user ({found.st_uid})"
    return f"everybody may write there (mode {found.st_mode & 0o7777:04o})" if found.st_mode & 0o002 else None


def _pid(descriptor: int) -> str:
    return os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()


def _taken(folder: Path, pid: str) -> str:
    who = f"process {pid}" if pid.isdecimal() else "another process"
    return (
        f"store: {folder} belongs to a Parallax that is running ({who}); stop that one, "
        "or set store to a file in another folder"
    )
