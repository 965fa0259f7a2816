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
    files = KeyFiles(warnings.append)
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
