"""
Chunks and trailers of a request: items 42 to 45 of docs/http.md.
"""

import pytest

from tests.parts.client import get
from tests.parts.scene import Scene
from tests.parts.strict import Cut

pytestmark = pytest.mark.asyncio(loop_scope="session")

CHUNKED = b"Transfer-Encoding: chunked"
SMUGGLED = get(b"/smuggled")


def chunked(content: bytes, *fields: bytes, method: bytes = b"POST") -> bytes:
    """
    A request in the chunked coding, whose content is written out by the test.
    """
    return get(b"/up", CHUNKED, *fields, method=method) + content


@pytest.mark.parametrize(
    "size",
    [
        *(
            b"0x5",
            b"5_0",
            b" 5",
            b"5 ",
            b"-0",
            b"-5",
            b"+5",
            b"5\t",
            b"",
            b"g",
            b"5h",
            b"00000000000000005",
            b"\xd9\xa5",
        ),
        *(b"5,", b"5.0", b"'5'"),
    ],
)
async def test_chunk_sizes_are_hex_digits(stage: Scene, size: bytes) -> None:
    """
    A chunk size is 1 to 16 hex digits and nothing else: 400 (RFC 9112 §7.1). item 42
    """
    await stage.refused(chunked(size + b"\r\nhello\r\n0\r\n\r\n" + SMUGGLED), under_way=True)


@pytest.mark.parametrize("size", [b"5", b"0005", b"0000000000000005"])
async def test_leading_zeros_are_accepted(stage: Scene, size: bytes) -> None:
    """
    Leading zeros are fine within 16 digits, and so is a last chunk of `000` (RFC 9112 §7.1). item 42
    """
    received, _ = await stage.relay(chunked(size + b"\r\nhello\r\n000\r\n\r\n"))

    assert bytes(received.body) == b"hello"


@pytest.mark.parametrize("size", [b"a", b"A"])
async def test_hex_digits_have_both_cases(stage: Scene, size: bytes) -> None:
    """
    `a` and `A` are ten (RFC 9112 §7.1). item 42
    """
    received, _ = await stage.relay(chunked(size + b"\r\n0123456789\r\n0\r\n\r\n"))

    assert bytes(received.body) == b"0123456789"


@pytest.mark.parametrize(
    "extension",
    [
        *(b";a", b";a=b", b' ; a = "b c"', b"; some; parameters=stuff", b';a="\\"";b', b';a="x;y"', b"\t;\ta\t=\tb"),
        b';a="\xe9"',
    ],
)
async def test_chunk_extensions_are_dropped(stage: Scene, extension: bytes) -> None:
    """
    Valid chunk extensions are accepted, on the last chunk too, and not forwarded (RFC 9112 §7.1.1). item 43
    """
    received, answered = await stage.relay(chunked(b"5" + extension + b"\r\nhello\r\n0" + extension + b"\r\n\r\n"))

    # `Received` itself refuses chunk extensions.
    assert bytes(received.body) == b"hello"
    assert answered.status == 200


@pytest.mark.parametrize(
    "extension",
    [
        *(
            b";",
            b";=b",
            b";a=",
            b';a="b',
            b";a\x00",
            b";a\x0b",
            b";a\x1b",
            b";a\rb",
            b";a\nb",
            b';a="\n"',
            b";a b",
            b"z",
        ),
        b";a[=b",
    ],
)
async def test_bad_chunk_extensions_are_refused(stage: Scene, extension: bytes) -> None:
    """
    An extension that is none, and any control in one, is 400 (RFC 9112 §7.1.1). item 43
    """
    raw = chunked(b"5" + extension + b"\r\nhello\r\n0\r\n\r\n" + SMUGGLED)
    await stage.refused(raw, under_way=True)


