"""
The store's files: made for their owner alone, and moved aside when they are broken.
"""

import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from proxy.clock import time

# What SQLite keeps beside the database: the log of what is not in it yet and its index; where a disk can't have those,
# the log of what to undo.
BESIDE: Final = ("-wal", "-shm", "-journal")


def prepare(path: Path) -> None:
    """
    Make the folder (0700) and an empty file (0600) where they are missing; close a file that is there to all others.
    """
    if not path.parent.is_dir():
        path.parent.parent.mkdir(parents=True, exist_ok=True)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        sync_folder(path.parent.parent)
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        sync_folder(path.parent)
    except FileExistsError:
        # SQLite gives what it makes beside the file the same rights.
        mode = path.stat().st_mode & 0o777
        if mode & 0o077:
            with suppress(PermissionError):
                path.chmod(mode & 0o700)


def same_rights(path: Path) -> None:
    """
    Give what lies beside the database its rights. SQLite does so when it makes them: after a time in which the database
    could only be read, they could for ever.
    """
    with suppress(OSError):
        mode = path.stat().st_mode & 0o777
        for suffix in BESIDE:
            beside = Path(f"{path}{suffix}")
            with suppress(FileNotFoundError):
                if beside.stat().st_mode & 0o777 != mode:
                    beside.chmod(mode)


def move_aside(path: Path) -> Path:
    """
    Rename the database and what lies beside it, so that they can still be opened together. Returns the new place.
    """
    at = datetime.fromtimestamp(time(), UTC).strftime("%Y%m%dT%H%M%SZ")
    place = path.with_name(f"{path.name}.broken-{at}")
    again = 1
    while place.exists():
        again += 1
        place = path.with_name(f"{path.name}.broken-{at}-{again}")
    # The database first: without it SQLite drops the rest, and it must never be opened without the rest.
    for suffix in ("", *BESIDE):
        with suppress(FileNotFoundError):
            Path(f"{path}{suffix}").rename(f"{place}{suffix}")
    sync_folder(path.parent)
    return place


def sync_folder(folder: Path) -> None:
    """
    Make names that were given or taken in a folder survive a power cut.
    """
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def identity(path: Path) -> tuple[int, int] | None:
    """
    Which file lies at `path`, whatever it was renamed from; None for none.
    """
    try:
        there = path.stat()
    except FileNotFoundError:
        return None
    return there.st_dev, there.st_ino


def has_remains(path: Path) -> bool:
    """
    Whether the database is gone, and what SQLite kept beside it isn't.
    """
    return not path.exists() and has_log(path)


def has_log(path: Path) -> bool:
    """
    Whether something lies beside the database: it is in use, or whoever used it came to a sudden end.
    """
    return any(Path(f"{path}{suffix}").exists() for suffix in BESIDE)
