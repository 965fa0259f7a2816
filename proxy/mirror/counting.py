"""
What pairs and answers tell of events: the facts and latencies that a worker's tally takes.
"""

from typing import TYPE_CHECKING, Final

from proxy.gates.tally import FAILED, MATCHED, MISMATCHED, NEW_OK, OLD_OK, UNKNOWN, Sheet
from proxy.metrics.books import DIVERGENT
from proxy.mirror.observation import Observation
from proxy.routing.table import OLD
from proxy.routing.ways import Way
from proxy.wire.request import RequestHead

if TYPE_CHECKING:
    from proxy.mirror.pair import Pair

# Instead of a verdict: the pair has none, though both sides have ended.
UNJUDGED: Final = -1
OK: Final = (OLD_OK, NEW_OK)
JUDGED: Final = (OLD_OK | MATCHED, OLD_OK | MISMATCHED)


def count_pair(sheet: Sheet, pair: "Pair", verdict: int) -> None:
    """
    Both sides of a pair have ended, and this is its verdict.
    """
    live, shadow, way = pair.live, pair.shadow, pair.way
    if way is None:
        return
    old, new = (live, shadow) if pair.live_side == OLD else (shadow, live)
    old_head, new_head = old.head, new.head
    if old.cause is None and new.cause is None and old_head is not None and new_head is not None:
        code = NEW_OK if new_head.status < 500 else 0
        if old_head.status < 500:
            # What differs from an error of old isn't new's fault.
            code |= OLD_OK if verdict == UNJUDGED else JUDGED[verdict == DIVERGENT]
    else:
        code = FAILED if (old.cause is None) is not (new.cause is None) else 0
        if old.cause is None and old_head is not None and old_head.status < 500:
            code |= OLD_OK
        if new.cause is None and new_head is not None and new_head.status < 500:
            code |= NEW_OK
    if pair.paired:
        sheet.count(way, pair.request, pair.address, code, (old.at - old.sent) * 1e3, (new.at - new.sent) * 1e3)
    else:
        sheet.count(way, pair.request, pair.address, code, UNKNOWN, UNKNOWN)


def count_copy(sheets: tuple[Sheet, ...], pair: "Pair", shadow: Observation) -> None:
    """
    The side that got a copy has ended.
    """
    if pair.way is not None:
        status = 0 if shadow.head is None else shadow.head.status
        side, seconds = 1 - pair.live_side, shadow.at - shadow.sent
        count_answer(sheets, side, pair.way, pair.request, pair.address, status, seconds, complete=shadow.cause is None)


def count_answer(
    sheets: tuple[Sheet, ...],
    side: int,
    way: Way,
    head: RequestHead,
    address: bytes,
    status: int,
    seconds: float,
    *,
    complete: bool,
) -> None:
    """
    One side has ended: its answer had this status (0: there was none) and latency, and is complete, or failed.
    """
    code = (OK[side] if status < 500 else 0) if complete else FAILED
    ms = seconds * 1e3 if status else UNKNOWN
    for sheet in sheets:
        sheet.count(way, head, address, code, ms, ms)
