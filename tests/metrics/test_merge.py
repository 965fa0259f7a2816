"""
Totals of all workers add up, close the books of dead ones, and never shrink.
"""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import LinkError
from proxy.metrics.books import DIVERGENT, IDENTICAL, LIVE, SHADOW, SKIPS, Books
from proxy.metrics.merge import WORKER_LOST, Merge, Snapshot, parse
from proxy.routing.table import NEW, OLD
from tests.parts.payloads import snapshot


def sent(books: Books, **state: Any) -> Snapshot:
    """
    `books` as control gets them, through JSON.
    """
    return parse(orjson.loads(orjson.dumps(snapshot(books, **state))))


def some_books(eligible: int = 5, identical: int = 3) -> Books:
    """
    Books with one endpoint: old live, all answered by both sides.
    """
    books = Books()
    page = books.page("GET /a")
    page.eligible[OLD] += eligible
    for _ in range(identical):
        page.judged(OLD, IDENTICAL)
        page.answered(OLD, LIVE, 200, 0.002)
        page.answered(NEW, SHADOW, 404, 0.2)
        page.compared(OLD, 0.002, 0.2)
        page.leave_unpaired(OLD, "paused")
        page.connected(NEW, SHADOW)
    return books


def as_values(books: Books) -> Any:
    """
    Books as something that compares.
    """
    return orjson.loads(orjson.dumps(books.snapshot()))


def test_a_snapshot_comes_back_as_it_was_sent() -> None:
    """
    Nothing of a worker's books gets lost on the way.
    """
    books = some_books()
    books.page("GET /b").skip(NEW, "method")
    books.page("GET /b").failed[NEW] += 1
    books.page("GET /b").rechecks[True] += 1
    books.error("client", "bad_request")
    got = sent(books, shadow_memory=7, breaker_open=[0, 1], ejected=[1, 0], overload=3)

    assert as_values(got.books) == as_values(books)
    assert got.worker.shadow_memory == 7
    assert got.worker.breaker_open == (False, True)
    assert got.worker.ejected == (True, False)
    assert got.worker.overload == 3


def test_incarnations_add_up() -> None:
    """
    Counts, histograms, sums and errors of two workers are one total.
    """
    merge = Merge()
    one, two = some_books(5, 3), some_books(2, 2)
    one.error("client", "timeout")
    two.error("client", "timeout")
    two.page("GET /b").skip(OLD, "off")
    merge.put(1, sent(one))
    merge.put(2, sent(two))
    totals = merge.totals()
    page = totals.pages["GET /a"]

    assert page.eligible == [7, 0]
    assert page.verdicts[OLD][IDENTICAL] == 5
    assert page.requests[OLD * 2 + LIVE] == {200: 5}
    assert page.requests[NEW * 2 + SHADOW] == {404: 5}
    assert sum(page.seconds[OLD * 2 + LIVE]) == 5
    assert page.sums[NEW * 2 + SHADOW] == pytest.approx(1.0)
    assert sum(page.deltas[OLD]) == sum(page.ratios[OLD]) == 5
    assert page.connects == [0, 0, 0, 5]
    assert page.unpaired == [{"paused": 5}, {}]
    assert totals.pages["GET /b"].skipped[OLD] == {"off": 1}
    assert totals.errors == {"client|timeout": 2}


def test_a_newer_snapshot_replaces_the_older_one() -> None:
    """
    Snapshots are cumulative; only the newest of an incarnation counts.
    """
    merge = Merge()
    merge.put(1, sent(some_books(5, 3)))
    merge.put(1, sent(some_books(6, 6)))

    assert merge.totals().pages["GET /a"].eligible == [6, 0]


