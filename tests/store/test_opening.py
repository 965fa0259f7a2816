"""
Whatever lies where the store should be: it is used, moved aside or left alone, and that is said.
"""

import hashlib
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, inspect

from proxy import __version__
from proxy.errors import StoreError
from proxy.store.audit import Entry
from proxy.store.engine import make_engine
from proxy.store.files import move_aside
from proxy.store.opening import begin
from proxy.store.schema import MIGRATIONS, Migrations, metadata
from proxy.store.store import Store
from tests.parts.keeping import entry, intent

ROOT = Path(__file__).parents[2]
# What a later Parallax may do to the tables.
LATER: Migrations = (*MIGRATIONS, ("ALTER TABLE audit ADD COLUMN place TEXT", "CREATE TABLE places (id INTEGER)"))


def saved(url: str, epochs: int = 3) -> None:
    """
    Make a store that knows something.
    """
    store = Store.open(url).store
    for epoch in range(1, epochs + 1):
        store.save(intent(epoch, new=float(epoch)), entry(f"step {epoch}", epoch))
    store.close()


def contents(folder: Path) -> dict[str, str]:
    """
    What lies in a folder, but for the index that SQLite makes for every reader.
    """
    return {
        found.name: hashlib.sha256(found.read_bytes()).hexdigest()
        for found in folder.iterdir()
        if not found.name.endswith("-shm")
    }


def begun_anew(url: str, path: Path) -> Path:
    """
    Open what must be moved aside, and look at what there is afterwards. Returns where it was moved to.
    """
    opened = Store.open(url)

    assert opened.trouble is not None
    assert opened.trouble.startswith(f"{path} is ")
    moved = re.search(r"moved to (\S+\.broken-\d{8}T\d{6}Z(-\d+)?), and a new one was begun$", opened.trouble)
    assert moved, opened.trouble
    assert opened.store.load() is None
    opened.store.save(intent(1), entry())
    opened.store.close()
    again = Store.open(url)
    assert again.trouble is None
    assert again.store.load() == intent(1)
    again.store.close()
    return Path(moved[1])


def test_the_tables_are_what_the_migrations_make(store: Store, path: Path) -> None:
    """
    What is asked for by name is there, and nothing else.
    """
    store.close()
    engine = create_engine(f"sqlite:///{path}")
    found = {
        table: [
            (column["name"], str(column["type"]), column["nullable"]) for column in inspect(engine).get_columns(table)
        ]
        for table in inspect(engine).get_table_names()
    }
    engine.dispose()

    assert found == {
        name: [(column.name, str(column.type), bool(column.nullable)) for column in table.columns]
        for name, table in metadata.tables.items()
    }


@pytest.mark.parametrize("name", ["plain.db", "a b.db", "what?mode=ro.db", "half#.db", "50%25.db", "größe.db"])
def test_any_file_name_will_do(tmp_path: Path, name: str) -> None:
    """
    Letters that mean something in a URL mean nothing here.
    """
    saved(f"sqlite:///{tmp_path}/{name}")

    assert [found.name for found in tmp_path.iterdir()] == [name]


def test_a_link_leads_to_the_store_and_goes_on_doing_so(tmp_path: Path) -> None:
    """
    Its log is looked for where SQLite keeps it, and a broken one is moved aside where it lies.
    """
    (tmp_path / "volume").mkdir()
    link = tmp_path / "parallax.db"
    link.symlink_to(tmp_path / "volume" / "real.db")
    saved(f"sqlite:///{link}")
    assert [found.name for found in (tmp_path / "volume").iterdir()] == ["real.db"]

    link.write_bytes(b"garbage" * 1000)
    moved = begun_anew(f"sqlite:///{link}", tmp_path / "volume" / "real.db")

    assert moved.parent == tmp_path / "volume"
    assert link.is_symlink()
    assert link.exists()


