"""
A disk that is full or can't be written refuses what is new, keeps what is old, and is forgiven when it is over.
"""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy.errors import StoreError
from proxy.evidence.batch import Batch, Caps
from proxy.store.evidence import Evidence
from proxy.store.store import Store
from tests.parts.disk import NOBODY, as_nobody, fill, remount, small_disk
from tests.parts.keeping import entry, intent
from tests.store.test_evidence import NOW, sample


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """
    A disk of 1 MiB.
    """
    with small_disk(tmp_path / "disk") as folder:
        yield folder


@pytest.fixture
def folder() -> Iterator[Path]:
    """
    A folder that nobody can get to: those of pytest are closed to other users.
    """
    with tempfile.TemporaryDirectory() as made:
        yield Path(made)


def url(folder: Path) -> str:
    """
    The store in a folder.
    """
    return f"sqlite:///{folder}/parallax.db"


def refused(kind: str, said: str, *calls: object) -> None:
    """
    All of these calls are refused.
    """
    for call in calls:
        assert callable(call)
        with pytest.raises(StoreError, match=said) as raised:
            call()
        assert raised.value.kind == kind


def test_a_full_disk_refuses_and_keeps_and_is_forgiven(disk: Path) -> None:
    """
    Nothing of a refused change is there; reading goes on; with room again the same store works without more ado.
    """
    store = Store.open(url(disk)).store
    store.save(intent(1), entry("one"))
    ballast = fill(disk)

    for _ in range(3):
        refused(
            "full",
            r"^there is no room left for /.*/parallax\.db: make room on its disk \(",
            lambda: store.save(intent(2), entry("refused")),
            lambda: store.audit(entry("refused")),
        )
        assert store.load() == intent(1)
        assert [line.reason for line in store.entries()] == ["one"]
        assert store.verify() is None

    ballast.unlink()
    store.save(intent(2), entry("two"))
    assert [line.reason for line in store.entries()] == ["two", "one"]
    assert store.verify() is None
    store.close()
    assert Store.open(url(disk)).store.load() == intent(2)


def test_evidence_leaves_room_for_weights(tmp_path: Path) -> None:
    """
    On a disk far smaller than what evidence may take, with its log beside it: a weight can be saved at any time, and
    what is newest is kept.
    """
    with small_disk(tmp_path / "disk", "3m") as folder:
        store, kept = Store.open(url(folder)).store, Evidence.open(str(folder)).kept
        for number in range(300):
            kept.write(Batch(samples=[sample(number, of=number % 50, at=NOW + number, size=20_000)]), Caps(), NOW)
            if number % 50 == 0:
                store.save(intent(1 + number), entry("one"))
        room = os.statvfs(folder)

        assert room.f_bavail * room.f_frsize > 512 * 1024
        assert [one["id"] for one in kept.samples(f"{299 % 50:016x}", 1)] == ["299"]
        assert len(kept.latest(1000)) > 20
        kept.close()
        store.close()


@pytest.mark.parametrize("known", [True, False])
def test_a_store_can_be_opened_once_a_full_disk_has_room(disk: Path, known: bool) -> None:
    """
    A restart in bad times finds what was saved as soon as they are over, and nothing was moved aside.
    """
    if known:
        store = Store.open(url(disk)).store
        store.save(intent(1), entry())
        store.close()
    ballast = fill(disk)

    refused("full", "no room left", lambda: Store.open(url(disk)), lambda: Store.open(url(disk)))

    ballast.unlink()
    opened = Store.open(url(disk))
    assert opened.trouble is None
    assert opened.store.load() == (intent(1) if known else None)
    opened.store.save(intent(2), entry())
    opened.store.close()
    assert [found.name for found in disk.iterdir()] == ["parallax.db"]


def test_a_disk_may_run_full_at_any_byte(disk: Path) -> None:
    """
    Wherever in the log or the index it ends: what was acknowledged is there, what was refused is not.
    """
    store = Store.open(url(disk)).store
    acknowledged = 0
    for leave in range(0, 140_000, 3_500):
        ballast = fill(disk, leave)
        for _ in range(20):
            try:
                store.save(intent(acknowledged + 1), entry(f"step {acknowledged + 1}", acknowledged + 1))
            except StoreError as error:
                full = error.kind
                break
            acknowledged += 1
        else:
            full = "full"
        ballast.unlink()

        assert full == "full"
        assert (store.load() or intent(0)).epoch == acknowledged
        assert store.verify() is None
    assert acknowledged > 40
    assert len(store.entries(10_000)) == acknowledged
    store.close()


