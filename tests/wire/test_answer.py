"""
Answer heads: what the side said, how the content is framed, and whether the connection can be used again.
"""

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import BadMessage
from proxy.wire.answer import AnswerHead, AnswerParser
from proxy.wire.fields import FIELD_BYTES, answer_names
from tests.parts.values import SIGNIFICANT, TOKEN, an_answer

NAMES = st.text(TOKEN, min_size=1, max_size=10).map(lambda name: b"x-" + name.encode())
VALUES = st.lists(st.sampled_from(list(FIELD_BYTES)), max_size=12).map(bytes)


def head_of(*lines: bytes, start: bytes = b"HTTP/1.1 200 OK") -> AnswerHead:
    """
    The head with these field lines.
    """
    return an_answer(b"\r\n".join([start, *lines]) + b"\r\n\r\n")


def state(head: AnswerHead) -> dict[str, object]:
    """
    Everything a head holds.
    """
    return {name: getattr(head, name) for name in AnswerHead.__slots__}


@pytest.mark.parametrize("compared", [(), ("*",), ("set-cookie", "x-parallax-side"), ("set-*", "x-*")])
@pytest.mark.parametrize("attributes", [False, True])
def test_no_side_says_what_only_parallax_may(compared: tuple[str, ...], attributes: bool) -> None:
    """
    Who answered, and what keeps a client or a tester on a side; whatever is compared.
    """
    lines = [
        *(b"X-Parallax-Side: new", b"x-parallax-FAILOVER: old", b"X_Parallax-Whatever: 1", b"X-Parallax: theirs"),
        *(b"Set-Cookie: __parallax_force=x", b"set-cookie:\t __parallax_write=; Max-Age=0", b"Set-Cookie: a=b"),
        *(b"Set-Cookie: =__parallax_force=x", b"SET-COOKIE: __parallax_=", b"Set-Cookie: my__parallax_force=1"),
    ]
    head = AnswerParser(answer_names(compared, attributes=attributes), 100).parse(
        b"\r\n".join([b"HTTP/1.1 200 OK", *lines])
    )

    assert head.lines == [b"X-Parallax: theirs", b"Set-Cookie: a=b", b"Set-Cookie: my__parallax_force=1"]
    assert not any(b"parallax_write" in value or b"parallax-" in name for name, value in head.significant)


@given(st.lists(st.tuples(NAMES, VALUES), max_size=8))
def test_lines_keep_their_order_and_every_byte(fields: list[tuple[bytes, bytes]]) -> None:
    """
    Made-up fields, and h11 sees the same names and values.
    """
    lines = [name + b": " + value for name, value in fields]
    other = h11.Connection(h11.CLIENT)
    other.send(h11.Request(method="GET", target="/", headers=[("Host", "a")]))
    other.send(h11.EndOfMessage())

    head = head_of(*lines)
    other.receive_data(b"\r\n".join([b"HTTP/1.1 200 OK", *lines, b"", b""]))
    event = other.next_event()

    assert head.lines == lines
    assert isinstance(event, h11.Response)
    assert list(event.headers) == [(name.lower(), value.strip(b" \t")) for name, value in fields]


@pytest.mark.parametrize(
    ("line", "status", "reason"),
    [
        (b"HTTP/1.1 200 OK", 200, b" OK"),
        (b"HTTP/1.1 200 ", 200, b" "),
        (b"HTTP/1.1 200", 200, b""),
        (b"HTTP/1.0 404 Nicht da \xfc", 404, b" Nicht da \xfc"),
        (b"HTTP/1.1 999 x", 999, b" x"),
        (b"ICE/1.0 200 OK", 200, b" OK"),
        (b"HTTP/0.9 200 OK", 200, b" OK"),
    ],
)
def test_status_lines(line: bytes, status: int, reason: bytes) -> None:
    """
    The reason keeps its space, so that it can be said again as it was.
    """
    head = head_of(start=line)

    assert (head.status, head.reason) == (status, reason)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"HTTP/1.1",
        b"HTTP/1.1 ",
        b"HTTP/1.1 20",
        b"HTTP/1.1 2000",
        b"HTTP/1.1 099 x",
        b"HTTP/1.1  200 OK",
        b"HTTP/2 200 OK",
        b"HTTP/1.2 200",
        b"http/1.1 200 OK",
        b" HTTP/1.1 200 OK",
        b"HTTP/1.1 200\tOK",
        b"hello",
    ],
)
def test_what_is_no_status_line(line: bytes) -> None:
    """
    Refused; whoever asked gets a 502.
    """
    with pytest.raises(BadMessage):
        head_of(start=line)


