"""
What waits to be told, and what is to be sent next.

A notice is kept in the transaction of what it tells of, so that neither is there without the other. It is marked before
it is sent, so that whoever finds a marked one after a kill knows that it may have arrived: it is sent again under the
same number, by which a receiver tells a repeat.
"""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final

# Seconds to the next attempt: these times 2 with each one that failed, and a little more or less, so that many who
# wait for the same receiver don't come back as one.
FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 300.0
JITTER: Final = 0.25
# Nobody needs to read after so long that a stage began. What must be delivered is tried for ever.
PATIENCE: Final = 86_400.0


class NoticeState(StrEnum):
    """
    How far a notice is.
    """

    PENDING = "pending"  # waits for its time
    SENDING = "sending"  # is being sent, or was when control died
    SENT = "sent"
    FAILED = "failed"  # given up


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """
    One message to one channel. `id` is the same whenever it is made again, `seq` is that of the plan's state that it
    tells of, `since` when that came about and `next` when it is to be sent (Unix time). `must`: the plan doesn't go on
    before it is sent. `doubtful`: an earlier attempt may have arrived. `said` is why the last attempt failed.
    """

    id: str
    plan: str
    seq: int
    event: str
    audience: str
    channel: str
    stage: str
    subject: str
    text: str
    data: Mapping[str, Any] = field(default_factory=dict)
    must: bool = False
    since: float
    state: NoticeState = NoticeState.PENDING
    attempts: int = 0
    next: float = 0.0
    doubtful: bool = False
    said: str = ""

    @property
    def is_settled(self) -> bool:
        """
        Whether nothing more will become of it.
        """
        return self.state in (NoticeState.SENT, NoticeState.FAILED)


def due(notices: Iterable[Notice], now: float, busy: Container[str] = ()) -> tuple[Notice, ...]:
    """
    What is to be sent now: of each channel that isn't `busy` at most one, in the order in which they are given. Only
    what must be delivered overtakes, and only what failed before and need not.
    """
    return tuple(first for channel, first in _first(notices).items() if channel not in busy and _wait(first, now) <= 0)


def until_due(notices: Iterable[Notice], now: float, busy: Container[str] = ()) -> float | None:
    """
    Seconds until `due` is worth asking again, if nothing else happens; None for never.
    """
    return min((_wait(first, now) for channel, first in _first(notices).items() if channel not in busy), default=None)


def _wait(notice: Notice, now: float) -> float:
    wait = notice.next - now
    # Nothing is put off for longer: the clock was put back.
    return wait if wait <= LONGEST_PAUSE else 0.0


def _first(notices: Iterable[Notice]) -> dict[str, Notice]:
    found: dict[str, Notice] = {}
    for notice in notices:
        if notice.is_settled:
            continue
        first = found.setdefault(notice.channel, notice)
        if notice.must and first.attempts and not first.must:
            found[notice.channel] = notice
    return found


def begun(notice: Notice) -> Notice:
    """
    As it is to be kept before it is sent. One that is found marked may have arrived.
    """
    doubtful = notice.doubtful or notice.state == NoticeState.SENDING
    return replace(notice, state=NoticeState.SENDING, attempts=notice.attempts + 1, doubtful=doubtful)


def delivered(notice: Notice) -> Notice:
    """
    As it is to be kept when it has arrived.
    """
    return replace(notice, state=NoticeState.SENT, said="")


def failed(notice: Notice, said: str, now: float, again: float, *, maybe: bool) -> Notice:
    """
    As it is to be kept when an attempt failed, or `maybe` didn't: put off for `again` seconds, or given up.
    """
    if not notice.must and now - notice.since >= PATIENCE:
        return replace(notice, state=NoticeState.FAILED, said=said)
    return replace(
        notice,
        state=NoticeState.PENDING,
        next=now + again,
        doubtful=notice.doubtful or maybe,
        said=said,
    )


def pause(attempts: int, roll: float) -> float:
    """
    Seconds from an attempt, one of so many, to the next. `roll` is a number from 0 to 1.
    """
    # Beyond 2^20 it is the longest one anyway, and a float ends somewhere.
    seconds = FIRST_PAUSE * 2.0 ** min(attempts - 1, 20)
    return min(LONGEST_PAUSE, seconds * (1 + JITTER * (2 * roll - 1)))
