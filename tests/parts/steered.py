"""
Steering with real facts and a real store, and a supervisor that the test is: it takes frames and says what became of
them, as soon as the loop turns.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson

from proxy.admin.facts import Facts
from proxy.admin.steering import Who
from proxy.clock import monotonic
from proxy.link.frames import Kind
from proxy.link.setup import Setup
from proxy.routing.intent import Intent, intent_of
from proxy.routing.table import Table, decode, encode
from proxy.steering import Outside, Steering
from proxy.store.store import Store
from proxy.supervise.memory import name_of
from tests.parts.payloads import a_new_table, latch, status, worker

OPS = Who(name="ops", role="operator", peer="127.0.0.1")
PATIENCE = 30.0


def a_setup(folder: Path, **changes: Any) -> Setup:
    """
    Started without a file, keeping everything in `folder`.
    """
    setup = Setup(
        file=None,
        content="",
        folder=str(folder),
        options=(),
        store=f"sqlite:///{folder}/parallax.db",
        state=str(folder),
        kill_file=f"{folder}/kill",
        tokens=(),
        tls=None,
        hosts=(),
        bound="127.0.0.1:9900",
        new=None,
        mirror=None,
        fixed=(),
    )
    return replace(setup, **changes)


class FakeHub:
    """
    The supervisor, as control sees it: what it was sent last, and two workers that obey unless they are in `stuck`.

    It outlives steerings, as the real one outlives control. `unsaved` is why it can't keep its table, `latch_saved`
    whether it has the latch on disk by the time that it tells of it.
    """

    def __init__(self, table: Table | None = None) -> None:
        self.table = encode(table or a_new_table())
        self.tables: list[Table] = []
        self.setup: bytes | None = None
        self.kinds: list[Kind] = []
        self.latch = latch()
        self.kill_file = False
        self.unsaved: str | None = None
        self.latch_saved = True
        self.stuck: set[str] = set()
        self.workers = [worker(1, epoch=None), worker(2, slot=1, epoch=None)]
        self.on_status: Callable[[bytes], None] = lambda payload: None
        self._obey()

    @property
    def intent(self) -> Intent:
        """
        What it would give to a new worker.
        """
        return intent_of(decode(self.table))

    def send(self, kind: Kind, payload: bytes) -> None:
        """
        A frame from control.
        """
        self.kinds.append(kind)
        match kind:
            case Kind.TABLE:
                self.table = payload
                self.tables.append(decode(payload))
            case Kind.SETUP:
                self.setup = payload
            case Kind.KILL | Kind.RESTORE:
                self.move(killed=kind is Kind.KILL, **orjson.loads(payload))
        asyncio.get_running_loop().call_soon(self.tell)

    def move(self, *, killed: bool, by: str, reason: str = "") -> None:
        """
        Set or lift the latch, whoever wants it.
        """
        if self.latch["killed"] is not killed and not (self.kill_file and not killed):
            number = self.latch["number"] + 1
            self.latch = latch(number, killed=killed, by=by, reason=reason, saved=self.latch_saved)

    def tell(self) -> None:
        """
        Let the workers obey, and tell the status.
        """
        self._obey()
        self.on_status(self.status())

    def status(self) -> bytes:
        """
        A STATUS payload.
        """
        saved = {**name_of(None if self.unsaved else self.table), "error": self.unsaved}
        return status(*self.workers, latch=self.latch, saved=saved, kill_file=self.kill_file)

    def _obey(self) -> None:
        for one in self.workers:
            if one["id"] not in self.stuck:
                one |= {**name_of(self.table), "killed": self.latch["killed"]}


class Steered:
    """
    One life of steering.
    """

    def __init__(self, hub: FakeHub, setup: Setup) -> None:
        self.hub = hub
        self.facts = Facts({})
        self.facts.take_table(hub.table)
        self.facts.take_status(hub.status())
        self.logged: list[tuple[str, dict[str, Any]]] = []
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.equipped: list[Setup] = []
        self._news = asyncio.Event()
        self._dead = False
        outside = Outside(send=self._send, tell=self._tell, publish=self._publish, equip=self._equip)
        self.steering = Steering(self.facts, setup, outside)
        hub.on_status = self._status
        self.steering.start()

    def die(self) -> None:
        """
        From now on nothing comes in or goes out, as after kill -9. What the store's thread has in hand may yet end.
        """
        self._dead = True
        self.hub.on_status = lambda payload: None

    def _send(self, kind: Kind, payload: bytes) -> None:
        if not self._dead:
            self.hub.send(kind, payload)

    def _status(self, payload: bytes) -> None:
        self.facts.take_status(payload)
        self.steering.status_changed()
        self._news.set()

    def _tell(self, _level: str, event: str, /, **fields: Any) -> None:
        self.logged.append((event, fields))
        self._news.set()

    def _publish(self, kind: str, value: dict[str, Any]) -> None:
        self.events.append((kind, value))
        self._news.set()

    async def _equip(self, setup: Setup) -> None:
        self.equipped.append(setup)

    def log(self, event: str) -> list[dict[str, Any]]:
        """
        The lines of one event.
        """
        return [fields for name, fields in self.logged if name == event]

    async def until(self, holds: Callable[[], bool]) -> None:
        """
        Wait for something that comes with a status, a log line or an event.
        """
        async with asyncio.timeout(PATIENCE):
            while not holds():
                self._news.clear()
                await self._news.wait()

    async def saving(self) -> None:
        """
        Once the store has something in hand.
        """
        ledger = self.steering._ledger
        end = monotonic() + PATIENCE
        while not any(job.begun for job in ledger._jobs):
            assert monotonic() < end
            await asyncio.sleep(0.001)

    async def opened(self) -> "Steered":
        """
        Once the store is open, and what had to be written at the start is.
        """
        ledger = self.steering._ledger
        end = monotonic() + PATIENCE
        # The ledger has nobody to tell that it has nothing to do.
        while not ledger.is_open or ledger._jobs:
            assert monotonic() < end
            await asyncio.sleep(0.01)
        return self


def lines(folder: Path) -> list[dict[str, Any]]:
    """
    The audit as a reader from outside finds it, oldest first: who, what, epoch, and what it was afterwards.
    """
    store = Store.open(f"sqlite:///{folder}/parallax.db").store
    try:
        entries = store.entries(1000)
        assert store.verify() is None
    finally:
        store.close()
    return [
        {"actor": entry.actor, "action": entry.action, "epoch": entry.epoch, "after": entry.after}
        for entry in reversed(entries)
    ]


def stored(folder: Path) -> Intent | None:
    """
    The newest intent in the store.
    """
    store = Store.open(f"sqlite:///{folder}/parallax.db").store
    try:
        return store.load()
    finally:
        store.close()
