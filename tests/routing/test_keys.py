"""
A sticky key is the first that a request has, as the bytes that it came in.
"""

import base64
import time
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.routing.claims import LONGEST_TOKEN
from proxy.routing.keys import compile_keys
from tests.parts.values import a_request

ADDRESS = b"192.0.2.7"


def key_of(keys: tuple[str, ...], *lines: bytes, address: bytes = ADDRESS) -> bytes:
    """
    The key of a request with these field lines.
    """
    find, _ = compile_keys(keys)
    assert find is not None
    return find(a_request(b"\r\n".join([b"GET / HTTP/1.1", b"Host: a", *lines, b"\r\n"])), address)


def token(payload: bytes, *, head: bytes = b"e30", signature: bytes = b"c2ln") -> bytes:
    """
    An Authorization line with a JWT that says this.
    """
    text = base64.urlsafe_b64encode(payload).rstrip(b"=")
    return b"Authorization: Bearer " + head + b"." + text + b"." + signature


@pytest.mark.parametrize(
    ("lines", "key"),
    [
        ([b"X-User-Id: 7"], b"7"),
        ([b"x-user-id:7"], b"7"),
        ([b"X-USER-ID: \t a, b \t"], b"a, b"),
        ([b"X-User-Id: 7", b"X-User-Id: 8"], b"7"),
        ([b"X-User-Id:", b"X-User-Id: 8"], b"8"),
        ([b"X-User-Id: \xff\xfe"], b"\xff\xfe"),
        ([b"X-User-Id: "], b""),
        ([b"X-User-Ids: 7", b"X-User: 7", b"A-X-User-Id: 7"], b""),
        ([b"Connection: x-user-id", b"X-User-Id: 7"], b""),
        ([], b""),
    ],
)
def test_a_header_is_found_whatever_its_case(lines: list[bytes], key: bytes) -> None:
    """
    The first that isn't empty; one that the client declares to be between it and us isn't there.
    """
    assert key_of(("header:x-user-id",), *lines) == key


@pytest.mark.parametrize(
    ("lines", "key"),
    [
        ([b"Cookie: sid=abc"], b"abc"),
        ([b"cookie: a=1; sid=abc; b=2"], b"abc"),
        ([b"Cookie: a=1;sid=abc;b=2"], b"abc"),
        ([b'Cookie: sid="a=c" '], b'"a=c"'),
        ([b"Cookie: sid=one; sid=two"], b"one"),
        ([b"Cookie: sid=; sid= ; sid=two"], b"two"),
        ([b"Cookie: a=1", b"Cookie: sid=abc"], b"abc"),
        ([b"Cookie: SID=abc; xsid=abc; sid2=abc; a=sid=abc"], b""),
        ([b"Cookie: sid"], b""),
        ([b"Cookie: sid="], b""),
        ([b"Cookie: sid=;"], b""),
        ([b"Set-Cookie: sid=abc"], b""),
    ],
)
def test_a_cookie_is_found_by_its_whole_name(lines: list[bytes], key: bytes) -> None:
    """
    Whose case matters. The first that isn't empty.
    """
    assert key_of(("cookie:sid",), *lines) == key


@pytest.mark.parametrize("name", ["a.b", "a+b", "$sid", "a|b"])
def test_a_cookies_name_is_no_pattern(name: str) -> None:
    """
    Tokens may have signs in them that mean something elsewhere.
    """
    assert key_of((f"cookie:{name}",), b"Cookie: aXb=no; %b=yes" % name.encode()) == b"yes"


