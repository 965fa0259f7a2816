"""
The bytes of a connection become heads, one at a time, wherever its segments end.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import BadMessage
from proxy.wire.reader import HELD, RequestReader
from proxy.wire.request import RequestHead
from tests.parts.values import CUTS, a_request, a_table, each_byte, pieces, the_rules

ONE = b"GET /one HTTP/1.1\r\nHost: a\r\nX: 1\r\n\r\n"
TWO = b"POST /two HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n"


def a_reader(**limits: int) -> RequestReader:
    """
    A fresh one.
    """
    return RequestReader(the_rules(**limits), a_table(limits=limits).limits)


def read(reader: RequestReader, cut: list[bytes]) -> tuple[RequestHead | None, bytes]:
    """
    The first head of these pieces, and every byte behind it.
    """
    for index, piece in enumerate(cut):
        if (head := reader.read(piece)) is not None:
            return head, reader.rest + b"".join(cut[index + 1 :])
    return None, b""


@given(st.sampled_from([ONE, TWO, b"\r\n" + ONE, b"\r\n\r\n" + TWO]), st.sampled_from([b"", b"abc", ONE]), CUTS)
def test_a_head_is_the_same_however_it_was_cut(raw: bytes, behind: bytes, cuts: list[int]) -> None:
    """
    Whole, byte by byte, at random; what is behind it is untouched.
    """
    stream = raw + behind
    for cut in ([stream], each_byte(stream), list(pieces(stream, cuts))):
        head, rest = read(a_reader(), cut)

        assert head is not None
        assert head.target in (b"/one", b"/two")
        assert head.lines == a_request(raw.lstrip(b"\r\n")).lines
        assert rest == behind


@pytest.mark.parametrize(
    ("raw", "limits", "status"),
    [
        (b"GET /" + b"x" * 200, {"line": 100}, 414),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 2000, {"line": 100, "head": 1024}, 431),
        (b"GET / HTTP/1.1\nHost", {}, 400),
        (b"GET / HTTP/1.1\r\nX: \x00", {}, 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n", {}, 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\n folded\r\n", {}, 400),
        (b"GET / HTTP/5.6", {}, 505),
        (b"GET / HTTP/x", {}, 400),
        (b"a b c d", {}, 400),
    ],
)
@pytest.mark.parametrize("way", ["whole", "bytes"])
def test_what_cannot_become_a_head_is_refused_before_it_is_complete(
    raw: bytes, limits: dict[str, int], status: int, way: str
) -> None:
    """
    So that a client learns of it at once, and not when its time is over.
    """
    with pytest.raises(BadMessage) as refused:
        read(a_reader(**limits), [raw] if way == "whole" else each_byte(raw))

    assert refused.value.status == status


def test_requests_sent_ahead_wait_for_their_turn() -> None:
    """
    In order, and only so many of them.
    """
    reader = a_reader(pipelined=3)

    assert not reader.hold(ONE)
    assert not reader.hold(ONE[:10])
    assert not reader.hold(ONE[10:])
    assert reader.hold(TWO)
    assert reader.holds()

    targets = []
    head = reader.begin_held()
    while head is not None:
        targets.append(head.target)
        if reader.rest:
            reader.hold(reader.rest)
        head = reader.begin_held()
    assert targets == [b"/one", b"/one", b"/two"]
    assert not reader.holds()


def test_bytes_sent_ahead_are_bounded_too() -> None:
    """
    One request can be long.
    """
    reader = a_reader()

    assert not reader.hold(b"x" * HELD)
    assert reader.hold(b"x")


def test_an_empty_line_is_skipped_where_old_browsers_send_one() -> None:
    """
    Before the first request and after a form's content; behind another request it is 400.
    """
    after_get, after_post = a_reader(), a_reader()
    after_get.read(ONE)
    after_post.read(TWO)

    assert after_post.read(b"\r\n" + ONE) is not None
    with pytest.raises(BadMessage):
        after_get.read(b"\r\n" + ONE)


def test_an_empty_line_sent_ahead_is_refused() -> None:
    """
    That is how content one line too long looks.
    """
    reader = a_reader()
    reader.read(TWO)
    reader.hold(b"\r\n" + ONE)

    with pytest.raises(BadMessage, match="empty line"):
        reader.begin_held()


@pytest.mark.parametrize("behind", [b"a b c d", b"x\r\n", b"GET / HTTP/1.1\r\nbad\r\n", b"GET / HTTP/x"])
def test_what_is_behind_content_must_begin_a_request(behind: bytes) -> None:
    """
    Unless the connection ends anyway. Behind a GET without content it waits for its turn.
    """
    reader, head = a_reader(), a_request(TWO)

    with pytest.raises(BadMessage):
        reader.check_behind(head, behind)
    reader.check_behind(head, ONE[:7])
    reader.check_behind(a_request(ONE), behind)
    reader.check_behind(a_request(TWO.replace(b"Host", b"Connection: close\r\nHost")), behind)


def test_a_head_request_is_known_even_when_it_is_refused() -> None:
    """
    Its refusal has no content (RFC 9110 §9.3.2).
    """
    reader = a_reader()
    with pytest.raises(BadMessage):
        reader.read(b"HEAD * HTTP/1.1\r\nHost: a\r\n\r\n")

    assert reader.to_head