@pytest.mark.parametrize(
    "lines",
    [
        (b"Content-Length: 1", b"Content-Length: 1"),
        (b"Content-Length: 1", b"Content-Length: 2"),
        (b"Content-Length: 1, 1",),
        (b"Content-Length: -1",),
        (b"X : 1",),
        (b" folded",),
        (b"X\x00: 1",),
        (b"X: a\rb",),
        (b"X: a\nb",),
        (b"Transfer_Encoding: chunked",),
        (b"X: 1",) * 101,
    ],
)
def test_an_answer_with_two_readings_is_refused(lines: tuple[bytes, ...]) -> None:
    """
    The same strictness as with clients: what a side sends reaches other clients' connections.
    """
    with pytest.raises(BadMessage):
        head_of(*lines)


@pytest.mark.parametrize(
    ("lines", "start", "length", "chunked", "reusable"),
    [
        ((b"Content-Length: 5",), b"HTTP/1.1 200 OK", 5, False, True),
        ((), b"HTTP/1.1 200 OK", -1, False, True),
        ((b"Transfer-Encoding: Chunked",), b"HTTP/1.1 200 OK", -1, True, True),
        ((b"Transfer-Encoding: chunked", b"Content-Length: 5"), b"HTTP/1.1 200 OK", -1, True, False),
        ((b"Transfer-Encoding: gzip",), b"HTTP/1.1 200 OK", -1, False, False),
        ((b"Content-Length: 5",), b"HTTP/1.0 200 OK", 5, False, False),
        ((b"Content-Length: 5", b"Connection: Keep-Alive"), b"HTTP/1.0 200 OK", 5, False, True),
        ((b"Content-Length: 5", b"Connection: x, close"), b"HTTP/1.1 200 OK", 5, False, False),
        ((b"Content-Length: 5",), b"HTTP/1.1 204 No Content", -1, False, True),
        ((b"Content-Length: 5",), b"HTTP/1.1 103 Early Hints", -1, False, True),
    ],
)
def test_framing_and_the_connections_future(
    lines: tuple[bytes, ...], start: bytes, length: int, chunked: bool, reusable: bool
) -> None:
    """
    RFC 9112 §6.3 and §9.3; a Content-Length that does not count is not said on.
    """
    head = head_of(*lines, start=start)

    assert (head.length, head.chunked, head.reusable) == (length, chunked, reusable)
    assert (head.length_at >= 0) is (length >= 0)
    assert [line for line in head.lines if line.startswith(b"Content-Length")] == ([lines[0]] if length >= 0 else [])
    assert not [line for line in head.lines if line.startswith((b"Transfer", b"Connection"))]


def test_what_connection_names_is_removed() -> None:
    """
    But not Content-Length or Set-Cookie, whoever names them; the length is found again.
    """
    head = head_of(
        b"X-Hop: 1", b"Set-Cookie: a=b", b"Content-Length: 2", b"Connection: x-hop, Content-Length, set-cookie"
    )

    assert head.lines == [b"Set-Cookie: a=b", b"Content-Length: 2"]
    assert head.lines[head.length_at] == b"Content-Length: 2"
    assert head.nominated == {b"x-hop"}


