"""
Intent and audit, kept: every change is one transaction, on disk before it is acknowledged.

For one writer, the control process, which calls from any thread but its event loop's: each call touches the disk. No
call waits longer for others than `busy_seconds`. Whatever goes wrong is a `StoreError`, and nothing was changed then;
the same store works again when the cause is gone.
"""

import hashlib
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, TypeVar

import orjson
from sqlalchemy import Connection, Engine, func, select

from proxy.clock import monotonic, timestamp
from proxy.errors import StoreError
from proxy.evidence.waivers import Waiver
from proxy.plan.outbox import Notice
from proxy.routing.intent import Intent, as_values, from_values
from proxy.store import notices, plan
from proxy.store.audit import Entry, as_row, canonical, chain, first_broken, from_row
from proxy.store.engine import make_engine, telling
from proxy.store.files import identity, move_aside
from proxy.store.opening import begin
from proxy.store.schema import audit, head, intents
from proxy.store.waivers import add, read, remove

SCHEME: Final = "sqlite:///"
BUSY_SECONDS: Final = 2.0
# After these a connection may keep what was wrong. After `full` it is kept: a new one would need room.
SPOILT: Final = frozenset({"read_only", "corrupt", "other"})
ENTRIES: Final = 100
BATCH: Final = 1000

_Result = TypeVar("_Result")


