"""
What is sent on: composed from what was understood, in the same order and case.
"""

from typing import Any

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.routing.route import Rewrite
from proxy.wire.forward import (
    CHUNKS,
    CLOSE,
    LENGTH,
    MARKER,
    NOTHING,
    Destination,
    Hop,
    added_lines,
    answer_bytes,
    framing,
    has_content,
    interim_bytes,
    request_bytes,
    without_credentials,
)
from proxy.wire.request import RequestHead
from tests.parts.values import TOKEN, a_request, a_table, an_answer

HOP = Hop("192.0.2.7", "parallax", True)
QUIET = Hop("192.0.2.7", "parallax", False)
BITS = 0x0123456789ABCDEF_1111222233334444_5555666677778888_9999AAAABBBBCCCC
NAMES = st.text(TOKEN, min_size=1, max_size=10).map(lambda name: b"x-q" + name.encode())
VALUES = st.binary(max_size=12).map(lambda raw: bytes(byte for byte in raw if byte >= 0x20 and byte != 0x7F))


def plain(**side: object) -> Destination:
    """
    The old side of a table.
    """
    return Destination(a_table(old={"url": "http://127.0.0.1:9001", **side}).sides[0])


def request(*lines: bytes, start: bytes = b"GET /x HTTP/1.1", host: bytes = b"Host: a") -> RequestHead:
    """
    A request with these field lines after Host.
    """
    return a_request(b"\r\n".join([start, host, *lines]) + b"\r\n\r\n")


def added(head: RequestHead, hop: Hop = HOP, bits: int = BITS) -> list[bytes]:
    """
    The lines that are added, without their CRLF.
    """
    raw = added_lines(head, hop, bits)
    assert raw.endswith(b"\r\n")
    return raw[:-2].split(b"\r\n")


# Requests...


@given(st.lists(st.tuples(NAMES, VALUES), max_size=8))
def test_composing_and_parsing_keep_lines_in_order_and_case(fields: list[tuple[bytes, bytes]]) -> None:
    """
    What a side parses is what the client sent, followed by what we added; h11 agrees on the whole.
    """
    lines = [b"HoSt: a", *(b"%b:%b" % field for field in fields)]
    head = a_request(b"GET /x?y HTTP/1.1\r\n" + b"\r\n".join(lines) + b"\r\n\r\n")

    raw = request_bytes(head, plain(), added_lines(head, HOP, BITS)) + b"\r\n"
    again = a_request(raw)
    other = h11.Connection(h11.SERVER)
    other.receive_data(raw)

    assert again.lines[: len(lines)] == lines
    assert (again.method, again.target, again.authority) == (head.method, head.target, head.authority)
    assert [line.partition(b":")[0] for line in again.lines[len(lines) :]] == [
        *(b"Via", b"X-Forwarded-For", b"X-Forwarded-Proto", b"X-Forwarded-Host", b"X-Request-Id", b"traceparent")
    ]
    assert isinstance(other.next_event(), h11.Request)


def test_a_hop_says_who_it_is_and_for_whom() -> None:
    """
    Via always, X-Forwarded-* where configured, an id and a trace context where there is none.
    """
    wanted = [
        b"Via: 1.1 parallax",
        b"X-Forwarded-For: 192.0.2.7",
        b"X-Forwarded-Proto: http",
        b"X-Forwarded-Host: a",
    ]

    lines = added(request())

    assert lines[:4] == wanted
    assert [len(line) for line in lines[4:]] == [len(b"X-Request-Id: ") + 16, len(b"traceparent: ") + 55]
    assert added(request(b"X-Request-Id: 1", b"traceparent: t"), QUIET) == [b"Via: 1.1 parallax"]


@given(st.integers(0, 2**256 - 1))
def test_ids_are_well_formed_whatever_the_dice_say(bits: int) -> None:
    """
    16 hex digits, and W3C Trace Context's 32 and 16.
    """
    head = request()

    request_id, trace = added(head, bits=bits)[-2:]

    version, trace_id, parent, flags = trace.removeprefix(b"traceparent: ").split(b"-")
    assert request_id == b"X-Request-Id: " + head.request_id
    assert len(head.request_id) == 16
    assert (version, len(trace_id), len(parent), flags) == (b"00", 32, 16, b"01")
    int(head.request_id + trace_id + parent, 16)


