"""
The books count every exchange once, and their snapshot is all a reader needs.
"""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.metrics.books import DELTAS, RATIOS, ROLES, SECONDS, SHADOW, SKIPS, VERDICTS, Books, Page
from proxy.routing.table import SIDES

ENDS = st.one_of(
    st.tuples(st.just("verdict"), st.integers(0, len(VERDICTS) - 1)),
    st.tuples(st.just("skip"), st.sampled_from(SKIPS)),
    st.tuples(st.just("pending"), st.just(0)),
)


@given(st.lists(st.tuples(st.sampled_from([0, 1]), ENDS)))
def test_what_is_eligible_is_judged_skipped_or_pending(exchanges: list[tuple[int, tuple[str, Any]]]) -> None:
    """
    Per endpoint and live side, exactly.
    """
    page = Page("GET /a")
    for live, (kind, which) in exchanges:
        page.eligible[live] += 1
        if kind == "verdict":
            page.judged(live, which)
        elif kind == "skip":
            page.skip(live, which)

    told = page.snapshot()
    for live in (0, 1):
        mine = [end for side, end in exchanges if side == live]
        pending = sum(kind == "pending" for kind, _ in mine)
        assert page.pending(live) == told["pending"][live] == pending
        assert told["eligible"][live] == len(mine)
        assert sum(told["verdicts"][live]) + sum(told["skipped"][live].values()) + pending == len(mine)


@given(st.lists(st.tuples(st.sampled_from([0, 1]), st.sampled_from([0, 1]), st.integers(100, 599), st.floats(0, 100))))
def test_every_answer_is_in_one_bucket(answers: list[tuple[int, int, int, float]]) -> None:
    """
    By side, role and code; bounds are upper bounds, and the last bucket has no end.
    """
    page = Page("GET /a")
    for side, role, status, seconds in answers:
        page.answered(side, role, status, seconds)

    told = page.snapshot()
    for index, key in enumerate(f"{side}|{role}" for side in SIDES for role in ROLES):
        mine = [(status, seconds) for side, role, status, seconds in answers if side * 2 + role == index]
        assert sum(told["requests"].get(key, {}).values()) == len(mine)
        if mine:
            *buckets, total = told["seconds"][key]
            assert total == pytest.approx(sum(seconds for _, seconds in mine))
            running = 0
            for bound, count in zip(SECONDS, buckets, strict=False):
                running += count
                assert running == sum(seconds <= bound for _, seconds in mine)
            assert sum(buckets) == len(mine)
        else:
            assert key not in told["seconds"]


@given(st.lists(st.floats(-100, 100)))
def test_every_difference_of_latencies_is_in_one_bucket(deltas: list[float]) -> None:
    """
    New faster is negative; the bounds lie symmetrically.
    """
    page = Page("GET /a")
    for delta in deltas:
        page.compared(0, max(0.0, -delta), max(0.0, delta))

    running = 0
    for bound, count in zip(DELTAS, page.deltas[0], strict=False):
        running += count
        assert running == sum(delta <= bound for delta in deltas)
    assert sum(page.deltas[0]) == len(deltas)
    assert sum(page.deltas[1]) == 0


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 100))))
def test_every_ratio_of_latencies_is_in_one_bucket(pairs: list[tuple[float, float]]) -> None:
    """
    New slower is above 1, also where a clock stood still.
    """
    page = Page("GET /a")
    for old, new in pairs:
        page.compared(1, old, new)

    ratios = [(new or 1e-9) / (old or 1e-9) for old, new in pairs]
    running = 0
    for bound, count in zip(RATIOS, page.ratios[1], strict=False):
        running += count
        assert running == sum(ratio <= bound for ratio in ratios)
    assert sum(page.ratios[1]) == sum(page.deltas[1]) == len(pairs)
    assert sum(page.ratios[0]) == 0


def test_bounds_are_sorted_and_symmetric() -> None:
    """
    Or bisecting them would lie.
    """
    assert list(RATIOS) == sorted(set(RATIOS))
    assert [1 / bound for bound in reversed(RATIOS)] == pytest.approx(list(RATIOS), rel=0.02)
    assert list(SECONDS) == sorted(set(SECONDS))
    assert list(DELTAS) == sorted(set(DELTAS))
    assert [-bound for bound in reversed(DELTAS)] == list(DELTAS)


def test_a_page_is_opened_once() -> None:
    """
    Whoever asks for it again gets the same.
    """
    books = Books()
    page = books.page("GET /a")
    page.answered(1, SHADOW, 200, 0.1)

    assert books.page("GET /a") is page
    assert list(books.pages) == ["GET /a"]


def test_a_snapshot_is_json_and_holds_everything() -> None:
    """
    Errors by place and cause, and all pages.
    """
    books = Books()
    books.error("live", "refused")
    books.error("live", "refused")
    books.error("client", "loop")
    books.page("GET /a").eligible[0] += 1
    books.page("GET /b").failed[1] += 1

    told = orjson.loads(orjson.dumps(books.snapshot()))

    assert told["errors"] == {"live|refused": 2, "client|loop": 1}
    assert told["endpoints"]["GET /a"]["eligible"] == [1, 0]
    assert told["endpoints"]["GET /b"]["failed"] == [0, 1]