def test_a_folder_that_is_there_keeps_its_rights_and_a_file_loses_those_of_others(url: str, path: Path) -> None:
    """
    The folder may be shared on purpose; the store has no secrets that would be shared on purpose.
    """
    path.parent.mkdir()
    path.parent.chmod(0o755)
    path.touch()
    path.chmod(0o664)

    saved(url)

    assert path.parent.stat().st_mode & 0o777 == 0o755
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", [b"hello\n", b"\0" * 5000, b"SQLite format 3\0" + b"x" * 5000, b"\xff" * 100])
def test_what_is_no_database_is_moved_aside(url: str, path: Path, content: bytes) -> None:
    """
    As it is: somebody may miss it.
    """
    path.parent.mkdir()
    path.write_bytes(content)

    assert begun_anew(url, path).read_bytes() == content


def test_an_empty_file_is_a_fresh_store(url: str, path: Path) -> None:
    """
    So a beginning that was cut short is begun again.
    """
    path.parent.mkdir()
    path.touch()

    opened = Store.open(url)

    assert opened.trouble is None
    assert opened.store.load() is None
    opened.store.close()


def test_a_broken_store_is_moved_aside_whole(url: str, path: Path, raises_corrupt: Callable[..., None]) -> None:
    """
    With what was not in it yet, so that it can be looked into.
    """
    saved(url, 50)
    content = bytearray(path.read_bytes())
    content[4096:] = b"\x55" * len(content[4096:])
    path.write_bytes(content)

    moved = begun_anew(url, path)

    assert moved.read_bytes() == content
    assert {found.name for found in path.parent.iterdir()} == {path.name, moved.name}


def test_the_log_beside_a_broken_store_goes_with_it(url: str, path: Path) -> None:
    """
    A log that is left beside another database could destroy it.
    """
    saved(url)
    path.write_bytes(b"\x55" * 8192)
    for suffix in ("-wal", "-shm"):
        Path(f"{path}{suffix}").write_bytes(suffix.encode())

    moved = begun_anew(url, path)

    assert Path(f"{moved}-wal").read_bytes() == b"-wal"
    assert {found.name for found in path.parent.iterdir()} == {
        path.name,
        *(moved.name + end for end in ("", "-wal", "-shm")),
    }


def test_what_is_left_beside_a_store_that_is_gone_is_moved_aside(url: str, path: Path) -> None:
    """
    Somebody deleted the database, and not all of it.
    """
    path.parent.mkdir()
    Path(f"{path}-wal").write_bytes(b"log")

    assert Path(f"{begun_anew(url, path)}-wal").read_bytes() == b"log"


def test_two_that_break_in_one_second_are_both_kept(tmp_path: Path) -> None:
    """
    Nothing that was moved aside is written over.
    """
    path = tmp_path / "parallax.db"
    ends = ("", "-wal", "-shm", "-journal")
    moved = []
    for content in ("one", "two", "three"):
        for end in ends:
            Path(f"{path}{end}").write_text(content)
        moved.append(move_aside(path))

    for place, content in zip(moved, ("one", "two", "three"), strict=True):
        assert [Path(f"{place}{end}").read_text() for end in ends] == [content] * 4


def test_a_database_of_another_program_is_left_alone(url: str, path: Path) -> None:
    """
    It isn't broken, it isn't ours.
    """
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("CREATE TABLE customers (name TEXT)")
    before = contents(path.parent)

    with pytest.raises(StoreError, match=r"is a database of another program; name another file in `store`$") as raised:
        Store.open(url)

    assert raised.value.kind == "other"
    assert contents(path.parent) == before


def test_a_store_of_a_newer_parallax_is_left_alone(url: str, path: Path) -> None:
    """
    It says whose it is, and what can be done; not a byte is changed.
    """
    saved(url)
    later(path)
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("UPDATE head SET written_by = '9.8.7'")
    before = contents(path.parent)

    with pytest.raises(StoreError) as raised:
        Store.open(url)

    assert raised.value.kind == "newer"
    assert str(raised.value) == (
        f"{path} was written by Parallax 9.8.7 (schema {len(LATER)}), and this is {__version__} (schema"
        f" {len(MIGRATIONS)}): run that version, or move the file away"
    )
    assert contents(path.parent) == before


