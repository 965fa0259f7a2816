"""
Files of keys are read before a table is in force; what can't be read costs nobody an answer.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from proxy.keyfiles import KeyFiles
from proxy.routing.table import Table
from proxy.settings.model import Settings
from proxy.settings.table import build_table
from proxy.tasks import spawn
from tests.parts.alone import Alone, alone
from tests.parts.client import get
from tests.parts.origin import Origin, always, answer
from tests.routing.test_claims import RSA, pem, token

SIDES = {"old": {"url": "http://127.0.0.1:9001"}, "new": {"url": "http://127.0.0.1:9002"}}


@pytest.fixture
def table(tmp_path: Path) -> Callable[[str], Table]:
    """
    The table whose cohort's file has this digest.
    """
    cohort = {"name": "beta", "match": {"keys": "beta.txt"}, "side": "new"}
    settings = Settings.model_validate({**SIDES, "sticky": {"key": ["client"]}, "cohorts": [cohort]})
    return lambda digest: build_table(settings, tmp_path, {"beta.txt": digest})


async def test_a_file_is_read_once_for_each_content(table: Callable[[str], Table], tmp_path: Path) -> None:
    """
    And forgotten with the last table that names it.
    """
    (tmp_path / "beta.txt").write_text("ann\nbob\n")
    warnings: list[str] = []
    counts: list[str] = []
    files = KeyFiles(warnings.append, counts.append)
    first, second = table("1"), table("2")

    assert files.lacks(first)
    await files.read(first)
    assert not files.lacks(first)
    assert files.lacks(second)
    (tmp_path / "beta.txt").write_text("eve\n")
    await files.read(second)
    (one,), (other,) = ([keys for (_, held), keys in files.sets.items() if held == number] for number in "12")
    assert (b"ann" in one, b"eve" in one, b"ann" in other, b"eve" in other) == (True, False, False, True)
    files.forget(second)
    assert list(files.sets.values()) == [other]
    assert warnings == []
    assert counts == [f"{tmp_path}/beta.txt: 2 keys", f"{tmp_path}/beta.txt: 1 key"]


async def test_what_is_gone_counts_on_or_is_empty(table: Callable[[str], Table], tmp_path: Path) -> None:
    """
    With a word about it.
    """
    (tmp_path / "beta.txt").write_text("ann\n")
    warnings: list[str] = []
    files, successor = KeyFiles(warnings.append), KeyFiles(warnings.append)
    await files.read(table("1"))
    (tmp_path / "beta.txt").unlink()
    await files.read(table("2"))
    await successor.read(table("2"))

    assert all(b"ann" in keys for keys in files.sets.values())
    assert [b"ann" in keys for keys in successor.sets.values()] == [False]
    assert "what it held before counts on" in warnings[0]
    assert "nobody belongs to its cohort" in warnings[1]


async def test_a_public_key_needs_its_library_first(table: Callable[[str], Table]) -> None:
    """
    A secret doesn't.
    """
    files = KeyFiles(lambda _: None)
    bare = replace(table("1"), cohorts=())

    assert not files.lacks(bare)
    assert not files.lacks(replace(bare, claims_key="a secret"))
    await files.read(replace(bare, claims_key="-----BEGIN PUBLIC KEY-----"))
    assert not files.lacks(replace(bare, claims_key="-----BEGIN PUBLIC KEY-----"))


async def served(worker: Alone, *fields: bytes) -> bytes:
    """
    Who answers a request, on a connection of its own.
    """
    client = await worker.client()
    answer = await client.ask(get(b"/", *fields))
    client.close()
    return bytes(answer.body)


async def test_a_worker_goes_by_what_its_files_hold(tmp_path: Path) -> None:
    """
    Lists of keys and public keys; another content counts from the next table on, and what is gone costs no answer.
    """
    with_key = {"claims": {"key": "file:key.pem"}, "mirror": {"percent": 0}, "sticky": {"key": ["header:x-user"]}}
    cohorts = [
        {"name": "beta", "match": {"keys": "beta.txt"}, "side": "new"},
        {"name": "ann", "match": {"claim": {"sub": "ann"}}, "side": "new"},
    ]
    (tmp_path / "key.pem").write_text(pem(RSA))
    (tmp_path / "beta.txt").write_text("user-1\n")
    good, forged = (b"Authorization: Bearer " + token({"sub": "ann"}, alg) for alg in ("RS256", "HS256"))
    async with Origin(always(answer(b"old"))) as old, Origin(always(answer(b"new"))) as new, alone() as worker:
        configured = {"old": {"url": old.url}, "new": {"url": new.url}, "cohorts": cohorts, **with_key}
        await worker.goes_by(configured, tmp_path)
        assert [await served(worker, b"X-User: user-%d" % user) for user in (1, 2)] == [b"new", b"old"]
        assert [await served(worker, line) for line in (good, forged)] == [b"new", b"old"]
        (tmp_path / "beta.txt").write_text("user-2\n")
        await worker.goes_by(configured, tmp_path)
        assert [await served(worker, b"X-User: user-%d" % user) for user in (1, 2)] == [b"old", b"new"]
        assert worker.told("keys_unread") == []


@pytest.mark.parametrize("count", [100_000, pytest.param(1_000_000, marks=pytest.mark.prove)])
async def test_many_keys_hold_up_nobody(count: int, tmp_path: Path) -> None:
    """
    Requests are answered while a worker reads them; the table that wants them counts when they are there.
    """
    (tmp_path / "beta.txt").write_bytes(b"".join(b"user-%d\n" % number for number in range(count)))
    cohorts = [{"name": "beta", "match": {"keys": "beta.txt"}, "side": "new"}]
    async with Origin(always(answer(b"old"))) as old, Origin(always(answer(b"new"))) as new, alone() as worker:
        bare = {"old": {"url": old.url}, "new": {"url": new.url}, "mirror": {"percent": 0}}
        await worker.goes_by(bare, tmp_path)
        listed = {**bare, "sticky": {"key": ["header:x-user"]}, "cohorts": cohorts}
        reading = spawn(worker.goes_by(listed, tmp_path), name="many keys")
        meanwhile = 0
        while not reading.done():
            meanwhile += await served(worker, b"X-User: user-7") in (b"old", b"new")
        await reading

        assert meanwhile > 10
        assert await served(worker, b"X-User: user-%d" % (count - 1)) == b"new"
        assert await served(worker, b"X-User: user-%d" % count) == b"old"