def test_a_clients_own_forwarding_fields_are_kept() -> None:
    """
    X-Forwarded-For is appended to; the others belong to the first proxy.
    """
    head = request(b"x-forwarded-for: 1.1.1.1", b"X-Forwarded-Proto: https", b"X-Forwarded-Host: h")

    lines = added(head)

    assert head.lines[1] == b"x-forwarded-for: 1.1.1.1, 192.0.2.7"
    assert not [line for line in lines if line.startswith(b"X-Forwarded")]


def test_one_forwarding_field_does_not_speak_for_the_others() -> None:
    """
    Each is added by itself.
    """
    assert b"X-Forwarded-For: 192.0.2.7" in added(request(b"X-Forwarded-Proto: https"))
    assert b"X-Forwarded-Proto: http" in added(request(b"X-Forwarded-For: 1.1.1.1"))


def test_framing_and_te_are_said_anew() -> None:
    """
    They are hop-by-hop: ours, not the client's.
    """
    head = request(b"Transfer-Encoding: chunked", b"TE: trailers", b"Connection: te", start=b"PUT / HTTP/1.1")

    assert added(head)[-3:] == [b"Transfer-Encoding: chunked", b"TE: trailers", b"Connection: TE"]


@pytest.mark.parametrize(
    ("side", "wanted"),
    [
        ({}, [b"X: 1", b"Host: a"]),
        ({"host": "upstream"}, [b"X: 1", b"Host: 127.0.0.1:9001"]),
        ({"host": "b.example"}, [b"X: 1", b"Host: b.example"]),
    ],
)
def test_host_is_preserved_or_replaced_in_its_place(side: dict[str, object], wanted: list[bytes]) -> None:
    """
    The other leg's request stays as it was.
    """
    head = a_request(b"GET /x HTTP/1.1\r\nX: 1\r\nHost: a\r\n\r\n")

    raw = request_bytes(head, plain(**side), b"")

    assert raw.split(b"\r\n") == [b"GET /x HTTP/1.1", *wanted, b""]
    assert head.lines == [b"X: 1", b"Host: a"]


def test_a_client_without_host_gets_the_sides() -> None:
    """
    HTTP/1.1 needs one.
    """
    head = a_request(b"GET /x HTTP/1.0\r\nX: 1\r\n\r\n")

    assert request_bytes(head, plain(), b"").split(b"\r\n") == [
        b"GET /x HTTP/1.1",
        b"Host: 127.0.0.1:9001",
        b"X: 1",
        b"",
    ]


@pytest.mark.parametrize(
    ("sent", "arrives"),
    [
        (b"/../../evil", b"/pre/fix/evil"),
        (b"/%2e%2E/.%2e/evil?x=/../", b"/pre/fix/evil?x=/../"),
        (b"/x/../../../evil", b"/pre/fix/evil"),
        (b"http://a/../evil", b"/pre/fix/evil"),
        (b"/..", b"/pre/fix/"),
        (b"//a/b.c//%41.png?", b"/pre/fix//a/b.c//%41.png?"),
    ],
)
def test_no_target_leaves_the_path_of_a_side(sent: bytes, arrives: bytes) -> None:
    """
    Dot segments are gone before the side's own path; targets without them pass byte for byte.
    """
    head = request(start=b"GET %b HTTP/1.1" % sent)

    assert request_bytes(head, plain(url="http://127.0.0.1/pre/fix"), b"").startswith(b"GET %b HTTP/1.1\r\n" % arrives)


def test_a_side_without_a_path_gets_targets_as_they_came() -> None:
    """
    Its root is above nothing.
    """
    head = request(start=b"GET /a/../..%2f//%41 HTTP/1.1")

    assert request_bytes(head, plain(), b"").startswith(b"GET /a/../..%2f//%41 HTTP/1.1\r\n")


def test_a_base_goes_before_targets_but_not_before_the_asterisk() -> None:
    """
    `old.url` may have a path.
    """
    based = plain(url="http://127.0.0.1/api")

    assert request_bytes(request(), based, b"").startswith(b"GET /api/x HTTP/1.1\r\n")
    assert request_bytes(request(start=b"OPTIONS * HTTP/1.1"), based, b"").startswith(b"OPTIONS * HTTP/1.1\r\n")


def test_an_authority_names_the_port_only_when_it_is_unusual() -> None:
    """
    And brackets an IPv6 address.
    """
    assert plain(url="http://[::1]:9001").authority == b"[::1]:9001"
    assert plain(url="http://127.0.0.1").authority == b"127.0.0.1"
    assert plain(url="https://127.0.0.1").authority == b"127.0.0.1"
    assert plain(url="https://127.0.0.1:80").authority == b"127.0.0.1:80"


