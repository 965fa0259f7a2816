"""
Fields of one hop, and fields that are for everybody: items 26 to 35 of docs/http.md.
"""

from pathlib import Path

import pytest

from tests.parts.client import get
from tests.parts.origin import answer
from tests.parts.parallax import launch
from tests.parts.scene import Scene

pytestmark = pytest.mark.asyncio(loop_scope="session")

CHUNKED = b"Transfer-Encoding: chunked"


CONNECTION = [
    b"Connection: , x-one",
    b"connection: X-Two,\tx-three ,,",
    b"X-One: 1",
    b"x-two: 2",
    b"X-THREE: 3",
    b"X-Four: 4",
]


def nominated(fields: tuple[tuple[bytes, bytes], ...]) -> set[bytes]:
    """
    The names among X-One to X-Four that are left.
    """
    return {name.lower() for name, _ in fields} & {b"x-one", b"x-two", b"x-three", b"x-four"}


async def test_what_connection_names_is_removed_from_requests(stage: Scene) -> None:
    """
    Fields named in Connection, in any case, over several lines, after an empty one, go no further (RFC 9110 §7.6.1).
    item 26
    """
    received, _ = await stage.relay(get(b"/", *CONNECTION))

    assert nominated(received.head.fields) == {b"x-four"}


async def test_what_connection_names_is_removed_from_answers(stage: Scene) -> None:
    """
    The same for final and interim answers (RFC 9110 §7.6.1). item 26
    """
    client = await stage.client()
    client.send(get())
    received = await stage.old.request()
    received.answer(b"\r\n".join([b"HTTP/1.1 103 Early Hints", *CONNECTION, b"", b""]) + answer(b"", *CONNECTION))
    interim, final = await client.answer(), await client.answer()

    assert (interim.status, nominated(interim.head.fields)) == (103, {b"x-four"})
    assert (final.status, nominated(final.head.fields)) == (200, {b"x-four"})


async def test_what_connection_names_is_removed_from_trailers(stage: Scene) -> None:
    """
    The same for trailers, both ways (RFC 9110 §7.6.1). item 26
    """
    trailers = b"0\r\nX-One: 1\r\nX-Four: 4\r\n\r\n"
    received, got = await stage.relay(
        get(b"/", CHUNKED, b"Connection: x-one", b"TE: trailers", method=b"POST") + trailers,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: x-one\r\n\r\n" + trailers,
    )

    assert received.trailers == ((b"X-Four", b"4"),)
    assert got.trailers == ((b"X-Four", b"4"),)


HOP_BY_HOP = [
    *(b"Keep-Alive: timeout=5", b"Proxy-Connection: keep-alive", b"Upgrade: h2c", b"Proxy-Authorization: Basic eA=="),
    *(b"Proxy-Authenticate: Basic", b"TE: gzip"),
]


async def test_hop_by_hop_fields_are_removed_unnamed(stage: Scene) -> None:
    """
    Hop-by-hop fields go no further even when Connection does not name them (RFC 9110 §7.6.1). item 27
    """
    received, got = await stage.relay(get(b"/", *HOP_BY_HOP), answer(b"", *HOP_BY_HOP[:-1]))
    names = {line.partition(b":")[0].lower() for line in HOP_BY_HOP} | {b"connection"}

    assert not names & {name.lower() for name, _ in received.head.fields}
    assert not names & {name.lower() for name, _ in got.head.fields}


async def test_te_trailers_is_said_anew(stage: Scene) -> None:
    """
    `TE: trailers` is forwarded, as this hop's own: named in Connection (RFC 9110 §10.1.4). item 27
    """
    received, _ = await stage.relay(get(b"/", b"TE: gzip, trailers", b"Connection: TE"))

    assert received.value(b"te") == b"trailers"
    assert (received.value(b"connection") or b"").lower() == b"te"


@pytest.mark.parametrize(
    "named", [b"Host", b"Authorization, Cookie, X-Forwarded-For", b"Content-Length", b"Via", b"Date"]
)
async def test_end_to_end_fields_can_not_be_stripped(stage: Scene, named: bytes) -> None:
    """
    A client can't make us drop fields that are for the origin by naming them in Connection (RFC 9110 §7.6.1). item 28
    """
    lines = [b"Authorization: secret", b"Cookie: a=b", b"X-Forwarded-For: 192.0.2.1", b"Content-Length: 2"]
    received, _ = await stage.relay(get(b"/", b"Connection: " + named, *lines, method=b"POST") + b"hi")

    assert received.value(b"host") == b"shop.test"
    assert received.value(b"authorization") == b"secret"
    assert received.value(b"cookie") == b"a=b"
    assert (received.value(b"x-forwarded-for") or b"").startswith(b"192.0.2.1")
    assert received.value(b"via") is not None
    assert bytes(received.body) == b"hi"


async def test_what_we_add_is_added_after_stripping(stage: Scene) -> None:
    """
    Naming the fields that Parallax adds does not keep it from adding them (RFC 9110 §7.6.1). item 28
    """
    named = b"Connection: X-Request-Id, Traceparent, X-Forwarded-Host, X-Forwarded-Proto, X-Parallax-Shadow"
    received, _ = await stage.relay(get(b"/", named))
    copy = await stage.new.request()

    for name in (b"x-request-id", b"traceparent", b"x-forwarded-host", b"x-forwarded-proto"):
        assert received.value(name) == copy.value(name) is not None
    assert copy.value(b"x-parallax-shadow") == b"1"