def test_a_newer_one_that_was_killed_is_left_alone_too(url: str, path: Path) -> None:
    """
    What it wrote last is still beside the database, and even the stamp is only there.
    """
    path.parent.mkdir()
    program = f"""
import os, signal, sqlite3
other = sqlite3.connect({str(path)!r}, isolation_level=None)
other.execute("PRAGMA journal_mode = WAL")
for statement in ("BEGIN", "CREATE TABLE head (written_by TEXT)", "INSERT INTO head VALUES ('9.8.7')",
                  "PRAGMA application_id = {int.from_bytes(b"Plxs")}", "PRAGMA user_version = 99", "COMMIT"):
    other.execute(statement)
os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", program], check=False, timeout=30)
    before = contents(path.parent)
    assert f"{path.name}-wal" in before

    with pytest.raises(StoreError, match=r"written by Parallax 9\.8\.7 \(schema 99\)"):
        Store.open(url)

    assert contents(path.parent) == before


def later(path: Path, migrations: Migrations = LATER) -> None:
    """
    Let a later Parallax begin with the store at `path`.
    """
    engine = make_engine(path, 2.0)
    try:
        assert begin(path, engine, 2.0, migrations) is None
    finally:
        engine.dispose()


def test_an_older_store_is_brought_up_to_date_with_all_that_is_in_it(url: str, path: Path) -> None:
    """
    Once, and the stamp says so.
    """
    saved(url)
    later(path)
    later(path)

    with closing(sqlite3.connect(path)) as other:
        assert other.execute("PRAGMA user_version").fetchone() == (len(LATER),)
        assert other.execute("SELECT id, reason, place FROM audit").fetchall() == [
            (1, "step 1", None),
            (2, "step 2", None),
            (3, "step 3", None),
        ]


def test_a_migration_that_fails_changes_nothing(url: str, path: Path) -> None:
    """
    The older Parallax can go on.
    """
    saved(url)

    with pytest.raises(StoreError, match="no such table: nowhere"):
        later(path, (*LATER, ("INSERT INTO nowhere VALUES (1)",)))

    opened = Store.open(url)
    assert opened.trouble is None
    assert opened.store.load() == intent(3, new=3.0)
    assert opened.store.verify() is None
    opened.store.close()


def test_a_beginning_that_was_cut_short_is_begun_again(url: str, path: Path) -> None:
    """
    The first transaction makes the tables and stamps them, or neither.
    """
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA journal_mode = WAL")

    opened = Store.open(url)
    assert opened.trouble is None
    opened.store.save(intent(1), entry())
    opened.store.close()


def test_a_path_that_can_hold_no_file_is_said(tmp_path: Path) -> None:
    """
    A file where the folder should be, a link to itself.
    """
    (tmp_path / "file").touch()
    (tmp_path / "loop.db").symlink_to(tmp_path / "loop.db")

    for wrong in ("file/parallax.db", "loop.db"):
        with pytest.raises(StoreError, match=r"can't be (used|written)"):
            Store.open(f"sqlite:///{tmp_path}/{wrong}")


# While it is in use


def test_a_store_that_breaks_while_in_use_is_said_and_begun_anew_when_asked(
    url: str, path: Path, raises_corrupt: Callable[..., None]
) -> None:
    """
    The same object goes on with a fresh file; what it knew is beside it.
    """
    saved(url, 200)
    store = Store.open(url).store
    store.close()  # a connection remembers pages that it has read
    content = path.read_bytes()
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\x55" * (len(content) - 4096))

    raises_corrupt(lambda: store.save(intent(201), entry()))
    raises_corrupt(lambda: store.audit(entry()))
    raises_corrupt(store.load)
    raises_corrupt(store.entries)
    raises_corrupt(store.verify)
    trouble = store.reopen()

    assert trouble is not None
    assert trouble.startswith(f"{path} is broken; it was moved to {path}.broken-")
    store.save(intent(201), entry("recovered"))
    assert store.load() == intent(201)
    assert [line.reason for line in store.entries()] == ["recovered"]
    assert store.verify() is None
    store.close()


@pytest.mark.parametrize("all_of_it", [True, False])
def test_a_store_that_was_taken_away_acknowledges_nothing(
    url: str, path: Path, all_of_it: bool, raises_corrupt: Callable[..., None]
) -> None:
    """
    SQLite itself would go on writing into a file that has no name any more.
    """
    store = Store.open(url).store
    store.save(intent(1), entry())
    for suffix in ("", "-wal", "-shm") if all_of_it else ("",):
        Path(f"{path}{suffix}").unlink()

    raises_corrupt(lambda: store.save(intent(2), entry()))
    trouble = store.reopen()

    assert trouble is None if all_of_it else "is gone; what was left beside it was moved" in str(trouble)
    store.save(intent(2), entry())
    assert store.load() == intent(2)
    store.close()


def test_a_store_that_was_replaced_by_a_good_one_is_used(
    url: str, path: Path, raises_corrupt: Callable[..., None]
) -> None:
    """
    Somebody put a copy back: it isn't what was opened, and it isn't broken.
    """
    saved(url)
    copy = path.read_bytes()
    store = Store.open(url).store
    store.save(intent(4), entry())
    for suffix in ("-wal", "-shm"):
        Path(f"{path}{suffix}").unlink()
    path.unlink()
    path.write_bytes(copy)

    raises_corrupt(lambda: store.save(intent(5), entry()))

    assert store.reopen() is None
    assert store.load() == intent(3, new=3.0)
    store.save(intent(5), entry())
    store.close()


damage = st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=64)), min_size=1, max_size=4)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(damage, st.none() | st.floats(0, 1))
def test_damage_is_noticed_or_does_no_harm(
    tmp_path_factory: pytest.TempPathFactory, damage: list[tuple[float, bytes]], cut: float | None
) -> None:
    """
    Wherever bytes are wrong or missing: never another error than ours, never an intent that nobody saved, and an audit
    that verifies is the audit that was written.
    """
    path = tmp_path_factory.mktemp("damage") / "parallax.db"
    url = f"sqlite:///{path}"
    saved(url, 4)
    store = Store.open(url).store
    written = store.entries()
    store.close()
    content = bytearray(path.read_bytes())
    for place, wrong in damage:
        at = int(place * len(content))
        content[at : at + len(wrong)] = wrong
    path.write_bytes(content[: int(cut * len(content))] if cut is not None else content)

    refused, opened = "", None
    try:
        opened = Store.open(url)
    except StoreError as error:
        refused = error.kind
    # Four bytes of its head say whose it is, four others which version's.
    assert refused in {"", "newer", "other"}
    if opened is None:
        return
    if opened.trouble:
        assert opened.store.load() is None
    else:
        check_what_is_told(opened.store, written)
    opened.store.close()


def check_what_is_told(store: Store, written: list[Entry]) -> None:
    """
    What was saved, or that it is broken.
    """
    told = ""
    try:
        assert store.load() in [None, *(intent(epoch, new=float(epoch)) for epoch in range(1, 5))]
        if store.verify() is None:
            assert store.entries() in (written, [])
        store.save(intent(9), entry())
    except StoreError as error:
        told = error.kind
    assert told in {"", "corrupt"}


def test_what_is_no_file_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    """
    A folder keeps its rights, and its disk isn't blamed.
    """
    tmp_path.chmod(0o755)
    with pytest.raises(StoreError, match="is a folder or a device; name a file in `store`") as refused:
        Store.open(f"sqlite:///{tmp_path}")

    assert refused.value.kind == "other"
    assert tmp_path.stat().st_mode & 0o777 == 0o755
    assert list(tmp_path.iterdir()) == []
