"""
Request heads: what is accepted has one reading, and other implementations have the same.
"""

import h11
import httptools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import BadMessage
from proxy.wire.fields import NOT_IN_TRAILERS
from proxy.wire.forwarded import CLAIMS
from proxy.wire.request import METHODS, RequestHead, check_beginning, parse_request
from tests.parts.values import CUTS, TOKEN, a_request, each_byte, pieces, the_rules

RULES = the_rules()
HOST = b"Host: a.example\r\n"
# Never in `lines`: hop-by-hop, said anew by `wire.forward`, or ours.
TAKEN_AWAY = {
    *(b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"proxy-connection", b"te"),
    *(b"transfer-encoding", b"upgrade", b"expect", b"x-parallax-shadow"),
}

SEEDS = [
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /a?b=c#d HTTP/1.1\r\nHost: a:80\r\nAccept: */*\r\nConnection: keep-alive, x-hop\r\nX-Hop: 1\r\n\r\n",
    b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Type: text/plain\r\nExpect: 100-continue\r\n\r\n",
    b"PUT /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\nConnection: TE\r\nTrailer: x\r\n\r\n",
    b"GET /a HTTP/1.0\r\nCookie: a=b; c=d\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: [::1]:1\r\nMax-Forwards: 3\r\nVia: 1.1 x\r\nX-Request-Id: 7\r\n\r\n",
    b"GET http://b/x HTTP/1.1\r\nHost: b\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: a\r\n\r\n",
    b"DELETE /a%20b HTTP/1.1\r\nhost:a\r\nX-Empty:\r\nX-Spaced: \t v \t \r\nX-High: \xe9\r\nAuthorization: s\r\n\r\n",
]
NAMES = st.text(TOKEN, min_size=1, max_size=12).map(str.encode)
VALUES = st.binary(max_size=16).map(lambda raw: bytes(byte for byte in raw if byte >= 0x20 and byte != 0x7F))
MUTATIONS = st.lists(
    st.tuples(
        st.integers(0, 400),
        st.integers(0, 3),
        st.one_of(
            st.binary(max_size=2),
            st.sampled_from(
                [
                    b"\r\n",
                    b"\n",
                    b"\r",
                    b" ",
                    b"\t",
                    b":",
                    b",",
                    b"#",
                    b"\x00",
                    b"\x0b",
                    b"\x85",
                    b"\xa0",
                    b"chunked",
                    b"\r\nHost: b",
                    b"\r\nContent-Length: 5",
                    b"\r\nTransfer-Encoding: chunked",
                    b"\r\nConnection: close",
                    b"\r\n x",
                    b"\r\n: x",
                    b"\r\nX : y",
                    b" HTTP/1.1",
                    b"HTTP/1.0",
                    b"0",
                    b"+5",
                    b";",
                    b'"',
                    b"\\",
                ]
            ),
        ),
    ),
    max_size=3,
)


def mutated(seed: bytes, mutations: list[tuple[int, int, bytes]]) -> bytes:
    """
    A head with some bytes replaced, taken out or put in; its end stays where it is.
    """
    head = seed.removesuffix(b"\r\n\r\n")
    for at, size, put in mutations:
        at %= len(head) + 1
        head = head[:at] + put + head[at + size :]
    return head.partition(b"\r\n\r\n")[0]


def kept(fields: list[tuple[bytes, bytes]], head: RequestHead) -> list[tuple[bytes, bytes]]:
    """
    What should be left of the fields that another implementation read; absolute-form has replaced Host.
    """
    left = [(n, v) for n, v in fields if n.lower() not in TAKEN_AWAY and n.lower() not in head.nominated]
    return [(n, head.authority if n.lower() == b"host" else v) for n, v in left]


def lines_of(head: RequestHead) -> list[tuple[bytes, bytes]]:
    """
    The field lines as names and values.
    """
    return [(name.lower(), value.strip(b" \t")) for name, _, value in (line.partition(b":") for line in head.lines)]


def origin_form(target: bytes) -> bytes:
    """
    What a target in absolute-form becomes; whatever else it is, it stays.
    """
    scheme, separator, rest = target.partition(b"://")
    if not separator or scheme.lower() not in (b"http", b"https"):
        return target
    path = rest[min((at for at in map(rest.find, (b"/", b"?", b"#")) if at >= 0), default=len(rest)) :]
    return path if path[:1] == b"/" else b"/" + path


