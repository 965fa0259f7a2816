"""
The plan in the store: whole with its history, its line and its notices, or as it was before.
"""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection

from proxy.errors import StoreError
from proxy.store.plan import Kept, Told
from proxy.store.store import Store
from tests.parts.keeping import entry, intent

KEPT = Kept(run="r1", hash="ab", file="p.yaml", text="plan: p\n", state='{"seq":1}', evidence="{}", generation=1, seq=1)


def told(seq: int, what: str = "start") -> Told:
    """
    A line of the history.
    """
    return Told(at=1.5, seq=seq, what=what, stage="shadow", by="ops", said="because")


def test_a_plan_is_kept_with_its_line_and_read_again(store: Store, url: str) -> None:
    """
    By a successor too; before the first there is none.
    """
    assert store.plan() is None
    line = store.save_plan(KEPT, (told(1),), entry("plan", 1))
    again = Store.open(url).store

    assert line.id == 1
    assert again.plan() == (KEPT, [told(1)])
    assert again.verify() is None


def test_the_newest_state_counts_and_lines_of_the_history_are_kept_once(store: Store) -> None:
    """
    What was kept again because nobody knew whether it was is told once.
    """
    store.save_plan(KEPT, (told(1),), entry("plan", 1))
    later = replace(KEPT, seq=2, state='{"seq":2}')
    for _ in range(2):
        store.save_plan(later, (told(2, "hold"), told(2, "notice")), entry("plan", 1))

    assert store.plan() == (later, [told(1), told(2, "hold"), told(2, "notice")])


def test_another_run_has_a_history_of_its_own(store: Store) -> None:
    """
    That of the one before stays where it is.
    """
    store.save_plan(replace(KEPT, generation=7), (told(1),), entry("plan", 1))
    store.save_plan(replace(KEPT, run="r2"), (told(1, "again"),), entry("plan", 1))
    found = store.plan()

    assert found is not None
    assert found[1] == [told(1, "again")]


def test_who_was_taken_over_from_writes_no_more(store: Store) -> None:
    """
    A control that hung and wakes up finds a later generation.
    """
    store.save_plan(replace(KEPT, generation=2), (told(1),), entry("plan", 1))
    with pytest.raises(StoreError) as raised:
        store.save_plan(replace(KEPT, seq=9), (told(9),), entry("plan", 1))
    found = store.plan()

    assert raised.value.kind == "stale"
    assert found is not None
    assert found[0].seq == 1


def test_what_goes_along_is_kept_or_nothing_is(store: Store) -> None:
    """
    Neither the state without its notices nor notices of a state that isn't kept.
    """
    store.save_plan(KEPT, (told(1),), entry("plan", 1))

    def fails(_connection: Connection) -> None:
        raise StoreError("other", "no room for notices")

    with pytest.raises(StoreError):
        store.save_plan(replace(KEPT, seq=2), (told(2),), entry("plan", 1), fails)

    assert store.plan() == (KEPT, [told(1)])
    assert len(store.entries()) == 1


def test_evidence_is_kept_for_the_state_that_it_belongs_to(store: Store) -> None:
    """
    Not for one that is kept by now, nor before there is any.
    """
    store.save_evidence("r1", 1, 1, '{"n":1}', "{}")
    assert store.plan() is None
    store.save_plan(KEPT, (), entry("plan", 1))
    store.save_evidence("r1", 1, 1, '{"n":2}', '{"o":2}')
    store.save_evidence("r1", 1, 2, '{"n":3}', '{"o":3}')
    found = store.plan()

    assert found is not None
    assert (found[0].evidence, found[0].state) == ('{"n":2}', '{"o":2}')


def test_a_plan_that_somebody_wrote_into_is_none(
    store: Store, path: Path, raises_corrupt: Callable[[Callable[[], object]], None]
) -> None:
    """
    Where it was isn't known any more.
    """
    store.save_plan(KEPT, (), entry("plan", 1))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE plans SET state = '{\"seq\":2}'")

    raises_corrupt(store.plan)


def test_a_store_without_plans_becomes_one_that_has_them(store: Store, path: Path, url: str) -> None:
    """
    What an earlier Parallax kept is all there.
    """
    store.save(intent(1), entry("start", 1))
    store.close()
    with closing(sqlite3.connect(path)) as connection, connection:
        for table in ("plans", "plan_history", "notices"):
            connection.execute(f"DROP TABLE {table}")
        connection.execute("PRAGMA user_version = 2")
    opened = Store.open(url)

    assert opened.trouble is None
    assert opened.store.load() == intent(1)
    assert opened.store.plan() is None
    opened.store.close()
