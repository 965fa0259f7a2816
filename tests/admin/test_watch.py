"""
What counts as a change that listeners are told.
"""

from typing import Any

import orjson

from proxy.admin.answers import weights
from proxy.admin.facts import Facts
from proxy.admin.watch import Watch, divergence
from proxy.metrics.books import LIVE, Books
from proxy.routing.table import OLD
from tests.parts.payloads import sample, snapshot, status, table, worker
from tests.parts.shown import NOW, a_status


def watched() -> tuple[Facts, Watch]:
    """
    Facts, and a watch on them.
    """
    facts = Facts({})
    return facts, Watch(facts, lambda: None if facts.table is None else weights(facts, facts.table))


def kinds(events: list[tuple[str, Any]]) -> list[str]:
    return [kind for kind, _ in events]


def test_nothing_is_told_before_it_is_known() -> None:
    """
    No zeros that mean "not yet".
    """
    facts, watch = watched()

    assert watch.present() == watch.changed() == []
    facts.take_table(table())
    assert kinds(watch.changed()) == ["weights"]
    assert kinds(watch.present()) == ["weights"]


def test_a_change_is_told_once() -> None:
    """
    Of the table both weights and workers' lag follow; of a worker's death too.
    """
    facts, watch = watched()
    facts.take_table(table())
    facts.take_status(status(worker(1)))
    assert kinds(watch.changed()) == ["weights", "workers"]
    assert watch.changed() == []

    facts.take_table(table(weight=10.0))
    ((kind, value),) = watch.changed()
    assert (kind, value["new"]) == ("weights", 10.0)
    facts.take_status(status(worker(1, alive=False), worker(2, epoch=3)))
    assert kinds(watch.changed()) == ["weights", "workers"]
    assert watch.changed() == []


def test_counters_are_no_change() -> None:
    """
    They move all the time; whoever wants them asks for them.
    """
    facts, watch = watched()
    facts.take_table(table())
    facts.take_status(status(worker(1)))
    facts.take_snapshot(1, orjson.dumps(snapshot(Books(), connections=1)))
    watch.changed()
    books = Books()
    books.page("GET /a").answered(OLD, LIVE, 200, 0.01)
    facts.take_snapshot(1, orjson.dumps(snapshot(books, connections=7, inflight=2, shadow_memory=9)))

    assert watch.changed() == []
    facts.take_snapshot(1, orjson.dumps(snapshot(books, breaker_open=[0, 1])))
    assert kinds(watch.changed()) == ["weights"]


def test_a_divergence_is_told_in_short() -> None:
    """
    Which endpoint and what differs; heads are for who asks.
    """
    whole = {**sample(1), "first": {"where": "status"}, "old": {"headers": []}, "new": {}}

    assert divergence(whole) == {**sample(1), "first": {"where": "status"}}


def test_a_plan_is_told_of_when_it_moves_and_not_with_each_pair() -> None:
    """
    Its evidence grows all the time; that a gate passes is news.
    """
    facts = Facts({})
    shown: dict[str, Any] = a_status()
    watch = Watch(facts, lambda: None, lambda: shown)

    assert kinds(watch.changed()) == ["plan"]
    shown = {**a_status(now=NOW + 5), "gates": [{**gate, "n": 9, "eta": 2.0} for gate in shown["gates"]]}
    assert watch.changed() == []
    shown = {**shown, "gates": [{**gate, "result": "pass"} for gate in shown["gates"]]}
    assert kinds(watch.changed()) == ["plan"]
    shown = {**shown, "seq": 8}
    assert kinds(watch.changed()) == ["plan"]
