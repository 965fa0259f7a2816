"""
Where a request ends: items 36 to 41, 46 and 47 of docs/http.md.
"""

import pytest

from tests.parts.client import get, post
from tests.parts.origin import OK, answer
from tests.parts.scene import Scene
from tests.parts.strict import Cut, Framing

pytestmark = pytest.mark.asyncio(loop_scope="session")

CHUNKED = b"Transfer-Encoding: chunked"
SMUGGLED = get(b"/smuggled")


def chunked(content: bytes, *fields: bytes, method: bytes = b"POST") -> bytes:
    """
    A request in the chunked coding, whose content is written out by the test.
    """
    return get(b"/up", CHUNKED, *fields, method=method) + content


@pytest.mark.parametrize(
    "lines", [[b"Content-Length: 5", CHUNKED], [CHUNKED, b"Content-Length: 5"], [CHUNKED, b"Content-Length: 0"]]
)
async def test_two_framings_are_refused(stage: Scene, lines: list[bytes]) -> None:
    """
    Content-Length beside Transfer-Encoding is 400, and what follows is not taken as a request (RFC 9112 §6.1). item 36
    """
    await stage.refused(get(b"/", *lines, method=b"POST") + b"0\r\n\r\n" + SMUGGLED)


@pytest.mark.parametrize("lines", [[CHUNKED], [CHUNKED, b"Content-Length: 5"]])
async def test_transfer_encoding_in_1_0_is_refused(stage: Scene, lines: list[bytes]) -> None:
    """
    HTTP/1.0 knows no Transfer-Encoding: 400 (RFC 9112 §6.1). item 37
    """
    head = b"\r\n".join([b"POST / HTTP/1.0", b"Host: a", b"Connection: keep-alive", *lines, b"", b""])
    await stage.refused(head + b"0\r\n\r\n" + SMUGGLED)


@pytest.mark.parametrize(
    "value",
    [
        *(
            b"chunked, gzip",
            b"chunked, chunked",
            b"identity",
            b"",
            b",chunked",
            b"chunked,",
            b'"chunked"',
            b"chunked;q=1",
        ),
        *(b"xchunked", b"gzip", b"gzip, chunked", b"chunked\x0b", b"\x0bchunked", b"\xa0chunked", b"chunked \x00"),
        *(b"chunked,identity", b"chunk", b"Chunked chunked", b"'chunked'"),
    ],
)
async def test_other_transfer_codings_are_refused(stage: Scene, value: bytes) -> None:
    """
    Anything but exactly `chunked` is 400, or 501 when it is a coding that we don't know (RFC 9112 §6.3, §7). item 38
    """
    await stage.refused(
        get(b"/", b"Transfer-Encoding: " + value, method=b"POST") + b"0\r\n\r\n" + SMUGGLED, status=(400, 501)
    )


async def test_an_unknown_coding_is_501(stage: Scene) -> None:
    """
    RFC 9112 §6.1 names 501 for a coding that a server does not understand. item 38
    """
    await stage.refused(get(b"/", b"Transfer-Encoding: br", method=b"POST"), status=501)


async def test_two_lines_of_transfer_encoding_are_refused(stage: Scene) -> None:
    """
    `chunked` twice is 400 (RFC 9112 §6.3). item 38
    """
    await stage.refused(get(b"/", CHUNKED, CHUNKED, method=b"POST") + b"0\r\n\r\n")


@pytest.mark.parametrize("value", [b"CHUNKED", b"Chunked", b"  chunked\t"])
async def test_chunked_is_case_insensitive(stage: Scene, value: bytes) -> None:
    """
    Codings are case-insensitive, and optional whitespace around a value is not part of it (RFC 9112 §7). item 38
    """
    received, _ = await stage.relay(get(b"/", b"Transfer-Encoding:" + value, method=b"POST") + b"2\r\nhi\r\n0\r\n\r\n")

    assert bytes(received.body) == b"hi"


@pytest.mark.parametrize(
    "value",
    [
        *(
            b"+5",
            b"-1",
            b"0x5",
            b"1_0",
            b"5,5",
            b"5, 5",
            b"5 5",
            b"",
            b"\xd9\xa5",
            b"5;",
            b"a",
            b"5a",
            b" ",
            b"1e1",
            b"5.0",
        ),
        *(b"\xef\xbc\x95", b"\xb2", b"5\x0b", b"\x0c5", b"'5'", b'"5"'),
    ],
)
async def test_odd_lengths_are_refused(stage: Scene, value: bytes) -> None:
    """
    A Content-Length is digits; a list, even of equal ones, is 400 (RFC 9112 §6.3, RFC 9110 §8.6). item 39
    """
    await stage.refused(get(b"/", b"Content-Length: " + value, method=b"POST") + b"hello" + SMUGGLED)