@pytest.mark.parametrize("order", ["told after its last snapshot", "told before, as to a restarted control"])
def test_what_a_dead_worker_had_pending_is_lost_and_told(order: str) -> None:
    """
    The books balance: eligible = verdicts + skipped, with the pending ones as `worker_lost`.
    """
    merge = Merge()
    if order.startswith("told before"):
        merge.bury(1)
    merge.put(1, sent(some_books(eligible=5, identical=3)))
    merge.bury(1)
    merge.bury(1)
    page = merge.totals().pages["GET /a"]

    assert page.skipped[OLD] == {WORKER_LOST: 2}
    assert page.pending(OLD) == 0
    assert merge.living == {}


def test_a_snapshot_after_the_books_were_closed_is_too_late() -> None:
    """
    What was told as lost is not taken back.
    """
    merge = Merge()
    merge.put(1, sent(some_books(eligible=5, identical=3)))
    merge.bury(1)
    merge.put(1, sent(some_books(eligible=5, identical=5)))

    assert merge.totals().pages["GET /a"].skipped[OLD] == {WORKER_LOST: 2}


def test_totals_are_the_callers_to_keep() -> None:
    """
    Later snapshots don't change totals that were handed out, nor the other way round.
    """
    merge = Merge()
    merge.put(1, sent(some_books(5, 3)))
    totals = merge.totals()
    totals.page("GET /a").skip(OLD, "off")
    merge.bury(1)

    assert totals.pages["GET /a"].skipped[OLD] == {"off": 1}
    assert merge.totals().pages["GET /a"].skipped[OLD] == {WORKER_LOST: 2}


@pytest.mark.parametrize(
    "spoil",
    [
        lambda raw: raw.pop("worker"),
        lambda raw: raw.pop("endpoints"),
        lambda raw: raw["worker"].update(breaker_open=[0]),
        lambda raw: raw["worker"].update(ejected=[]),
        lambda raw: raw["worker"].update(overload=None),
        lambda raw: raw["endpoints"]["GET /a"].update(eligible=[1, 2, 3]),
        lambda raw: raw["endpoints"]["GET /a"].update(eligible=None),
        lambda raw: raw["endpoints"]["GET /a"]["verdicts"].pop(),
        lambda raw: raw["endpoints"]["GET /a"]["requests"].update({"old|elsewhere": {}}),
        lambda raw: raw["endpoints"]["GET /a"]["seconds"]["old|live"].pop(),
        lambda raw: raw.update(endpoints=[]),
        lambda raw: raw["errors"].update(x="many"),
    ],
)
def test_a_snapshot_of_another_shape_is_refused(spoil: Any) -> None:
    """
    A worker gone wrong is told from one that has nothing to say.
    """
    raw = orjson.loads(orjson.dumps(snapshot(some_books())))
    spoil(raw)

    with pytest.raises(LinkError):
        parse(raw)


EVENT = st.one_of(
    st.tuples(st.sampled_from(["begin", "judge", "skip", "tell"]), st.integers(1, 3)),
    st.tuples(st.just("die"), st.integers(1, 3)),
)


@given(st.lists(EVENT, max_size=60))
def test_totals_never_shrink_and_balance_when_all_are_dead(events: list[tuple[str, int]]) -> None:
    """
    Whatever workers do and whenever they tell or die, every counter grows or stays.
    """
    merge, lives = Merge(), {number: Books() for number in (1, 2, 3)}
    before: dict[str, int] = {}
    dead: set[int] = set()
    for event, number in events:
        page = lives[number].page("GET /a")
        match event:
            case "begin":
                page.eligible[NEW] += 1
            case "judge" if page.pending(NEW):
                page.judged(NEW, DIVERGENT)
            case "skip" if page.pending(NEW):
                page.skip(NEW, SKIPS[0])
            case "tell":
                merge.put(number, sent(lives[number]))
            case "die":
                merge.bury(number)
                dead.add(number)
        total = merge.totals().page("GET /a")
        after = {
            "eligible": total.eligible[NEW],
            "divergent": total.verdicts[NEW][DIVERGENT],
            **total.skipped[NEW],
        }

        assert all(after[key] >= count for key, count in before.items())
        before = after
    for number in lives:
        merge.bury(number)

    assert merge.totals().page("GET /a").pending(NEW) == 0
