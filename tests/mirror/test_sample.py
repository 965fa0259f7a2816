"""
A sample shows where two answers differ, and nothing that could be a secret.
"""

import re

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.metrics.books import Page
from proxy.mirror.budget import Budget
from proxy.mirror.heads import LONGEST, REDACTED, SHOWN
from proxy.mirror.observation import Observation
from proxy.mirror.pair import Pair, Pairs
from proxy.mirror.sample import AROUND, first_difference, redact_target, sample
from tests.parts.values import TOKEN, a_request, an_answer

CANARY = "kanarienvogel"


def observation(raw: bytes, body: bytes = b"") -> Observation:
    """
    A complete one, with everything in its head compared.
    """
    seen = Observation()
    seen.head = an_answer(raw, ("*",))
    seen.content, seen.size = [body], len(body)
    seen.sent, seen.at = 10.0, 10.0125
    return seen


def pair(live: Observation, shadow: Observation, *, target: bytes = b"/a", fields: bytes = b"", side: int = 0) -> Pair:
    """
    A pair of these.
    """
    request = a_request(b"GET " + target + b" HTTP/1.1\r\nHost: a\r\n" + fields + b"\r\n")
    made = Pair(Pairs(Budget(1000), 1000, lambda *_: None), request, Page("GET /a"), side)
    made.live, made.shadow = live, shadow
    return made


OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-Secret: s\r\n\r\n"


def test_a_sample_has_both_sides_in_place() -> None:
    """
    Old and new by name, whichever was live.
    """
    one, other = observation(OK, b"one"), observation(OK.replace(b"200 OK", b"500 x"), b"other")
    shown = sample(pair(other, one, side=1, fields=b"X-Request-Id: r1\r\n"), 1234.56789)

    assert (shown["at"], shown["endpoint"], shown["live"], shown["method"]) == (1234.568, "GET /a", "new", "GET")
    assert shown["request_id"] == "r1"
    assert shown["first"] == {"where": "status", "offset": None, "old": "200", "new": "500"}
    assert shown["old"] == {
        "status": 200,
        "headers": [["Content-Type", "text/plain"], ["X-Secret", REDACTED]],
        "size": 3,
        "ms": 12.5,
    }
    assert shown["new"]["status"] == 500
    assert shown["new"]["size"] == 5


@pytest.mark.parametrize(
    "name", ["Set-Cookie", "Authorization", "Location", "ETag", "X-Api-Key", "Link", "WWW-Authenticate"]
)
@pytest.mark.parametrize("differs", ["header", "body", "status"])
def test_planted_secrets_never_appear(name: str, differs: str) -> None:
    """
    In values of request and answer fields, in the query, in the fragment, in both bodies.
    """
    planted = CANARY.encode()
    line = name.encode() + b": " + planted
    status = {"status": b"404", "header": b"200", "body": b"200"}[differs]
    there = b": " if differs != "header" else b": other-"
    one = observation(b"HTTP/1.1 200 OK\r\n" + line + b"\r\n\r\n", b"a" + planted)
    other = observation(
        b"HTTP/1.1 " + status + b" " + planted + b"\r\n" + line.replace(b": ", there) + b"\r\n\r\n",
        b"b" + planted + b"c",
    )
    fields = line + b"\r\nCookie: " + planted + b"\r\n" if name != "Authorization" else line + b"\r\n"
    target = b"/a?token=" + planted + b"&" + planted + b"&x=" + planted + b"#access_token=" + planted

    shown = orjson.dumps(sample(pair(one, other, target=target, fields=fields), 1.0)).decode()

    assert CANARY not in shown.lower()
    assert differs in shown


def test_the_list_of_shown_fields_has_none_that_carry_secrets() -> None:
    """
    Whoever adds one here should think twice.
    """
    secretive = {
        b"set-cookie",
        b"cookie",
        b"authorization",
        b"location",
        b"link",
        b"etag",
        b"www-authenticate",
        b"x-request-id",
    }

    assert not SHOWN & secretive
    assert all(name == name.lower() for name in SHOWN)


