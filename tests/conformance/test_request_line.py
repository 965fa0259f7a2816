"""
Request line and version: items 1 to 11 of docs/http.md.
"""

import pytest

from tests.parts.client import get
from tests.parts.origin import OK
from tests.parts.scene import Scene

pytestmark = pytest.mark.asyncio(loop_scope="session")
# Short, so that bytes which never become a head are given up within a test.
CONFIGURATION = {"timeouts": {"head": 1}, "limits": {"methods": ["BREW"]}}


async def test_high_octets_pass_in_a_value(stage: Scene) -> None:
    """
    Octets 0x80–0xFF in a field value arrive unchanged (RFC 9112 §2.2). item 1
    """
    value = bytes(range(0x80, 0x100))
    received, answer = await stage.relay(get(b"/", b"X-Octets: " + value))

    assert received.value(b"x-octets") == value
    assert answer.status == 200


@pytest.mark.parametrize(
    "raw",
    [
        b"G\xc9T / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.\xb1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX-\xc4: b\r\n\r\n",
    ],
    ids=["method", "version", "field name"],
)
async def test_high_octets_are_refused_elsewhere(stage: Scene, raw: bytes) -> None:
    """
    Octets 0x80–0xFF in a method, a version or a field name are 400 (RFC 9112 §2.2). item 1
    """
    await stage.refused(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b"GET / HTTP/1.1\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\nX-A: b\r\n\r\n",
        b"GET / HTTP/1.1\nHost: a\n\n",
        b"\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    ],
)
async def test_bare_lf_is_refused(stage: Scene, raw: bytes) -> None:
    """
    A line ended by LF alone is 400, although a recipient may accept it (RFC 9112 §2.2). item 2
    """
    await stage.refused(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b"GET / HTTP/1.1\rHost: a\r\n\r\n",
        b"GET /\r HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\rX-A: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX-A: b\r\r\n\r\n",
        b"\rGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    ],
)
async def test_bare_cr_is_refused(stage: Scene, raw: bytes) -> None:
    """
    A CR that no LF follows is 400 anywhere in a head (RFC 9112 §2.2). item 3
    """
    await stage.refused(raw)


@pytest.mark.parametrize("empty", [1, 2])
async def test_a_few_empty_lines_before_a_request_are_skipped(stage: Scene, empty: int) -> None:
    """
    Up to two empty lines before a request line are skipped and not forwarded (RFC 9112 §2.2). item 4
    """
    received, answer = await stage.relay(b"\r\n" * empty + get(b"/after"))

    assert received.head.raw.startswith(b"GET /after HTTP/1.1\r\n")
    assert answer.status == 200


async def test_empty_lines_between_requests_are_skipped(stage: Scene) -> None:
    """
    An old client's CRLF after a body does no harm to its next request (RFC 9112 §2.2). item 4
    """
    client = await stage.client()
    for target in (b"/1", b"/2"):
        client.send(b"POST " + target + b" HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx\r\n")
        received = await stage.old.request()
        received.answer(OK)

        assert received.target == target
        assert (await client.answer()).status == 200


async def test_an_empty_line_after_other_requests_is_refused(stage: Scene) -> None:
    """
    After anything but a form an empty line is how too long a body looks: 400, stricter than RFC 9112 §2.2. item 4
    """
    client = await stage.client()
    client.send(get(b"/1"))
    (await stage.old.request()).answer(OK)
    await client.answer()
    client.send(b"\r\n" + get(b"/2"))

    assert (await client.answer()).status == 400
    await client.over()


async def test_many_empty_lines_are_refused(stage: Scene) -> None:
    """
    A third empty line before a request is 400 (RFC 9112 §2.2 asks for at least one to be skipped). item 4
    """
    await stage.refused(b"\r\n" * 3 + get())


@pytest.mark.parametrize("space", [b" ", b"\t", b"  "])
async def test_whitespace_before_the_first_field_is_refused(stage: Scene, space: bytes) -> None:
    """
    Whitespace between request line and first field is 400 (RFC 9112 §2.2). item 5
    """
    await stage.refused(b"GET / HTTP/1.1\r\n" + space + b"X-A: b\r\nHost: a\r\n\r\n")


@pytest.mark.parametrize(
    "raw",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(32)),
        bytes(range(255, 127, -1)),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"just words and never an end of line",
    ],
    ids=["TLS hello", "random", "HTTP/2 preface", "SSH", "words"],
)
async def test_what_is_not_http_reaches_nobody(stage: Scene, raw: bytes) -> None:
    """
    Bytes that are no HTTP/1.1 are answered with an error or closed within the time for a head, and no connection to
    an origin is opened for them (RFC 9112 §2.2). item 6
    """
    await stage.refused(raw, status=(400, 408, 505), or_closed=True)

    # The one is the canary's.
    assert len(stage.old.connections) == 1