# What it says...


def test_lines_keep_their_order_case_and_spacing() -> None:
    """
    Everything end-to-end survives byte for byte.
    """
    lines = [b"b: 2", b"Host: x", b"A:1", b"B:\t 3 ", b"a:", b"X-A: \xe9,,"]

    head = a_request(b"GET / HTTP/1.1\r\n" + b"\r\n".join(lines) + b"\r\n\r\n")

    assert head.lines == lines


@given(st.lists(st.tuples(NAMES, VALUES), max_size=8))
def test_unknown_fields_come_out_as_they_went_in(fields: list[tuple[bytes, bytes]]) -> None:
    """
    Made-up names and values: all there, in order; a value's edges are the line's own.
    """
    lines = [b"x-q%b: %b" % field for field in fields]

    head = a_request(b"GET / HTTP/1.1\r\nHost: a\r\n" + b"".join(line + b"\r\n" for line in lines) + b"\r\n")

    assert head.lines == [b"Host: a", *lines]


def test_what_a_proxy_needs_is_read() -> None:
    """
    One head with everything that means something to a proxy.
    """
    head = a_request(
        b"GET /x HTTP/1.1\r\n" + HOST + b"Via: 1.0 one\r\nVia: 1.1 two\r\nX-Forwarded-For: 9.9.9.9\r\n"
        b"X-Forwarded-Proto: https\r\nX-Forwarded-Host: h\r\nX-Request-Id: r\r\ntraceparent: t\r\nMax-Forwards: 4\r\n"
        b"If-None-Match: e\r\nAccept: text/html, TEXT/Event-Stream\r\nAuthorization: s\r\nTE: gzip, Trailers\r\n"
        b"Connection: te, close\r\n\r\n"
    )

    assert (head.method, head.target, head.authority) == (b"GET", b"/x", b"a.example")
    assert head.vias == [b"1.0 one", b"1.1 two"]
    assert (head.request_id, head.traceparent, head.max_forwards) == (b"r", b"t", 4)
    assert head.has_forwarded_proto
    assert head.has_forwarded_host
    assert head.lines[head.forwarded_for] == b"X-Forwarded-For: 9.9.9.9"
    assert head.lines[head.host_at] == HOST.strip()
    assert head.validators
    assert head.accepts_stream
    assert head.credentials
    assert head.te
    assert head.close
    assert not head.has_body


@pytest.mark.parametrize(
    ("connection", "version", "closes"),
    [
        (b"", b"1.1", False),
        (b"Connection: CLOSE\r\n", b"1.1", True),
        (b"Connection: x\r\nConnection: keep-alive, close\r\n", b"1.1", True),
        (b"", b"1.0", True),
        (b"Connection: Keep-Alive\r\n", b"1.0", False),
        (b"Connection: keep-alive, close\r\n", b"1.0", True),
    ],
)
def test_what_becomes_of_the_connection(connection: bytes, version: bytes, closes: bool) -> None:
    """
    RFC 9112 §9.3.
    """
    assert a_request(b"GET / HTTP/" + version + b"\r\nHost: a\r\n" + connection + b"\r\n").close is closes


def test_what_connection_names_is_removed_and_what_is_end_to_end_stays() -> None:
    """
    RFC 9110 §7.6.1; an attacker who names Host or Authorization doesn't get it stripped. Places are found again.
    """
    head = a_request(
        b"GET / HTTP/1.1\r\nX-Hop: 1\r\nX-Forwarded-For: 1.1.1.1\r\nAuthorization: s\r\n" + HOST + b"X-hop: 2\r\n"
        b"Connection: x-HOP, host, authorization,, x-forwarded-for\r\n\r\n"
    )

    assert head.lines == [b"X-Forwarded-For: 1.1.1.1", b"Authorization: s", HOST.strip()]
    assert head.lines[head.host_at] == HOST.strip()
    assert head.lines[head.forwarded_for] == b"X-Forwarded-For: 1.1.1.1"
    assert head.nominated == {b"x-hop"}


