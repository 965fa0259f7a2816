"""
The store behind its thread, where it goes wrong in ways that no disk has: broken contents, mistakes of ours, no answer.
"""

import asyncio
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from proxy import ledger
from proxy.admin.steering import Who
from proxy.errors import StoreError
from proxy.ledger import Ledger, Unkept, line
from proxy.routing.intent import Intent
from proxy.store.audit import Entry
from proxy.store.store import Store
from tests.parts.faulty import Faults, faulty_disk

PATIENCE = 30.0
OPS = Who(name="ops", role="operator", peer="")


class Books:
    """
    An owner that writes down what it is told.
    """

    def __init__(self) -> None:
        self.openings: list[tuple[Intent | None, str | None]] = []
        self.lines: list[dict[str, Any]] = []
        self.events: list[str] = []
        self._news = asyncio.Event()

    def opened(self, stored: Intent | None, trouble: str | None) -> None:
        """
        See `ledger.Owner`.
        """
        self.openings.append((stored, trouble))
        self._news.set()

    def written(self, line: dict[str, Any]) -> None:
        """
        See `ledger.Owner`.
        """
        self.lines.append(line)
        self._news.set()

    def tell(self, _level: str, event: str, /, **_fields: Any) -> None:
        """
        See `ledger.Owner`.
        """
        self.events.append(event)
        self._news.set()

    async def until(self, event: str) -> None:
        """
        Wait for a line of the log.
        """
        async with asyncio.timeout(PATIENCE):
            while event not in self.events:
                self._news.clear()
                await self._news.wait()


@pytest.fixture
def faults(monkeypatch: pytest.MonkeyPatch) -> Iterator[Faults]:
    """
    Those of the disk that the store is on.
    """
    yield from faulty_disk(monkeypatch)


def an_entry(action: str = "weights") -> Entry:
    """
    A line.
    """
    return line(OPS, action, "why", None, None, epoch=1)


async def begin(folder: Path) -> tuple[Ledger, Books]:
    """
    An open ledger.
    """
    books = Books()
    begun = Ledger(f"sqlite:///{folder}/parallax.db", books)
    begun.start()
    await asyncio.wait_for(begun.settled(), PATIENCE)
    return begun, books


async def test_a_mistake_of_ours_stops_no_line_behind_it(tmp_path: Path) -> None:
    """
    Who waits for it is told no, and the log what it was.
    """
    begun, books = await begin(tmp_path)
    bad = replace(an_entry(), reason=None)  # type: ignore[arg-type]
    with pytest.raises(Unkept, match="Parallax failed to save it"):
        await begun.save(Intent(epoch=1, new=0.0, mirror=0.0), bad)
    lost, kept = begun.keep(None, bad), begun.keep(None, an_entry("kill"))
    await asyncio.wait_for(asyncio.gather(lost, kept), PATIENCE)

    assert [kept["action"] for kept in books.lines] == ["kill"]
    assert books.events == ["ledger_failed"] * 2
    assert begun.trouble is None


async def test_a_place_that_is_none_is_a_trouble_and_no_end(tmp_path: Path) -> None:
    """
    Whatever the library makes of it.
    """
    books = Books()
    begun = Ledger(f"sqlite:///{tmp_path}/\0.db", books)
    begun.start()
    await books.until("store_fails")

    assert begun.trouble is not None
    assert not begun.is_open
    for call in (begun.save(Intent(epoch=1, new=0.0, mirror=0.0), an_entry()), begun.entries(1, None)):
        with pytest.raises(Unkept):
            await call


async def test_an_intent_that_was_tampered_with_is_none(tmp_path: Path) -> None:
    """
    The file is moved aside, and what was in it is not believed.
    """
    store = Store.open(f"sqlite:///{tmp_path}/parallax.db").store
    store.save(Intent(epoch=3, new=10.0, mirror=0.0), an_entry())
    store.close()
    with sqlite3.connect(tmp_path / "parallax.db") as connection:
        connection.execute("""UPDATE intents SET intent = '{"epoch":3,"mirror":0.0,"new":90.0}'""")
    _, books = await begin(tmp_path)
    ((stored, trouble),) = books.openings

    assert stored is None
    assert trouble is not None
    assert "moved to" in trouble


async def test_a_store_that_breaks_again_and_again_is_not_renewed_all_the_time(tmp_path: Path, faults: Faults) -> None:
    """
    Once a minute; until then it is a trouble like others.
    """
    begun, books = await begin(tmp_path)
    faults.error = StoreError("corrupt", "it is broken")
    with pytest.raises(Unkept, match="it is broken"):
        await begun.save(Intent(epoch=1, new=0.0, mirror=0.0), an_entry())

    assert len(books.openings) == 2
    assert begun.trouble == "it is broken"
    kept = begun.keep(None, an_entry("kill"))
    faults.end()
    await asyncio.wait_for(kept, PATIENCE)
    assert begun.trouble is None


async def test_reading_gives_up_on_a_disk_that_hangs(
    tmp_path: Path, faults: Faults, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    It is behind what is being written.
    """
    monkeypatch.setattr(ledger, "READING_PATIENCE", 0.1)
    begun, _ = await begin(tmp_path)
    faults.before.clear()
    kept = begun.keep(None, an_entry("kill"))
    for _ in range(1000):
        if begun._called_at is None:
            await asyncio.sleep(0.001)
    with pytest.raises(Unkept, match="does not answer"):
        await begun.entries(1, None)
    faults.end()
    await asyncio.wait_for(kept, PATIENCE)

    monkeypatch.setattr(ledger, "READING_PATIENCE", PATIENCE)
    assert [read["action"] for read in await begun.entries(1, None)] == ["kill"]


async def test_an_intent_that_was_overtaken_leaves_its_line(tmp_path: Path) -> None:
    """
    Of what is kept, lines count, and of intents the last one.
    """
    begun, books = await begin(tmp_path)
    for epoch in (5, 4):
        await asyncio.wait_for(begun.keep(Intent(epoch=epoch, new=1.0, mirror=0.0), an_entry()), PATIENCE)
    with pytest.raises(Unkept) as caught:
        await begun.save(Intent(epoch=5, new=2.0, mirror=0.0), an_entry())

    # Who is refused for an epoch that is there already doesn't know what is in force after a restart.
    assert caught.value.maybe
    assert len(books.lines) == 2
    store = Store.open(f"sqlite:///{tmp_path}/parallax.db").store
    assert store.load() == Intent(epoch=5, new=1.0, mirror=0.0)
    store.close()
