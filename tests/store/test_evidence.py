"""
Evidence on disk: capped, thrown away when broken, and never in the way of the store beside it.
"""

import os
from pathlib import Path
from typing import Any

import pytest

from proxy.errors import StoreError
from proxy.evidence.batch import Batch, Caps
from proxy.store import evidence as room
from proxy.store.evidence import DELETED, MIGRATIONS, MOST_KEYS, NAME, Evidence
from proxy.store.store import Store
from tests.parts.keeping import entry, intent

CAPS = Caps()
NOW = 1_000_000.0


def signature(number: int, last: float = NOW, count: int = 1) -> dict[str, Any]:
    """
    A row.
    """
    return {
        "id": f"{number:016x}",
        "endpoint": "GET /a",
        "severity": "value",
        "parts": '[["$.a",4]]',
        "first": last,
        "last": last,
        "count": count,
        "verdict": "divergent",
        "rechecked": 2,
        "transient": 1,
    }


def sample(number: int, of: int = 1, at: float = NOW, size: int = 100) -> dict[str, Any]:
    """
    A row.
    """
    data = b'{"id": "%d", "pad": "%s"}' % (number, b"x" * size)
    return {"id": str(number), "signature": f"{of:016x}", "at": at, "data": data}


def key(name: str, of: int = 1, last: float = NOW, by_new: int = 1) -> dict[str, Any]:
    """
    A row.
    """
    return {"signature": f"{of:016x}", "key": name, "by_old": 0, "by_new": by_new, "last": last}


@pytest.fixture
def kept(tmp_path: Path) -> Any:
    """
    A fresh one.
    """
    opened = Evidence.open(str(tmp_path))
    assert opened.trouble is None
    yield opened.kept
    opened.kept.close()


def ids(kept: Evidence, of: int = 1) -> list[int]:
    """
    The samples that are kept of a signature, the newest first.
    """
    return [int(one["id"]) for one in kept.samples(f"{of:016x}", 100_000)]


def test_what_is_written_is_read_again_also_after_a_restart(tmp_path: Path, kept: Evidence) -> None:
    """
    Counts add up, times widen, samples come newest first.
    """
    kept.write(Batch(signatures=[signature(1, NOW, 3)], samples=[sample(1)], keys=[key("#a")]), CAPS, NOW)
    kept.write(
        Batch(signatures=[signature(1, NOW + 5, 4)], samples=[sample(2, at=NOW + 1)], keys=[key("#a")]), CAPS, NOW
    )
    kept.close()
    again = Evidence.open(str(tmp_path)).kept
    (row,) = again.signatures(10)

    assert (row["rechecked"], row["transient"]) == (4, 2)
    assert (row["count"], row["first"], row["last"], row["parts"]) == (7, NOW, NOW + 5, [["$.a", 4]])
    assert ids(again) == [2, 1]
    assert again.affected(row["id"], 10) == [{"key": "#a", "by_old": 0, "by_new": 2, "last": NOW}]
    assert again.latest(1) == [{"id": "2", "signature": row["id"]}]
    assert oct((tmp_path / NAME).stat().st_mode & 0o777) == "0o600"


