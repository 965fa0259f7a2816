"""
One set of totals out of the snapshots of all incarnations of all workers. Pure: what is dead is told by the caller.

Every snapshot is cumulative since its incarnation's start, so the newest of each is all there is to add up. Totals only
grow: a dead incarnation's last snapshot stays in them for good, and what it had pending becomes `worker_lost`.
"""

from dataclasses import dataclass, field
from typing import Any, TypeVar

from proxy.errors import LinkError
from proxy.metrics.books import ROLES, SKIPS, Books, Page
from proxy.routing.table import NEW, OLD, SIDES

WORKER_LOST = SKIPS[-1]
_LEGS = {f"{side}|{role}": index for index, (side, role) in enumerate((side, role) for side in SIDES for role in ROLES)}

_Number = TypeVar("_Number", int, float)
_Key = TypeVar("_Key", int, str)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerState:
    """
    What a worker said about itself beside its totals. `on_new` of those `inflight` are answered by new, `shadow_memory`
    is bytes held for copies and judging, `overload` the level of its ladder (`proxy/overload.py`); `brownout`: it makes
    no copies, for live answers' sake.
    """

    epoch: int = 0
    digest: str = ""
    shadow_memory: int = 0
    connections: int = 0
    inflight: int = 0
    on_new: int = 0
    breaker_open: tuple[bool, bool] = (False, False)
    ejected: tuple[bool, bool] = (False, False)
    overload: int = 0
    brownout: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """
    One worker at one instant.
    """

    worker: WorkerState = field(default_factory=WorkerState)
    books: Books = field(default_factory=Books)


def parse(raw: Any) -> Snapshot:
    """
    The snapshot that a worker sent as JSON. Raises `LinkError` when it has another shape: that worker is not ours.
    """
    try:
        books = Books()
        _add_named(books.errors, raw["errors"])
        _add_named(books.flags, raw.get("flags", {}))
        for name, page in raw["endpoints"].items():
            _read_page(books.page(name), page)
        worker = raw["worker"]
        old, new = worker["breaker_open"]
        old_out, new_out = worker["ejected"]
        state = WorkerState(
            epoch=int(worker["epoch"]),
            digest=str(worker["digest"]),
            shadow_memory=int(worker["shadow_memory"]),
            connections=int(worker["connections"]),
            inflight=int(worker["inflight"]),
            on_new=int(worker["on_new"]),
            breaker_open=(bool(old), bool(new)),
            ejected=(bool(old_out), bool(new_out)),
            overload=int(worker["overload"]),
            brownout=bool(worker["brownout"]),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise LinkError(f"a snapshot has the wrong shape ({type(error).__name__}: {error})") from error
    return Snapshot(worker=state, books=books)


class Merge:
    """
    The totals of all workers that ever were, in this supervisor's life.
    """

    def __init__(self) -> None:
        self._newest: dict[int, Snapshot] = {}
        self._dead: set[int] = set()
        self._settled: set[int] = set()
        self._past = Books()

    @property
    def living(self) -> dict[int, Snapshot]:
        """
        The newest snapshot of each incarnation that is not buried.
        """
        return dict(self._newest)

    def put(self, incarnation: int, snapshot: Snapshot) -> None:
        """
        Replace what this incarnation said before.

        Of a buried one only the first counts, and only if none came before: its pending are settled by then, and
        taking them back would make totals shrink.
        """
        if incarnation in self._settled:
            return
        self._newest[incarnation] = snapshot
        if incarnation in self._dead:
            self._settle(incarnation)

    def bury(self, incarnation: int) -> None:
        """
        This incarnation is dead: what its last snapshot has pending is `worker_lost`. Safe to repeat.
        """
        self._dead.add(incarnation)
        if incarnation in self._newest:
            self._settle(incarnation)

    def totals(self) -> Books:
        """
        Everything added up, as new books that the caller may keep.
        """
        books = Books()
        _add(books, self._past)
        for snapshot in self._newest.values():
            _add(books, snapshot.books)
        return books

    def _settle(self, incarnation: int) -> None:
        books = self._newest.pop(incarnation).books
        for page in books.pages.values():
            for live in (OLD, NEW):
                if pending := page.pending(live):
                    _add_named(page.skipped[live], {WORKER_LOST: pending})
        _add(self._past, books)
        self._settled.add(incarnation)


def _add(into: Books, books: Books) -> None:
    for counts, added in ((into.errors, books.errors), (into.flags, books.flags)):
        for key, count in added.items():
            counts[key] = counts.get(key, 0) + count
    for name, page in books.pages.items():
        _add_page(into.page(name), page)


def _add_page(into: Page, page: Page) -> None:
    _add_counts(into.eligible, page.eligible)
    _add_counts(into.failed, page.failed)
    _add_counts(into.failovers, page.failovers)
    _add_counts(into.twins, page.twins)
    _add_counts(into.rechecks, page.rechecks)
    _add_counts(into.connects, page.connects)
    _add_counts(into.sums, page.sums)
    for total, counts in (
        *zip(into.verdicts, page.verdicts, strict=True),
        *zip(into.deltas, page.deltas, strict=True),
        *zip(into.ratios, page.ratios, strict=True),
        *zip(into.seconds, page.seconds, strict=True),
    ):
        _add_counts(total, counts)
    for live in (OLD, NEW):
        _add_named(into.skipped[live], page.skipped[live])
        _add_named(into.unpaired[live], page.unpaired[live])
    _add_named(into.differences, page.differences)
    for codes, more in zip(into.requests, page.requests, strict=True):
        _add_named(codes, more)


def _read_page(into: Page, raw: dict[str, Any]) -> None:
    """
    Add what `Page.snapshot` made. Lists of another length are a `ValueError`.
    """
    _add_counts(into.eligible, raw["eligible"])
    _add_counts(into.failed, raw["failed"])
    _add_counts(into.failovers, raw["failovers"])
    _add_counts(into.twins, raw["twins"])
    _add_counts(into.rechecks, raw["rechecks"])
    _add_counts(into.connects, raw["connects"])
    for total, counts in (
        *zip(into.verdicts, raw["verdicts"], strict=True),
        *zip(into.deltas, raw["deltas"], strict=True),
        *zip(into.ratios, raw["ratios"], strict=True),
    ):
        _add_counts(total, counts)
    for live in (OLD, NEW):
        _add_named(into.skipped[live], raw["skipped"][live])
        _add_named(into.unpaired[live], raw["unpaired"][live])
    _add_named(into.differences, raw["differences"])
    for key, codes in raw["requests"].items():
        _add_named(into.requests[_LEGS[key]], {int(code): count for code, count in codes.items()})
    for key, (*counts, seconds) in raw["seconds"].items():
        _add_counts(into.seconds[_LEGS[key]], counts)
        into.sums[_LEGS[key]] += seconds


def _add_counts(into: list[_Number], counts: list[_Number]) -> None:
    into[:] = [total + count for total, count in zip(into, counts, strict=True)]


def _add_named(into: dict[_Key, int], counts: dict[_Key, int]) -> None:
    for key, count in counts.items():
        into[key] = into.get(key, 0) + count