def test_a_shadow_without_credentials_sees_none() -> None:
    """
    The live request keeps them, and Host is found in its new place.
    """
    head = a_request(b"GET / HTTP/1.1\r\ncookie: a=b\r\nAUTHORIZATION: s\r\nHost: a\r\nX: 1\r\n\r\n")

    copy = without_credentials(head)

    assert copy.lines == [b"Host: a", b"X: 1"]
    assert copy.lines[copy.host_at] == b"Host: a"
    assert len(head.lines) == 4
    assert request_bytes(copy, plain(host="b"), MARKER).split(b"\r\n")[1:3] == [b"Host: b", b"X: 1"]


# What routes change of requests...


def rewritten(raw: bytes, side: dict[str, object] | None = None, **said: Any) -> list[bytes]:
    """
    The lines of a request as a side gets it on a route that rewrites.
    """
    to = Destination(a_table(old={"url": "http://127.0.0.1:9001", **(side or {})}).sides[0], Rewrite(**said))
    return request_bytes(a_request(raw), to, b"").split(b"\r\n")[:-1]


@pytest.mark.parametrize(
    ("path", "target", "wanted"),
    [
        (("^/api/", "/v2/"), b"/api/users?x=/api/", b"/v2/users?x=/api/"),
        (("^/api(/.*)?$", r"\1"), b"/api", b"/"),
        (("^/api(/.*)?$", r"\1"), b"/api?x", b"/?x"),
        (("/a", "/b"), b"/a/a", b"/b/a"),
        (("^/x$", "/y"), b"/z", b"/z"),
        (("/", ""), b"/a", b"/a"),
    ],
)
def test_a_path_is_rewritten_and_a_query_stays(path: tuple[str, str], target: bytes, wanted: bytes) -> None:
    """
    The first match; what comes out is a path still.
    """
    assert rewritten(b"GET %b HTTP/1.1\r\nHost: a\r\n\r\n" % target, path=path)[0] == b"GET %b HTTP/1.1" % wanted


@pytest.mark.parametrize(
    ("sent", "arrives"),
    [
        (b"/api/../api/x", b"/base/v2/x"),
        (b"/%61pi/x?a=/../", b"/base/v2/x?a=/../"),
        (b"//api/x", b"/base/v2/x"),
        (b"/x/%2E%2e/api/x", b"/base/v2/x"),
        (b"/api/..%2f..%2Fevil", b"/base/v2/evil"),
        (b"/api/..;/..;a=1/evil", b"/base/v2/evil"),
    ],
)
def test_no_spelling_of_a_path_evades_a_rewrite(sent: bytes, arrives: bytes) -> None:
    """
    What a route matches is what it rewrites.
    """
    based: dict[str, object] = {"url": "http://127.0.0.1:9001/base"}

    line = rewritten(b"GET %b HTTP/1.1\r\nHost: a\r\n\r\n" % sent, based, path=("^/api/", "/v2/"))[0]

    assert line == b"GET %b HTTP/1.1" % arrives


