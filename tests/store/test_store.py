"""
What was saved is there, in order, and nothing else.
"""

import os
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proxy.errors import StoreError
from proxy.store.store import Store
from tests.parts.keeping import entry, intent


def test_a_fresh_one_knows_nothing(store: Store) -> None:
    """
    No intent, no line, no change of the latch; and nothing is wrong with that.
    """
    assert store.load() is None
    assert store.entries() == []
    assert store.verify() is None
    assert store.latch_audited() == 0


def test_what_was_saved_is_there_after_a_restart(store: Store, url: str) -> None:
    """
    The newest intent counts; lines come back newest first, numbered and dated.
    """
    for epoch in (1, 2, 5):
        store.save(intent(epoch, new=epoch * 1.5), entry(f"step {epoch}", epoch))
    store.close()
    opened = Store.open(url)

    assert opened.trouble is None
    assert opened.store.load() == intent(5, new=7.5)
    assert [(line.id, line.reason) for line in opened.store.entries()] == [(3, "step 5"), (2, "step 2"), (1, "step 1")]
    assert all(line.at.endswith("Z") and line.before == {"new": 0.0} for line in opened.store.entries())
    assert opened.store.verify() is None
    opened.store.close()


def test_every_intent_stays_with_the_line_that_says_why(store: Store, path: Path) -> None:
    """
    What was in force, when and for what reason, can be looked up with any SQLite.
    """
    store.audit(entry("start"))
    for epoch in (1, 2):
        store.save(intent(epoch), entry(f"step {epoch}", epoch))

    with closing(sqlite3.connect(path)) as other:
        kept = other.execute(
            "SELECT i.epoch, i.intent, a.reason FROM intents i JOIN audit a ON a.id = i.entry"
        ).fetchall()
    assert kept == [
        (1, '{"epoch":1,"mirror":100.0,"new":1.0}', "step 1"),
        (2, '{"epoch":2,"mirror":100.0,"new":1.0}', "step 2"),
    ]


def test_what_is_returned_is_what_is_kept(store: Store) -> None:
    """
    Whoever tells others of a line tells what is in the audit.
    """
    saved = store.save(intent(1), entry("a token plx_abcdefghijklmnop in it"))
    told = store.audit(entry("second"))

    assert store.entries() == [told, saved]
    assert saved.reason == "a token plx_… in it"
    assert (saved.id, told.id, told.previous) == (1, 2, saved.hash)


@pytest.mark.parametrize("epoch", [-1, 1, 2, 3])
def test_an_epoch_that_does_not_grow_is_refused_with_its_line(store: Store, epoch: int) -> None:
    """
    Whoever computed it looked at an intent that isn't the newest.
    """
    store.save(intent(3), entry())

    with pytest.raises(StoreError, match="isn't greater than 3") as raised:
        store.save(intent(epoch, new=50.0), entry("late"))

    assert raised.value.kind == "stale"
    assert store.load() == intent(3)
    assert len(store.entries()) == 1


def test_pages_of_lines_fit_together(store: Store) -> None:
    """
    `before` is the last number of the page before.
    """
    for number in range(1, 8):
        store.audit(entry(str(number)))

    first = store.entries(3)
    second = store.entries(3, before=first[-1].id)

    assert [line.id for line in first + second] == [7, 6, 5, 4, 3, 2]
    assert store.entries(3, before=1) == []


def test_the_change_of_the_latch_that_was_told_last_is_known(store: Store) -> None:
    """
    Not the greatest: the supervisor may have begun to count anew.
    """
    store.audit(entry("killed", latch=4))
    store.save(intent(1), entry("late", latch=3))
    store.audit(entry("weights"))

    assert store.latch_audited() == 3


def test_the_latch_is_found_without_reading_the_audit(store: Store, path: Path) -> None:
    """
    At each start, of an audit of years.
    """
    query = "SELECT latch FROM audit WHERE latch IS NOT NULL ORDER BY id DESC LIMIT 1"
    with closing(sqlite3.connect(path)) as other:
        (step,) = other.execute(f"EXPLAIN QUERY PLAN {query}").fetchall()

    assert "audit_latch" in step[3]


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters()), inner, max_size=3),
    max_leaves=8,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters()), values, values)
