"""
Waivers in the store: as safe as intents, and each with its line in the audit.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

from proxy.compare.difference import Kind
from proxy.evidence.waivers import Waiver
from proxy.store.store import Store
from tests.parts.keeping import entry, intent

NOW = 1_000_000.0


def waiver(signature: str = "a" * 16, until: float = NOW + 10) -> Waiver:
    """
    One that isn't kept yet.
    """
    parts = (("$.a", Kind.VALUE), ("status:200:404", Kind.STATUS))
    return Waiver(signature=signature, endpoint="GET /a", parts=parts, until=until, reason="agreed", by="ops")


def test_a_waiver_is_kept_with_its_line_and_read_again(store: Store, url: str) -> None:
    """
    By a successor too.
    """
    line = store.waive(waiver(), entry("waive", 1))
    again = Store.open(url).store
    (kept,) = again.waivers(0)

    assert line.after["waiver"] == kept.id == 1
    assert (kept.signature, kept.parts, kept.until, kept.at) == ("a" * 16, waiver().parts, NOW + 10, line.at)
    assert kept.holds(NOW)
    assert not kept.holds(NOW + 10)
    assert again.verify() is None


def test_a_removed_one_holds_no_longer(store: Store) -> None:
    """
    It is still told of, and a second removal doesn't change when it was.
    """
    store.waive(waiver(), entry("waive", 1))
    removed = store.remove_waiver(1, entry("remove", 1))
    store.remove_waiver(1, entry("remove again", 1))
    (kept,) = store.waivers(0)

    assert kept.removed == removed.at
    assert not kept.holds(NOW)


def test_a_waiver_takes_the_place_of_those_that_still_hold(store: Store) -> None:
    """
    A shorter one too; those that are over, and of others, stay as they are. The audit tells.
    """
    later = 4_000_000_000.0
    for signature, until in (("a" * 16, NOW), ("a" * 16, later), ("b" * 16, later)):
        store.waive(waiver(signature, until), entry("waive", 1))
    line = store.waive(waiver("a" * 16, later - 1), entry("waive", 1))

    assert line.after["replaces"] == [2]
    assert [(one.id, one.removed) for one in store.waivers(0)] == [(1, None), (2, line.at), (3, None), (4, None)]
    assert store.verify() is None


def test_those_that_ended_long_ago_are_left_out(store: Store) -> None:
    """
    The newest last.
    """
    for number in range(4):
        store.waive(waiver(f"{number:016x}", NOW + number), entry("waive", 1))

    assert [one.until for one in store.waivers(NOW + 1)] == [NOW + 2, NOW + 3]


def test_a_row_that_somebody_wrote_into_accepts_nothing(store: Store, path: Path) -> None:
    """
    What it would accept is not known.
    """
    store.waive(waiver(), entry("waive", 1))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE waivers SET parts = 'nonsense'")

    assert store.waivers(0) == []


def test_a_store_without_waivers_becomes_one_that_has_them(tmp_path: Path) -> None:
    """
    What an earlier Parallax kept is all there, and its audit is intact.
    """
    path = tmp_path / "parallax.db"
    store = Store.open(f"sqlite:///{path}").store
    store.save(intent(1), entry("start", 1))
    store.close()
    with closing(sqlite3.connect(path)) as connection, connection:
        for table in ("waivers", "plans", "plan_history", "notices"):
            connection.execute(f"DROP TABLE {table}")
        connection.execute("PRAGMA user_version = 1")
    opened = Store.open(f"sqlite:///{path}")

    assert opened.trouble is None
    assert opened.store.load() == intent(1)
    assert opened.store.waivers(0) == []
    assert opened.store.verify() is None
    assert opened.store.waive(waiver(), entry("waive", 1)).after["waiver"] == 1