@pytest.mark.parametrize(
    ("lines", "upgrade"),
    [
        (b"Connection: upgrade\r\nUpgrade: WebSocket\r\n", b"websocket"),
        (b"Connection: x\r\nUpgrade: websocket\r\n", b""),
        (b"Upgrade: websocket\r\n", b""),
        (b"Connection: upgrade\r\nUpgrade: h2c\r\n", b""),
        (b"Connection: upgrade\r\nUpgrade: websocket\r\nUpgrade: websocket\r\n", b""),
        (b"Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 1\r\n", b""),
    ],
)
def test_only_a_clear_upgrade_to_websocket_is_one(lines: bytes, upgrade: bytes) -> None:
    """
    h2c in particular would open a tunnel that nobody looks into.
    """
    head = a_request(b"GET / HTTP/1.1\r\nHost: a\r\n" + lines + b"\r\n")

    assert head.upgrade == upgrade
    assert not [line for line in head.lines if line.lower().startswith((b"upgrade", b"connection"))]


def test_an_old_client_is_not_asked_to_wait() -> None:
    """
    RFC 9110 §10.1.1: an expectation of HTTP/1.0 is ignored.
    """
    head = a_request(b"PUT / HTTP/1.0\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n")

    assert not head.expects


# What it refuses...


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
        (b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400),
        (b"GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET /\r\nHost: a\r\n\r\n", 400),
        (b" / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"G(T / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET /\xe9 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n X: 1\r\nHost: a\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n", 400),
        (b"GET / HTTP/1.1\nHost: a\n\r\n\r\n", 400),
        (b"GET / http/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET / HTTP/11\r\nHost: a\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
        (b"GET / HTTP/0.9\r\nHost: a\r\n\r\n", 505),
        (b"FOO / HTTP/1.1\r\nHost: a\r\n\r\n", 501),
        (b"get / HTTP/1.1\r\nHost: a\r\n\r\n", 501),
        (b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", 400),
        (b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n", 400),
        (b"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
        (b"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n", 400),
        (b"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n", 400),
        (b"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n", 400),
        (b"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n\r\n", 400),
        (b"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0bchunked\r\n\r\n", 400),
        (b"PUT / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"POST / HTTP/1.0\r\nHost: a\r\n\r\n", 400),
        (b"PUT / HTTP/1.1\r\nHost: a\r\nExpect: 200-ok\r\n\r\n", 417),
        (b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Type: a/b\r\nContent-Type: a/b\r\n\r\n", 400),
        (b"OPTIONS / HTTP/1.1\r\nHost: a\r\nMax-Forwards: -1\r\n\r\n", 400),
        (b"OPTIONS / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 1234567890\r\n\r\n", 400),
    ],
)
def test_two_readings_are_one_too_many(raw: bytes, status: int) -> None:
    """
    Each of these is read differently by somebody.
    """
    with pytest.raises(BadMessage) as refused:
        a_request(raw)

    assert refused.value.status == status


@pytest.mark.parametrize(
    ("raw", "limits", "status"),
    [
        (b"GET /" + b"x" * 100 + b" HTTP/1.1\r\nHost: a\r\n\r\n", {"line": 100}, 414),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 100 + b"\r\n\r\n", {"line": 100}, 431),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\nX: 2\r\n\r\n", {"fields": 2}, 431),
    ],
)
def test_limits_are_kept(raw: bytes, limits: dict[str, int], status: int) -> None:
    """
    RFC 6585 §5, RFC 9110 §15.5.15.
    """
    with pytest.raises(BadMessage) as refused:
        a_request(raw, **limits)

    assert refused.value.status == status


def test_methods_can_be_added() -> None:
    """
    `limits.methods` opens the registry.
    """
    assert a_request(b"BREW /pot HTTP/1.1\r\nHost: a\r\n\r\n", methods=["BREW"]).method == b"BREW"


@pytest.mark.parametrize(
    ("line", "version"), [(b"SOURCE /x", b"ICE/1.0"), (b"OPTIONS *", b"RTSP/1.0"), (b"DESCRIBE /a", b"RTSP/1.0")]
)
def test_relatives_are_taken_for_http_1_0(line: bytes, version: bytes) -> None:
    """
    Icecast sources and RTSP players come to HTTP ports.
    """
    head = a_request(line + b" " + version + b"\r\n\r\n")

    assert head.old_version
    assert head.close


def test_what_may_not_come_in_trailers_includes_what_routes_and_frames() -> None:
    """
    The two lists are kept apart; they must agree on the dangerous ones.
    """
    assert TAKEN_AWAY - {b"proxy-connection"} | {b"host", b"content-length", b"authorization"} <= NOT_IN_TRAILERS
    assert {claim.strip(b":") for claim in CLAIMS if claim.endswith(b":")} <= NOT_IN_TRAILERS


# The same in pieces...


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("ways", ["whole", "bytes", "with bytes behind"])
def test_no_beginning_of_a_good_request_is_refused_early(seed: bytes, ways: str) -> None:
    """
    Whole, byte by byte, and with the next request behind it.
    """
    cut = {"whole": [seed], "bytes": each_byte(seed), "with bytes behind": [seed + SEEDS[0]]}[ways]

    so_far = b""
    for piece in cut:
        so_far += piece
        check_beginning(so_far, RULES)


@given(st.sampled_from(SEEDS), MUTATIONS, CUTS)
def test_early_refusal_is_never_wrong(seed: bytes, mutations: list[tuple[int, int, bytes]], cuts: list[int]) -> None:
    """
    Whatever is accepted whole is accepted in every beginning, however it is cut.
    """
    block = mutated(seed, mutations)
    try:
        parse_request(block, RULES)
    except BadMessage:
        return

    so_far = b""
    for piece in pieces(block + b"\r\n\r\n", cuts):
        so_far += piece
        check_beginning(so_far, RULES)


# The same as others...


@given(st.sampled_from(SEEDS), MUTATIONS)
def test_h11_reads_the_same(seed: bytes, mutations: list[tuple[int, int, bytes]]) -> None:
    """
    Whatever we accept, an independent strict parser accepts too, and sees the same method, target and fields.
    """
    block = mutated(seed, mutations)
    try:
        head = parse_request(block, RULES)
    except BadMessage:
        return
    if (head.old_version and not block.partition(b"\r\n")[0].endswith(b"HTTP/1.0")) or b"identity" in block.lower():
        return  # Documented deviations: RTSP and ICE, and the coding that HTTP/1.1 once had.

    other = h11.Connection(h11.SERVER)
    other.receive_data(block + b"\r\n\r\n")
    event = other.next_event()

    assert isinstance(event, h11.Request)
    assert event.method == head.method
    assert head.target in (origin_form(event.target), b"*")
    assert lines_of(head) == kept([(name.lower(), value) for name, value in event.headers.raw_items()], head)


class Heard:
    """
    What httptools said of a head.
    """

    def __init__(self) -> None:
        self.url = b""
        self.fields: list[tuple[bytes, bytes]] = []
        self.complete = False

    def on_url(self, url: bytes) -> None:
        """
        A piece of the target.
        """
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """
        A field.
        """
        self.fields.append((name.lower(), value.strip(b" \t")))

    def on_headers_complete(self) -> None:
        """
        The head is over.
        """
        self.complete = True


@given(st.sampled_from(SEEDS), MUTATIONS)
def test_httptools_reads_the_same(seed: bytes, mutations: list[tuple[int, int, bytes]]) -> None:
    """
    The parser of Node.js and uvicorn, which stand behind many an old and new system, sees what we see.
    """
    block = mutated(seed, mutations)
    try:
        head = parse_request(block, RULES)
    except BadMessage:
        return
    if (head.old_version and not block.partition(b"\r\n")[0].endswith(b"HTTP/1.0")) or b"identity" in block.lower():
        return
    heard = Heard()
    parser = httptools.HttpRequestParser(heard)

    try:
        parser.feed_data(block + b"\r\n\r\n")
    except httptools.HttpParserUpgrade:
        assert b"upgrade" in block.lower()

    assert heard.complete
    assert parser.get_method() == head.method
    assert head.target in (origin_form(heard.url), b"*")
    assert lines_of(head) == kept(heard.fields, head)


@pytest.mark.parametrize("method", sorted(METHODS - {b"CONNECT", b"TRACE"}))
def test_every_registered_method_is_understood(method: bytes) -> None:
    """
    And forwarded as it is.
    """
    assert a_request(method + b" / HTTP/1.1\r\nHost: a\r\n\r\n").method == method
