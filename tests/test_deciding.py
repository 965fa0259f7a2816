"""
Testers force a side: over cohorts, routes and weights, over an ejected side; not over the latch nor over split data.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest

from proxy.clock import time
from proxy.routing.overrides import forcing
from tests.parts.plane import GET, NEW, OK, OLD, Data, data_plane
from tests.parts.transport import FakeTransport

KEY = "0123456789abcdef" * 4
POST = GET.replace(b"GET", b"POST").replace(b"Host", b"Content-Length: 0\r\nHost")
UPGRADE = GET.replace(b"Host", b"Connection: upgrade\r\nUpgrade: websocket\r\nHost")


@pytest.fixture
def data_with() -> Iterator[Callable[..., Data]]:
    """
    A data plane that believes what `KEY` has signed.
    """
    with ExitStack() as stack:

        def made(**settings: Any) -> Data:
            data = stack.enter_context(data_plane(**settings))
            data.swap(replace(data.plane.table, signing=KEY))
            return data

        yield made


def forced(side: int, request: bytes = GET, *, seconds: float = 60, key: str = KEY) -> bytes:
    """
    The request with a tester's value.
    """
    value = forcing(key, side, int(time() + seconds), "qa").encode()
    return request.replace(b"Host", b"X-Parallax-Force: %b\r\nHost" % value)


def answered(data: Data, request: bytes) -> tuple[int, bytes, bytes]:
    """
    The side that answered a request, what it got, and what the client got.
    """
    legs: list[FakeTransport] = [data.idle(side, "live") for side in (OLD, NEW)]
    data.client.feed(request)
    [live] = [side for side in (OLD, NEW) if legs[side].written]
    got = legs[live].written
    legs[live].feed(OK)
    return live, got, data.client.taken()


@pytest.mark.parametrize("side", [OLD, NEW])
@pytest.mark.parametrize(
    "settings",
    [
        {"weights": {"new": 0}},
        {"weights": {"new": 100}},
        {"weights": {"new": 50}},
        {"sticky": {"key": ["client"]}, "weights": {"new": 50}},
        {"routes": [{"name": "a", "match": {"path": "/**"}, "weight": 0}]},
        {"cohorts": [{"name": "a", "match": {"path": "/**"}, "side": "old"}]},
        {"cohorts": [{"name": "a", "match": {"path": "/**"}, "side": "new"}]},
        {"data": "split"},
    ],
)
def test_a_tester_gets_the_side_that_was_asked_for(
    side: int, settings: dict[str, Any], data_with: Callable[..., Data]
) -> None:
    """
    The side doesn't see why, and the client is told who it was.
    """
    data = data_with(mirror={"percent": 0}, **settings)
    live, got, answer = answered(data, forced(side))

    assert live == side
    assert b"arallax-Force" not in got
    assert b"\r\nX-Parallax-Side: %b\r\n" % (b"old", b"new")[side] in answer


@pytest.mark.parametrize("weight", [0, 100])
def test_nobody_else_is_told_a_side(weight: float, data_with: Callable[..., Data]) -> None:
    """
    Nor is anything counted.
    """
    data = data_with(weights={"new": weight}, mirror={"percent": 0})
    live, _, answer = answered(data, GET)

    assert live == weight // 100
    assert b"X-Parallax-Side" not in answer
    assert data.books.errors == {}


@pytest.mark.parametrize(
    "request_",
    [forced(NEW, seconds=-1), forced(NEW, key=KEY[::-1]), GET.replace(b"Host", b"X-Parallax-Force: new\r\nHost")],
    ids=["over", "forged", "none"],
)
def test_what_is_over_or_forged_counts_for_nothing(request_: bytes, data_with: Callable[..., Data]) -> None:
    """
    But is counted, and not passed on either.
    """
    data = data_with(mirror={"percent": 0})
    live, got, answer = answered(data, request_)

    assert live == OLD
    assert b"arallax-Force" not in got
    assert b"X-Parallax-Side" not in answer
    assert data.books.errors == {"client|force_ignored": 1}


def test_a_kill_is_stronger(data_with: Callable[..., Data]) -> None:
    """
    And no reason to count anything.
    """
    data = data_with(mirror={"percent": 0})
    data.tables.latch(True)
    live, _, answer = answered(data, forced(NEW))

    assert live == OLD
    assert b"X-Parallax-Side" not in answer
    assert data.books.errors == {}
    data.tables.latch(False)
    assert answered(data, forced(NEW))[0] == NEW


@pytest.mark.parametrize("request_", [POST, UPGRADE], ids=["POST", "WebSocket"])
def test_split_data_is_stronger_for_what_may_write(request_: bytes, data_with: Callable[..., Data]) -> None:
    """
    No write leaves old.
    """
    split, shared = data_with(data="split"), data_with(data="shared")

    assert answered(split, forced(NEW, request_))[0] == OLD
    assert answered(shared, forced(NEW, request_))[0] == NEW


def test_an_ejected_side_is_forced_nonetheless(data_with: Callable[..., Data]) -> None:
    """
    Who wants to see how new fails, gets to see it; others get old.
    """
    data = data_with(weights={"new": 100}, mirror={"percent": 0})
    data.plane.sides[NEW].ejection.is_out = True

    assert answered(data, GET)[0] == OLD
    assert answered(data, forced(NEW))[0] == NEW


def test_what_is_said_to_the_client_is_in_no_comparison(data_with: Callable[..., Data]) -> None:
    """
    The pair has what the sides said, and the copy is of what the side got.
    """
    data = data_with(compare={"headers": "all"})
    new, old = data.both(NEW)
    data.client.feed(forced(NEW))

    assert b"arallax-Force" not in old.written
    new.feed(OK)
    old.feed(OK)
    assert data.entries() == {"identical": 1}
    data.settled()


FLAG = {"name": "a", "match": {"path": "/**"}, "weight": 1, "flag": {"key": "orders", "mode": "decide"}}
COHORT = {"name": "staff", "match": {"path": "/**"}, "weight": 1}


def test_a_flag_is_stronger_than_cohorts_and_weights(data_with: Callable[..., Data]) -> None:
    """
    Once it is known; a tester is stronger.
    """
    flags = {"provider": "tests.parts.providers:Hanging"}
    data = data_with(mirror={"percent": 0}, routes=[FLAG], cohorts=[COHORT], flags=flags)
    data.plane.random = lambda: 0.5

    assert answered(data, GET)[0] == OLD
    data.plane.flags.answered("orders", b"", True, data.plane.now)
    assert answered(data, GET)[0] == NEW
    assert answered(data, forced(OLD))[0] == OLD
    data.tables.latch(True)
    assert answered(data, GET)[0] == OLD


def test_split_data_is_stronger_than_a_flag(data_with: Callable[..., Data]) -> None:
    """
    Of what may write.
    """
    data = data_with(mirror={"percent": 0}, routes=[FLAG], data="split")
    data.plane.random = lambda: 0.5
    answered(data, GET)
    data.plane.flags.answered("orders", b"", True, data.plane.now)

    assert (answered(data, GET)[0], answered(data, POST)[0]) == (NEW, OLD)


@pytest.mark.parametrize(
    "closed",
    [
        {"routes": [{**FLAG, "weight": 0}]},
        {"routes": [{name: value for name, value in FLAG.items() if name != "weight"}], "weights": {"new": 0}},
        {"routes": [{**FLAG, "weight": 100}], "cohorts": [{**COHORT, "weight": 0}]},
        {"routes": [{**FLAG, "weight": 100}], "cohorts": [{"name": "a", "match": {"path": "/**"}, "side": "old"}]},
    ],
)
def test_a_share_of_0_is_stronger_than_a_flag(closed: dict[str, Any], data_with: Callable[..., Data]) -> None:
    """
    Whichever share the request goes by; a tester is stronger.
    """
    data = data_with(mirror={"percent": 0}, **closed)
    answered(data, GET)
    data.plane.flags.answered("orders", b"", True, data.plane.now)

    assert [answered(data, request)[0] for request in (GET, POST)] == [OLD, OLD]
    assert answered(data, forced(NEW))[0] == NEW


def test_a_flag_keeps_on_old_whatever_the_share(data_with: Callable[..., Data]) -> None:
    """
    That way is open at 100 % too.
    """
    data = data_with(mirror={"percent": 0}, routes=[{**FLAG, "weight": 100}])
    assert answered(data, GET)[0] == NEW
    data.plane.flags.answered("orders", b"", False, data.plane.now)

    assert answered(data, GET)[0] == OLD
