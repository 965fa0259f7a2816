"""
Fields: items 19 to 35 of docs/http.md.
"""

from pathlib import Path

import pytest

from tests.parts.client import Client, get
from tests.parts.origin import OK, answer, closing
from tests.parts.parallax import launch
from tests.parts.scene import Scene
from tests.parts.strict import Cut

pytestmark = pytest.mark.asyncio(loop_scope="module")
CHUNKED = b"Transfer-Encoding: chunked"


def reply(*lines: bytes) -> bytes:
    """
    An empty answer with these lines.
    """
    return b"\r\n".join([b"HTTP/1.1 200 OK", *lines, b"Content-Length: 0", b"", b""])


async def bad_gateway(stage: Scene, raw: bytes) -> None:
    """
    Old answers `raw`: the client gets a 502, that connection ends, and the next request gets its own answer.
    """
    client = await stage.client()
    client.send(get())
    received = await stage.old.request()
    received.answer(raw)
    refused = await client.answer()
    await received.connection.closed()
    client.send(get(b"/next"))
    following = await stage.old.request()
    following.answer(answer(b"next"))
    own = await client.answer()

    assert refused.status == 502
    assert b"http_protocol_error" in (refused.value(b"proxy-status") or b"")
    assert following.target == b"/next"
    assert bytes(own.body) == b"next"


@pytest.mark.parametrize("line", [b"X-A : b", b"X-A\t: b", b"Content-Length : 0", b"Transfer-Encoding : chunked"])
async def test_space_before_the_colon_is_refused(stage: Scene, line: bytes) -> None:
    """
    Whitespace between a name and its colon is 400 (RFC 9112 §5.1). item 19
    """
    await stage.refused(get(b"/", line))


@pytest.mark.parametrize("line", [b"X-A : b", b"X-A\t: b", b"Content-Length : 5"])
async def test_space_before_the_colon_of_an_answer_is_502(stage: Scene, line: bytes) -> None:
    """
    Such an answer is not forwarded (RFC 9112 §5.1 lets a proxy remove the space; we don't guess). item 19
    """
    await bad_gateway(stage, reply(line))


CONTROLS = [b"\x00", b"\x01", b"\x08", b"\x0b", b"\x0c", b"\x0e", b"\x1b", b"\x1f", b"\x7f", b"\r", b"\n"]


@pytest.mark.parametrize("control", CONTROLS)
async def test_controls_in_a_value_are_refused(stage: Scene, control: bytes) -> None:
    """
    CR, LF, NUL and all other controls but HTAB are 400 in a value (RFC 9110 §5.5). item 20
    """
    await stage.refused(get(b"/", b"X-A: b" + control + b"c"))


@pytest.mark.parametrize("control", CONTROLS)
async def test_controls_in_an_answer_are_502(stage: Scene, control: bytes) -> None:
    """
    The same in an answer is 502 (RFC 9110 §5.5). item 20
    """
    await bad_gateway(stage, reply(b"X-A: b" + control + b"c"))


@pytest.mark.parametrize("fold", [b"X-A: b\r\n c", b"X-A: b\r\n\tc", b"X-A:\r\n b", b"X-A: b\r\n "])
async def test_folded_lines_are_refused(stage: Scene, fold: bytes) -> None:
    """
    A line folded by obs-fold is 400 (RFC 9112 §5.2). item 21
    """
    await stage.refused(get(b"/", fold))


@pytest.mark.parametrize("fold", [b"X-A: b\r\n c", b"X-A: b\r\n\tc"])
async def test_folded_lines_in_an_answer_are_502(stage: Scene, fold: bytes) -> None:
    """
    The same in an answer is 502 (RFC 9112 §5.2). item 21
    """
    await bad_gateway(stage, reply(fold))


@pytest.mark.parametrize(
    "line", [b": x", b"no colon", b"X A: b", b"X(A): b", b"X/A: b", b"X[: b", b'"X": b', b"X@A: b"]
)
async def test_field_names_are_tokens(stage: Scene, line: bytes) -> None:
    """
    A name that is no token, an empty one, or none at all is 400 (RFC 9110 §5.1). item 22
    """
    await stage.refused(get(b"/", line))


@pytest.mark.parametrize("line", [b": x", b"no colon", b"X A: b", b"X(A): b"])
async def test_field_names_of_an_answer_are_tokens(stage: Scene, line: bytes) -> None:
    """
    The same in an answer is 502 (RFC 9110 §5.1). item 22
    """
    await bad_gateway(stage, reply(line))


@pytest.mark.parametrize("name", [b"Transfer_Encoding", b"Content_Length", b"Content.Length", b"Transfer-Encoding-"])
async def test_look_alikes_of_framing_fields_are_refused(stage: Scene, name: bytes) -> None:
    """
    A name that a lenient reader could take for a framing field is 400: stricter than RFC 9110 §5.1. item 22
    """
    await stage.refused(get(b"/", name + b": 5"))


LINES = [b"x-Lower: 1", b"X-SAME: a", b"X-Other: o", b"X-Same: b", b"x-same:  c  ", b"X-Empty:", b"X-Tab:\tv"]


