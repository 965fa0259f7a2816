"""
A store whose disk can be made to hang, to answer late and to fail.
"""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from sqlalchemy import Connection

from proxy import ledger
from proxy.errors import StoreError
from proxy.routing.intent import Intent
from proxy.store.audit import Entry
from proxy.store.plan import Kept, Told
from proxy.store.store import Store


def _open_gate() -> threading.Event:
    gate = threading.Event()
    gate.set()
    return gate


@dataclass(slots=True)
class Faults:
    """
    What is wrong with the disk: writing waits for `before`, answers wait for `after` though all is written, or every
    write fails with `error`. `end_of_life`: whoever writes is gone.
    """

    before: threading.Event = field(default_factory=_open_gate)
    after: threading.Event = field(default_factory=_open_gate)
    error: StoreError | None = None
    _writing: threading.Lock = field(default_factory=threading.Lock)
    _gone: bool = False

    def write(self, write: Callable[[], Entry]) -> Entry:
        """
        Write to this disk.
        """
        self.before.wait()
        with self._writing:
            if self._gone:
                threading.Event().wait()
            if self.error is not None:
                raise self.error
            line = write()
        self.after.wait()
        return line

    def end_of_life(self) -> None:
        """
        As after kill -9: what is being written is, or isn't (with `before` closed); nothing comes after it.
        """
        with self._writing:
            self._gone = True

    def end(self) -> None:
        """
        All is well again.
        """
        self.error = None
        self.before.set()
        self.after.set()


class FaultyStore(Store):
    """
    The real store on such a disk; a class of its own for each disk, made with `on`.
    """

    faults: Faults

    @classmethod
    def on(cls, faults: Faults) -> type["FaultyStore"]:
        """
        The stores of a disk with these faults.
        """
        return type("FaultyStore", (cls,), {"faults": faults})

    def save(self, intent: Intent, entry: Entry) -> Entry:
        """
        As the real one.
        """
        return self.faults.write(lambda: super(FaultyStore, self).save(intent, entry))

    def audit(self, entry: Entry) -> Entry:
        """
        As the real one.
        """
        return self.faults.write(lambda: super(FaultyStore, self).audit(entry))

    def save_plan(
        self,
        kept: Kept,
        history: tuple[Told, ...],
        entry: Entry,
        also: Callable[[Connection], None] = lambda _: None,
    ) -> Entry:
        """
        As the real one.
        """
        return self.faults.write(lambda: super(FaultyStore, self).save_plan(kept, history, entry, also))


def faulty_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Faults]:
    """
    For a fixture: every store that is opened is on a disk with these faults, and what failed is soon tried again.
    """
    wrong = Faults()
    monkeypatch.setattr("proxy.store.store.Store", FaultyStore.on(wrong))
    monkeypatch.setattr(ledger, "AGAIN", 0.05)
    yield wrong
    wrong.end()