@pytest.mark.parametrize("second", [b"5", b"6"])
async def test_two_lengths_are_refused(stage: Scene, second: bytes) -> None:
    """
    Two Content-Length lines are 400, equal or not (RFC 9110 §8.6). item 39
    """
    raw = get(b"/", b"Content-Length: 5", b"content-length: " + second, method=b"POST")
    await stage.refused(raw + b"hello" + SMUGGLED)


@pytest.mark.parametrize("value", [2**63, 2**64, 2**64 + 5, 10**30])
async def test_lengths_that_overflow_are_refused(stage: Scene, value: int) -> None:
    """
    A Content-Length of 2^63 or more is 400 or 413 (RFC 9110 §8.6). item 40
    """
    await stage.refused(get(b"/", b"Content-Length: %d" % value, method=b"POST"), status=(400, 413))


@pytest.mark.parametrize("size", [b"8000000000000000", b"FFFFFFFFFFFFFFFF", b"10000000000000005"])
async def test_chunks_that_overflow_are_refused(stage: Scene, size: bytes) -> None:
    """
    A chunk size of 2^63 or more is 400 or 413 (RFC 9112 §7.1). item 40
    """
    await stage.refused(chunked(size + b"\r\nhello\r\n0\r\n\r\n"), status=(400, 413), under_way=True)


async def test_nothing_is_allocated_by_announcement(stage: Scene) -> None:
    """
    A length of 2^62 costs nothing until bytes come: the head is forwarded, and given up with the client
    (RFC 9110 §8.6). item 40
    """
    client = await stage.client()
    client.send(get(b"/", b"Content-Length: %d" % 2**62, method=b"POST") + b"hello")
    received = await stage.old.begin()
    await received.until(5)
    client.reset()

    with pytest.raises(Cut):
        await received.whole()


@pytest.mark.parametrize(
    ("raw", "framing"),
    [
        (get(), Framing.NONE),
        (get(method=b"POST"), Framing.NONE),
        (post(b"hello"), Framing.LENGTH),
        (chunked(b"5\r\nhello\r\n0\r\n\r\n"), Framing.CHUNKED),
    ],
)
async def test_one_framing_in_what_we_send(stage: Scene, raw: bytes, framing: Framing) -> None:
    """
    A request is forwarded with the framing it came with, and with none when it has no body (RFC 9112 §6.2). item 41
    """
    received, _ = await stage.relay(raw)

    # `Received` itself refuses two framings.
    assert received.framing is framing
    assert bytes(received.body) == (b"" if framing is Framing.NONE else b"hello")


@pytest.mark.parametrize(
    ("reply", "framing"),
    [
        (OK, Framing.LENGTH),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", Framing.CHUNKED),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", Framing.LENGTH),
        (b"HTTP/1.1 204 No Content\r\n\r\n", Framing.NONE),
    ],
)
async def test_one_framing_in_what_we_answer(stage: Scene, reply: bytes, framing: Framing) -> None:
    """
    The same for answers (RFC 9112 §6.2). item 41
    """
    _, got = await stage.relay(get(), reply)

    assert got.framing is framing


async def test_a_request_without_framing_has_no_body(stage: Scene) -> None:
    """
    Bytes after a head without Content-Length and Transfer-Encoding are the next request (RFC 9112 §6.3). item 46
    """
    client = await stage.client()
    client.send(get(b"/1", method=b"POST") + get(b"/2"))
    for target in (b"/1", b"/2"):
        received = await stage.old.request()
        received.answer(answer(target))

        assert (received.target, received.framing) == (target, Framing.NONE)
        assert bytes((await client.answer()).body) == target


@pytest.mark.parametrize("method", [b"GET", b"HEAD", b"DELETE", b"OPTIONS"])
@pytest.mark.parametrize("framing", [b"Content-Length: 5", CHUNKED])
async def test_bodies_of_get_and_the_like_are_honoured(stage: Scene, method: bytes, framing: bytes) -> None:
    """
    A body where none is expected is forwarded by its framing, and what follows is the next request (RFC 9110 §9.3.1).
    item 47
    """
    client = await stage.client()
    body = b"hello" if framing != CHUNKED else b"5\r\nhello\r\n0\r\n\r\n"
    client.send(get(b"/1", framing, method=method) + body + get(b"/2"))
    first = await stage.old.request()
    first.answer(OK if method != b"HEAD" else OK[:-2])
    await client.answer(method)
    second = await stage.old.request()
    second.answer(answer(b"second"))

    assert (first.method, bytes(first.body)) == (method, b"hello")
    assert second.target == b"/2"
    assert bytes((await client.answer()).body) == b"second"
