"""
The latest table that can be used is in force, whole, unless the kill latch says otherwise.
"""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trustme

from proxy import tables
from proxy.metrics.books import Books
from proxy.routing.intent import Intent, with_intent
from proxy.routing.table import Encryption, Table, encode
from proxy.tables import Tables
from tests.parts.plane import GET, OK, Data, data_plane
from tests.parts.tls import write_pair
from tests.parts.values import a_table


class Taken:
    """
    Tables, and what became of each.
    """

    def __init__(self) -> None:
        self.obeyed: list[tuple[int, float]] = []
        self.refused: list[str] = []
        self._heard = asyncio.Event()
        self.tables = Tables(Books(), lambda *_: None, obeyed=self._obey, refused=self._refuse)

    def _obey(self) -> None:
        table = self.tables.plane.table
        self.obeyed.append((table.epoch, table.weight))
        self._heard.set()

    def _refuse(self, why: str) -> None:
        self.refused.append(why)
        self._heard.set()

    def take(self, table: Table) -> None:
        """
        One more.
        """
        self.tables.take(encode(table))

    async def settled(self, number: int) -> None:
        """
        Wait until so many have been obeyed or refused.
        """
        async with asyncio.timeout(20):
            while len(self.obeyed) + len(self.refused) < number:
                self._heard.clear()
                await self._heard.wait()


@pytest.fixture
def taken() -> Taken:
    """
    None yet.
    """
    return Taken()


@pytest.fixture
def data() -> Iterator[Data]:
    """
    By default.
    """
    with data_plane() as made:
        yield made


@pytest.fixture
def secure(tmp_path: Path) -> Callable[..., Table]:
    """
    Tables of a new side with authorities of its own.
    """
    trustme.CA().cert_pem.write_to_path(tmp_path / "ca.pem")

    def table(epoch: int, new: float = 0.0, **tls: Any) -> Table:
        side = {"url": "https://127.0.0.1:1", "tls": {"ca": str(tmp_path / "ca.pem"), **tls}}
        return with_intent(a_table(new=side), Intent(epoch=epoch, new=new, mirror=0.0))

    return table


def at(epoch: int, new: float = 0.0) -> Table:
    """
    A table of this epoch.
    """
    return with_intent(a_table(), Intent(epoch=epoch, new=new, mirror=0.0))


# Tables...


def test_the_latest_is_in_force(taken: Taken) -> None:
    """
    As long as epochs don't go back; another configuration may come with the same.
    """
    for table in (at(3), at(5, 50.0), at(4, 100.0), replace(at(5, 50.0), digest="other", pseudonym="x"), at(9, 1.0)):
        taken.take(table)

    assert taken.obeyed == [(3, 0.0), (5, 50.0), (5, 50.0), (9, 1.0)]
    assert taken.refused == ["epoch 4 is over, 5 has come already"]


@pytest.mark.parametrize("payload", [b"", b"5", b"[]", b"{}", b'{"epoch": 9}', b"\xff"])
def test_what_is_no_table_changes_nothing(payload: bytes, taken: Taken) -> None:
    """
    It may come of another version of control.
    """
    taken.take(at(3))
    course, terms = taken.tables.plane.course, taken.tables.front.terms
    taken.tables.take(payload)

    assert len(taken.refused) == len(taken.obeyed) == 1
    assert taken.tables.plane.course is course
    assert taken.tables.front.terms is terms


@pytest.mark.parametrize("change", [{"weight": "much"}, {"headers": [7]}, {"pseudonym": None, "via": True}])
def test_a_table_with_nonsense_in_it_is_taken_whole_or_not_at_all(change: dict[str, Any], taken: Taken) -> None:
    """
    Exchanges and clients see the same table.
    """
    taken.take(at(3))
    taken.take(replace(at(4), **change))
    course, terms = taken.tables.plane.course, taken.tables.front.terms

    assert len(taken.obeyed) + len(taken.refused) == 2
    assert getattr(terms.begin, "args")[1] is course  # noqa: B009 - a partial's, which the type doesn't tell


# Certificates...


async def test_authorities_are_read_without_keeping_anybody_waiting(taken: Taken, secure: Callable[..., Table]) -> None:
    """
    The last table serves on meanwhile; the latest of those that came is then in force.
    """
    taken.take(at(1))
    before = taken.tables.plane.course
    taken.take(secure(2))
    taken.take(secure(3, 10.0))
    assert taken.tables.plane.course is before
    taken.tables.latch(True)
    await taken.settled(3)

    assert taken.obeyed == [(1, 0.0), (1, 0.0), (3, 0.0)]
    taken.tables.latch(False)
    assert taken.obeyed[-1] == (3, 10.0)