def test_the_log_can_be_worked_in_or_not_on_a_disk_that_runs_full(tmp_path: Path) -> None:
    """
    Once the log is long enough it goes into the database, which needs room there too.
    """
    with small_disk(tmp_path / "disk", "10m") as disk:
        ballast = fill(disk, 8 << 20)
        store = Store.open(url(disk)).store
        acknowledged = 0
        full = ""
        while not full:
            try:
                store.save(intent(acknowledged + 1), entry("x" * 20_000, acknowledged + 1))
            except StoreError as error:
                full = error.kind
            else:
                acknowledged += 1

        assert full == "full"
        assert acknowledged > 200
        assert store.load() == intent(acknowledged)
        assert store.verify() is None
        ballast.unlink()
        store.save(intent(acknowledged + 1), entry("room again"))
        store.close()
        again = Store.open(url(disk)).store
        assert len(again.entries(10_000)) == acknowledged + 1
        assert again.verify() is None
        again.close()


def test_a_disk_that_is_mounted_for_reading_is_said(disk: Path) -> None:
    """
    And nothing is wrong any more when it is mounted for writing.
    """
    store = Store.open(url(disk)).store
    store.save(intent(1), entry())
    store.close()
    remount(disk, "ro")

    refused("read_only", "parallax.db can't be written", lambda: Store.open(url(disk)))

    remount(disk, "rw")
    opened = Store.open(url(disk))
    assert opened.trouble is None
    assert opened.store.load() == intent(1)
    opened.store.close()


@pytest.mark.parametrize("mode", [0o500, 0o400, 0o600, 0o200, 0o000])
def test_a_folder_that_can_not_be_written_is_said(folder: Path, mode: int) -> None:
    """
    Whether the store is there already or not.
    """
    Store.open(url(folder / "there")).store.close()
    (folder / "empty").mkdir()
    with as_nobody(folder):
        for name in ("there", "empty"):
            (folder / name).chmod(mode)

            refused(
                "read_only",
                r"can't be written: give this user the right to write it and its folder \(",
                lambda name=name: Store.open(url(folder / name)),
            )

            (folder / name).chmod(0o700)
            opened = Store.open(url(folder / name))
            assert opened.trouble is None
            opened.store.close()


def test_a_folder_that_can_not_be_made_is_said(folder: Path) -> None:
    """
    It would have to be made in one that isn't ours.
    """
    with as_nobody(folder):
        folder.chmod(0o500)

        refused("read_only", "give this user the right", lambda: Store.open(url(folder / "var")))

        folder.chmod(0o700)


def test_a_file_that_can_not_be_written_is_said_and_left_as_it_is(folder: Path) -> None:
    """
    Somebody may have wanted that.
    """
    store = Store.open(url(folder)).store
    store.save(intent(1), entry())
    store.close()
    path = folder / "parallax.db"
    with as_nobody(folder):
        path.chmod(0o444)

        refused("read_only", "parallax.db can't be written", lambda: Store.open(url(folder)))

        assert path.stat().st_mode & 0o777 == 0o400
        path.chmod(0o600)
        assert Store.open(url(folder)).store.load() == intent(1)


def test_a_file_that_can_not_be_written_for_a_while_is_forgiven(folder: Path) -> None:
    """
    A connection that was made meanwhile can only read for ever; it must not be kept.
    """
    with as_nobody(folder):
        store = Store.open(url(folder)).store
        store.save(intent(1), entry())
        (folder / "parallax.db").chmod(0o400)
        store.close()

        for _ in range(3):
            refused("read_only", "can't be written", lambda: store.save(intent(2), entry()))
            assert store.load() == intent(1)

        (folder / "parallax.db").chmod(0o600)
        store.save(intent(2), entry())
        store.close()


def test_a_broken_file_that_can_not_be_moved_aside_is_said(folder: Path) -> None:
    """
    Nothing is begun over it.
    """
    (folder / "parallax.db").write_bytes(b"garbage" * 1000)
    with as_nobody(folder):
        folder.chmod(0o500)

        refused("read_only", "can't be (used|written)", lambda: Store.open(url(folder)))

        folder.chmod(0o700)
        assert "moved to" in str(Store.open(url(folder)).trouble)


def test_a_file_of_another_user_that_we_may_write_is_used(folder: Path) -> None:
    """
    Its rights are its owner's business.
    """
    if os.geteuid() != 0:
        pytest.skip("only root can make a file of another user")
    Store.open(url(folder)).store.close()
    with as_nobody(folder):
        pass
    os.chown(folder / "parallax.db", 1, NOBODY)
    (folder / "parallax.db").chmod(0o660)
    with as_nobody():
        opened = Store.open(url(folder))

        assert opened.trouble is None
        opened.store.save(intent(1), entry())
        opened.store.close()
    assert (folder / "parallax.db").stat().st_mode & 0o777 == 0o660