def test_compared_fields_carry_their_values_and_cookies_only_their_names() -> None:
    """
    A cookie's value differs by nature and is a secret.
    """
    head = head_of(
        b"X-Other: 1", b"Location:  /a\t", b"X-CMP-a: 2", b"Set-Cookie: sid=secret; Path=/", b"content-type: text/plain"
    )

    assert head.significant == [
        (b"location:", b"/a"),
        (b"x-cmp-a:", b"2"),
        (b"set-cookie:", b"sid"),
        (b"content-type:", b"text/plain"),
    ]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"sid=secret", b"sid"),
        (b"sid=secret; Path=/; Secure;HttpOnly ;SameSite=Strict", b"sid; httponly; path=/; samesite=strict; secure"),
        (b"sid=secret; samesite=STRICT; secure; httponly; path=/", b"sid; httponly; path=/; samesite=strict; secure"),
        (b"sid=secret; Domain=.Shop.example; Path=/A", b"sid; domain=shop.example; path=/A"),
        (b"sid=secret; Expires=Wed, 21 Oct 2026 07:28:00 GMT; Max-Age=60", b"sid; expires; max-age=60"),
        (b"sid=secret; Path=/a; Path=/b; Unknown=secret;;", b"sid; path=/b; unknown"),
        (b"secret; Secure", b"; secure"),
        (b"", b""),
    ],
)
def test_attributes_of_cookies_are_compared_where_that_is_wanted(line: bytes, said: bytes) -> None:
    """
    In one spelling and order; never the value, nor when it expires.
    """
    parser = AnswerParser(answer_names(("set-cookie",), attributes=True), 100)
    head = parser.parse(b"HTTP/1.1 200 OK\r\nSet-Cookie: " + line)

    assert head.significant == [(b"set-cookie:", said)]
    assert head.lines == [b"Set-Cookie: " + line]
    assert b"secret" not in head_of(b"Set-Cookie: " + line).significant[0][1]


def test_a_stream_of_events_is_recognised() -> None:
    """
    It never ends, so it is never compared.
    """
    assert head_of(b"Content-Type: Text/Event-Stream; charset=utf-8").stream
    assert not head_of(b"Content-Type: text/plain").stream


def test_dates_upgrades_and_idle_limits_are_noted() -> None:
    """
    What the rest of the worker asks for.
    """
    head = head_of(b"date: x", b"Upgrade: WebSocket", b"Keep-Alive: max=5, Timeout=7")

    assert (head.has_date, head.upgrade, head.idle_limit) == (True, b"websocket", 7.0)
    assert head_of(b"Keep-Alive: max=5").idle_limit == 0.0


def test_a_head_met_again_is_the_same_value() -> None:
    """
    Old and new often answer with equal heads.
    """
    parser = AnswerParser(answer_names(SIGNIFICANT), 100)
    block = b"HTTP/1.1 200 OK\r\nContent-Length: 2"

    assert parser.parse(block) is parser.parse(bytes(bytearray(block)))


@given(st.lists(st.tuples(NAMES, VALUES), max_size=4))
def test_a_remembered_head_equals_a_fresh_one(fields: list[tuple[bytes, bytes]]) -> None:
    """
    Memory is an optimisation, nothing else.
    """
    block = b"\r\n".join([b"HTTP/1.1 200 OK", *(name + b": " + value for name, value in fields)])
    parser = AnswerParser(answer_names(SIGNIFICANT), 100)
    parser.parse(block)

    assert state(parser.parse(block)) == state(AnswerParser(answer_names(SIGNIFICANT), 100).parse(block))


def test_the_memory_for_heads_is_bounded() -> None:
    """
    In number and in the size of each.
    """
    parser = AnswerParser(answer_names(SIGNIFICANT), 100)
    for number in range(AnswerParser.MEMORY * 2 + 10):
        parser.parse(b"HTTP/1.1 200 OK %d\r\nX-Id: %d" % (number, number))
    long = b"HTTP/1.1 200 OK\r\nX: " + b"x" * AnswerParser.LONGEST

    assert len(parser._memory) <= AnswerParser.MEMORY
    assert len(parser._starts) <= AnswerParser.MEMORY
    assert parser.parse(long) is not parser.parse(long)