async def test_authorities_are_read_once(taken: Taken, secure: Callable[..., Table], tmp_path: Path) -> None:
    """
    The intent may change without the disk.
    """
    taken.take(secure(1))
    await taken.settled(1)
    (tmp_path / "ca.pem").unlink()
    taken.take(secure(2, 10.0))

    assert taken.obeyed == [(1, 0.0), (2, 10.0)]


async def test_authorities_that_cannot_be_read_are_told(taken: Taken, secure: Callable[..., Table]) -> None:
    """
    The next table finds nothing in its way.
    """
    taken.take(at(1))
    taken.take(secure(2, ca="gone.pem"))
    await taken.settled(2)
    assert len(taken.refused) == 1
    assert taken.refused[0].startswith("new.tls.ca: /nowhere/gone.pem can't be read (no such file or directory); write")

    taken.take(secure(2, ca="gone.pem"))
    taken.take(at(3, 7.0))
    await taken.settled(3)
    assert taken.obeyed == [(1, 0.0), (3, 7.0)]


@pytest.fixture
def encrypted(tmp_path: Path) -> Callable[..., Table]:
    """
    Tables with TLS towards clients, by the two files of this folder.
    """
    write_pair(tmp_path, trustme.CA())
    pair = str(tmp_path / "server.pem"), str(tmp_path / "server.key")

    def table(epoch: int, content: str = "") -> Table:
        return replace(
            at(epoch),
            tls=Encryption(
                certificate=pair[0], key=pair[1], client_ca=None, handshakes=1, handshake_timeout=1.0, files=content
            ),
        )

    return table


async def test_a_certificate_is_read_again_when_it_is_another(
    taken: Taken, encrypted: Callable[..., Table], tmp_path: Path
) -> None:
    """
    And not when only the intent is. One that doesn't fit leaves the last in force.
    """
    taken.take(encrypted(1, "a"))
    await taken.settled(1)
    first = taken.tables.front.terms.tls
    taken.take(encrypted(2, "a"))
    await taken.settled(2)
    assert taken.tables.front.terms.tls is first
    taken.take(encrypted(3, "b"))
    await taken.settled(3)
    second = taken.tables.front.terms.tls
    assert second not in (None, first)
    (tmp_path / "server.key").write_text("nothing")
    taken.take(encrypted(4, "c"))
    await taken.settled(4)

    assert taken.tables.front.terms.tls is second
    assert [epoch for epoch, _ in taken.obeyed] == [1, 2, 3]
    assert taken.refused[0].startswith(f"tls: {tmp_path}/server.pem and {tmp_path}/server.key can't be used: SSLError")


async def test_a_first_certificate_that_cannot_be_read_is_tried_again(
    taken: Taken, encrypted: Callable[..., Table], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    A worker may be started while it is renewed, and has nothing else to serve with.
    """
    monkeypatch.setattr(tables, "AGAIN", 0.001)
    first = encrypted(1)
    key = (tmp_path / "server.key").read_bytes()
    (tmp_path / "server.key").write_bytes(b"")
    taken.take(first)
    await taken.settled(3)
    assert taken.obeyed == []
    (tmp_path / "server.key").write_bytes(key)
    async with asyncio.timeout(20):
        while not taken.obeyed:
            await taken.settled(len(taken.refused) + 1)

    assert taken.tables.front.terms.tls is not None


# The kill latch...


def test_while_killed_everything_is_on_old_and_nothing_is_copied(data: Data) -> None:
    """
    What is being copied ends, and its connection with it; the live answer doesn't notice.
    """
    data.swap(replace(data.plane.table, weight=100.0, epoch=2))
    new, copied = data.both(live=1)
    data.client.feed(GET)
    data.tables.latch(True)
    assert copied.aborted
    assert data.entries() == {"off": 1}
    new.feed(OK)
    assert data.client.taken().endswith(b"hello")

    old, spare = data.both()
    data.client.feed(GET)
    old.feed(OK)
    assert data.client.taken().endswith(b"hello")
    assert data.entries() == {"off": 2}
    assert spare.written == b""
    data.settled()


def test_what_comes_while_killed_holds_when_the_latch_is_lifted(taken: Taken) -> None:
    """
    Also when the latch was set before there was any table.
    """
    taken.tables.latch(True)
    assert taken.obeyed == []
    taken.take(at(1, 100.0))
    taken.take(at(2, 50.0))
    taken.tables.latch(True)
    assert taken.obeyed == [(1, 0.0), (2, 0.0), (2, 0.0)]
    taken.tables.latch(False)

    assert taken.obeyed[-1] == (2, 50.0)
