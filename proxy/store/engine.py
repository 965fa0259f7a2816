"""
Connections to one SQLite file as the store wants them, and its errors in our words.
"""

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import QueuePool

from proxy.errors import StoreError, StoreKind
from proxy.store.files import same_rights

# Of every connection. FULL: what was committed survives a power cut, not only kill -9. Nothing goes to a temporary
# folder, which may be read-only; nothing in the file may run code; pages are looked at more closely than by default.
PRAGMAS: Final = ("synchronous = FULL", "temp_store = MEMORY", "trusted_schema = OFF", "cell_size_check = ON")

KINDS: Final[dict[int, StoreKind]] = {
    sqlite3.SQLITE_FULL: "full",
    sqlite3.SQLITE_READONLY: "read_only",
    sqlite3.SQLITE_PERM: "read_only",
    sqlite3.SQLITE_BUSY: "busy",
    sqlite3.SQLITE_LOCKED: "busy",
    sqlite3.SQLITE_CORRUPT: "corrupt",
    sqlite3.SQLITE_NOTADB: "corrupt",
}
WORDS: Final[dict[StoreKind, str]] = {
    "full": "there is no room left for {path}: make room on its disk",
    "read_only": "{path} can't be written: give this user the right to write it and its folder",
    "busy": "{path} is being written by another process: end that, or try again",
    "corrupt": "{path} is broken",
    "other": "{path} can't be used",
}
DISK_KINDS: Final[dict[int, StoreKind]] = {
    errno.ENOSPC: "full",
    errno.EDQUOT: "full",
    errno.EROFS: "read_only",
    errno.EACCES: "read_only",
    errno.EPERM: "read_only",
}


def make_engine(path: Path, seconds: float, mode: str = "rw", pragmas: tuple[str, ...] = PRAGMAS) -> Engine:
    """
    Connections to the file at `path`, which must exist. `begin` starts a reading transaction, or with the execution
    option `write` one that no other can come before; either waits for others at most `seconds`, an option too.
    """

    def connect() -> sqlite3.Connection:
        same_rights(path)
        # No isolation level: the module sends no BEGIN of its own. The pool gives a connection to one thread at a time.
        made = sqlite3.connect(
            f"{path.as_uri()}?mode={mode}", uri=True, timeout=seconds, isolation_level=None, check_same_thread=False
        )
        # Text that somebody made invalid is for us to judge.
        made.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
        try:
            for pragma in pragmas:
                made.execute(f"PRAGMA {pragma}")
        except (sqlite3.Error, UnicodeError):
            made.close()
            raise
        return made

    engine = create_engine("sqlite://", creator=connect, poolclass=QueuePool, pool_timeout=seconds)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {int(options.get('seconds', seconds) * 1000)}")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("write") else "BEGIN")

    return engine


@contextmanager
def telling(path: Path) -> Iterator[None]:
    """
    Turn what SQLite, SQLAlchemy and the kernel raise into a `StoreError`.
    """
    try:
        yield
    except IntegrityError as error:
        # Only we write, and we never write a line twice.
        raise StoreError("corrupt", f"{path} was changed by something else: {error.orig}") from error
    except UnicodeError as error:
        # Not even the names in it, which SQLite quotes in its message, are text.
        raise StoreError("corrupt", WORDS["corrupt"].format(path=path)) from error
    except (SQLAlchemyError, sqlite3.Error, OSError) as error:
        cause = getattr(error, "orig", None) or error
        kind = kind_of(cause) or kind_of_disk(path)
        name = getattr(cause, "sqlite_errorname", type(cause).__name__)
        raise StoreError(kind, f"{WORDS[kind].format(path=path)} ({name}: {cause})") from error


def kind_of(error: BaseException) -> StoreKind | None:
    """
    What an error means for the operator; None when that can't be told by the error alone.
    """
    if isinstance(error, OSError):
        return DISK_KINDS.get(error.errno or 0)
    if isinstance(error, PoolTimeout):
        return "busy"
    code = getattr(error, "sqlite_errorcode", 0)
    if code == sqlite3.SQLITE_READONLY_DBMOVED:
        return "corrupt"
    return KINDS.get(code & 0xFF)  # the higher bytes say where it happened


def kind_of_disk(path: Path) -> StoreKind:
    """
    What the disk says itself when an error doesn't: no room, no right to write, or neither.
    """
    folder = path.parent
    try:
        room = os.statvfs(folder)
    except OSError:
        return "other"
    if (room.f_blocks and not room.f_bavail) or (room.f_files and not room.f_favail):
        return "full"
    writable = os.access(folder, os.W_OK | os.X_OK) and (os.access(path, os.W_OK) or not os.access(path, os.F_OK))
    return "other" if writable else "read_only"
