"""
What control makes of the frames it gets, in whatever order they come.
"""

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from proxy.admin.facts import LARGEST_SAMPLE, SAMPLES, Facts
from proxy.errors import LinkError
from proxy.metrics.books import IDENTICAL, Books
from proxy.metrics.exposition import Share
from proxy.routing.table import OLD
from tests.parts.payloads import latch, sample, snapshot, status, table, worker


def facts() -> Facts:
    """
    Control's memory at its start.
    """
    return Facts({"version": "1"})


def some_books(eligible: int = 3, identical: int = 1, endpoint: str = "GET /a") -> Books:
    """
    Books of a worker with exchanges pending.
    """
    books = Books()
    books.page(endpoint).eligible[OLD] += eligible
    for _ in range(identical):
        books.page(endpoint).judged(OLD, IDENTICAL)
    return books


def test_why_it_is_not_ready_is_told_until_it_is() -> None:
    """
    Starting, no worker, draining: each has its words.
    """
    known = facts()
    said = [known.not_ready]
    for payload in (status(ready=False), status(worker(1)), status(worker(1), draining=True, ready=False)):
        known.take_status(payload)
        said.append(known.not_ready)

    assert said == ["starting: no word from the supervisor yet", "no worker is ready", None, "draining"]


def test_a_worker_that_died_loses_its_pending() -> None:
    """
    Told as dead, or not told any more: its books are closed.
    """
    for after in (status(worker(1, alive=False), worker(2)), status(worker(2))):
        known = facts()
        known.take_status(status(worker(1)))
        known.take_snapshot(1, orjson.dumps(snapshot(some_books())))
        known.take_status(after)

        assert known.merge.totals().pages["GET /a"].skipped[OLD] == {"worker_lost": 2}


def test_a_worker_may_speak_before_it_is_listed() -> None:
    """
    Its books are not closed by a status that was on its way.
    """
    known = facts()
    known.take_status(status(worker(1)))
    known.take_snapshot(2, orjson.dumps(snapshot(some_books())))

    assert known.merge.totals().pages["GET /a"].skipped[OLD] == {}


def test_a_restarted_control_finds_every_total_and_the_list() -> None:
    """
    Table, status, endpoints, then the last snapshots of the living and the dead.
    """
    known = facts()
    known.take_table(table(endpoints=("GET /mine/{user}",), max_endpoints=4))
    known.take_status(status(worker(1, alive=False), worker(2)))
    known.take_endpoints(orjson.dumps({"configured": ["GET /mine/{user}"], "learned": ["GET /a"]}))
    known.take_snapshot(1, orjson.dumps(snapshot(some_books(endpoint="GET /gone"))))
    known.take_snapshot(2, orjson.dumps(snapshot(some_books())))
    totals = known.merge.totals()

    assert totals.pages["GET /gone"].skipped[OLD] == {"worker_lost": 2}
    assert totals.pages["GET /a"].eligible == [3, 0]
    assert orjson.loads(known.endpoints()) == {"configured": ["GET /mine/{user}"], "learned": ["GET /a"]}
    # One name is left: the one that only has counters is taken.
    assert known.take_candidates(orjson.dumps(["GET /b", "GET /c"]))
    assert known.learner.endpoints == ("GET /mine/{user}", "GET /a", "GET /b")


def test_a_table_with_other_endpoints_changes_the_list_and_keeps_what_was_learned() -> None:
    """
    Only a change of something that workers may have is worth telling them.
    """
    known = facts()

    assert not known.take_table(table(endpoints=("GET /mine/{user}",)))
    known.take_candidates(orjson.dumps(["GET /a", "GET /b/{id}"]))
    assert not known.take_table(table(epoch=5, endpoints=("GET /mine/{user}",)))
    assert known.take_table(table(epoch=6, endpoints=("GET /b/{any}",)))
    assert known.learner.endpoints == ("GET /b/{any}", "GET /a")


def test_the_newest_samples_are_kept() -> None:
    """
    A bounded number, of bounded size.
    """
    known = facts()
    for number in range(SAMPLES + 5):
        known.take_sample(orjson.dumps(sample(number)))

    assert [kept["request_id"] for kept in known.samples] == [str(number) for number in range(5, SAMPLES + 5)]
    with pytest.raises(LinkError):
        known.take_sample(orjson.dumps({**sample(0), "old": "x" * LARGEST_SAMPLE}))