def test_a_file_of_before_rechecks_is_brought_up_to_date(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    What it knows stays.
    """
    with monkeypatch.context() as patch:
        patch.setattr(room, "MIGRATIONS", MIGRATIONS[:1])
        old = Evidence.open(str(tmp_path)).kept
        with old._engine.execution_options(write=True).begin() as connection:
            connection.exec_driver_sql(
                "INSERT INTO signatures VALUES ('a', 'GET /a', 'value', '[]', 1, 2, 3, 'divergent')"
            )
        old.close()
    opened = Evidence.open(str(tmp_path))
    (row,) = opened.kept.signatures(10)
    opened.kept.close()

    assert opened.trouble is None
    assert (row["count"], row["rechecked"], row["transient"]) == (3, 0, 0)


def test_of_one_signature_the_newest_samples_are_kept(kept: Evidence) -> None:
    """
    As many as configured.
    """
    for number in range(8):
        kept.write(
            Batch(samples=[sample(number, at=NOW + number), sample(100 + number, of=2)]), Caps(per_signature=3), NOW
        )

    assert ids(kept) == [7, 6, 5]
    assert len(ids(kept, 2)) == 3


def test_rows_are_capped_bit_by_bit(kept: Evidence) -> None:
    """
    What is over goes with the batches that follow; no batch deletes more than its share.
    """
    rows = [sample(number, of=number, at=NOW + number) for number in range(3 * DELETED)]
    kept.write(Batch(samples=rows), CAPS, NOW)
    left = []
    for number in range(4):
        kept.write(Batch(samples=[sample(10_000 + number, of=number, at=NOW + 9000)]), Caps(max_rows=10), NOW)
        left.append(len(kept.latest(100_000)))

    assert left == [2 * DELETED + 1, DELETED + 2, 10, 10]


def test_signatures_and_keys_are_capped_too(kept: Evidence) -> None:
    """
    A side that differs anew in every answer must not fill the disk.
    """
    kept.write(
        Batch(
            signatures=[signature(number, NOW + number) for number in range(50)],
            keys=[key(f"#{number}", last=NOW + number) for number in range(MOST_KEYS + 50)],
        ),
        Caps(max_rows=20),
        NOW,
    )

    assert [row["id"] for row in kept.signatures(100)] == [f"{number:016x}" for number in range(49, 29, -1)]
    assert len(kept.affected(f"{1:016x}", 5000)) <= MOST_KEYS


def test_what_is_old_goes(kept: Evidence) -> None:
    """
    By when it was seen last.
    """
    kept.write(
        Batch(signatures=[signature(1), signature(2, NOW + 90)], samples=[sample(1)], keys=[key("#a")]), CAPS, NOW
    )
    kept.write(Batch(samples=[sample(2, of=2, at=NOW + 90)]), Caps(max_age=50), NOW + 100)

    assert [row["id"] for row in kept.signatures(10)] == [f"{2:016x}"]
    assert kept.latest(10) == [{"id": "2", "signature": f"{2:016x}"}]
    assert kept.affected(f"{1:016x}", 10) == []


def test_bytes_are_capped_and_given_back(tmp_path: Path, kept: Evidence) -> None:
    """
    The file stays about as large as it may be, however much comes.
    """
    caps = Caps(max_bytes=2 * 2**20, per_signature=1000)
    for number in range(200):
        kept.write(Batch(samples=[sample(number, of=number % 7, at=NOW + number, size=60_000)]), caps, NOW)

    assert (tmp_path / NAME).stat().st_size < 3 * 2**20
    assert len(kept.latest(1000)) > 10
    assert kept.latest(1)[0]["id"] == "199"


def test_a_broken_file_is_thrown_away(tmp_path: Path, kept: Evidence) -> None:
    """
    And that is told; the store beside it stays as it is.
    """
    store = Store.open(f"sqlite:///{tmp_path}/parallax.db").store
    store.save(intent(1), entry("start", 1))
    kept.write(Batch(samples=[sample(1)]), CAPS, NOW)
    kept.close()
    (tmp_path / NAME).write_bytes(os.urandom(50_000))
    opened = Evidence.open(str(tmp_path))

    assert opened.trouble is not None
    assert opened.kept.latest(10) == []
    assert not list(tmp_path.glob(f"{NAME}.broken-*"))
    assert store.load() == intent(1)
    assert store.verify() is None


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """
    In words, and nothing is left.
    """
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError):
        Evidence.open(str(tmp_path / "file"))


def test_a_newer_file_is_left_alone(tmp_path: Path, kept: Evidence) -> None:
    """
    Whoever goes back a version keeps what the newer one kept.
    """
    kept.write(Batch(samples=[sample(1)]), CAPS, NOW)
    with kept._engine.begin() as connection:
        connection.exec_driver_sql("PRAGMA user_version = 99")
    kept.close()
    before = (tmp_path / NAME).read_bytes()
    with pytest.raises(StoreError) as raised:
        Evidence.open(str(tmp_path))

    assert raised.value.kind == "newer"
    assert (tmp_path / NAME).read_bytes() == before