async def test_a_1_0_request_is_forwarded_as_1_1(stage: Scene) -> None:
    """
    A proxy sends its own version: a request in HTTP/1.0 without Host reaches old in HTTP/1.1 with one (RFC 9112 §2.3).
    item 7
    """
    received, answer = await stage.relay(b"GET /old HTTP/1.0\r\n\r\n")

    # `Received` itself checks version and Host.
    assert received.head.start == b"GET /old HTTP/1.1"
    assert received.value(b"host") == f"127.0.0.1:{stage.old.port}".encode()
    assert answer.status == 200


async def test_a_1_0_answer_is_forwarded_as_1_1(stage: Scene) -> None:
    """
    An answer in HTTP/1.0 goes to the client in HTTP/1.1 (RFC 9112 §2.3). item 7
    """
    _, answer = await stage.relay(get(), b"HTTP/1.0 200 Fine\r\nContent-Length: 2\r\n\r\nhi")

    assert answer.head.start == b"HTTP/1.1 200 Fine"
    assert bytes(answer.body) == b"hi"


@pytest.mark.parametrize(
    "version",
    [
        *(b"HTTP/1.2", b"HTTP/2.0", b"HTTP/0.9", b"HTTP/1.10", b"HTTP/01.1", b"http/1.1", b"HTTP/1.", b"HTTP/1"),
        *(b"HTTP 1.1", b"HTTP/1,1", b"HTTP/ 1.1", b"HTTPS/1.1", b""),
    ],
)
async def test_other_versions_are_refused(stage: Scene, version: bytes) -> None:
    """
    What is not HTTP/1.1 or HTTP/1.0 is 505 when it is a version and 400 when it is none (RFC 9110 §6.2). item 8
    """
    await stage.refused(b"GET / " + version + b"\r\nHost: a\r\n\r\n", status=(400, 505))


async def test_a_simple_request_is_refused(stage: Scene) -> None:
    """
    `GET /` without a version, HTTP/0.9, is 400 (RFC 9112 §2.3). item 8
    """
    await stage.refused(b"GET /\r\n\r\n")


@pytest.mark.parametrize(
    "line",
    [
        *(b"GET  / HTTP/1.1", b"GET /  HTTP/1.1", b"GET\t/ HTTP/1.1", b"GET /\tHTTP/1.1", b"GET\x0b/ HTTP/1.1"),
        *(b"GET /\x0cHTTP/1.1", b" GET / HTTP/1.1", b"GET / HTTP/1.1 ", b"GET /a b HTTP/1.1", b"GET/ HTTP/1.1"),
    ],
)
async def test_parts_are_separated_by_one_space(stage: Scene, line: bytes) -> None:
    """
    Anything but exactly one SP between method, target and version is 400 (RFC 9112 §3). item 9
    """
    await stage.refused(line + b"\r\nHost: a\r\n\r\n")


@pytest.mark.parametrize("method", [b"PURGE", b"M-SEARCH", b"PROPFIND", b"QUERY", b"VERSION-CONTROL"])
async def test_rare_methods_are_forwarded(stage: Scene, method: bytes) -> None:
    """
    Methods of the IANA registry, and a few that are common without being in it, are forwarded unchanged
    (RFC 9110 §9.1). item 10
    """
    received, answer = await stage.relay(get(b"/x", method=method))

    assert received.method == method
    assert answer.status == 200


@pytest.mark.parametrize("method", [b"FOO", b"get", b"Get", b"GETS", b"-"])
async def test_unknown_methods_are_501(stage: Scene, method: bytes) -> None:
    """
    Methods are case-sensitive, and one that nobody has registered is 501 (RFC 9110 §9.1). item 10
    """
    await stage.refused(get(b"/x", method=method), status=501)


async def test_methods_can_be_added(stage: Scene) -> None:
    """
    `limits.methods` adds to the methods that are forwarded (RFC 9110 §16.1). item 10
    """
    received, _ = await stage.relay(get(b"/pot", method=b"BREW"))

    assert received.method == b"BREW"


@pytest.mark.parametrize("method", [b"G(T", b"G@T", b'"GET"', b"GET:", b"G\x7fT", b"G\x00T"])
async def test_a_method_is_a_token(stage: Scene, method: bytes) -> None:
    """
    A method that is no token is 400 (RFC 9110 §9.1). item 10
    """
    await stage.refused(get(method=method))


async def test_an_endless_method_is_refused(stage: Scene) -> None:
    """
    A method far over any in use is 400 or 501 (RFC 9112 §3). item 10
    """
    await stage.refused(get(method=b"X" * 500), status=(400, 501))


async def test_a_target_of_8000_bytes_is_accepted(stage: Scene) -> None:
    """
    8,000 bytes are what RFC 9110 §4.1 asks everybody to support. item 11
    """
    target = b"/" + b"a" * 7999
    received, _ = await stage.relay(get(target))

    assert received.target == target


@pytest.mark.parametrize("size", [9000, 100_000])
async def test_a_longer_target_is_414(stage: Scene, size: int) -> None:
    """
    A request line over `limits.line` is 414 (RFC 9112 §3). item 11
    """
    await stage.refused(get(b"/" + b"a" * size), status=414)
