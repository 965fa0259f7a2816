"""
Notices in the store: kept with what they tell of, in order, and once.
"""

import math
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from proxy.plan.outbox import NoticeState, begun, delivered, failed
from proxy.store import notices
from proxy.store.plan import Kept
from proxy.store.schema import MIGRATIONS
from proxy.store.store import Store
from tests.parts.keeping import entry
from tests.parts.told import a_notice

KEPT = Kept(run="r1", hash="ab", file="p.yaml", text="plan: p\n", state="{}", evidence="{}", generation=1, seq=1)


def test_they_come_back_as_they_were_and_in_order(store: Store, url: str) -> None:
    """
    To a successor too.
    """
    made = [a_notice(f"n{number}", must=number == 2, since=1.5) for number in (3, 1, 2)]
    store.put_notices(made)

    assert store.notices() == made
    assert Store.open(url).store.notices() == made


def test_one_is_kept_with_the_state_that_it_tells_of(store: Store) -> None:
    """
    Or neither is.
    """
    made = a_notice("n1")

    def breaks(connection: object) -> None:
        notices.put(connection, [made])  # type: ignore[arg-type]
        raise ZeroDivisionError

    try:
        store.save_plan(KEPT, (), entry("plan"), also=breaks)
    except ZeroDivisionError:
        assert store.notices() == []
        assert store.plan() is None
    store.save_plan(KEPT, (), entry("plan"), also=lambda connection: notices.put(connection, [made]))

    assert store.notices() == [made]
    assert store.plan() is not None


def test_one_that_is_put_again_stays_as_it_is(store: Store) -> None:
    """
    Who doesn't know whether it was kept puts it again.
    """
    store.put_notices([a_notice("n1")])
    sent = delivered(begun(a_notice("n1")))
    store.mark_notice(sent)
    store.put_notices([a_notice("n1"), a_notice("n2")])

    assert [notice.id for notice in store.notices()] == ["n2"]
    assert store.notices(settled=True) == [sent, a_notice("n2")]


def test_how_far_one_is_survives(store: Store, url: str) -> None:
    """
    Marked, put off, given up: whoever comes next goes on from there.
    """
    one = a_notice("n1")
    store.put_notices([one])
    marked = begun(one)
    put_off = failed(marked, "it answered 500", 100.0, 2.0, maybe=True)
    for now in (marked, put_off):
        store.mark_notice(now)
        assert Store.open(url).store.notices() == [now]
    store.mark_notice(replace(put_off, state=NoticeState.FAILED))

    assert store.notices() == []


def test_facts_are_kept_as_json(store: Store) -> None:
    """
    What JSON has no word for is kept as what comes next to it, and tokens of ours are taken out.
    """
    store.put_notices([a_notice("n1", data={"a": math.nan, "b": (1, 2), "c": Path("x")}, text="plx_abcdefgh12345")])

    [found] = store.notices()
    assert found.data == {"a": None, "b": [1, 2], "c": "x"}
    assert found.text == "plx_…"


def test_the_oldest_settled_ones_go_one_day(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    And nothing that is still to be sent.
    """
    monkeypatch.setattr(notices, "KEPT", 10)
    store.put_notices([a_notice(f"n{number}") for number in range(3)])
    store.mark_notice(delivered(begun(a_notice("n1"))))
    store.put_notices([a_notice(f"later{number}") for number in range(10)])

    assert [notice.id for notice in store.notices(settled=True)][:3] == ["n0", "n2", "later0"]


def test_rows_that_somebody_wrote_into_are_left_out(store: Store, path: Path) -> None:
    """
    What they would say, and to whom, is not known.
    """
    store.put_notices([a_notice("n1"), a_notice("n2")])
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("UPDATE notices SET data = '{' WHERE id = 'n1'")

    assert [notice.id for notice in store.notices()] == ["n2"]


def test_a_store_of_before_gets_the_table(store: Store, url: str, path: Path) -> None:
    """
    By the migration, with what was in it.
    """
    store.save_plan(KEPT, (), entry("plan"))
    store.close()
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("DROP TABLE notices")
        other.execute("PRAGMA user_version = 3")

    again = Store.open(url)
    again.store.put_notices([a_notice("n1")])

    assert again.trouble is None
    assert again.store.plan() is not None
    assert again.store.notices() == [a_notice("n1")]
    assert "CREATE TABLE notices" in MIGRATIONS[3][0]