def test_where_fields_differ() -> None:
    """
    The first in the order of either side; a value only of those that are shown, absent is said.
    """
    one = observation(b"HTTP/1.1 200 OK\r\nVary: a\r\nVary: b\r\nX-Key: 1\r\n\r\n")
    other = observation(b"HTTP/1.1 200 OK\r\nVary: a\r\nX-Key: 2\r\n\r\n")
    neither = observation(b"HTTP/1.1 200 OK\r\nX-Key: 1\r\n\r\n")
    changed = observation(b"HTTP/1.1 200 OK\r\nX-Key: 2\r\n\r\n")

    assert first_difference(one, other) == {"where": "header:vary", "offset": None, "old": "a, b", "new": "a"}
    assert first_difference(neither, one)["where"] == "header:vary"
    assert first_difference(neither, one)["old"] == "(absent)"
    assert first_difference(neither, changed) == {
        "where": "header:x-key",
        "offset": None,
        "old": "9",
        "new": "9",
    }


def test_a_side_without_an_answer_is_named_by_its_cause() -> None:
    """
    Not that such pairs are sampled today.
    """
    gone = Observation()
    gone.cause = "timeout"

    assert first_difference(observation(OK), gone) == {
        "where": "answer",
        "offset": None,
        "old": "None",
        "new": "timeout",
    }


@given(st.binary(max_size=60), st.binary(max_size=60), st.sampled_from([0, 4000, 9000]))
def test_the_first_difference_of_contents_is_found_and_not_shown(one: bytes, other: bytes, common: int) -> None:
    """
    Its offset is right, and what is said of the bytes there holds no letter but `a`, no digit but 9.
    """
    if one == other:
        return
    one, other = b"x" * common + one, b"x" * common + other

    said = first_difference(observation(OK, one), observation(OK, other))

    at = said["offset"]
    assert said["where"] == "body"
    assert one[:at] == other[:at]
    assert one[at : at + 1] != other[at : at + 1]
    for shape, content in ((said["old"], one), (said["new"], other)):
        if at >= len(content):
            assert shape == "(end)"
        else:
            assert len(shape) == min(AROUND, len(content) - at) + min(AROUND, at)
            assert re.fullmatch(r"[a9 -/:-@\[-`{-~]*", shape)


@pytest.mark.parametrize(
    ("target", "shown"),
    [
        (b"/a", "/a"),
        (b"/a?", "/a?…"),
        (b"/a?q=secret&page=2", "/a?q=…&page=…"),
        (b"/a?secret", "/a?…"),
        (b"/a?a=1=2", "/a?a=…"),
        (b"/a#access_token=1", "/a#…"),
        (b"/a#x?y=1", "/a#…"),
        (b"/a?q=1#f", "/a?q=…#…"),
        (b"*", "*"),
        (b"/reset/eyJhbGci0i", "/aaaaa/aaaaaaaa9a"),
        (b"/a/joe@example.org", "/a/aaa@aaaaaaa.aaa"),
        (b"/" + b"x" * 500, "/" + "a" * (LONGEST - 1)),
    ],
)
def test_a_target_loses_its_values(target: bytes, shown: str) -> None:
    """
    Names of parameters stay, and what the endpoint's template has literally, so that people recognise the request.
    """
    assert redact_target(target, "GET /a") == shown


@given(st.binary(max_size=600))
def test_a_redacted_target_is_short_printable_text(target: bytes) -> None:
    """
    Whatever a client sent.
    """
    shown = redact_target(target, "GET /a/{id}")

    assert len(shown) <= 2 * LONGEST + 4
    assert re.fullmatch(r"[\x20-\x7e…]*", shown)


@given(st.text(TOKEN, min_size=1, max_size=8), st.binary(max_size=300))
def test_a_sample_is_always_json(name: str, raw: bytes) -> None:
    """
    Names and values are bytes from the network.
    """
    value = bytes(byte for byte in raw if byte >= 0x20 and byte != 0x7F)
    seen = observation(b"HTTP/1.1 200 OK\r\nx-q" + name.encode() + b": " + value + b"\r\n\r\n", raw)

    assert orjson.loads(orjson.dumps(sample(pair(seen, observation(OK)), 1.0)))