class Store:
    """
    Made by `open`. `path` is the file.
    """

    def __init__(self, path: Path, busy_seconds: float) -> None:
        self.path = path
        self._busy = busy_seconds
        self._engine: Engine = make_engine(path, busy_seconds)
        self._identity: tuple[int, int] | None = None
        self._lock = threading.Lock()

    @classmethod
    def open(cls, url: str, *, busy_seconds: float = BUSY_SECONDS) -> "Opened":
        """
        Open the store at `sqlite:////absolute/path`, made if missing. A broken one is moved aside and begun anew.

        Raises StoreError when it can't be used; a file of a newer Parallax or of another program is left as it is.
        """
        # SQLite keeps its log beside what a link leads to; so do we look there.
        store = cls(Path(os.path.realpath(url.removeprefix(SCHEME))), busy_seconds)
        try:
            with store._exclusive():
                trouble = store._begin()
        except StoreError:
            store.close()
            raise
        return Opened(store=store, trouble=trouble)

    def close(self) -> None:
        """
        Close the file.
        """
        self._engine.dispose()

    def reopen(self) -> str | None:
        """
        After a `corrupt`, by who writes: move the file aside if it is still the one that was opened, and begin anew.
        Returns what happened to it, in a sentence.
        """
        with self._exclusive(), telling(self.path):
            self.close()
            moved = None
            if identity(self.path) == self._identity:
                moved = f"{self.path} is broken; it was moved to {move_aside(self.path)}, and a new one was begun"
            return self._begin() or moved

    def load(self) -> Intent | None:
        """
        The newest intent; None when none was ever saved.
        """
        with self._transaction() as connection:
            row = connection.execute(select(intents).order_by(intents.c.epoch.desc()).limit(1)).one_or_none()
        if row is None:
            return None
        try:
            intent = from_values(orjson.loads(row.intent))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise StoreError("corrupt", f"{self.path} is broken: epoch {row.epoch} can't be read") from error
        if sha256(str(row.intent)) != row.sha256 or intent.epoch != row.epoch:
            raise StoreError("corrupt", f"{self.path} is broken: epoch {row.epoch} isn't what was saved")
        return intent

    def save(self, intent: Intent, entry: Entry) -> Entry:
        """
        Keep an intent and the line that says why, both or none. Returns the line with its number.
        """

        def work(connection: Connection) -> Entry:
            newest = connection.execute(select(func.max(intents.c.epoch))).scalar()
            if newest is not None and intent.epoch <= newest:
                raise StoreError("stale", f"epoch {intent.epoch} isn't greater than {newest}, which is saved")
            line = self._append(connection, entry)
            values = canonical(as_values(intent))
            connection.execute(
                intents.insert().values(epoch=intent.epoch, intent=values, sha256=sha256(values), entry=line.id)
            )
            return line

        return self._write(work)

    def audit(self, entry: Entry) -> Entry:
        """
        Keep a line. Returns it with its number.
        """
        return self._write(lambda connection: self._append(connection, entry))

    def waive(self, waiver: Waiver, entry: Entry) -> Entry:
        """
        Keep a waiver, which gets a number, and the line that says so.
        """
        return self._write(
            lambda connection: add(connection, waiver, lambda line: self._append(connection, line), entry)
        )

    def remove_waiver(self, number: int, entry: Entry) -> Entry:
        """
        Let a waiver end now, and keep the line that says so.
        """

        def work(connection: Connection) -> Entry:
            line = self._append(connection, entry)
            remove(connection, number, line.at)
            return line

        return self._write(work)

    def waivers(self, after: float) -> list[Waiver]:
        """
        The waivers that end after this Unix time, or were removed, the newest last.
        """
        with self._transaction() as connection:
            return read(connection, after)

    def save_plan(
        self,
        kept: plan.Kept,
        history: tuple[plan.Told, ...],
        entry: Entry,
        also: Callable[[Connection], None] = lambda _: None,
    ) -> Entry:
        """
        Keep a plan as it is now, its line, and what `also` writes, all or nothing. Returns the line with its number.
        """

        def work(connection: Connection) -> Entry:
            plan.save(connection, kept, history)
            also(connection)
            return self._append(connection, entry)

        return self._write(work)

    def save_evidence(self, run: str, generation: int, seq: int, evidence: str, state: str) -> None:
        """
        Keep newer evidence for the plan, and its state, if it is the one with this number that is kept.
        """
        self._write(lambda connection: plan.save_evidence(connection, run, generation, seq, evidence, state))

    def plan(self) -> tuple[plan.Kept, list[plan.Told]] | None:
        """
        The plan that is kept, and its history.
        """
        with self._transaction() as connection:
            kept = plan.load(connection)
            return None if kept is None else (kept, plan.history(connection, kept.run))

    def put_notices(self, made: Iterable[Notice]) -> None:
        """
        Keep notices that tell of nothing that is kept beside them.
        """
        self._write(lambda connection: notices.put(connection, made))

    def mark_notice(self, notice: Notice) -> None:
        """
        Keep how far a notice is.
        """
        self._write(lambda connection: notices.mark(connection, notice))

    def notices(self, *, settled: bool = False) -> list[Notice]:
        """
        Those that are still to be sent, the oldest first; with `settled`, the newest of all instead.
        """
        with self._transaction() as connection:
            return notices.read(connection, settled=settled)

    def entries(self, limit: int = ENTRIES, before: int | None = None) -> list[Entry]:
        """
        The newest lines first, at most `limit`, those before the number `before` only.
        """
        query = select(audit).order_by(audit.c.id.desc()).limit(limit)
        if before is not None:
            query = query.where(audit.c.id < before)
        with self._transaction() as connection:
            return [from_row(row._asdict()) for row in connection.execute(query)]

    def verify(self) -> int | None:
        """
        The number of the first line of the audit that isn't what was written; None when all are.
        """
        with self._transaction() as connection:
            known = connection.execute(select(head)).one_or_none()
            lines, last = (known.lines, known.hash) if known else (0, "")
            rows = connection.execution_options(yield_per=BATCH).execute(select(audit).order_by(audit.c.id))
            return first_broken((row._asdict() for row in rows), lines, last)

    def latch_audited(self) -> int:
        """
        The number of the change of the kill latch that was told last; 0 when none was. Not the greatest one: a
        supervisor that lost its latch counts from 1 again.
        """
        with self._transaction() as connection:
            told = select(audit.c.latch).where(audit.c.latch.is_not(None)).order_by(audit.c.id.desc()).limit(1)
            return int(connection.execute(told).scalar() or 0)

    def _append(self, connection: Connection, entry: Entry) -> Entry:
        known = connection.execute(select(head)).one_or_none()
        if known is None:
            raise StoreError("corrupt", f"{self.path} is broken: it doesn't say where its audit ends")
        line = chain(entry if entry.at else replace(entry, at=timestamp()), known.lines + 1, known.hash)
        connection.execute(audit.insert().values(as_row(line)))
        connection.execute(head.update().values(lines=line.id, hash=line.hash))
        return line

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        if not self._lock.acquire(timeout=self._busy):
            raise StoreError("busy", f"{self.path} is being written by another thread for too long")
        try:
            yield
        finally:
            self._lock.release()

    def _write(self, work: Callable[[Connection], _Result]) -> _Result:
        """
        What `work` does, done whole or not at all.
        """
        began = monotonic()
        with self._exclusive(), telling(self.path):
            if identity(self.path) != self._identity:
                # SQLite would go on writing to a file that nobody finds any more.
                raise StoreError("corrupt", f"{self.path} was taken away or replaced while it was in use")
            options = {"write": True, "seconds": max(0.0, self._busy - (monotonic() - began))}
            try:
                with self._transaction(**options) as connection:
                    return work(connection)
            except StoreError as error:
                if error.kind != "read_only":
                    raise
            # It may be only our connections, from a time in which the file could only be read; these are closed now.
            with self._transaction(**options) as connection:
                return work(connection)

    @contextmanager
    def _transaction(self, **options: Any) -> Iterator[Connection]:
        try:
            with telling(self.path), self._engine.execution_options(**options).begin() as connection:
                yield connection
        except StoreError as error:
            if error.kind in SPOILT:
                self._engine.dispose()
            raise

    def _begin(self) -> str | None:
        trouble = begin(self.path, self._engine, self._busy)
        self._identity = identity(self.path)
        return trouble


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """
    An open store, and in a sentence what was wrong with what was there.
    """

    store: Store
    trouble: str | None


def sha256(words: str) -> str:
    """
    The hexadecimal SHA-256 of a text.
    """
    return hashlib.sha256(words.encode("utf-8", "surrogateescape")).hexdigest()
