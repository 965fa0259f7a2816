"""
Whoever has written stays for a while with the side that did it, by a cookie that only Parallax can make.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest

from proxy.clock import time
from proxy.routing.overrides import WROTE, forcing
from proxy.routing.signed import pack
from tests.parts.plane import GET, NEW, OK, OLD, Data, data_plane
from tests.parts.transport import FakeTransport

KEY = "0123456789abcdef" * 4
POST = GET.replace(b"GET", b"POST").replace(b"Host", b"Content-Length: 0\r\nHost")
COOKIE = re.compile(rb"\r\nSet-Cookie: (__parallax_write=[\w.-]+); Max-Age=30; Path=/; HttpOnly; SameSite=Lax\r\n")
HALF = {"weights": {"new": 50}, "sticky": {"after_write": 30}}
NAMES = {"old": OLD, "new": NEW}


@pytest.fixture
def data_with() -> Iterator[Callable[..., Data]]:
    """
    A data plane that believes what `KEY` has signed; by default half of all goes to new, and writes pin for 30 s.
    """
    with ExitStack() as stack:

        def made(**settings: Any) -> Data:
            data = stack.enter_context(data_plane(**{**HALF, **settings}))
            data.swap(replace(data.plane.table, signing=KEY))
            return data

        yield made


def answered(data: Data, request: bytes, answer: bytes = OK) -> tuple[int, bytes, bytes]:
    """
    The side that answered, what both sides got together, and what the client got.
    """
    legs = [data.idle(side, "live") for side in (OLD, NEW)]
    copies: list[FakeTransport] = [data.idle(side, "shadow") for side in (OLD, NEW)]
    data.client.feed(request)
    [live] = [side for side in (OLD, NEW) if legs[side].written]
    got = legs[live].written + copies[1 - live].written
    legs[live].feed(answer)
    if copies[1 - live].written:
        copies[1 - live].feed(OK)
    for one in (*legs, *copies):
        one.lose()
    return live, got, data.client.taken()


def pinned(side: str, request: bytes = GET, *, seconds: float = 30, key: str = KEY) -> bytes:
    """
    A request with the cookie, among others.
    """
    value = pack(bytes.fromhex(key), WROTE, side.encode(), int(time() + seconds))
    return request.replace(b"Host", b"Cookie: a=b; __parallax_write=%b; c=d\r\nHost" % value)


@pytest.mark.parametrize("roll", [0.2, 0.7])
def test_what_a_write_is_answered_with_brings_its_client_back(data_with: Callable[..., Data], roll: float) -> None:
    """
    To the side that did it, whatever the dice say then; and neither side sees the cookie.
    """
    data = data_with()
    data.plane.random = lambda: roll
    live, _, answer = answered(data, POST)
    found = COOKIE.search(answer)
    assert found is not None
    data.plane.random = lambda: 1 - roll
    again, got, _ = answered(data, GET.replace(b"Host", b"Cookie: a=b; %b\r\nHost" % found[1]))

    assert (live, again) == (int(roll < 0.5), live)
    assert b"Cookie: a=b\r\n" in got
    assert b"__parallax" not in got
    assert answered(data, GET)[0] != live


@pytest.mark.parametrize(
    ("request_", "answer", "settings"),
    [
        (GET, OK, {}),
        (POST, OK.replace(b"200 OK", b"404 Not Found"), {}),
        (POST, OK.replace(b"200 OK", b"503 Service Unavailable"), {}),
        (POST, OK, {"sticky": {"after_write": 0}}),
        (POST, OK, {"weights": {"new": 0}}),
        (POST, OK, {"weights": {"new": 100}}),
        (POST, OK, {"routes": [{"name": "a", "match": {"path": "/**"}, "writes": "safe"}]}),
    ],
)
def test_nobody_is_pinned_without_need(
    data_with: Callable[..., Data], request_: bytes, answer: bytes, settings: dict[str, Any]
) -> None:
    """
    By a read, by what was not done, by what a route says is none, or where one side answers everybody.
    """
    assert b"__parallax" not in answered(data_with(**settings), request_, answer)[2]


def test_one_route_to_new_is_reason_enough(data_with: Callable[..., Data]) -> None:
    """
    Or one cohort: its reads might be answered by new, though its writes are not.
    """
    for more in (
        {"routes": [{"name": "a", "match": {"path": "/a"}, "weight": 1}]},
        {"cohorts": [{"name": "a", "match": {"path": "/a"}, "side": "new"}]},
    ):
        live, _, answer = answered(data_with(weights={"new": 0}, **more), POST)

        assert live == OLD
        assert COOKIE.search(answer)


@pytest.mark.parametrize("side", NAMES)
@pytest.mark.parametrize(
    "settings",
    [
        {"weights": {"new": 0.01}},
        {"weights": {"new": 99.99}},
        {"sticky": {"after_write": 30, "key": ["client"]}},
        {"weights": {"new": 0}, "cohorts": [{"name": "a", "match": {"path": "/**"}, "weight": 0.01}]},
        {"weights": {"new": 0}, "cohorts": [{"name": "a", "match": {"path": "/**"}, "side": "new"}]},
        {"weights": {"new": 0}, "routes": [{"name": "a", "match": {"path": "/**"}, "weight": 0.01}]},
        {"routes": [{"name": "a", "match": {"path": "/**"}, "weight": 100}]},
    ],
)
def test_a_pin_says_more_than_cohorts_routes_and_weights(
    data_with: Callable[..., Data], side: str, settings: dict[str, Any]
) -> None:
    """
    For reads and for writes.
    """
    data = data_with(**settings)

    assert [answered(data, pinned(side, request))[0] for request in (GET, POST)] == [NAMES[side]] * 2


@pytest.mark.parametrize(
    "closed",
    [
        {"cohorts": [{"name": "a", "match": {"path": "/**"}, "side": "old"}]},
        {"cohorts": [{"name": "a", "match": {"path": "/**"}, "weight": 0}]},
        {"routes": [{"name": "a", "match": {"path": "/**"}, "weight": 0}]},
        {"weights": {"new": 0}, "routes": [{"name": "a", "match": {"path": "/elsewhere"}, "weight": 100}]},
    ],
)
def test_a_share_of_0_says_more_than_a_pin(data_with: Callable[..., Data], closed: dict[str, Any]) -> None:
    """
    Nobody is kept on new, or brought there by a write elsewhere; on old one may stay, which was there before.
    """
    data = data_with(**closed)

    for side in NAMES:
        assert [answered(data, pinned(side, request))[0] for request in (GET, POST)] == [OLD, OLD]


@pytest.mark.parametrize("side", NAMES)
def test_a_pin_says_more_than_a_flag(data_with: Callable[..., Data], side: str) -> None:
    """
    Both ways, while new's share isn't 0.
    """
    flag = {"key": "orders", "mode": "decide"}
    data = data_with(routes=[{"name": "a", "match": {"path": "/**"}, "flag": flag}])
    for said in (False, True):
        answered(data, GET)
        data.plane.flags.answered("orders", b"", said, data.plane.now)

        assert answered(data, pinned(side))[0] == NAMES[side]


@pytest.mark.parametrize("roll", [0.2, 0.7])
@pytest.mark.parametrize("side", NAMES)
def test_a_pin_does_not_renew_itself(data_with: Callable[..., Data], side: str, roll: float) -> None:
    """
    Only where the client would be without it a write brings another: so whoever writes again and again comes back.
    """
    data = data_with()
    data.plane.random = lambda: roll
    live, _, answer = answered(data, pinned(side, POST))

    assert live == NAMES[side]
    assert bool(COOKIE.search(answer)) is (live == int(roll < 0.5))


def test_a_write_where_new_is_closed_brings_its_client_back_to_old(data_with: Callable[..., Data]) -> None:
    """
    Old has done it, whatever was on new before.
    """
    _, _, answer = answered(
        data_with(routes=[{"name": "a", "match": {"path": "/**"}, "weight": 0}]), pinned("new", POST)
    )
    found = COOKIE.search(answer)

    assert found is not None
    assert found[1].startswith(b"__parallax_write=old.")


def test_a_tester_says_more_than_a_pin(data_with: Callable[..., Data]) -> None:
    """
    He wants to see that side.
    """
    value = forcing(KEY, OLD, int(time() + 60)).encode()
    request = pinned("new").replace(b"Host", b"X-Parallax-Force: %b\r\nHost" % value)

    assert answered(data_with(), request)[0] == OLD


def test_split_data_and_the_latch_say_more_than_a_pin(data_with: Callable[..., Data]) -> None:
    """
    Writes stay on old; and everything does while killed.
    """
    data = data_with(data="split", weights={"new": 1})
    assert [answered(data, pinned("new", request))[0] for request in (GET, POST)] == [NEW, OLD]
    data.tables.latch(True)
    killed = answered(data, pinned("new"))

    assert killed[0] == OLD
    assert b"__parallax" not in killed[1]
    assert b"__parallax" not in answered(data, POST)[2]


def test_nobody_is_kept_on_a_new_that_was_rolled_back(data_with: Callable[..., Data]) -> None:
    """
    Weight 0 for all takes everybody back at once; on old one may stay, which was there before.
    """
    assert answered(data_with(weights={"new": 0}), pinned("new"))[0] == OLD
    assert answered(data_with(weights={"new": 100}), pinned("old"))[0] == OLD


@pytest.mark.parametrize(
    "request_",
    [
        pinned("new", seconds=-1),
        pinned("new", key=KEY[::-1]),
        pinned("newer"),
        GET.replace(b"Host", b"Cookie: __parallax_write=new.99999999999.AAAA\r\nHost"),
        GET.replace(b"Host", b"Cookie: __parallax_write=%b\r\nHost" % forcing(KEY, NEW, 2**40).encode()),
    ],
)
def test_what_is_over_or_forged_pins_nobody(data_with: Callable[..., Data], request_: bytes) -> None:
    """
    Nor what was signed for something else; and neither side sees any of it.
    """
    live, got, _ = answered(data_with(weights={"new": 0.01}), request_)

    assert live == OLD
    assert b"__parallax" not in got


def test_an_ejected_side_is_no_place_to_stay(data_with: Callable[..., Data]) -> None:
    """
    An old answer is better than none.
    """
    data = data_with()
    ejection = data.plane.sides[NEW].ejection
    for _ in range(20):
        ejection.failed("refused", data.plane.now, 0.5)
    assert ejection.is_out

    assert answered(data, pinned("new"))[0] == OLD


def test_a_pin_is_no_difference(data_with: Callable[..., Data]) -> None:
    """
    What is compared is what the sides said.
    """
    data = data_with(routes=[{"name": "a", "match": {"path": "/**"}, "writes": "mirror"}], data="split")
    claimed: list[bytes] = []
    data.plane.claims.send = lambda digest: not claimed.append(digest)  # type: ignore[func-returns-value]
    front, back = data.both(OLD)
    data.client.feed(POST.replace(b"Host", b"Idempotency-Key: 1\r\nHost"))
    front.feed(OK)
    data.plane.claims.answered(claimed.pop() + b"\1")
    back.feed(OK)

    assert COOKIE.search(data.client.written)
    assert data.entries() == {"identical": 1}


def test_the_cookie_is_for_encrypted_connections_where_there_are_some(data_with: Callable[..., Data]) -> None:
    """
    Browsers don't send it over others then.
    """
    overrides = data_with().plane.course.ways.overrides

    assert overrides.pin(NEW, time(), encrypted=True).endswith(b"; Secure")
    assert not overrides.pin(NEW, time(), encrypted=False).endswith(b"; Secure")
