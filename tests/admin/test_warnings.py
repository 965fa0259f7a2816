"""
What an operator is told beside the weights, and what not.
"""

from typing import Any

import orjson
import pytest

from proxy.admin.facts import Facts, Steered
from proxy.admin.warnings import lags, warnings
from proxy.metrics.books import Books
from proxy.routing.route import Flag, Match, Route
from proxy.routing.table import Sticky
from tests.parts.payloads import a_new_table, latch, snapshot, status, table, worker
from tests.parts.values import a_table


def facts(*workers: dict[str, Any], steered: Steered | None = None, **changes: Any) -> Facts:
    """
    What control knows after this status; one worker that does as it should if none is given.
    """
    known = Facts({})
    known.take_table(table())
    known.take_status(status(*(workers or (worker(1),)), **changes))
    known.steered = steered or Steered()
    return known


def test_nothing_is_said_when_all_is_well() -> None:
    """
    Also with part of the traffic on new, when users are known by something.
    """
    by_user = a_new_table(weight=50.0, sticky=Sticky(keys=("header:x-user-id", "request"), salt="s"))

    assert warnings(facts(), a_new_table()) == []
    assert warnings(facts(), by_user) == []
    assert warnings(facts(), a_new_table(weight=100.0)) == []


def test_users_that_flip_between_the_sides_are_said() -> None:
    """
    With nothing to know them by, and only while both sides answer.
    """
    (said,) = warnings(facts(), a_new_table(weight=0.01))

    assert "one user's requests go to both sides" in said


def test_a_flag_that_decides_is_said_where_new_is_open() -> None:
    """
    Since no weight says then who is on new; a veto sends nobody there.
    """

    def said(mode: str, weight: float, **settings: Any) -> list[str]:
        flag = {"key": "orders-v2", "mode": mode}
        route = {"name": "orders", "match": {"path": "/orders/**"}, "weight": weight, "flag": flag}
        made = a_table(routes=[route], **settings)
        return warnings(facts(), a_new_table(routes=made.routes, cohorts=made.cohorts))

    cohorts = [{"name": "beta", "match": {"cookie": {"beta": "yes"}}, "weight": 50}]
    (open_,) = said("decide", 25)
    (by_cohort,) = said("decide", 0, cohorts=cohorts)

    assert "route orders: new's share is 25 %" in open_
    assert "orders-v2 decides who is on new there" in open_
    assert "orders-v2 decides who is on new there" in by_cohort
    assert said("decide", 0) == said("veto", 25) == []


def test_flags_that_nobody_answers_are_said() -> None:
    """
    Those that are configured: what became of others is the past.
    """
    known = facts()
    known.asking.provider = "evaluations of flags hang"
    known.asking.flags.update(orders="FLAG_NOT_FOUND", earlier="FLAG_NOT_FOUND")
    route = Route(name="a", match=Match(), flag=Flag(key="orders", mode="veto", cache=5.0))

    assert warnings(known, a_new_table()) == []
    hung, unknown = warnings(known, a_new_table(routes=(route,)))
    assert hung == "evaluations of flags hang"
    assert unknown.startswith("the flag orders isn't evaluated (FLAG_NOT_FOUND)")


def test_workers_that_lag_or_are_not_ready_are_named() -> None:
    """
    By epoch, by configuration, by the latch.
    """
    known = facts(
        worker(1, epoch=3),
        worker(2, slot=1, epoch=None),
        worker(3, slot=2, digest="d0"),
        worker(4, slot=3, killed=True),
    )

    assert warnings(known, a_new_table()) == [
        "worker host/0 still routes by epoch 3, configuration d1",
        "worker host/1 is not ready yet",
        "worker host/2 still routes by epoch 4, configuration d0",
        "worker host/3 has not been restored yet",
    ]
    assert [lags(known, a_new_table(), one) for one in known.alive] == [True] * 4
    known.take_status(status(worker(1, alive=False), ready=False))
    assert warnings(known, a_new_table()) == ["no worker is alive"]


def test_a_kill_is_said_first_with_who_and_why() -> None:
    """
    And what stands in the way of restoring.
    """
    known = facts(worker(1), kill_file=True, latch=latch(2, killed=True, by="ops", reason="wrong prices"), ready=False)
    said = warnings(known, a_new_table())

    assert said[0].startswith("killed by ops at 2024-05-06T07:08:09.123Z: wrong prices; all traffic is on old")
    assert said[1] == "the kill file is there; remove it, or restore is refused"
    assert said[2] == "worker host/0 has not obeyed the kill yet"


def test_a_wish_of_the_configuration_that_is_not_in_force_is_said_with_the_command() -> None:
    """
    After the first start the store knows better than the file.
    """
    known = facts(steered=Steered(file="/p.yaml", new=5.0, mirror=100.0))
    (said,) = warnings(known, a_new_table())
    assert said.startswith("weights.new is 5 in /p.yaml and 0 in force")
    assert "`parallax weights set --new 5 --reason …`" in said

    known.steered = Steered(mirror=12.5)
    (said,) = warnings(known, a_new_table())
    assert said.startswith("mirror.percent is 12.5 in the command line and 100 in force")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"saved": {"epoch": None, "digest": None, "error": "no room"}}, "for its next start: no room"),
        ({"steered": Steered(troubles=("the store is full",))}, "the store is full"),
    ],
)
def test_troubles_with_what_is_kept_are_said(changes: dict[str, Any], said: str) -> None:
    """
    The supervisor's and the store's.
    """
    (warning,) = warnings(facts(**changes), a_new_table())

    assert warning.endswith(said)


@pytest.mark.parametrize(
    ("level", "said"),
    [
        (1, "nothing is compared"),
        (2, "nothing is copied"),
        (3, "idle clients are closed"),
        (4, "some requests get a 503"),
    ],
)
def test_an_overloaded_worker_is_named(level: int, said: str) -> None:
    """
    With what it has given up.
    """
    known = facts()
    known.take_snapshot(1, orjson.dumps(snapshot(Books(), overload=level)))
    (warning,) = warnings(known, a_new_table())

    assert warning.startswith("worker host/0 is overloaded: ")
    assert said in warning


def test_a_worker_that_copies_nothing_for_live_answers_is_named() -> None:
    """
    Whoever waits for verdicts should know.
    """
    known = facts()
    known.take_snapshot(1, orjson.dumps(snapshot(Books(), brownout=1)))
    (warning,) = warnings(known, a_new_table())

    assert warning.startswith("worker host/0 makes no copies: ")


@pytest.mark.parametrize(
    ("ejected", "said"),
    [
        ([1, 0], "old fail in 1 of 1 worker: its share stays with it;"),
        ([0, 1], "new fail in 1 of 1 worker: old answers"),
    ],
)
def test_a_side_that_gets_no_requests_is_named(ejected: list[int], said: str) -> None:
    """
    And who answers instead.
    """
    known = facts()
    known.take_snapshot(1, orjson.dumps(snapshot(Books(), ejected=ejected)))
    (warning,) = warnings(known, a_new_table())

    assert said in warning


def test_a_side_that_gets_no_copies_is_named() -> None:
    """
    While any worker's breaker is open.
    """
    known = facts()
    known.take_snapshot(1, orjson.dumps(snapshot(Books(), breaker_open=[False, True])))
    (said,) = warnings(known, a_new_table())

    assert said.startswith("copies to new are held back")
