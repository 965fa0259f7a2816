"""
What a predecessor left in the folder for state, whatever has become of it.
"""

import asyncio
from pathlib import Path

import orjson
import pytest

from proxy.routing.intent import Intent, with_intent
from proxy.routing.table import encode
from proxy.supervise import latch as latches
from proxy.supervise.latch import Latch
from proxy.supervise.memory import Folder, Found, Nowhere, find, name_of
from tests.parts.disk import as_nobody
from tests.parts.logged import Logged
from tests.parts.supervised import a_table

FIRST = Intent(epoch=1, new=50.0, mirror=100.0)


def test_on_the_very_first_start_there_is_nothing_and_nothing_is_said(tmp_path: Path) -> None:
    """
    With the folder or without it.
    """
    logged = Logged()

    assert find(tmp_path, FIRST, logged.log) == Found(intent=None, latch=Latch())
    assert find(tmp_path / "missing", FIRST, logged.log) == Found(intent=None, latch=Latch())
    assert logged.lines == []


def test_intent_and_latch_are_found_as_they_were_kept(tmp_path: Path) -> None:
    """
    The configuration may have changed meanwhile, and its shape with it.
    """
    intent = Intent(epoch=7, new=12.5, mirror=40.0)
    latch = Latch().set("ops", "errors", "then")
    other = {**orjson.loads(encode(with_intent(a_table(), intent))), "a field of": "another version"}
    (tmp_path / "table.json").write_bytes(orjson.dumps(other))
    (tmp_path / "latch.json").write_bytes(latches.encode(latch))
    logged = Logged()

    assert find(tmp_path, FIRST, logged.log) == Found(intent=intent, latch=latch)
    assert logged.lines == []


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"{}", b"\x00" * 4096, b'{"epoch": 3, "weight": 900, "mirror": 1}'])
def test_a_broken_table_is_moved_aside_and_nobody_is_on_new(tmp_path: Path, data: bytes) -> None:
    """
    Whatever the file says for the first start: that was long ago. Epoch 0 gives way to any store's.
    """
    (tmp_path / "table.json").write_bytes(data)
    logged = Logged()

    assert find(tmp_path, FIRST, logged.log).intent == Intent(epoch=0, new=0.0, mirror=100.0)
    assert (tmp_path / "table.json.broken").read_bytes() == data
    assert not (tmp_path / "table.json").exists()
    assert [(line["event"], line["level"]) for line in logged.lines] == [("table_lost", "error")]


def test_a_table_that_is_missing_beside_a_store_is_lost(tmp_path: Path) -> None:
    """
    The store may know better than the file: until it has been asked, nobody is on new.
    """
    (tmp_path / "parallax.db").write_bytes(b"")
    logged = Logged()

    assert find(tmp_path, FIRST, logged.log).intent == Intent(epoch=0, new=0.0, mirror=100.0)
    assert logged.events == ["table_lost"]


@pytest.mark.parametrize("data", [b"", b"\x00" * 64, b'{"killed": false}'])
def test_a_broken_latch_is_taken_for_a_kill(tmp_path: Path, data: bytes) -> None:
    """
    Somebody may have killed; who restores takes the blame. It has a number that nobody has seen.
    """
    (tmp_path / "latch.json").write_bytes(data)
    logged = Logged()
    latch = find(tmp_path, FIRST, logged.log).latch

    assert (latch.killed, latch.by) == (True, "parallax")
    assert "latch.json was broken" in latch.reason
    assert latch.number > 1_000_000
    assert (tmp_path / "latch.json.broken").read_bytes() == data
    assert [(line["event"], line["level"]) for line in logged.lines] == [("latch_lost", "error")]


def test_what_may_not_be_read_is_taken_for_the_safest_it_could_be(tmp_path: Path) -> None:
    """
    Files of somebody else.
    """
    for name in ("table.json", "latch.json", "judging.json", "endpoints.json"):
        (tmp_path / name).write_bytes(b"{}")
        (tmp_path / name).chmod(0)
    logged = Logged()
    with as_nobody():
        found = find(tmp_path, FIRST, logged.log)

    assert found.intent == Intent(epoch=0, new=0.0, mirror=100.0)
    assert found.latch.killed
    assert "Permission denied" in found.latch.reason
    assert found.judging is None
    assert found.endpoints is None
    assert logged.events == ["table_lost", "latch_lost", "judging_lost", "endpoints_lost"]


async def test_lists_of_endpoints_are_found_as_they_were_kept(tmp_path: Path) -> None:
    """
    So that after a restart too nobody's first requests are of no endpoint.
    """
    news = asyncio.Event()
    folder = Folder(tmp_path, Logged().log, news.set)
    lists = orjson.dumps({"configured": ["GET /a"], "learned": ["GET /b/{id}"]})
    folder.keep_endpoints(lists)
    while folder.pending:
        news.clear()
        await news.wait()

    assert find(tmp_path, FIRST, Logged().log).endpoints == lists


@pytest.mark.parametrize("data", [b"", b"[]", b'{"configured": []}', b'{"configured": [], "learned": 7}'])
def test_broken_lists_of_endpoints_are_moved_aside(tmp_path: Path, data: bytes) -> None:
    """
    They are learned again.
    """
    (tmp_path / "endpoints.json").write_bytes(data)
    logged = Logged()

    assert find(tmp_path, FIRST, logged.log).endpoints is None
    assert (tmp_path / "endpoints.json.broken").read_bytes() == data
    assert logged.events == ["endpoints_lost"]


async def test_status_tells_what_is_on_disk(tmp_path: Path) -> None:
    """
    The table by its names, the latch by whether it is the present one.
    """
    news = asyncio.Event()
    folder = Folder(tmp_path, Logged().log, news.set)

    assert folder.saved() == {"epoch": None, "digest": None, "armed": "", "error": None}
    assert folder.latch_saved() == {"saved": True, "error": None}

    folder.keep_table(encode(a_table()))
    folder.keep_latch(Latch().set("ops", "errors", "then"))
    assert folder.latch_saved() == {"saved": False, "error": None}
    while folder.pending:
        news.clear()
        await news.wait()

    assert folder.saved() == {"epoch": 4, "digest": "d1", "armed": "", "error": None}
    assert folder.latch_saved() == {"saved": True, "error": None}
    assert find(tmp_path, FIRST, Logged().log).latch.reason == "errors"


def test_without_a_folder_status_says_so() -> None:
    """
    Nothing is kept, and nobody is told that it is.
    """
    assert Nowhere().saved()["error"] == "there is no folder for state"
    assert Nowhere().latch_saved() == {"saved": False, "error": "there is no folder for state"}


@pytest.mark.parametrize("table", [None, b"", b"\xff", b"[]", b"null", b'"text"', b'{"events": 3}'])
def test_a_table_without_names_has_none(table: bytes | None) -> None:
    """
    Bytes from control are passed on and kept, whatever they are.
    """
    assert name_of(table) == {"epoch": None, "digest": None, "armed": ""}
