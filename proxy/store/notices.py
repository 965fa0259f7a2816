"""
Notices in the store's own file: one is kept in the transaction of what it tells of, and marked before it is sent.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from sqlalchemy import Connection, func, select

from proxy.plan.outbox import Notice, NoticeState
from proxy.store.audit import clean
from proxy.store.schema import notices

OPEN: Final = (NoticeState.PENDING.value, NoticeState.SENDING.value)
# Notices that are read at once, and settled ones that are kept: a plan of weeks makes some hundred.
MOST: Final = 1000
KEPT: Final = 10_000
# What never changes again once a notice is kept.
WORDS: Final = ("id", "plan", "event", "audience", "channel", "stage", "subject", "text")
PROGRESS: Final = ("state", "attempts", "next", "doubtful", "said")


def put(connection: Connection, made: Iterable[Notice]) -> None:
    """
    Keep notices in their order, except those that are kept already: whoever isn't sure puts them again.
    """
    number = int(connection.execute(select(func.max(notices.c.number))).scalar() or 0)
    for notice in made:
        if connection.execute(select(notices.c.id).where(notices.c.id == notice.id)).one_or_none() is None:
            number += 1
            connection.execute(notices.insert().values(number=number, **_as_row(notice)))
    settled = notices.c.state.not_in(OPEN)
    connection.execute(notices.delete().where(notices.c.number <= number - KEPT, settled))


def mark(connection: Connection, notice: Notice) -> None:
    """
    Keep how far a notice is.
    """
    row = _as_row(notice)
    connection.execute(notices.update().where(notices.c.id == notice.id).values({name: row[name] for name in PROGRESS}))


def read(connection: Connection, *, settled: bool) -> list[Notice]:
    """
    Those that are still to be sent, the oldest first, at most `MOST`; with `settled`, the newest of all instead.
    """
    query = select(notices).limit(MOST)
    if settled:
        rows = list(connection.execute(query.order_by(notices.c.number.desc())))[::-1]
    else:
        rows = list(connection.execute(query.where(notices.c.state.in_(OPEN)).order_by(notices.c.number)))
    return [notice for row in rows if (notice := _from_row(row._asdict())) is not None]


def _as_row(notice: Notice) -> dict[str, Any]:
    return {
        **{name: clean(getattr(notice, name)) for name in WORDS},
        "seq": notice.seq,
        "data": clean(_as_json(notice.data)),
        "must": int(notice.must),
        "since": notice.since,
        "state": notice.state.value,
        "attempts": notice.attempts,
        "next": notice.next,
        "doubtful": int(notice.doubtful),
        "said": clean(notice.said),
    }


def _as_json(data: Mapping[str, Any]) -> str:
    # Facts can come from bodies, which may nest deeper than orjson can write; what is no number is no JSON either.
    plain = json.loads(json.dumps(data, default=str), parse_constant=lambda _: None)
    return json.dumps(plain)


def _from_row(row: dict[str, Any]) -> Notice | None:
    """
    The notice of a row; None for one that somebody wrote into: what it would say is not known.
    """
    try:
        return Notice(
            **{name: str(row[name]) for name in WORDS},
            seq=int(row["seq"]),
            data=json.loads(row["data"]),
            must=bool(row["must"]),
            since=float(row["since"]),
            state=NoticeState(row["state"]),
            attempts=int(row["attempts"]),
            next=float(row["next"]),
            doubtful=bool(row["doubtful"]),
            said=str(row["said"]),
        )
    except (TypeError, ValueError):
        return None
