"""
How a store begins: what is missing is made, what is there is looked at, what is broken is moved aside.
"""

from pathlib import Path

from sqlalchemy import Connection, Engine, text

from proxy import __version__
from proxy.errors import StoreError
from proxy.store.engine import make_engine, telling
from proxy.store.files import has_log, has_remains, move_aside, prepare
from proxy.store.schema import APPLICATION, FRESH, MIGRATIONS, Migrations, Stamp, head, is_whole, migrate, read_stamp


def begin(path: Path, engine: Engine, seconds: float, migrations: Migrations = MIGRATIONS) -> str | None:
    """
    Make the file at `path` one that can be worked with. Returns what was wrong with it, in a sentence.

    Raises StoreError when that can't be done; a file of a newer Parallax or of another program is left as it is.
    """
    with telling(path):
        if path.exists() and not path.is_file():
            # Left as it is: its rights are none of a database.
            raise StoreError("other", f"{path} is a folder or a device; name a file in `store`")
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
    _refuse_foreign(path, _probe(path, seconds), len(migrations))
    with telling(path):
        with engine.connect() as bare:
            cursor = bare.connection.cursor()
            cursor.execute("PRAGMA journal_mode = WAL")
            cursor.close()
        with engine.execution_options(write=True).begin() as connection:
            stamp = read_stamp(connection)
            _refuse_foreign(path, stamp, len(migrations))
            _refuse_broken(path, connection, migrations[: stamp.version])
            migrate(connection, stamp.version, __version__, migrations)
            # SQLite lets a writer begin in a file that it can only read.
            connection.execute(head.update().values(lines=head.c.lines))


def _probe(path: Path, seconds: float) -> Stamp:
    """
    Whose file it is, found without leaving a trace: one that isn't for us is not even tidied up.
    """
    mode = "ro" if has_log(path) else "ro&immutable=1"
    engine = make_engine(path, seconds, mode)
    try:
        with telling(path), engine.begin() as connection:
            return read_stamp(connection)
    except StoreError as error:
        # Of a file with a log nobody can read anything before that log was worked in. If it is more, we'll see it next.
        if error.kind != "read_only":
            raise
        return FRESH
    finally:
        engine.dispose()


def _refuse_foreign(path: Path, stamp: Stamp, known: int) -> None:
    if stamp == FRESH:
        return
    if stamp.application != APPLICATION:
        raise StoreError("other", f"{path} is a database of another program; name another file in `store`")
    if not stamp.version:
        raise StoreError("corrupt", f"{path} is broken (its stamp is gone)")
    if stamp.version > known:
        raise StoreError(
            "newer",
            f"{path} was written by Parallax {stamp.written_by} (schema {stamp.version}), and this is {__version__} "
            f"(schema {known}): run that version, or move the file away",
        )


def _refuse_broken(path: Path, connection: Connection, made: Migrations) -> None:
    answer = connection.execute(text("PRAGMA quick_check(1)")).scalar()
    if answer == "ok" and not is_whole(connection, made):
        answer = "its tables aren't ours"
    if answer != "ok":
        raise StoreError("corrupt", f"{path} is broken ({answer})")
