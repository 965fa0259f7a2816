"""
Waivers in the store's own file: they decide what counts, so they are kept as carefully as intents.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

import orjson
from sqlalchemy import Connection, func, select

from proxy.clock import timestamp
from proxy.compare.difference import Kind
from proxy.evidence.waivers import Waiver
from proxy.store.audit import Entry, canonical, clean
from proxy.store.schema import waivers

# Nobody waives that much by hand.
MOST: Final = 10_000


def add(connection: Connection, waiver: Waiver, append: Callable[[Entry], Entry], entry: Entry) -> Entry:
    """
    Keep a waiver and its line, which tells the number that it gets, and of which it takes the place: those of the same
    signature that still held. Returns the line.
    """
    entry = replace(entry, at=entry.at or timestamp())
    now = datetime.fromisoformat(entry.at).timestamp()
    holding = (waivers.c.signature == waiver.signature, waivers.c.removed.is_(None), waivers.c.until > now)
    replaced = list(connection.execute(select(waivers.c.id).where(*holding).order_by(waivers.c.id)).scalars())
    number = int(connection.execute(select(func.max(waivers.c.id))).scalar() or 0) + 1
    said = {"waiver": number, **(entry.after or {}), **({"replaces": replaced} if replaced else {})}
    line = append(replace(entry, after=said))
    connection.execute(waivers.update().where(*holding).values(removed=line.at))
    connection.execute(
        waivers.insert().values(
            id=number,
            signature=waiver.signature,
            endpoint=clean(waiver.endpoint),
            parts=canonical([[clean(pattern), int(kind)] for pattern, kind in waiver.parts]),
            until=waiver.until,
            reason=clean(waiver.reason),
            by=clean(waiver.by),
            at=line.at,
            entry=line.id,
        )
    )
    return line


def remove(connection: Connection, number: int, at: str) -> None:
    """
    A waiver is over; a second removal changes nothing.
    """
    connection.execute(waivers.update().where(waivers.c.id == number, waivers.c.removed.is_(None)).values(removed=at))


def read(connection: Connection, after: float) -> list[Waiver]:
    """
    The newest waivers that end after that, in the order in which they were made.
    """
    query = select(waivers).where(waivers.c.until > after).order_by(waivers.c.id.desc()).limit(MOST)
    found = [_from_row(row._asdict()) for row in connection.execute(query)]
    return [waiver for waiver in reversed(found) if waiver is not None]


def _from_row(row: dict[str, Any]) -> Waiver | None:
    """
    The waiver of a row; None for one that somebody wrote into: what it would accept is not known.
    """
    try:
        return Waiver(
            id=row["id"],
            signature=str(row["signature"]),
            endpoint=str(row["endpoint"]),
            parts=tuple((str(pattern), Kind(kind)) for pattern, kind in orjson.loads(row["parts"])),
            until=float(row["until"]),
            reason=str(row["reason"]),
            by=str(row["by"]),
            at=str(row["at"]),
            removed=row["removed"],
        )
    except (TypeError, ValueError):
        return None