def test_whatever_is_said_is_kept_as_it_is_returned(store: Store, reason: str, before: object, after: object) -> None:
    """
    Bytes of nothing, half characters, numbers beyond all bounds: nothing that a body can hold stops the audit.
    """
    told = store.audit(replace(entry(reason), before=before, after=after))

    assert store.entries(1) == [told]
    assert store.verify() is None


def test_what_is_acknowledged_is_on_the_disk(store: Store) -> None:
    """
    FULL: a commit waits for the disk, so that a power cut takes nothing back. On every connection, not only the first.
    """
    for _ in range(3):
        with store._transaction() as one, store._transaction(write=True) as two:
            for connection in (one, two):
                assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
                assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"


def test_readers_and_the_writer_do_not_wait_for_each_other(store: Store, path: Path) -> None:
    """
    Whoever reads sees one state throughout; whoever writes doesn't notice.
    """
    store.save(intent(1), entry("one"))
    with closing(sqlite3.connect(path, isolation_level=None)) as reader, store._transaction(write=True):
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM audit").fetchone() == (1,)
        assert store.load() == intent(1)

    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM audit").fetchall()
        store.save(intent(2), entry("two"))
        assert reader.execute("SELECT count(*) FROM audit").fetchone() == (1,)
        assert store.load() == intent(2)


def test_another_process_that_writes_is_waited_for_and_not_for_ever(url: str, path: Path) -> None:
    """
    Then it is refused, nothing is changed, and the next try works.
    """
    store = Store.open(url, busy_seconds=0.05).store
    store.save(intent(1), entry())
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="being written by another process") as raised:
            store.save(intent(2), entry("two"))
        assert raised.value.kind == "busy"
        assert store.load() == intent(1)
        other.execute("ROLLBACK")

    store.save(intent(2), entry("two"))
    assert [line.reason for line in store.entries()] == ["two", "because"]
    store.close()


def test_another_thread_that_hangs_is_not_waited_for_for_ever(url: str) -> None:
    """
    A disk that doesn't answer costs the call that is on it, and refuses the others.
    """
    store = Store.open(url, busy_seconds=0.05).store
    entered, leave = threading.Event(), threading.Event()

    def hang() -> None:
        with store._exclusive():
            entered.set()
            leave.wait(30)

    with ThreadPoolExecutor(1) as pool:
        hung = pool.submit(hang)
        assert entered.wait(30)
        with pytest.raises(StoreError, match="by another thread") as audit:
            store.audit(entry())
        with pytest.raises(StoreError, match="by another thread") as reopen:
            store.reopen()
        assert audit.value.kind == reopen.value.kind == "busy"
        assert store.load() is None
        leave.set()
        hung.result()

    store.audit(entry())
    store.close()


def test_threads_may_write_and_read_at_once(url: str) -> None:
    """
    Every line gets one number, every reader a whole chain.
    """
    store = Store.open(url, busy_seconds=30.0).store
    with ThreadPoolExecutor(8) as pool:
        written = list(pool.map(lambda number: store.audit(entry(str(number))).id, range(100)))
        checked = list(pool.map(lambda _: store.verify(), range(8)))

    assert sorted(written) == list(range(1, 101))
    assert checked == [None] * 8
    assert {line.reason for line in store.entries(200)} == {str(number) for number in range(100)}
    store.close()


def test_it_is_nobody_elses(url: str, path: Path) -> None:
    """
    Made for its owner alone, whatever the process's mask; the folder too.
    """
    mask = os.umask(0)
    try:
        store = Store.open(url).store
        store.save(intent(1), entry())
        modes = {beside.name: beside.stat().st_mode & 0o777 for beside in path.parent.iterdir()}
    finally:
        os.umask(mask)
    store.close()

    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert modes == {"parallax.db": 0o600, "parallax.db-wal": 0o600, "parallax.db-shm": 0o600}
