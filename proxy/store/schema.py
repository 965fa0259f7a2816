"""
What the store's tables look like, and how a database of an earlier Parallax becomes one of this.

A database is built by the same migrations that bring an old one up to date, and stamped with how many were made.
"""

from dataclasses import dataclass
from itertools import chain
from typing import Final

from sqlalchemy import Column, Connection, Float, Integer, MetaData, Table, Text, create_engine, text

# «Plxs»: says to `file` and to us that this SQLite database is a store of Parallax.
APPLICATION: Final = int.from_bytes(b"Plxs")

Migrations = tuple[tuple[str, ...], ...]

metadata: Final = MetaData()

# Every intent that was ever saved; the one with the greatest epoch counts.
intents: Final = Table(
    "intents",
    metadata,
    Column("epoch", Integer, primary_key=True),
    Column("intent", Text, nullable=False),  # canonical JSON
    Column("sha256", Text, nullable=False),  # of it: SQLite has no checksums, and a flipped bit would move traffic
    Column("entry", Integer, nullable=False),  # the line of the audit that says why
)

audit: Final = Table(
    "audit",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("peer", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("before", Text, nullable=False),  # canonical JSON, as `after`
    Column("after", Text, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("latch", Integer, nullable=True),
    Column("previous", Text, nullable=False),
    Column("hash", Text, nullable=False),
)

# What an operator has accepted, until when and why; of a signature that has several, the last counts.
waivers: Final = Table(
    "waivers",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("signature", Text, nullable=False),
    Column("endpoint", Text, nullable=False),
    Column("parts", Text, nullable=False),  # canonical JSON
    Column("until", Float, nullable=False),  # Unix time
    Column("reason", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("removed", Text, nullable=True),  # when
    Column("entry", Integer, nullable=False),  # the line of the audit that says so
)

# The plan that runs or ran last: one row. See `store.plan`.
plans: Final = Table(
    "plans",
    metadata,
    Column("one", Integer, primary_key=True),
    Column("run", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Column("file", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("state", Text, nullable=False),  # JSON, as `evidence`
    Column("evidence", Text, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("sha256", Text, nullable=False),  # of all of it
)

# What became of plans, all runs of them.
plan_history: Final = Table(
    "plan_history",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run", Text, nullable=False),
    Column("at", Float, nullable=False),  # Unix time
    Column("seq", Integer, nullable=False),
    Column("what", Text, nullable=False),
    Column("stage", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("said", Text, nullable=False),
)

# What was told to whom, or is to be. See `plan.outbox`.
notices: Final = Table(
    "notices",
    metadata,
    Column("number", Integer, primary_key=True),  # the order in which they are sent
    Column("id", Text, nullable=False, unique=True),
    Column("plan", Text, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("event", Text, nullable=False),
    Column("audience", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("stage", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("data", Text, nullable=False),  # JSON
    Column("must", Integer, nullable=False),
    Column("since", Float, nullable=False),  # Unix time, as `next`
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next", Float, nullable=False),
    Column("doubtful", Integer, nullable=False),
    Column("said", Text, nullable=False),
)

# One row: how many lines the audit has and the hash of the last, so that a cut end is noticed; which Parallax made the
# schema.
head: Final = Table(
    "head",
    metadata,
    Column("one", Integer, primary_key=True),
    Column("lines", Integer, nullable=False),
    Column("hash", Text, nullable=False),
    Column("written_by", Text, nullable=False),
)

# Statements by the schema version that they lead to, beginning with 1. What is here was released: add, never change.
MIGRATIONS: Final[Migrations] = (
    (
        """CREATE TABLE intents (
            epoch INTEGER NOT NULL PRIMARY KEY, intent TEXT NOT NULL, sha256 TEXT NOT NULL, entry INTEGER NOT NULL
        )""",
        """CREATE TABLE audit (
            id INTEGER NOT NULL PRIMARY KEY, at TEXT NOT NULL, actor TEXT NOT NULL, role TEXT NOT NULL,
            peer TEXT NOT NULL, action TEXT NOT NULL, reason TEXT NOT NULL, before TEXT NOT NULL, after TEXT NOT NULL,
            epoch INTEGER NOT NULL, latch INTEGER, previous TEXT NOT NULL, hash TEXT NOT NULL
        )""",
        """CREATE TABLE head (
            one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1), lines INTEGER NOT NULL, hash TEXT NOT NULL,
            written_by TEXT NOT NULL
        )""",
        "CREATE INDEX audit_latch ON audit (id) WHERE latch IS NOT NULL",
        "INSERT INTO head VALUES (1, 0, '0000000000000000000000000000000000000000000000000000000000000000', '')",
    ),
    (
        """CREATE TABLE waivers (
            id INTEGER NOT NULL PRIMARY KEY, signature TEXT NOT NULL, endpoint TEXT NOT NULL, parts TEXT NOT NULL,
            until FLOAT NOT NULL, reason TEXT NOT NULL, by TEXT NOT NULL, at TEXT NOT NULL, removed TEXT,
            entry INTEGER NOT NULL
        )""",
    ),
    (
        """CREATE TABLE plans (
            one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1), run TEXT NOT NULL, hash TEXT NOT NULL,
            file TEXT NOT NULL, text TEXT NOT NULL, state TEXT NOT NULL, evidence TEXT NOT NULL,
            generation INTEGER NOT NULL, seq INTEGER NOT NULL, sha256 TEXT NOT NULL
        )""",
        """CREATE TABLE plan_history (
            id INTEGER NOT NULL PRIMARY KEY, run TEXT NOT NULL, at FLOAT NOT NULL, seq INTEGER NOT NULL,
            what TEXT NOT NULL, stage TEXT NOT NULL, by TEXT NOT NULL, said TEXT NOT NULL
        )""",
        "CREATE INDEX plan_history_run ON plan_history (run, seq)",
    ),
    (
        """CREATE TABLE notices (
            number INTEGER NOT NULL PRIMARY KEY, id TEXT NOT NULL UNIQUE, plan TEXT NOT NULL, seq INTEGER NOT NULL,
            event TEXT NOT NULL, audience TEXT NOT NULL, channel TEXT NOT NULL, stage TEXT NOT NULL,
            subject TEXT NOT NULL, text TEXT NOT NULL, data TEXT NOT NULL, must INTEGER NOT NULL, since FLOAT NOT NULL,
            state TEXT NOT NULL, attempts INTEGER NOT NULL, next FLOAT NOT NULL, doubtful INTEGER NOT NULL,
            said TEXT NOT NULL
        )""",
        "CREATE INDEX notices_open ON notices (number) WHERE state IN ('pending', 'sending')",
    ),
)


TABLES: Final = text("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY name")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """
    Whose database it is: `application`, `version` of the schema, whether it is `empty`, who wrote it last.
    """

    application: int
    version: int
    empty: bool
    written_by: str


FRESH: Final = Stamp(application=0, version=0, empty=True, written_by="")


def read_stamp(connection: Connection) -> Stamp:
    """
    Read what every version of Parallax leaves where it is.
    """
    application = connection.execute(text("PRAGMA application_id")).scalar_one()
    version = connection.execute(text("PRAGMA user_version")).scalar_one()
    tables = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'")).scalars().all()
    written_by = ""
    if application == APPLICATION and "head" in tables:
        written_by = connection.execute(text("SELECT written_by FROM head")).scalar() or ""
    return Stamp(application=application, version=version, empty=not tables, written_by=written_by)


def is_whole(connection: Connection, made: Migrations) -> bool:
    """
    Whether the tables are those that the migrations in `made` make. SQLite itself only notices what it can't read.
    """
    engine = create_engine("sqlite://")
    with engine.begin() as model:
        for statement in chain.from_iterable(made):
            model.execute(text(statement))
        expected = model.execute(TABLES).all()
    engine.dispose()
    return connection.execute(TABLES).all() == expected


def migrate(connection: Connection, version: int, written_by: str, migrations: Migrations) -> None:
    """
    Bring a database with schema `version` (0: an empty one) up to date and stamp it; the caller commits.
    """
    if version == len(migrations):
        return
    for statement in chain.from_iterable(migrations[version:]):
        connection.execute(text(statement))
    connection.execute(head.update().values(written_by=written_by))
    connection.execute(text(f"PRAGMA application_id = {APPLICATION}"))
    connection.execute(text(f"PRAGMA user_version = {len(migrations)}"))