@pytest.mark.parametrize("chunks", [b"1;" + b"a" * 8000 + b"\r\nx\r\n", b"1;" + b"a" * 1000 + b"\r\nx\r\n"])
async def test_endless_chunk_extensions_are_refused(stage: Scene, chunks: bytes) -> None:
    """
    More than `limits.chunk_extensions` (16 KiB) of them in one message is 400 (RFC 9112 §7.1.1). item 43
    """
    await stage.refused(chunked(chunks * (20_000 // len(chunks) + 1) + b"0\r\n\r\n"), under_way=True)


@pytest.mark.parametrize(
    "content",
    [
        *(b"5\r\nhello0\r\n\r\n", b"5\r\nhello!!\r\n0\r\n\r\n", b"5\r\nhello\n0\r\n\r\n", b"5\nhello\r\n0\r\n\r\n"),
        *(b"5\r\nhello\r0\r\n\r\n", b"5\rhello\r\n0\r\n\r\n", b"3\r\nhello\r\n0\r\n\r\n", b"5\r\nhello\r\n0\n\r\n"),
        *(b"5\r\nhello\r\n0\r\n\n", b"5\r\nhello\r\n\r\n", b"5\r\nhello\r\n0\r\nX-A\r\n\r\n", b"0\r\nX-A: b\n\r\n"),
        *(b"0\r\n X-A: b\r\n\r\n", b"0\r\nX-A : b\r\n\r\n", b"0\r\nX-A: \x00\r\n\r\n"),
    ],
)
async def test_chunks_are_ended_by_crlf(stage: Scene, content: bytes) -> None:
    """
    Chunk data, sizes and trailers that do not end with exactly CRLF are 400 (RFC 9112 §7.1). item 44
    """
    await stage.refused(chunked(content + SMUGGLED), under_way=True)


@pytest.mark.parametrize("content", [b"5\r\nhel", b"5\r\nhello\r\n", b"5\r\nhello\r\n0\r\n", b"0\r\nX-A: b\r\n"])
async def test_content_without_its_end_is_never_a_request(stage: Scene, content: bytes) -> None:
    """
    A client that closes before the last CRLF has sent no whole request, and neither do we (RFC 9112 §8). item 44
    """
    client = await stage.client()
    client.send(chunked(content))
    received = await stage.old.begin()
    client.close()

    with pytest.raises(Cut):
        await received.whole()


async def test_request_trailers_stay_trailers(stage: Scene) -> None:
    """
    Trailers are forwarded after the content and never merged into the head (RFC 9112 §7.1.2). item 45
    """
    raw = chunked(b"2\r\nhi\r\n0\r\nX-Sum: 1\r\nx-Sum: 2\r\n\r\n", b"Trailer: X-Sum")
    received, _ = await stage.relay(raw)

    assert received.trailers == ((b"X-Sum", b"1"), (b"x-Sum", b"2"))
    assert received.values(b"x-sum") == []


async def test_answer_trailers_stay_trailers(stage: Scene) -> None:
    """
    The same for answers (RFC 9112 §7.1.2). item 45
    """
    _, got = await stage.relay(
        get(b"/", b"TE: trailers", b"Connection: TE"),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n",
    )

    assert (got.trailers, got.values(b"x-sum")) == (((b"X-Sum", b"1"),), [])


@pytest.mark.parametrize("name", [b"Authorization", b"Cookie", b"Content-Type", b"Max-Forwards", b"Via", b"Connection"])
async def test_trailers_that_mean_something_early_are_dropped(stage: Scene, name: bytes) -> None:
    """
    What routes, authenticates or describes content has no place in trailers (RFC 9110 §6.5.1). item 45
    """
    received, answered = await stage.relay(chunked(b"2\r\nhi\r\n0\r\n" + name + b": x\r\nX-Sum: 1\r\n\r\n"))

    assert received.trailers == ((b"X-Sum", b"1"),)
    assert answered.status == 200


@pytest.mark.parametrize("line", [b"Content-Length: 5", b"Transfer-Encoding: chunked", b"Host: evil.test"])
async def test_framing_in_trailers_is_refused(stage: Scene, line: bytes) -> None:
    """
    Framing and Host in trailers are an attack on whoever merges them: 400 (RFC 9110 §6.5.1). item 45
    """
    await stage.refused(chunked(b"2\r\nhi\r\n0\r\n" + line + b"\r\n\r\n" + SMUGGLED), under_way=True)


@pytest.mark.parametrize("line", [b"Content-Length: 5", b"Transfer-Encoding: chunked", b"Set-Cookie: a=b"])
async def test_such_trailers_of_an_answer_are_not_forwarded(stage: Scene, line: bytes) -> None:
    """
    From an origin they are dropped, or the answer is visibly cut (RFC 9110 §6.5.1). item 45
    """
    client = await stage.client()
    client.send(get())
    received = await stage.old.request()
    received.answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n" + line + b"\r\n\r\n")
    got = await client.begin()
    try:
        await got.whole()
    except Cut:
        return

    assert got.trailers == () or got.status == 502