async def test_via_is_appended_to_requests(stage: Scene) -> None:
    """
    Requests say that they came through us, after everybody before us; answers are left alone (RFC 9110 §7.6.3). item 29
    """
    received, got = await stage.relay(get(b"/", b"Via: 1.0 fred", b"via: 1.1 p.example.net"))

    assert b", ".join(received.values(b"via")) == b"1.0 fred, 1.1 p.example.net, 1.1 parallax"
    assert got.values(b"via") == []


async def test_an_answers_own_via_is_kept(stage: Scene) -> None:
    """
    A Via that the origin's side put into an answer is forwarded and not added to (RFC 9110 §7.6.3). item 29
    """
    _, got = await stage.relay(get(), answer(b"", b"Via: 1.1 cache"))

    assert got.values(b"via") == [b"1.1 cache"]


@pytest.mark.parametrize(
    "lines", [[b"Via: 1.1 parallax, 1.1 parallax, 1.1 parallax"], [b"Via: 1.1 parallax"] * 3], ids=["list", "lines"]
)
async def test_a_loop_ends(stage: Scene, lines: list[bytes]) -> None:
    """
    A request that has come through us three times is 508 (RFC 9110 §7.6). item 30
    """
    client = await stage.client()
    looping = await client.ask(get(b"/", *lines))

    assert looping.status == 508
    assert b"proxy_loop_detected" in (looping.value(b"proxy-status") or b"")
    assert not stage.old.requests


async def test_twice_through_us_is_no_loop_yet(stage: Scene) -> None:
    """
    Two Parallaxes in a row are a fair set-up (RFC 9110 §7.6). item 30
    """
    received, _ = await stage.relay(get(b"/", b"Via: 1.1 parallax, 1.0 other, 1.1 parallax"))

    assert b", ".join(received.values(b"via")).count(b"parallax") == 3


async def test_max_forwards_0_is_answered_here(stage: Scene) -> None:
    """
    OPTIONS with Max-Forwards 0 is for us, and no origin hears of it (RFC 9110 §7.6.2). item 31
    """
    client = await stage.client()
    own = await client.ask(get(b"/", b"Max-Forwards: 0", method=b"OPTIONS"), b"OPTIONS")

    assert own.status in (200, 204)
    assert not stage.old.requests


async def test_max_forwards_counts_down(stage: Scene) -> None:
    """
    OPTIONS with Max-Forwards n is forwarded with n − 1 (RFC 9110 §7.6.2). item 31
    """
    received, _ = await stage.relay(get(b"/", b"Max-Forwards: 7", method=b"OPTIONS"))

    assert received.value(b"max-forwards") == b"6"


async def test_max_forwards_is_nothing_to_other_methods(stage: Scene) -> None:
    """
    With GET it is forwarded untouched, and never added (RFC 9110 §7.6.2). item 31
    """
    touched, _ = await stage.relay(get(b"/", b"Max-Forwards: 0"))
    without, _ = await stage.relay(get(b"/", method=b"OPTIONS"))

    assert touched.value(b"max-forwards") == b"0"
    assert without.value(b"max-forwards") is None


async def test_trace_is_405(stage: Scene) -> None:
    """
    TRACE would echo credentials: 405, with Allow (RFC 9110 §9.3.8). item 32
    """
    refused = await stage.refused(get(b"/", b"Authorization: secret", method=b"TRACE"), status=405)

    assert refused is not None
    assert refused.value(b"allow") is not None
    assert b"secret" not in refused.head.raw + bytes(refused.body)


async def test_credentials_and_challenges_are_untouched(stage: Scene) -> None:
    """
    Authorization, WWW-Authenticate and Allow are forwarded unmodified (RFC 9110 §11.6, §10.2.1). item 33
    """
    challenge = b'WWW-Authenticate: Basic realm="a, b", Bearer  x=y'
    received, got = await stage.relay(
        get(b"/", b"Authorization: Basic  eA=="), answer(b"", challenge, b"Allow: GET,  FOO")
    )

    assert received.value(b"authorization") == b"Basic  eA=="
    assert got.value(b"www-authenticate") == b'Basic realm="a, b", Bearer  x=y'
    assert got.value(b"allow") == b"GET,  FOO"


async def test_conditions_and_ranges_are_the_origins_business(stage: Scene) -> None:
    """
    Conditional and Range fields are forwarded and never evaluated, whatever the answer (RFC 9110 §13.2.1). item 34
    """
    lines = [
        *(b'If-Match: "a"', b"If-None-Match: *", b"If-Modified-Since: not a date", b"Range: bytes=0-0"),
        *(b'If-Range: "a"', b"If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT"),
    ]
    received, got = await stage.relay(get(b"/", *lines), answer(b"everything", b'ETag: "a"'))

    for line in lines:
        name, _, value = line.partition(b": ")
        assert received.value(name) == value
    assert (got.status, bytes(got.body)) == (200, b"everything")


async def test_referer_is_kept(stage: Scene) -> None:
    """
    Referer is not removed (RFC 9110 §10.1.3). item 35
    """
    received, _ = await stage.relay(get(b"/", b"Referer: http://elsewhere.test/a?b"))

    assert received.value(b"referer") == b"http://elsewhere.test/a?b"


async def test_a_side_that_is_ourselves_is_refused(tmp_path: Path) -> None:
    """
    A side whose address is our own listener could only loop: Parallax doesn't start (RFC 9110 §7.6). item 30
    """
    ours = "127.0.0.1:18080"
    sides = {"old": {"url": "http://127.0.0.1:9"}, "new": {"url": f"http://{ours}"}}
    parallax = await launch({"listen": ours, **sides}, tmp_path)
    try:
        code = await parallax.exited()
    finally:
        await parallax.destroy()

    assert code == 2
    assert len(parallax.noise) == 1
    assert "new.url" in parallax.noise[0]
