"""
Content comes out the same however it was cut, and chunks are read in one way only.
"""

from collections.abc import Iterable
from typing import Any

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import BadMessage
from proxy.wire.body import ChunkedDecoder, Decoder, EndDecoder, LengthDecoder, chunk, last_chunk
from tests.parts.values import CUTS, a_table, each_byte, pieces

NEXT = b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n"
CONTENTS = st.lists(st.binary(min_size=1, max_size=60), max_size=6)
EXTENSIONS = st.sampled_from([b"", b";a", b";a=b", b' ; a = "b;\\"c"', b"; a;b=c", b"	;a"])
TRAILERS = st.lists(st.sampled_from([b"X-Sum: 1", b"x:", b"Y: \xe9 ;,", b"Trailer-Like: 0"]), max_size=3)


def chunked(*, content_limit: int = 0, nominated: frozenset[bytes] = frozenset(), **limits: Any) -> ChunkedDecoder:
    """
    A decoder with these limits.
    """
    return ChunkedDecoder(a_table(limits=limits).limits, content_limit, nominated)


def fed(decoder: Decoder, cut: Iterable[bytes]) -> tuple[bytes, bytes]:
    """
    All the content, and the bytes behind it: what the decoder left, and what was never fed once it was done.
    """
    content, behind = b"", b""
    for piece in cut:
        if decoder.done:
            behind += piece
        else:
            content += decoder.feed(piece)
    return content, decoder.rest + behind


def encoded(contents: list[bytes], extensions: list[bytes], trailers: list[bytes], upper: bool) -> bytes:
    """
    Chunked content, written in one of the many ways there are.
    """
    raw = b""
    for index, content in enumerate(contents):
        extension = extensions[index % len(extensions)] if extensions else b""
        raw += (b"%X" if upper else b"%x") % len(content) + extension + b"\r\n" + content + b"\r\n"
    return raw + b"000\r\n" + b"".join(line + b"\r\n" for line in trailers) + b"\r\n"


@given(st.binary(max_size=200), st.sampled_from([b"", NEXT]), CUTS)
def test_content_of_a_known_length_ends_where_it_says(content: bytes, behind: bytes, cuts: list[int]) -> None:
    """
    Any split gives the same content; what is behind it stays behind.
    """
    decoder = LengthDecoder(len(content))

    assert fed(decoder, pieces(content + behind, cuts)) == (content, behind)
    assert decoder.done
    assert decoder.remaining == 0


def test_no_content_is_done_at_once() -> None:
    """
    Before anything is fed.
    """
    assert LengthDecoder(0).done


@given(st.binary(max_size=200), CUTS)
def test_content_until_the_end_is_all_there_is(content: bytes, cuts: list[int]) -> None:
    """
    Only the end of the connection ends it.
    """
    decoder = EndDecoder()

    assert fed(decoder, pieces(content, cuts)) == (content, b"")
    assert not decoder.done


@given(CONTENTS, st.lists(EXTENSIONS, max_size=3), TRAILERS, st.booleans(), st.sampled_from([b"", NEXT]), CUTS)
def test_chunks_come_out_the_same_however_they_are_cut(
    contents: list[bytes], extensions: list[bytes], trailers: list[bytes], upper: bool, behind: bytes, cuts: list[int]
) -> None:
    """
    Whole, byte by byte, at random, and with the next request behind them.
    """
    raw = encoded(contents, extensions, trailers, upper) + behind

    for cut in ([raw], each_byte(raw), pieces(raw, cuts)):
        decoder = chunked()

        assert fed(decoder, cut) == (b"".join(contents), behind)
        assert decoder.done
        assert decoder.trailers == trailers