@pytest.mark.parametrize(
    ("payload", "key"),
    [
        (b'{"sub": "user-7"}', b"user-7"),
        (b'{"sub": "zo\\u00eb"}', "zoë".encode()),
        (b'{"sub": 7}', b"7"),
        (b'{"sub": -7.5}', b"-7.5"),
        (b'{"sub": ""}', b""),
        (b'{"sub": true}', b""),
        (b'{"sub": null}', b""),
        (b'{"sub": ["7"]}', b""),
        (b'{"sub": "\\ud800"}', b""),
        (b'{"iss": "x"}', b""),
        (b'["sub"]', b""),
        (b"sub", b""),
        (b"\xff", b""),
        (b"[" * 2000, b""),
    ],
)
def test_a_claim_is_text_or_a_number(payload: bytes, key: bytes) -> None:
    """
    Anything else identifies nobody.
    """
    assert key_of(("claim:sub",), token(payload)) == key


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (token(b'{"sub": "7"}').replace(b"Bearer", b"bEARER "), True),
        (token(b'{"sub": "7"}', signature=b""), True),
        (token(b'{"sub": "7"}').replace(b"Bearer", b"Basic"), False),
        (token(b'{"sub": "7"}').replace(b"Bearer ", b""), False),
        (token(b'{"sub": "7"}') + b".e30", False),
        (token(b'{"sub": "7"}').rpartition(b".")[0], False),
        (token(b'{"sub": "7"}').replace(b".c2ln", b"=.c2ln"), False),
        (token(b'{"sub": "7"}').replace(b".c2ln", b"+.c2ln"), False),
        (token(b'{"sub": "7"}').replace(b".c2ln", b"\xff.c2ln"), False),
        (token(b'{"sub": "7"}', signature=b"x" * LONGEST_TOKEN), False),
        (b"Authorization: Bearer ..", False),
        (b"Authorization: Bearer", False),
        (b"Authorization:", False),
    ],
)
def test_a_claim_is_only_read_from_a_bearer_token_with_three_parts(line: bytes, found: bool) -> None:
    """
    Of bounded size. Whatever else comes is no error: the request has no key.
    """
    find, _ = compile_keys(("claim:sub",))
    assert find is not None
    head = a_request(b"GET / HTTP/1.1\r\nHost: a\r\n%b\r\n\r\n" % line, line=20_000)

    assert find(head, ADDRESS) == (b"7" if found else b"")


@given(st.dictionaries(st.text(), st.text() | st.integers(0, 2**63) | st.floats() | st.none()), st.text(min_size=1))
def test_any_claim_is_found_again(claims: dict[str, Any], value: str) -> None:
    """
    Whatever stands beside it.
    """
    payload = orjson.dumps({**claims, "sub": value})

    assert key_of(("claim:sub",), token(payload)) == value.encode()


@given(st.binary())
def test_whatever_a_token_says_is_no_error(junk: bytes) -> None:
    """
    It comes from outside.
    """
    junk = junk.translate(None, b"\r\n\0").translate(None, bytes([*range(32), 127]))

    assert isinstance(key_of(("claim:sub",), b"Authorization: Bearer a." + junk + b".b"), bytes)


def test_the_first_key_that_a_request_has_counts() -> None:
    """
    In the order of the configuration.
    """
    keys = ("header:x-user-id", "cookie:sid", "client")

    assert key_of(keys, b"Cookie: sid=abc", b"X-User-Id: 7") == b"7"
    assert key_of(keys, b"Cookie: sid=abc") == b"abc"
    assert key_of(keys) == ADDRESS


@pytest.mark.parametrize(
    ("keys", "looks", "draws"),
    [
        (("request",), False, True),
        (("request", "header:a"), False, True),
        (("header:a", "request"), True, True),
        (("header:a", "client"), True, False),
    ],
)
def test_what_comes_after_request_is_never_come_to(keys: tuple[str, ...], looks: bool, draws: bool) -> None:
    """
    A request that is drawn by itself needs no look at all.
    """
    find, also_draws = compile_keys(keys)

    assert (find is not None, also_draws) == (looks, draws)


def test_a_key_of_no_kind_is_refused() -> None:
    """
    The configuration has none such; a table of a later version may.
    """
    with pytest.raises(ValueError, match="weather is no sticky key"):
        compile_keys(("weather",))


@pytest.mark.parametrize(
    "value", [b";" * 60_000, b"sid=" * 15_000, b" " * 60_000 + b";", b"sid=" + b" " * 60_000 + b";"]
)
def test_a_hostile_cookie_costs_no_more_than_its_length(value: bytes) -> None:
    """
    A second would be a thousand times what it takes.
    """
    find, _ = compile_keys(("cookie:sid",))
    assert find is not None
    head = a_request(b"GET / HTTP/1.1\r\nHost: a\r\nCookie: a%b\r\n\r\n" % value, line=100_000, head=200_000)
    before = time.process_time()
    find(head, ADDRESS)

    assert time.process_time() - before < 1.0
