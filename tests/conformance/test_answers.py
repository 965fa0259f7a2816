"""
Answers, ours and the sides': items 69 to 72 of docs/http.md.
"""

import asyncio
import re
from email.utils import parsedate_to_datetime

import pytest

from tests.parts.client import Client, get
from tests.parts.origin import DATE, OK, Received, answer
from tests.parts.scene import Scene

pytestmark = pytest.mark.asyncio(loop_scope="session")
CONFIGURATION = {
    "timeouts": {"answer_head": 1, "answer_idle": 1, "connect": 1},
    "limits": {"upstream_connections": 4},
}


async def test_a_missing_date_is_added(stage: Scene) -> None:
    """
    An answer without Date gets one (RFC 9110 §6.6.1). item 69
    """
    _, got = await stage.relay(get(), b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    assert parsedate_to_datetime((got.value(b"date") or b"").decode()).year >= 2024


async def test_a_date_is_left_alone(stage: Scene) -> None:
    """
    A Date that the origin gave is its own business (RFC 9110 §6.6.1). item 69
    """
    _, got = await stage.relay(get(), b"HTTP/1.1 200 OK\r\nDate: yesterday\r\nContent-Length: 0\r\n\r\n")

    assert got.value(b"date") == b"yesterday"


async def test_content_is_never_changed(stage: Scene) -> None:
    """
    Content and Content-Encoding pass byte for byte, whether or not `no-transform` asks for it (RFC 9110 §7.7). item 70
    """
    content = bytes(range(256)) + b"\x1f\x8b\x08 no real gzip"
    lines = [DATE, b"Content-Encoding: gzip", b"Content-Type: text/html", b"Cache-Control: no-transform"]
    received, got = await stage.relay(get(b"/", b"Accept-Encoding: gzip, br"), answer(content, *lines))

    assert received.value(b"accept-encoding") == b"gzip, br"
    assert bytes(got.body) == content
    assert got.head.raw.startswith(b"HTTP/1.1 200 OK\r\n" + b"\r\n".join(lines))


async def test_reasons_are_kept(stage: Scene) -> None:
    """
    A reason phrase, an empty one too, is forwarded as it is (RFC 9112 §4). item 70
    """
    for reason in (b" Alles gut", b" ", b" Gr\xfcn"):
        _, got = await stage.relay(get(), b"HTTP/1.1 299" + reason + b"\r\nContent-Length: 0\r\n\r\n")

        assert got.head.start == b"HTTP/1.1 299" + reason


FAILURES = {
    "garbage": b"who goes there?\r\n\r\n",
    "cut": b"HTTP/1.1 200 OK\r\nX-A",
    "nothing": b"",
}


@pytest.mark.parametrize("failure", FAILURES)
async def test_a_failing_origin_is_502(stage: Scene, failure: str) -> None:
    """
    A broken answer, or none, is 502, marked as ours (RFC 9110 §15.6.3, RFC 9209). item 71
    """
    client = await stage.client()
    client.send(get())
    received = await stage.old.request()
    received.answer(FAILURES[failure])
    received.connection.finish()
    got = await client.answer()

    assert got.status == 502
    assert re.fullmatch(rb"parallax; error=[a-z_]+", got.value(b"proxy-status") or b"")


async def test_a_refusing_origin_is_502(stage: Scene) -> None:
    """
    An origin that nobody listens for is 502, and says why (RFC 9110 §15.6.3, RFC 9209). item 71
    """
    await stage.old.stop_listening()
    client = await stage.client()
    got = await client.ask(get())
    await stage.old.listen()

    assert got.status == 502
    assert got.value(b"proxy-status") == b"parallax; error=connection_refused"


async def test_a_silent_origin_is_504(stage: Scene) -> None:
    """
    An origin that says nothing within `timeouts.answer_head` is 504 (RFC 9110 §15.6.5, RFC 9209). item 71
    """
    client = await stage.client()
    client.send(get())
    received = await stage.old.request()
    got = await client.answer()

    assert got.status == 504
    assert got.value(b"proxy-status") == b"parallax; error=http_response_timeout"
    await received.connection.closed()


async def test_too_many_at_once_is_503(stage: Scene) -> None:
    """
    Over `limits.upstream_connections` there is no queue but a 503 with Retry-After (RFC 9110 §15.6.4). item 71
    """
    waiting: list[tuple[Client, Received]] = []
    for _ in range(4):
        client = await stage.client()
        client.send(get(b"/held"))
        waiting.append((client, await stage.old.request()))
    extra = await stage.client()
    refused = await extra.ask(get(b"/one-more"))
    for _, received in waiting:
        received.answer(OK)

    assert refused.status == 503
    assert refused.value(b"retry-after") is not None
    assert refused.value(b"proxy-status") == b"parallax; error=connection_limit_reached"
    assert [(await client.answer()).status for client, _ in waiting] == [200] * 4


SCRIPT = b"<script>alert(1)</script>"


@pytest.mark.parametrize(
    "raw",
    [
        get(b"/" + SCRIPT, method=b"TRACE"),
        get(b"/\xff" + SCRIPT),
        get(host=SCRIPT),
        get(b"/", b"X-A\x00: " + SCRIPT),
        get(b"/%0d%0aSet-Cookie:%20a=b", b"Content-Length: x"),
        SCRIPT + b"\r\n\r\n",
    ],
    ids=["target", "octets", "Host", "field", "encoded CRLF", "anything"],
)
async def test_our_answers_quote_nobody(stage: Scene, raw: bytes) -> None:
    """
    Nothing that a client sent is in an answer of ours, in head or body (RFC 9110 §17, RFC 9112 §11.1). item 72
    """
    refused = await stage.refused(raw, status=(400, 405, 501))

    assert refused is not None
    whole = refused.head.raw + bytes(refused.body)
    assert b"script" not in whole
    assert b"Set-Cookie" not in whole
    assert (refused.value(b"content-type") or b"").startswith(b"text/plain")


async def test_an_answer_is_not_waited_for_whole(stage: Scene) -> None:
    """
    The first byte of an answer is out before its last is in, and the other way for a request. item 41
    """
    client = await stage.client()
    client.send(get(b"/", b"Content-Length: 4", method=b"POST") + b"ab")
    received = await stage.old.begin()
    early = await received.until(2)
    client.send(b"cd")
    await received.whole()
    received.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwx")
    got = await client.begin()
    first = await got.until(2)
    received.answer(b"yz")
    await got.whole()

    assert (early, first, bytes(got.body)) == (b"ab", b"wx", b"wxyz")


async def test_an_answer_that_stops_is_cut(stage: Scene) -> None:
    """
    An origin that stops in the middle for `timeouts.answer_idle` is given up, visibly (RFC 9110 §15.6.5). item 71
    """
    client = await stage.client()
    client.send(get())
    received = await stage.old.request()
    received.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwx")
    got = await client.begin()
    await got.until(2)
    async with asyncio.timeout(5):
        assert await client.source.rest() == b""
    await received.connection.closed()
