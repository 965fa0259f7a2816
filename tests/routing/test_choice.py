"""
Who answers: the key's bucket, chance, or old because of what the request may do.
"""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.routing.buckets import bucket, on_new
from proxy.routing.choice import Choice, made_by_chance
from proxy.routing.table import NEW, OLD
from tests.parts.values import a_request, a_table

ADDRESS = b"192.0.2.7"
PLAIN = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
WEBSOCKET = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"


def live(raw: bytes, weight: float, roll: float | None = None, **settings: Any) -> int:
    """
    Who answers; without `roll`, chance must not matter.
    """

    def dice() -> float:
        assert roll is not None, "nobody was to roll dice"
        return roll

    return Choice(a_table(weights={"new": weight}, **settings)).decide(a_request(raw), ADDRESS, dice).live


def by(*keys: str) -> dict[str, Any]:
    """
    These sticky keys.
    """
    return {"sticky": {"key": list(keys), "salt": "parallax"}}


@given(st.from_regex(r"[a-z0-9-]{1,20}", fullmatch=True), st.integers(0, 10_000))
def test_a_key_decides_by_its_bucket(user: str, hundredths: int) -> None:
    """
    At every weight.
    """
    weight = hundredths / 100
    raw = PLAIN.replace(b"Host", b"X-User-Id: %b\r\nHost" % user.encode())
    expected = NEW if on_new(bucket(b"parallax", user.encode()), weight) else OLD

    assert live(raw, weight, **by("header:X-User-Id")) == expected


@pytest.mark.parametrize(("weight", "expected"), [(0, OLD), (99.99, OLD), (100, NEW)])
def test_without_a_key_it_is_old_until_new_has_all(weight: float, expected: int) -> None:
    """
    Somebody who can't be told apart can't be kept on new either.
    """
    assert live(PLAIN, weight, **by("header:X-User-Id", "cookie:sid")) == expected


def test_without_a_key_it_is_chance_if_that_is_wanted() -> None:
    """
    With `request` as the last key.
    """
    keys = by("cookie:sid", "request")

    assert live(PLAIN, 50, 0.499, **keys) == NEW
    assert live(PLAIN, 50, 0.5, **keys) == OLD


def test_the_salt_makes_other_users_the_first() -> None:
    """
    So that it isn't always the same who try what is new.
    """
    users = [PLAIN.replace(b"Host", b"X-User-Id: %d\r\nHost" % number) for number in range(100)]
    one = [live(raw, 50, sticky={"key": ["header:X-User-Id"], "salt": "one"}) for raw in users]
    other = [live(raw, 50, sticky={"key": ["header:X-User-Id"], "salt": "other"}) for raw in users]

    assert one != other


@pytest.mark.parametrize("method", [b"POST", b"PUT", b"PATCH", b"DELETE", b"PROPFIND", b"PURGE"])
@pytest.mark.parametrize("weight", [0, 50, 100])
def test_while_data_is_split_writes_stay_on_old(method: bytes, weight: float) -> None:
    """
    Whatever the weight; also methods of which we only don't know that they write nothing.
    """
    raw = PLAIN.replace(b"GET", method).replace(b"Host", b"Content-Length: 0\r\nHost")

    assert live(raw, weight, data="split") == OLD
    assert live(raw, 100, data="shared") == NEW


def test_while_data_is_split_what_may_write_later_stays_on_old_too() -> None:
    """
    A WebSocket begins with a GET.
    """
    assert live(WEBSOCKET, 100, data="split") == OLD
    assert live(WEBSOCKET, 100, data="stateless") == NEW


@pytest.mark.parametrize("method", [b"GET", b"HEAD", b"OPTIONS"])
def test_while_data_is_split_reads_go_by_the_weight(method: bytes) -> None:
    """
    By chance or by key.
    """
    raw = PLAIN.replace(b"GET", method)

    assert live(raw, 100, data="split") == NEW
    assert live(raw, 50, 0.1, data="split") == NEW
    assert live(raw, 50, data="split", **by("client")) == (NEW if bucket(b"parallax", ADDRESS) < 5000 else OLD)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, True),
        ({"data": "stateless"}, True),
        ({"data": "split"}, False),
        (by("client"), False),
        (by("request"), True),
    ],
)
def test_only_where_something_of_a_request_matters_it_is_looked_at(settings: dict[str, Any], expected: bool) -> None:
    """
    Otherwise the request path doesn't come here.
    """
    assert made_by_chance(a_table(**settings)) is expected
