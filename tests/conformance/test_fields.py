"""
Fields: items 19 to 25 of docs/http.md.
"""

import pytest

from tests.parts.client import Client, get
from tests.parts.origin import answer
from tests.parts.scene import Scene

pytestmark = pytest.mark.asyncio(loop_scope="session")

CHUNKED = b"Transfer-Encoding: chunked"


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
    await bad_gateway(stage, answer(b"", line))


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
    await bad_gateway(stage, answer(b"", b"X-A: b" + control + b"c"))


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
    await bad_gateway(stage, answer(b"", fold))


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
    await bad_gateway(stage, answer(b"", line))


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
    _, got = await stage.relay(get(), answer(b"", b"Date: x", *LINES, *cookies))
    sent = [line.partition(b":")[0] for line in [b"Date: x", *LINES, *cookies, b"Content-Length: 0"]]

    assert [name for name, _ in got.head.fields] == sent
    assert got.values(b"set-cookie") == [b"a=1; Path=/", b"b=2, c", b"a=3"]


async def test_unknown_fields_pass_both_ways(stage: Scene) -> None:
    """
    A field that nobody has heard of is forwarded unchanged (RFC 9110 §5.1). item 24
    """
    received, got = await stage.relay(get(b"/", b'Foo-Bar: 1;x="y"'), answer(b"", b"Quux!#$: \xff, 2"))

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


async def test_an_answer_with_endless_fields_is_502(stage: Scene) -> None:
    """
    A head over the limits is 502 from an origin (RFC 9110 §5.4). item 25
    """
    await bad_gateway(stage, b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 101 + b"\r\n")
    await bad_gateway(stage, b"HTTP/1.1 200 OK\r\n" + b"X-A: " + b"b" * 70_000)
