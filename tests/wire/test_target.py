"""
Targets and authorities: checked, and only absolute-form is rewritten.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import BadMessage
from proxy.wire.target import check_host, parse_target
from tests.parts.values import a_request

VISIBLE = "".join(map(chr, range(0x21, 0x7F)))


@pytest.mark.parametrize(
    "host",
    [b"a", b"a.b:80", b"127.0.0.1", b"[::1]", b"[::1]:8080", b"xn--nxasmq6b", b"a_b", b"a:0", b"a:65535", b"%41"],
)
def test_a_host_may_have_a_port(host: bytes) -> None:
    """
    RFC 3986 §3.2.2, twice, since good ones are remembered.
    """
    check_host(host)
    check_host(host)


@pytest.mark.parametrize(
    "host",
    [
        b"",
        b":80",
        b"a:",
        b"a:x",
        b"a:65536",
        b"a:123456",
        b"u@a",
        b"a b",
        b"a/b",
        b"a,b",
        b"[::1",
        b"::1",
        b"a\xe9",
        b"a?b",
    ],
)
def test_what_is_no_host_is_refused(host: bytes) -> None:
    """
    Userinfo, lists, paths, ports out of range.
    """
    for _ in range(2):
        with pytest.raises(BadMessage) as refused:
            check_host(host)

        assert refused.value.status == 400


@given(st.text(VISIBLE, max_size=60))
def test_an_origin_form_target_is_never_rewritten(path: str) -> None:
    """
    Byte for byte: no decoding, no merging of slashes, no dot removal.
    """
    target = b"/" + path.encode()

    head = a_request(b"GET " + target + b" HTTP/1.1\r\nHost: a\r\n\r\n")

    assert head.target == target
    assert head.lines == [b"Host: a"]


@pytest.mark.parametrize(
    ("method", "target", "wanted"),
    [
        (b"GET", b"http://b", b"/"),
        (b"GET", b"http://b/", b"/"),
        (b"GET", b"HTTPS://b/x?y=http://c/d", b"/x?y=http://c/d"),
        (b"GET", b"http://b?q", b"/?q"),
        (b"GET", b"http://b#f", b"/#f"),
        (b"OPTIONS", b"http://b", b"*"),
        (b"OPTIONS", b"*", b"*"),
    ],
)
def test_absolute_form_becomes_origin_form(method: bytes, target: bytes, wanted: bytes) -> None:
    """
    RFC 9112 §3.2.2, §3.2.4.
    """
    assert a_request(method + b" " + target + b" HTTP/1.1\r\nHost: a\r\n\r\n").target == wanted


def test_the_authority_of_the_target_replaces_host() -> None:
    """
    RFC 9112 §3.2.2: a proxy must ignore the received Host.
    """
    head = a_request(b"GET http://b:1/x HTTP/1.1\r\nX: 1\r\nHOST: a\r\nY: 2\r\n\r\n")

    assert head.authority == b"b:1"
    assert head.lines == [b"X: 1", b"Host: b:1", b"Y: 2"]


def test_an_old_client_without_host_gets_its_authority_from_the_target() -> None:
    """
    HTTP/1.0 knows no Host; the line is added when the request is composed.
    """
    head = a_request(b"GET http://b/x HTTP/1.0\r\n\r\n")

    assert (head.authority, head.lines, head.host_at) == (b"b", [], -1)


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"GET *", 400),
        (b"GET a", 400),
        (b"GET a:80", 400),
        (b"GET ", 400),
        (b"GET ftp://a/", 400),
        (b"GET http:///x", 400),
        (b"GET http://u:p@a/", 400),
        (b"GET http://a:99999/", 400),
        (b"CONNECT a:443", 405),
        (b"TRACE /", 405),
    ],
)
def test_a_form_that_does_not_fit_is_refused(line: bytes, status: int) -> None:
    """
    Authority-form belongs to CONNECT, asterisk-form to OPTIONS.
    """
    with pytest.raises(BadMessage) as refused:
        a_request(line + b" HTTP/1.1\r\nHost: a\r\n\r\n")

    assert refused.value.status == status


def test_checking_twice_changes_nothing() -> None:
    """
    An origin-form target is a fixed point.
    """
    head = a_request(b"GET http://b/x HTTP/1.1\r\nHost: a\r\n\r\n")
    lines = list(head.lines)

    parse_target(head)

    assert (head.target, head.lines) == (b"/x", lines)
