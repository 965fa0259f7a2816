"""
The admin API's answers have the contract's shape and say what the books say.
"""

import orjson
import pytest

from proxy.admin.answers import endpoints, unjudged, weights
from proxy.admin.facts import Facts
from proxy.metrics.books import DIVERGENT, FAILED, IDENTICAL, LIVE, SHADOW, VERDICTS, Books
from proxy.routing.table import NEW, OLD
from tests.parts.payloads import a_new_table, latch, sample, snapshot, status, table, worker


def facts(books: Books | None = None) -> Facts:
    """
    One ready worker with these books.
    """
    known = Facts({})
    known.take_table(table())
    known.take_status(status(worker(1)))
    known.take_snapshot(
        1, orjson.dumps(snapshot(books or Books(), connections=7, inflight=2, on_new=1, shadow_memory=9))
    )
    return known


def test_weights_are_the_tables_with_what_was_served() -> None:
    """
    Percent by side, live answers by side, and the workers that route by it.
    """
    books = Books()
    for side, role, times in ((OLD, LIVE, 3), (NEW, LIVE, 1), (NEW, SHADOW, 5)):
        for status_code in [200, 503][:times] + [200] * max(0, times - 2):
            books.page("GET /a").answered(side, role, status_code, 0.01)

    assert weights(facts(books), a_new_table()) == {
        "epoch": 4,
        "old": 100.0,
        "new": 0.0,
        "mirror": 100.0,
        "killed": False,
        "split": False,
        "served": {"old": 3, "new": 1},
        "still_on_new": 1,
        "routes": {},
        "cohorts": {},
        "workers": [
            {
                "id": "host/0",
                "epoch": 4,
                "config": "d1",
                "killed": False,
                "lagging": False,
                "breaker_open": {"old": False, "new": False},
                "ejected": {"old": False, "new": False},
                "shadow_memory": 9,
                "connections": 7,
                "inflight": 2,
                "overload": 0,
                "brownout": False,
            }
        ],
        "warnings": [],
    }


def test_workers_are_listed_by_their_number() -> None:
    """
    Not by when each of them was started last.
    """
    known = facts()
    known.take_status(status(worker(1, slot=10), worker(2, slot=2), worker(3)))

    assert [one["id"] for one in weights(known, a_new_table())["workers"]] == ["host/0", "host/2", "host/10"]


def test_percents_have_two_decimals() -> None:
    """
    100 − 0.07 is 99.93, whatever floats make of it.
    """
    known = facts()
    known.take_table(table(weight=0.07))
    answer = weights(known, a_new_table(weight=0.07))

    assert (answer["old"], answer["new"]) == (99.93, 0.07)


def test_while_killed_the_weights_are_those_that_are_wanted() -> None:
    """
    They come back with `restore`; that they are not in force is said.
    """
    known = facts()
    known.take_table(table(weight=25.0))
    known.take_status(status(worker(1, killed=True), latch=latch(1, killed=True, by="ops")))
    answer = weights(known, a_new_table(weight=25.0))

    assert (answer["killed"], answer["new"], answer["mirror"]) == (True, 25.0, 100.0)
    assert (answer["workers"][0]["killed"], answer["workers"][0]["lagging"]) == (True, False)
    assert "killed by ops" in answer["warnings"][0]


def test_endpoints_are_sorted_by_divergence_and_those_without_verdict_come_last() -> None:
    """
    What needs a look is on top; nothing judged is null, not 0.
    """
    books = Books()
    for name, divergent, failed, identical in (("a", 0, 0, 9), ("b", 1, 1, 2), ("c", 0, 0, 0), ("d", 1, 0, 9)):
        page = books.page(f"GET /{name}")
        page.eligible[OLD] += 20
        for verdict, times in ((DIVERGENT, divergent), (FAILED, failed), (IDENTICAL, identical)):
            for _ in range(times):
                page.judged(OLD, verdict)
    rows = endpoints(facts(books))["endpoints"]

    assert [(row["endpoint"], row["divergence"]) for row in rows] == [
        ("GET /b", 0.5),
        ("GET /d", 0.1),
        ("GET /a", 0.0),
        ("GET /c", None),
    ]


def test_an_endpoint_tells_its_whole_page() -> None:
    """
    Both live sides added up, latencies of both roles per side in milliseconds.
    """
    books = Books()
    page = books.page("GET /a")
    page.eligible[OLD] += 3
    page.eligible[NEW] += 2
    page.judged(OLD, IDENTICAL)
    page.judged(NEW, IDENTICAL)
    page.skip(OLD, "off")
    page.skip(NEW, "off")
    page.skip(NEW, "memory_budget")
    page.failed[NEW] += 1
    page.rechecks = [3, 1]
    for role in (LIVE, SHADOW):
        page.answered(OLD, role, 200, 0.02)
        page.connected(OLD, role)
        page.compared(OLD, 0.02, 0.05)
    page.leave_unpaired(OLD, "paused")
    page.leave_unpaired(NEW, "connect")
    known = facts(books)
    known.take_candidates(orjson.dumps(["GET /a"]))
    answer = endpoints(known)
    (row,) = answer["endpoints"]

    assert (answer["listed"], answer["limit"]) == (1, 200)
    assert row["listed"]
    assert row["eligible"] == 5
    assert row["live"] == {"old": 3, "new": 2}
    assert row["verdicts"] == {**dict.fromkeys(VERDICTS, 0), "identical": 2}
    assert row["skipped"] == {"off": 2, "memory_budget": 1}
    assert row["failed"] == {"old": 0, "new": 1}
    assert (row["rechecked"], row["transient"]) == (4, 1)
    assert row["connects"] == {"old": 2, "new": 0}
    assert row["unpaired"] == {"paused": 1, "connect": 1, "later": 0}
    assert row["paired"]["new"] is None
    assert row["paired"]["old"] == {
        "pairs": 2,
        "difference_ms": {"p50": 37.5, "p99": 49.75},
        "ratio": {"p50": 2.5, "p99": 2.99},
    }
    assert row["latency_ms"]["new"] is None
    assert row["latency_ms"]["old"]["count"] == 2
    assert row["latency_ms"]["old"]["p50"] == pytest.approx(17.5)
    assert 17.5 < row["latency_ms"]["old"]["p99"] <= 25


def test_what_no_comparer_looks_at_comes_newest_first_and_by_endpoint() -> None:
    """
    The samples as the worker redacted them.
    """
    known = facts()
    for number, endpoint in enumerate(("GET /a", "GET /b", "GET /a")):
        known.take_sample(orjson.dumps(sample(number, endpoint)))

    assert unjudged(known, None) == [sample(2), sample(1, "GET /b"), sample(0)]
    assert unjudged(known, "GET /a") == [sample(2), sample(0)]
    assert unjudged(known, "GET /nothing") == []
