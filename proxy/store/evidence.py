"""
Evidence, kept: signatures, samples and whom they hit, in a file of its own beside the store's.

Nothing here is worth a wait or a risk: what is lost is seen again. So commits don't wait for the disk (synchronous
NORMAL: whole after kill -9, the last ones may be gone after a power cut), a broken file is thrown away, and what is
over a cap goes bit by bit with each batch; weights and waivers, which lie on the same disk, need room more, so of what
is free there it leaves as much as it takes. Calls come one at a time, from a thread that may hang on a dead disk.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson
from sqlalchemy import Connection, Engine, text

from proxy.errors import StoreError
from proxy.evidence.batch import Batch, Caps
from proxy.store.engine import make_engine, telling
from proxy.store.opening import begin
from proxy.store.schema import Migrations

NAME: Final = "evidence.db"
PRAGMAS: Final = (
    "auto_vacuum = INCREMENTAL",  # of a new file only: deleted pages can be given back, some at a time
    "synchronous = NORMAL",
    "temp_store = MEMORY",
    "trusted_schema = OFF",
    "cell_size_check = ON",
    "journal_size_limit = 16777216",
)
BUSY_SECONDS: Final = 2.0
# Rows that one batch deletes of each table, and pages that it gives back: enough to keep up, too few to be felt.
DELETED: Final = 500
PAGES: Final = 256
# Pages that wait in the log beside the file (SQLite's default): a sixteenth of the room there is, where that is less.
WAITING: Final = 1000
LEAST_WAITING: Final = 16
PAGE: Final = 4096
# Digests of keys of one signature.
MOST_KEYS: Final = 1000

# As the store's own file: add, never change.
MIGRATIONS: Final[Migrations] = (
    (
        """CREATE TABLE head (
            one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1), lines INTEGER NOT NULL, hash TEXT NOT NULL,
            written_by TEXT NOT NULL
        )""",
        "INSERT INTO head VALUES (1, 0, '', '')",
        """CREATE TABLE signatures (
            id TEXT NOT NULL PRIMARY KEY, endpoint TEXT NOT NULL, severity TEXT NOT NULL, parts TEXT NOT NULL,
            first REAL NOT NULL, last REAL NOT NULL, count INTEGER NOT NULL, verdict TEXT NOT NULL
        )""",
        "CREATE INDEX signatures_last ON signatures (last)",
        """CREATE TABLE samples (
            id TEXT NOT NULL PRIMARY KEY, signature TEXT NOT NULL, at REAL NOT NULL, data BLOB NOT NULL
        )""",
        "CREATE INDEX samples_signature ON samples (signature, at)",
        "CREATE INDEX samples_at ON samples (at)",
        """CREATE TABLE affected (
            signature TEXT NOT NULL, key TEXT NOT NULL, by_old INTEGER NOT NULL, by_new INTEGER NOT NULL,
            last REAL NOT NULL, PRIMARY KEY (signature, key)
        ) WITHOUT ROWID""",
        "CREATE INDEX affected_last ON affected (last)",
    ),
    (
        "ALTER TABLE signatures ADD COLUMN rechecked INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE signatures ADD COLUMN transient INTEGER NOT NULL DEFAULT 0",
    ),
)

PUT_SIGNATURE: Final = text(
    """INSERT INTO signatures VALUES (
        :id, :endpoint, :severity, :parts, :first, :last, :count, :verdict, :rechecked, :transient
    )
    ON CONFLICT (id) DO UPDATE SET first = MIN(first, excluded.first), last = MAX(last, excluded.last),
    count = count + excluded.count, verdict = excluded.verdict, rechecked = rechecked + excluded.rechecked,
    transient = transient + excluded.transient"""
)
PUT_SAMPLE: Final = text("INSERT OR IGNORE INTO samples VALUES (:id, :signature, :at, :data)")
PUT_KEY: Final = text(
    """INSERT INTO affected VALUES (:signature, :key, :by_old, :by_new, :last)
    ON CONFLICT (signature, key) DO UPDATE SET by_old = by_old + excluded.by_old, by_new = by_new + excluded.by_new,
    last = MAX(last, excluded.last)"""
)
# What is over a cap, the oldest first.
DROP_OF_SIGNATURE: Final = text(
    """DELETE FROM samples WHERE id IN (
        SELECT id FROM samples WHERE signature = :signature ORDER BY at DESC LIMIT :most OFFSET :kept
    )"""
)
DROP_KEYS: Final = text(
    """DELETE FROM affected WHERE signature = :signature AND key IN (
        SELECT key FROM affected WHERE signature = :signature ORDER BY last DESC LIMIT :most OFFSET :kept
    )"""
)
DROP_OLD: Final = {
    "samples": text(
        "DELETE FROM samples WHERE id IN (SELECT id FROM samples WHERE at < :before ORDER BY at LIMIT :most)"
    ),
    "signatures": text(
        "DELETE FROM signatures WHERE id IN (SELECT id FROM signatures WHERE last < :before ORDER BY last LIMIT :most)"
    ),
    "affected": text(
        """DELETE FROM affected WHERE (signature, key) IN (
            SELECT signature, key FROM affected WHERE last < :before ORDER BY last LIMIT :most
        )"""
    ),
}
DROP_OLDEST: Final = {
    "samples": text("DELETE FROM samples WHERE id IN (SELECT id FROM samples ORDER BY at LIMIT :most)"),
    "signatures": text("DELETE FROM signatures WHERE id IN (SELECT id FROM signatures ORDER BY last LIMIT :most)"),
    "affected": text(
        "DELETE FROM affected WHERE (signature, key) IN (SELECT signature, key FROM affected ORDER BY last LIMIT :most)"
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """
    An open file, and in a sentence what was wrong with what was there.
    """

    kept: "Evidence"
    trouble: str | None


class Evidence:
    """
    Made by `open`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        waiting = max(LEAST_WAITING, min(WAITING, _free(path) // 16 // PAGE))
        pragmas = (*PRAGMAS, f"wal_autocheckpoint = {waiting}")
        self._engine: Engine = make_engine(path, BUSY_SECONDS, pragmas=pragmas)
        self._counts: dict[str, int] = {}

    @classmethod
    def open(cls, state: str) -> Opened:
        """
        Open the file in the folder of the store. Raises StoreError when that can't be done.
        """
        kept = cls(Path(os.path.realpath(state)) / NAME)
        try:
            trouble = begin(kept.path, kept._engine, BUSY_SECONDS, MIGRATIONS)
            if trouble is not None:
                # Not worth its room: what it held is seen again.
                for broken in kept.path.parent.glob(f"{NAME}.broken-*"):
                    broken.unlink(missing_ok=True)
            with telling(kept.path), kept._engine.begin() as connection:
                kept._counts = {name: _count(connection, name) for name in DROP_OLD}
        except StoreError:
            kept.close()
            raise
        return Opened(kept=kept, trouble=trouble)

    def close(self) -> None:
        """
        Close the file.
        """
        self._engine.dispose()

    # Writing...

    def write(self, batch: Batch, caps: Caps, now: float) -> None:
        """
        Keep a batch, whole or not at all, and delete some of what is over the caps at `now`. Raises StoreError.
        """
        try:
            with telling(self.path), self._engine.execution_options(write=True).begin() as connection:
                self._put(connection, batch)
                self._prune(connection, batch, caps, now)
            with telling(self.path), self._engine.begin() as connection:
                _give_back(connection)
        except StoreError:
            # A connection may keep what was wrong.
            self._engine.dispose()
            raise

    def _put(self, connection: Connection, batch: Batch) -> None:
        for statement, rows in (
            (PUT_SIGNATURE, batch.signatures),
            (PUT_SAMPLE, batch.samples),
            (PUT_KEY, batch.keys),
        ):
            if rows:
                connection.execute(statement, list(rows))
        # An upper bound; what was there already is counted anew when it matters.
        self._counts["samples"] += len(batch.samples)
        self._counts["signatures"] += len(batch.signatures)
        self._counts["affected"] += len(batch.keys)

    def _prune(self, connection: Connection, batch: Batch, caps: Caps, now: float) -> None:
        for signature in {row["signature"] for row in batch.samples}:
            values = {"signature": signature, "most": DELETED, "kept": caps.per_signature}
            connection.execute(DROP_OF_SIGNATURE, values)
        for signature in {row["signature"] for row in batch.keys}:
            connection.execute(DROP_KEYS, {"signature": signature, "most": DELETED, "kept": MOST_KEYS})
        for statement in DROP_OLD.values():
            connection.execute(statement, {"before": now - caps.max_age, "most": DELETED})
        for name, statement in DROP_OLDEST.items():
            most = caps.max_rows * (10 if name == "affected" else 1)
            if self._counts[name] > most:
                self._counts[name] = _count(connection, name)
                over = min(self._counts[name] - most, DELETED)
                if over > 0:
                    connection.execute(statement, {"most": over})
        used = _used(connection)
        if used > min(caps.max_bytes, (used + _free(self.path)) // 2):
            share = max(1, _count(connection, "samples") // 20)
            connection.execute(DROP_OLDEST["samples"], {"most": min(share, DELETED)})
            if not batch.samples:
                connection.execute(DROP_OLDEST["affected"], {"most": DELETED})

    # ... and reading.

    def signatures(self, limit: int) -> list[dict[str, Any]]:
        """
        The signatures that were seen last.
        """
        found = self._rows("SELECT * FROM signatures ORDER BY last DESC LIMIT :limit", {"limit": limit})
        return [{**row, "parts": orjson.loads(row["parts"])} for row in found]

    def samples(self, signature: str, limit: int) -> list[dict[str, Any]]:
        """
        The newest samples of a signature.
        """
        query = "SELECT data FROM samples WHERE signature = :signature ORDER BY at DESC LIMIT :limit"
        return [orjson.loads(row["data"]) for row in self._rows(query, {"signature": signature, "limit": limit})]

    def latest(self, limit: int) -> list[dict[str, str]]:
        """
        Which samples there are, the newest first: `id` and `signature`.
        """
        return self._rows("SELECT id, signature FROM samples ORDER BY at DESC LIMIT :limit", {"limit": limit})

    def affected(self, signature: str, limit: int) -> list[dict[str, Any]]:
        """
        Whom a signature has hit: digests, those first that new has answered most.
        """
        query = (
            "SELECT key, by_old, by_new, last FROM affected WHERE signature = :signature "
            "ORDER BY by_new DESC, last DESC LIMIT :limit"
        )
        return self._rows(query, {"signature": signature, "limit": limit})

    def _rows(self, query: str, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        with telling(self.path), self._engine.begin() as connection:
            return [dict(row) for row in connection.execute(text(query), values).mappings()]


def _count(connection: Connection, table: str) -> int:
    return int(connection.exec_driver_sql(f"SELECT COUNT(*) FROM {table}").scalar_one())  # noqa: S608 - ours


def _free(path: Path) -> int:
    """
    Bytes of the disk that may still be taken; any number where that can't be told, as on one that fails.
    """
    try:
        room = os.statvfs(path.parent)
    except OSError:
        return 1 << 62
    return room.f_bavail * room.f_frsize


def _used(connection: Connection) -> int:
    """
    Bytes of the file that hold something.
    """
    size, pages, free = (
        int(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one())
        for name in ("page_size", "page_count", "freelist_count")
    )
    return size * (pages - free)


def _give_back(connection: Connection) -> None:
    cursor = connection.connection.cursor()
    try:
        # A page a step; SQLAlchemy wouldn't take a second one, since there is nothing to read.
        cursor.execute(f"PRAGMA incremental_vacuum({PAGES})")
        cursor.fetchall()
    finally:
        cursor.close()