async def test_order_and_case_of_request_fields_are_kept(stage: Scene) -> None:
    """
    Field lines arrive in the order and case in which they were sent (RFC 9110 §5.3 asks for less). item 23
    """
    received, _ = await stage.relay(get(b"/", *LINES))
    sent = [line.partition(b":")[0] for line in LINES]

    assert [name for name, _ in received.head.fields if name.lower().startswith(b"x-") and name in sent] == sent
    assert received.values(b"x-same") == [b"a", b"b", b"c"]


async def test_order_and_case_of_answer_fields_are_kept(stage: Scene) -> None:
    """
    The same for answers; lines of Set-Cookie are never merged (RFC 9110 §5.3). item 23
    """
    cookies = [b"Set-Cookie: a=1; Path=/", b"set-cookie: b=2, c", b"Set-Cookie: a=3"]
    _, got = await stage.relay(get(), reply(b"Date: x", *LINES, *cookies))
    sent = [line.partition(b":")[0] for line in [b"Date: x", *LINES, *cookies, b"Content-Length: 0"]]

    assert [name for name, _ in got.head.fields] == sent
    assert got.values(b"set-cookie") == [b"a=1; Path=/", b"b=2, c", b"a=3"]


async def test_unknown_fields_pass_both_ways(stage: Scene) -> None:
    """
    A field that nobody has heard of is forwarded unchanged (RFC 9110 §5.1). item 24
    """
    received, got = await stage.relay(get(b"/", b'Foo-Bar: 1;x="y"'), reply(b"Quux!#$: \xff, 2"))

    assert received.value(b"foo-bar") == b'1;x="y"'
    assert got.value(b"quux!#$") == b"\xff, 2"


@pytest.mark.parametrize(
    "lines",
    [[b"X-A: " + b"b" * 9000], [b"X-%d: " % n + b"b" * 7000 for n in range(10)], [b"X-%d: b" % n for n in range(101)]],
    ids=["line", "total", "count"],
)
async def test_too_much_of_fields_is_431(stage: Scene, lines: list[bytes]) -> None:
    """
    A line over 8 KiB, a section over 64 KiB or more than 100 lines are 431 (RFC 6585 §5). item 25
    """
    await stage.refused(get(b"/", *lines), status=431)


async def test_as_much_as_allowed_passes(stage: Scene) -> None:
    """
    99 fields beside Host, and lines of 8,000 bytes, are fine (RFC 9110 §5.4). item 25
    """
    lines = [b"X-%d: b" % n for n in range(92)] + [b"Y-%d: " % n + b"c" * 7900 for n in range(7)]
    received, _ = await stage.relay(get(b"/", *lines))

    assert len([name for name, _ in received.head.fields if name[:2] in (b"X-", b"Y-")][:99]) == 99


async def send_until_closed(client: Client, *pieces: bytes) -> None:
    """
    Send pieces that are read one by one, and stop when the peer has had enough.
    """
    try:
        await client.send_apart(*pieces)
    except ConnectionError:
        return


async def test_limits_hold_for_single_bytes(stage: Scene) -> None:
    """
    A line that comes byte by byte is refused at the same length (RFC 9110 §5.4). item 25
    """
    client = await stage.client()
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\nX-A: " + b"b" * 8000)
    await send_until_closed(client, *([b"b"] * 1000), b"\r\n\r\n")
    refused = await client.answer()

    assert refused.status == 431
    assert not stage.old.requests


async def test_limits_hold_for_trailers(stage: Scene) -> None:
    """
    A trailer section has the limits of a header section (RFC 9110 §5.4). item 25
    """
    lines = b"".join(b"X-%d: %s\r\n" % (number, b"b" * 7000) for number in range(12))
    raw = get(b"/", CHUNKED, method=b"POST") + b"0\r\n" + lines + b"\r\n"

    await stage.refused(raw, status=(400, 431), under_way=True)


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
    received.answer(b"\r\n".join([b"HTTP/1.1 103 Early Hints", *CONNECTION, b"", b""]) + reply(*CONNECTION))
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
    received, got = await stage.relay(get(b"/", *HOP_BY_HOP), reply(*HOP_BY_HOP[:-1]))
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
    _, got = await stage.relay(get(), reply(b"Via: 1.1 cache"))

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
    received, got = await stage.relay(get(b"/", b"Authorization: Basic  eA=="), reply(challenge, b"Allow: GET,  FOO"))

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


async def test_an_answer_with_endless_fields_is_502(stage: Scene) -> None:
    """
    A head over the limits is 502 from an origin (RFC 9110 §5.4). item 25
    """
    await bad_gateway(stage, b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 101 + b"\r\n")
    await bad_gateway(stage, b"HTTP/1.1 200 OK\r\n" + b"X-A: " + b"b" * 70_000)


async def test_an_origin_that_closes_inside_a_head_is_502(stage: Scene) -> None:
    """
    Half a head is no answer (RFC 9112 §8). item 71
    """
    client = await stage.client()
    stage.old.script = closing(OK[:20])
    refused = await client.ask(get())

    assert refused.status == 502
    with pytest.raises(Cut):
        await (await stage.old.begin()).connection.source.exactly(1)


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
