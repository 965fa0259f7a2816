"""
A store whose disk can be made to hang, to answer late and to fail.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from proxy.errors import StoreError
from proxy.routing.intent import Intent
from proxy.store.audit import Entry
from proxy.store.store import Store


def _open_gate() -> threading.Event:
    gate = threading.Event()
    gate.set()
    return gate


@dataclass(slots=True)
class Faults:
    """
    What is wrong with the disk: writing waits for `before`, answers wait for `after` though all is written, or every
    write fails with `error`.
    """

    before: threading.Event = field(default_factory=_open_gate)
    after: threading.Event = field(default_factory=_open_gate)
    error: StoreError | None = None

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
        return self._through(lambda: super(FaultyStore, self).save(intent, entry))

    def audit(self, entry: Entry) -> Entry:
        """
        As the real one.
        """
        return self._through(lambda: super(FaultyStore, self).audit(entry))

    def _through(self, write: Callable[[], Entry]) -> Entry:
        self.faults.before.wait()
        if self.faults.error is not None:
            raise self.faults.error
        line = write()
        self.faults.after.wait()
        return line