@given(CONTENTS, TRAILERS)
def test_what_we_write_is_what_h11_reads(contents: list[bytes], trailers: list[bytes]) -> None:
    """
    `chunk` and `last_chunk` against an independent reader, and against our own.
    """
    raw = b"".join(map(chunk, contents)) + last_chunk(trailers)
    server = h11.Connection(h11.SERVER)
    server.receive_data(b"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + raw)

    assert isinstance(server.next_event(), h11.Request)
    content = b""
    while isinstance(event := server.next_event(), h11.Data):
        content += event.data
    assert content == b"".join(contents)
    assert isinstance(event, h11.EndOfMessage)
    assert len(list(event.headers)) == len(trailers)

    decoder = chunked()
    assert fed(decoder, [raw]) == (content, b"")
    assert decoder.trailers == trailers


@given(st.binary(max_size=40), CUTS)
def test_garbage_is_refused_or_read_but_never_differently(raw: bytes, cuts: list[int]) -> None:
    """
    Whatever comes, the cut does not decide what becomes of it (a fault may be noticed one piece later).
    """

    def outcome(cut: Iterable[bytes]) -> object:
        decoder = chunked()
        try:
            content, behind = fed(decoder, [*cut, b"\r\n\r\n\r\n"])
        except BadMessage:
            return "refused"
        return decoder.done, content, behind

    assert outcome([raw]) == outcome(each_byte(raw)) == outcome(pieces(raw, cuts))


@pytest.mark.parametrize(
    "raw",
    [
        b"\r\n",
        b"g\r\n",
        b"0x1\r\na\r\n",
        b"-1\r\n",
        b"+1\r\na\r\n",
        b" 1\r\na\r\n",
        b"1 \r\na\r\n",
        b"1_0\r\n",
        b"1\na\n0\n\n",
        b"1\r\na0\r\n\r\n",
        b"1\r\na\n0\r\n\r\n",
        b"1\r\na\r0\r\n\r\n",
        b"1\r\nab\r\n0\r\n\r\n",
        b"1;\r\na\r\n",
        b"1;a=\r\na\r\n",
        b"1;a b\r\na\r\n",
        b'1;a="b\r\na\r\n',
        b"1;a\n0\r\na\r\n",
        b"1,a\r\na\r\n",
        b"00000000000000001\r\na\r\n",
        b"8000000000000000\r\na",
        b"0\r\nX\r\n\r\n",
        b"0\r\nX : 1\r\n\r\n",
        b"0\r\n X: 1\r\n\r\n",
        b"0\r\nX: \x00\r\n\r\n",
        b"0\r\nContent-Length: 5\r\n\r\n",
        b"0\r\ntransfer-encoding: chunked\r\n\r\n",
        b"0\r\nHOST: b\r\n\r\n",
    ],
)
@pytest.mark.parametrize("way", ["whole", "bytes"])
def test_chunks_are_read_strictly(raw: bytes, way: str) -> None:
    """
    Each of these has been a hole in somebody's parser.
    """
    with pytest.raises(BadMessage) as refused:
        fed(chunked(), [raw] if way == "whole" else each_byte(raw))

    assert refused.value.status == 400


def test_what_must_not_come_in_trailers_is_dropped() -> None:
    """
    RFC 9110 §6.5.1, and what Connection named in the head.
    """
    decoder = chunked(nominated=frozenset({b"x-hop"}))

    fed(
        decoder,
        [
            b"0\r\nX-Hop: 1\r\nSet-Cookie: a=b\r\nX-Sum: 1\r\nVia: x\r\nAuthorization: s\r\nX_Parallax_Force: a\r\n",
            b"X-Parallax-Side: new\r\n\r\n",
        ],
    )

    assert decoder.trailers == [b"X-Sum: 1"]


@pytest.mark.parametrize(
    ("raw", "limits", "status"),
    [
        (b"5\r\nabcde\r\n5\r\n", {"content_limit": 9}, 413),
        (b"1;" + b"a" * 30 + b"\r\na\r\n1;" + b"a" * 30 + b"\r\n", {"chunk_extensions": 50}, 400),
        (b"1;" + b"a" * 200, {"line": 100}, 400),
        (b"0\r\nX: " + b"a" * 200, {"line": 100}, 431),
        (b"0\r\n" + b"X: aaaa\r\n" * 200, {"head": 1024, "line": 100}, 431),
        (b"0\r\nX: 1\r\nX: 1\r\nX: 1\r\n", {"fields": 2}, 431),
    ],
)
@pytest.mark.parametrize("way", ["whole", "bytes"])
def test_chunked_content_is_bounded(raw: bytes, limits: dict[str, Any], status: int, way: str) -> None:
    """
    Content, extensions, lines, and the trailer section in bytes and lines; byte by byte as well.
    """
    with pytest.raises(BadMessage) as refused:
        fed(chunked(**limits), [raw] if way == "whole" else each_byte(raw))

    assert refused.value.status == status


def test_content_up_to_the_limit_passes() -> None:
    """
    The limit itself is allowed, and 0 means any.
    """
    raw = encoded([b"abcde", b"fghi"], [], [], upper=False)

    assert fed(chunked(content_limit=9), [raw])[0] == b"abcdefghi"


def test_a_piece_of_many_tiny_chunks_is_one_piece_of_content() -> None:
    """
    A read of 1-byte chunks must not become thousands of writes.
    """
    assert chunked().feed(b"1\r\na\r\n" * 1000) == b"a" * 1000
