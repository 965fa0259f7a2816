"""
How a store begins: what is missing is made, what is there is looked at, what is broken is moved aside.
"""

from pathlib import Path

from sqlalchemy import Connection, Engine, text

from proxy import __version__
from proxy.errors import StoreError
from proxy.store.engine import make_engine, telling
from proxy.store.files import has_remains, move_aside, prepare
from proxy.store.schema import APPLICATION, MIGRATIONS, Migrations, Stamp, migrate, read_stamp


def begin(path: Path, engine: Engine, seconds: float, migrations: Migrations = MIGRATIONS) -> str | None:
    """
    Make the file at `path` one that can be worked with. Returns what was wrong with it, in a sentence.

    Raises StoreError when that can't be done; a file of a newer Parallax or of another program is left as it is.
    """
    with telling(path):
        trouble = None
        if has_remains(path):
            trouble = (
                f"{path} is gone; what was left beside it was moved to {move_aside(path)}, and a new one was begun"
            )
        prepare(path)
        try:
            _check(path, engine, seconds, migrations)
        except StoreError as error:
            if error.kind != "corrupt":
                raise
            engine.dispose()
            trouble = f"{error}; it was moved to {move_aside(path)}, and a new one was begun"
            prepare(path)
            _check(path, engine, seconds, migrations)
    return trouble


def _check(path: Path, engine: Engine, seconds: float, migrations: Migrations) -> None:
    """
    Refuse a file that isn't ours, a newer one and a broken one; bring an older one up to date.
    """
    # Read-only, so that a file that isn't for us is not even tidied up.
    probe = make_engine(path, seconds, mode="ro")
    try:
        with telling(path), probe.begin() as connection:
            stamp = read_stamp(connection)
    finally:
        probe.dispose()
    _refuse_foreign(path, stamp, len(migrations))
    with telling(path):
        with engine.connect() as bare:
            cursor = bare.connection.cursor()
            cursor.execute("PRAGMA journal_mode = WAL")
            cursor.close()
        with engine.execution_options(write=True).begin() as connection:
            _refuse_broken(path, connection)
            migrate(connection, stamp.version, __version__, migrations)


def _refuse_foreign(path: Path, stamp: Stamp, known: int) -> None:
    fresh = stamp.empty and not stamp.application and not stamp.version
    if stamp.application != APPLICATION and not fresh:
        raise StoreError("other", f"{path} is a database of another program; name another file in `store`")
    if not stamp.version and not fresh:
        raise StoreError("corrupt", f"{path} is broken (its stamp is gone)")
    if stamp.version > known:
        raise StoreError(
            "newer",
            f"{path} was written by Parallax {stamp.written_by} (schema {stamp.version}), and this is {__version__} "
            f"(schema {known}): run that version, or move the file away",
        )


def _refuse_broken(path: Path, connection: Connection) -> None:
    answer = connection.execute(text("PRAGMA quick_check(1)")).scalar()
    if answer != "ok":
        raise StoreError("corrupt", f"{path} is broken ({answer})")