def test_a_base_goes_before_a_rewritten_path_and_the_asterisk_stays() -> None:
    """
    The side's URL is the operator's last word.
    """
    based: dict[str, object] = {"url": "http://127.0.0.1:9001/base"}

    assert rewritten(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n", based, path=("^/a", "/b"))[0] == b"GET /base/b HTTP/1.1"
    assert rewritten(b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", path=(".", "/b"))[0] == b"OPTIONS * HTTP/1.1"


def test_fields_are_removed_and_then_set() -> None:
    """
    Whatever the case; one that is set replaces all that were there. The request itself stays.
    """
    head = a_request(b"GET / HTTP/1.1\r\nX-A: 1\r\nHost: a\r\nx-a: 2\r\nX-B: 3\r\nX-C: 4\r\n\r\n")
    to = Destination(a_table().sides[0], Rewrite(set=(("X-A", "5"), ("x-d", "6")), remove=("x-b",)))

    assert request_bytes(head, to, b"").split(b"\r\n")[1:-1] == [b"Host: a", b"X-C: 4", b"X-A: 5", b"x-d: 6"]
    assert len(head.lines) == 5


def test_look_alikes_of_fields_that_a_route_sets_or_removes_are_removed_too() -> None:
    """
    A gateway makes one variable of X_Internal and X-Internal. Other names with underscores pass, to the other side too.
    """
    lines = (b"X_Internal: evil", b"x-api_KEY: k", b"X_Other: 1", b"Xinternal: 2")
    raw = b"GET / HTTP/1.1\r\nHost: a\r\n" + b"\r\n".join(lines) + b"\r\n\r\n"
    to = Destination(a_table().sides[0], Rewrite(set=(("x-internal", "yes"),), remove=("X-API-Key",)))

    assert request_bytes(a_request(raw), to, b"").split(b"\r\n")[2:-1] == [*lines[2:], b"x-internal: yes"]
    assert to.trailers(list(lines)) == [*lines[2:]]
    assert request_bytes(a_request(raw), plain(), b"").split(b"\r\n")[2:-1] == [*lines]


@pytest.mark.parametrize(("host", "wanted"), [("", b"side.example"), (None, b"a"), ("route.example", b"route.example")])
def test_a_routes_host_takes_the_place_of_the_sides(host: str | None, wanted: bytes) -> None:
    """
    Nothing said, it is the side's; or the client's; or a name.
    """
    side: dict[str, object] = {"host": "side.example"}

    assert rewritten(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", side, host=host)[1] == b"Host: " + wanted


# Answers...


@pytest.mark.parametrize(
    ("lines", "status", "to_head", "old", "how"),
    [
        (b"Content-Length: 5\r\n", 200, False, False, LENGTH),
        (b"Content-Length: 0\r\n", 200, False, False, NOTHING),
        (b"Content-Length: 5\r\n", 200, True, False, NOTHING),
        (b"", 200, False, False, CHUNKS),
        (b"", 200, False, True, CLOSE),
        (b"Transfer-Encoding: chunked\r\n", 200, False, False, CHUNKS),
        (b"Transfer-Encoding: chunked\r\n", 200, False, True, CLOSE),
        (b"Transfer-Encoding: chunked\r\n", 200, True, False, NOTHING),
        (b"", 204, False, False, NOTHING),
        (b"Content-Length: 5\r\n", 304, False, False, NOTHING),
        (b"", 304, False, True, NOTHING),
    ],
)
def test_how_a_client_learns_where_the_answer_ends(
    lines: bytes, status: int, to_head: bool, old: bool, how: int
) -> None:
    """
    RFC 9112 §6.3, and what an HTTP/1.0 client can understand.
    """
    head = an_answer(b"HTTP/1.1 %d x\r\n%b\r\n" % (status, lines))

    assert framing(head, to_head, old) == how
    assert has_content(head, to_head) is (how != NOTHING)


@pytest.mark.parametrize("how", [NOTHING, LENGTH, CHUNKS, CLOSE])
@pytest.mark.parametrize("close", [True, False])
@pytest.mark.parametrize("old", [True, False])
def test_an_answer_keeps_its_lines_and_gets_its_framing(how: int, close: bool, old: bool) -> None:
    """
    Ours come last: Date if it has none, framing, and what becomes of the connection.
    """
    head = an_answer(b"HTTP/1.0 418 I'm a teapot\r\nB: 2\r\na:1\r\n\r\n")
    date = b"Date: today"

    lines = answer_bytes(head, how, close, old, date).split(b"\r\n")

    assert lines[:4] == [b"HTTP/1.1 418 I'm a teapot", b"B: 2", b"a:1", date]
    assert (b"Transfer-Encoding: chunked" in lines) is (how == CHUNKS)
    assert (b"Connection: close" in lines) is close
    assert (b"Connection: keep-alive" in lines) is (old and not close)
    assert lines[-2:] == [b"", b""]


def test_a_date_of_the_sides_own_is_left_alone() -> None:
    """
    RFC 9110 §6.6.1.
    """
    head = an_answer(b"HTTP/1.1 200 OK\r\nDATE: then\r\n\r\n")

    assert b"now" not in answer_bytes(head, NOTHING, False, False, b"Date: now")


def test_a_missing_reason_still_has_its_space() -> None:
    """
    RFC 9112 §4 has the space even without a reason; some clients insist.
    """
    head = an_answer(b"HTTP/1.1 200\r\n\r\n")

    assert answer_bytes(head, NOTHING, False, False, b"").startswith(b"HTTP/1.1 200 \r\n")
    assert interim_bytes(an_answer(b"HTTP/1.1 103\r\n\r\n")) == b"HTTP/1.1 103 \r\n\r\n"


def test_switching_protocols_says_to_which() -> None:
    """
    Connection and Upgrade are hop-by-hop, so they are said anew.
    """
    head = an_answer(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: WebSocket\r\nX: 1\r\n\r\n")

    assert interim_bytes(head, head.upgrade).split(b"\r\n")[1:] == [
        *(b"X: 1", b"Connection: Upgrade", b"Upgrade: websocket", b"", b"")
    ]
