"""
What was saved is there, in order, and nothing else.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from proxy.errors import StoreError
from proxy.routing.intent import Intent
from proxy.store.audit import Entry
from proxy.store.store import Store


def entry(reason: str = "because", epoch: int = 1) -> Entry:
    """
    A line of the audit.
    """
    return Entry(
        actor="ops",
        role="operator",
        peer="127.0.0.1",
        action="weights",
        reason=reason,
        before={"new": 0.0},
        after={"new": 1.0},
        epoch=epoch,
    )


def intent(epoch: int, new: float = 1.0) -> Intent:
    """
    An intent.
    """
    return Intent(epoch=epoch, new=new, mirror=100.0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """
    Where the store lies.
    """
    return tmp_path / "var" / "parallax.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    """
    A fresh one.
    """
    opened = Store.open(f"sqlite:///{path}")
    assert opened.trouble is None
    yield opened.store
    opened.store.close()


def test_a_fresh_one_knows_nothing(store: Store) -> None:
    """
    No intent, no line, no change of the latch; and nothing is wrong with that.
    """
    assert store.load() is None
    assert store.entries() == []
    assert store.verify() is None
    assert store.latch_audited() == 0


def test_what_was_saved_is_there_after_a_restart(store: Store, path: Path) -> None:
    """
    The newest intent counts; lines come back newest first, numbered and dated.
    """
    for epoch in (1, 2, 5):
        store.save(intent(epoch, new=epoch * 1.5), entry(f"step {epoch}", epoch))
    store.close()
    opened = Store.open(f"sqlite:///{path}")

    assert opened.trouble is None
    assert opened.store.load() == intent(5, new=7.5)
    assert [(line.id, line.reason) for line in opened.store.entries()] == [(3, "step 5"), (2, "step 2"), (1, "step 1")]
    assert all(line.at.endswith("Z") and line.before == {"new": 0.0} for line in opened.store.entries())
    assert opened.store.verify() is None
    opened.store.close()


@pytest.mark.parametrize("epoch", [1, 2, 3])
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


def test_the_latch_is_audited_up_to_the_greatest_number(store: Store) -> None:
    """
    Told in any order, nothing is told again.
    """
    store.audit(replace(entry("killed"), latch=4))
    store.audit(replace(entry("late"), latch=3))
    store.audit(entry("weights"))

    assert store.latch_audited() == 4