def test_gauges_are_those_of_living_workers() -> None:
    """
    A breaker that is open in any worker is open, who ejects a side is counted; a dead worker's memory is nobody's.
    """
    known = facts()
    known.take_table(table(weight=12.5))
    known.take_status(status(worker(1), worker(2, slot=1), worker(3, slot=2, epoch=None)))
    known.take_snapshot(
        1, orjson.dumps(snapshot(Books(), shadow_memory=10, breaker_open=[0, 1], ejected=[0, 1], overload=1))
    )
    known.take_snapshot(2, orjson.dumps(snapshot(Books(), shadow_memory=20, ejected=[1, 1])))
    exposed = known.expose()

    assert exposed.breaker_open == (False, True)
    assert exposed.ejected == (1, 2)
    assert [(gauges.worker, gauges.epoch, gauges.shadow_memory, gauges.overload) for gauges in exposed.workers] == [
        ("host/0", 4, 10, 1),
        ("host/1", 4, 20, 0),
        ("host/2", None, None, None),
    ]
    assert exposed.shares == (Share(new=12.5),)
    known.take_status(status(worker(1, alive=False), worker(2, slot=1)))
    assert known.expose().breaker_open == (False, False)
    assert known.expose().ejected == (1, 1)


def test_while_killed_the_gauges_show_what_is_in_effect() -> None:
    """
    Everything on old, nothing copied; the wish stays in the table.
    """
    known = facts()
    known.take_table(table(weight=12.5))
    known.take_status(status(worker(1, killed=True), latch=latch(3, killed=True, by="SIGUSR1")))
    exposed = known.expose()

    assert (exposed.killed, exposed.shares, exposed.mirror) == (True, (Share(new=0.0),), 0.0)
    known.take_status(status(worker(1), latch=latch(4)))
    exposed = known.expose()
    assert (exposed.killed, exposed.shares, exposed.mirror) == (False, (Share(new=12.5),), 100.0)


@pytest.mark.parametrize(
    "payload", [b"", b"nonsense", b"[]", b"{}", b"null", b'{"workers": [{}]}', b'["a", 1]', b"\xff"]
)
@pytest.mark.parametrize(
    "take",
    [
        lambda known, payload: known.take_table(payload),
        lambda known, payload: known.take_status(payload),
        lambda known, payload: known.take_snapshot(1, payload),
        lambda known, payload: known.take_endpoints(payload),
        lambda known, payload: known.take_candidates(payload if payload != b"[]" else b"{}"),
        lambda known, payload: known.take_sample(payload if payload[:1] != b"{" else b"1"),
    ],
)
def test_a_payload_of_another_shape_changes_nothing(take: Callable[[Facts, bytes], Any], payload: bytes) -> None:
    """
    It is refused as a whole.
    """
    known = facts()
    known.take_table(table())
    known.take_status(status(worker(1)))
    before = known.table, known.status, known.learner.endpoints, list(known.samples), known.merge.living

    with pytest.raises(LinkError):
        take(known, payload)
    assert (known.table, known.status, known.learner.endpoints, list(known.samples), known.merge.living) == before


def test_what_workers_counted_is_kept_as_long_as_the_supervisor_may_tell_it_again() -> None:
    """
    Also of the dead: a control that is started anew gets all of them, and has to know what it has read.
    """
    known = facts()
    counted = {"life": "a", "events": {}, "keys": {}, "traffic": {"r": 3}}
    known.take_status(status(worker(1), worker(2)))
    for incarnation in (1, 2):
        raw = {**snapshot(Books()), "tally": counted, "versions": [{}, {"7": 1000.0 + 40 * incarnation}]}
        known.take_snapshot(incarnation, orjson.dumps(raw))

    known.take_status(status(worker(1, alive=False), worker(2)))
    assert {number: one.totals["traffic|r"] for number, one in known.readings.items()} == {1: 3, 2: 3}
    known.take_table(table(versions=("1.0", "header:v")))
    assert [set(one) for one in known.versions(1110.0)] == [{"1.0"}, {"7"}]
    assert [set(one) for one in known.versions(1141.0)] == [{"1.0"}, set()]
    known.take_status(status(worker(2)))
    assert set(known.readings) == {2}
