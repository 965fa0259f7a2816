"""
Evidence on its way to the disk: one that is broken, full or hangs costs evidence, which is counted, and nothing else.
"""

import asyncio
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import proxy.archive
from proxy.admin.steering import NotYet
from proxy.archive import Archive, Unread
from proxy.dossier import Dossier
from proxy.evidence.batch import Batch, Caps
from proxy.evidence.signatures import HELD, Signatures
from proxy.store.evidence import NAME, Evidence
from tests.parts.payloads import SIGNATURE, judged
from tests.parts.steered import FakeHub, Steered, a_setup

PATIENCE = 20.0


class Kept:
    """
    An archive that works, and what it logged.
    """

    def __init__(self, folder: Path) -> None:
        self.told: list[str] = []
        self.signatures = Signatures()
        self.archive = Archive(self.signatures, str(folder), lambda _level, event, **_fields: self.told.append(event))
        # What these tests tell of was long ago.
        self.archive.caps = Caps(max_age=1e12)
        self.archive.start()

    async def until(self, holds: Callable[[], bool]) -> None:
        """
        Let it work until something holds.
        """
        async with asyncio.timeout(PATIENCE):
            while not holds():  # noqa: ASYNC110 - a thread of its own settles it
                await asyncio.sleep(0.02)


def counted(folder: Path) -> list[int]:
    """
    What another life finds.
    """
    kept = Evidence.open(str(folder)).kept
    found = [row["count"] for row in kept.signatures(10)]
    kept.close()
    return found


async def test_what_is_seen_is_kept_for_a_successor(tmp_path: Path) -> None:
    """
    Counts, samples and keys; what is on its way to the disk can be shown already.
    """
    kept = Kept(tmp_path)
    kept.signatures.take(judged(count=3))

    assert [one["id"] for one in await kept.archive.samples(SIGNATURE, 5)] == [f"{SIGNATURE}-1"]
    await kept.until(lambda: kept.archive.samples_kept == 1)
    assert counted(tmp_path) == [3]
    assert [one["by_old"] for one in await kept.archive.affected(SIGNATURE, 5)] == [1]
    after = Kept(tmp_path)
    await after.until(lambda: SIGNATURE in after.signatures.known)
    assert after.signatures.known[SIGNATURE].count == 3
    assert list(after.signatures.known[SIGNATURE].samples) == [f"{SIGNATURE}-1"]


async def test_a_disk_that_hangs_is_told_and_costs_evidence_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Signatures are counted on in memory, what waits is bounded, and when it answers again all counts are there.
    """
    gate, real = threading.Event(), Evidence.write

    def hangs(self: Evidence, batch: Batch, caps: Caps, now: float) -> None:
        gate.wait()
        real(self, batch, caps, now)

    monkeypatch.setattr(Evidence, "write", hangs)
    monkeypatch.setattr(proxy.archive, "PATIENCE", 0.0)
    kept = Kept(tmp_path)
    try:
        kept.signatures.take(judged())
        await kept.until(lambda: kept.archive._kept is not None and kept.archive._since is not None)
        for number in range(HELD + 50):
            more = judged()
            more["samples"][0]["id"] = str(number)
            kept.signatures.take(more)
        kept.archive.look()

        assert kept.told == ["evidence_not_kept"]
        assert kept.archive.trouble is not None
        assert kept.archive.dropped >= 50
        assert kept.signatures.known[SIGNATURE].count == HELD + 51
    finally:
        gate.set()
    await kept.until(lambda: kept.archive.trouble is None)
    await kept.until(lambda: counted(tmp_path) == [HELD + 51])
    assert kept.told == ["evidence_not_kept", "evidence_kept_again"]


async def test_a_folder_that_is_none_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    What can't be kept meanwhile is counted; what is known in memory can be shown.
    """
    monkeypatch.setattr(proxy.archive, "OPEN_AGAIN", 0.05)
    (tmp_path / "state").write_text("")
    kept = Kept(tmp_path / "state")
    kept.signatures.take(judged())
    await kept.until(lambda: kept.archive.dropped > 0)

    assert kept.told == ["evidence_not_kept"]
    assert len(await kept.archive.samples(SIGNATURE, 5)) == 1
    with pytest.raises(Unread):
        await kept.archive.affected(SIGNATURE, 5)
    (tmp_path / "state").unlink()
    await kept.until(lambda: kept.archive.trouble is None)
    kept.signatures.take(judged())
    await kept.until(lambda: counted(tmp_path / "state") == [2])


async def test_a_broken_file_is_renewed_and_counts_go_on(tmp_path: Path) -> None:
    """
    It is told once.
    """
    (tmp_path / NAME).write_bytes(os.urandom(5000))
    kept = Kept(tmp_path)
    kept.signatures.take(judged(count=2))
    await kept.until(lambda: kept.archive.samples_kept == 1)

    assert kept.told == ["evidence_renewed"]
    assert counted(tmp_path) == [2]


async def test_nobody_is_told_of_nothing_before_it_is_read_what_was_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Whoever asks at once waits for it, a little; a file that can't be read is told.
    """
    before = Kept(tmp_path)
    before.signatures.take(judged(count=3))
    await before.until(lambda: before.archive.samples_kept == 1)
    gate, real = threading.Event(), Evidence.signatures

    def hangs(self: Evidence, most: int) -> list[dict[str, Any]]:
        assert gate.wait(PATIENCE)
        return real(self, most)

    monkeypatch.setattr(Evidence, "signatures", hangs)
    monkeypatch.setattr(proxy.archive, "READING_PATIENCE", 0.05)
    life = Steered(FakeHub(), a_setup(tmp_path / "store"))
    after = Kept(tmp_path)
    dossier = Dossier(life.facts, after.signatures, after.archive, life.steering.waiving)
    with pytest.raises(NotYet, match="is being read"):
        await dossier.signatures(None, None)
    with pytest.raises(NotYet, match="is being read"):
        await dossier.signature(SIGNATURE, 5)
    monkeypatch.setattr(proxy.archive, "READING_PATIENCE", PATIENCE)

    async def opens() -> None:
        gate.set()

    found, _ = await asyncio.gather(dossier.signatures(None, None), opens())

    assert [(one["id"], one["count"]) for one in found["signatures"]] == [(SIGNATURE, 3)]
    assert found["trouble"] is None


async def test_what_cannot_be_read_is_told_with_what_is_known(tmp_path: Path) -> None:
    """
    So that an empty list isn't taken for a good sign.
    """
    (tmp_path / NAME).mkdir()
    life = Steered(FakeHub(), a_setup(tmp_path / "store"))
    kept = Kept(tmp_path)
    found = await Dossier(life.facts, kept.signatures, kept.archive, life.steering.waiving).signatures(None, None)

    assert found["signatures"] == []
    assert "isn't known" in found["trouble"]
