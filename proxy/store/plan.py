"""
The plan in the store's own file: its text, where it is, the evidence it goes by, and what became of it so far.

There is one at a time. The row is written whole with each transition, in one transaction with the lines of the audit
and the notices that belong to it; so whoever finds it, after kill -9 too, finds all of it.
"""

from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import Connection, func, select

from proxy.errors import StoreError
from proxy.store.schema import plan_history, plans

# Lines of the history that are read again: a plan that goes on for weeks has some hundred.
MOST: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """
    A plan as it is kept. `run` tells one start of a plan from the next, `file` is what it was read from, `text` what
    was in that; `state` and `evidence` are JSON. `generation` and `seq` are those of the state.
    """

    run: str
    hash: str
    file: str
    text: str
    state: str
    evidence: str
    generation: int
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """
    One line of a plan's history.
    """

    at: float
    seq: int
    what: str
    stage: str
    by: str
    said: str


def save(connection: Connection, kept: Kept, history: tuple[Told, ...]) -> None:
    """
    Keep a plan instead of the one before, and those lines of its history that aren't kept yet: `history` are those of
    this transition. Raises `StoreError` (stale) when somebody of a later generation has written.
    """
    newest = connection.execute(select(plans.c.run, plans.c.generation)).one_or_none()
    if newest is not None and newest.run == kept.run and newest.generation > kept.generation:
        raise StoreError("stale", f"generation {newest.generation} of the plan has taken over")
    connection.execute(plans.delete())
    connection.execute(plans.insert().values(one=1, **asdict(kept), sha256=_digest(kept)))
    number = int(connection.execute(select(func.max(plan_history.c.id))).scalar() or 0)
    told = connection.execute(select(func.max(plan_history.c.seq)).where(plan_history.c.run == kept.run)).scalar()
    for line in history:
        if told is None or line.seq > told:
            number += 1
            connection.execute(plan_history.insert().values(id=number, run=kept.run, **asdict(line)))


def save_evidence(connection: Connection, run: str, generation: int, seq: int, evidence: str, state: str) -> None:
    """
    Keep newer evidence, and what the state has added up by it since; nothing where another state is kept by now.
    """
    row = connection.execute(select(plans)).one_or_none()
    if row is None or (row.run, row.generation, row.seq) != (run, generation, seq):
        return
    kept = _kept({**row._asdict(), "evidence": evidence, "state": state})
    connection.execute(plans.update().values(evidence=evidence, state=state, sha256=_digest(kept)))


def load(connection: Connection) -> Kept | None:
    """
    The plan that is kept; None when there never was one. Raises `StoreError` (corrupt) when it isn't what was written.
    """
    row = connection.execute(select(plans)).one_or_none()
    if row is None:
        return None
    kept = _kept(row._asdict())
    if _digest(kept) != row.sha256:
        raise StoreError("corrupt", "the plan that is kept isn't what was saved")
    return kept


def history(connection: Connection, run: str) -> list[Told]:
    """
    The history of one run, the oldest first, at most the last `MOST`.
    """
    query = select(plan_history).where(plan_history.c.run == run).order_by(plan_history.c.id.desc()).limit(MOST)
    rows = [row._asdict() for row in connection.execute(query)]
    return [Told(**{name: row[name] for name in Told.__slots__}) for row in reversed(rows)]


def _kept(row: dict[str, Any]) -> Kept:
    return Kept(**{name: row[name] for name in Kept.__slots__})


def _digest(kept: Kept) -> str:
    # SQLite has no checksums, and a flipped bit would move traffic.
    words = "\0".join(str(getattr(kept, name)) for name in Kept.__slots__)
    return sha256(words.encode("utf-8", "surrogateescape")).hexdigest()
