"""
Targets and Host: items 12 to 18 of docs/http.md.
"""

import pytest

from tests.parts.client import get
from tests.parts.scene import Scene

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize(
    ("target", "forwarded"),
    [
        (b"http://shop.test/a?b=c", b"/a?b=c"),
        (b"HTTP://shop.test/", b"/"),
        (b"http://shop.test", b"/"),
        (b"http://shop.test?q=1", b"/?q=1"),
        (b"https://shop.test/a", b"/a"),
    ],
)
async def test_absolute_form_is_forwarded_as_origin_form(stage: Scene, target: bytes, forwarded: bytes) -> None:
    """
    A target in absolute-form is accepted and reaches old in origin-form (RFC 9112 §3.2.2). item 12
    """
    received, answer = await stage.relay(get(target))

    assert received.target == forwarded
    assert received.value(b"host") == b"shop.test"
    assert answer.status == 200


async def test_the_authority_of_the_target_replaces_host(stage: Scene) -> None:
    """
    With absolute-form the target's authority is what counts; the client's Host is dropped (RFC 9112 §3.2.2). item 13
    """
    received, _ = await stage.relay(get(b"http://right.test:81/a", host=b"wrong.test"))

    assert received.value(b"host") == b"right.test:81"
    assert received.value(b"x-forwarded-host") == b"right.test:81"
    assert b"wrong.test" not in received.head.raw


@pytest.mark.parametrize("target", [b"shop.test:443", b"/"])
async def test_connect_is_405(stage: Scene, target: bytes) -> None:
    """
    Parallax is no tunnel to elsewhere: CONNECT is 405 (RFC 9110 §9.3.6). item 14
    """
    answer = await stage.refused(get(target, method=b"CONNECT"), status=(400, 405, 501))

    assert answer is not None
    assert answer.status == 405 or target == b"/"


@pytest.mark.parametrize("target", [b"shop.test:443", b"shop.test", b"a", b"?q"])
async def test_other_forms_are_for_nobody(stage: Scene, target: bytes) -> None:
    """
    Authority-form with a method other than CONNECT, and what is no form at all, is 400 (RFC 9112 §3.2.3). item 14
    """
    await stage.refused(get(target))


@pytest.mark.parametrize("target", [b"*", b"http://shop.test"])
async def test_options_for_the_whole_server(stage: Scene, target: bytes) -> None:
    """
    `OPTIONS *`, also written as absolute-form without a path, is forwarded as `*` (RFC 9112 §3.2.4). item 15
    """
    received, answer = await stage.relay(get(target, method=b"OPTIONS"))

    assert received.head.start == b"OPTIONS * HTTP/1.1"
    assert answer.status == 200


@pytest.mark.parametrize("method", [b"GET", b"POST", b"HEAD"])
async def test_asterisk_is_for_options_only(stage: Scene, method: bytes) -> None:
    """
    `*` with another method is 400 (RFC 9112 §3.2.4). item 15
    """
    await stage.refused(get(b"*", method=method))


@pytest.mark.parametrize(
    ("target", "host"),
    [(b"http://user@shop.test/", b"shop.test"), (b"http://u:p@shop.test/", b"shop.test"), (b"/", b"user@shop.test")],
)
async def test_userinfo_is_refused(stage: Scene, target: bytes, host: bytes) -> None:
    """
    A name before `@` in an authority is 400: it only ever misleads (RFC 9110 §4.2.4). item 16
    """
    await stage.refused(get(target, host=host))


@pytest.mark.parametrize(
    "target",
    [
        *(b"/a%2Fb", b"/a;b=1;c", b"//a//b", b"/a/../b/./c", b"/%00", b"/%zz", b"/?", b"/a?b=c%20d&e", b"/a?x=?"),
        *(b"/%7Euser/~user", b"/a|b", b'/"q"', b"/{id}", b"/a\\b", b"/^`", b"/a?http://b/c", b"/:@!$&'()*+,=-._"),
    ],
)
async def test_targets_are_forwarded_byte_for_byte(stage: Scene, target: bytes) -> None:
    """
    Nothing in a path or query is decoded, merged or normalised (RFC 9110 §7.7). item 17
    """
    received, answer = await stage.relay(get(target))

    assert received.target == target
    assert answer.status == 200


@pytest.mark.parametrize(
    ("target", "forwarded"),
    [(b"/a#b", b"/a#b"), (b"/#", b"/#"), (b"/a?b#c", b"/a?b#c"), (b"http://shop.test/a#b", b"/a#b")],
)
async def test_a_fragment_is_left_to_the_origin(stage: Scene, target: bytes, forwarded: bytes) -> None:
    """
    A fragment has no place in a target (RFC 9112 §3.2), but what a side makes of it is worth comparing: it is forwarded
    as it came. item 17
    """
    received, _ = await stage.relay(get(target))

    assert received.target == forwarded


@pytest.mark.parametrize("target", [b"/\xe9", b"/\xc3\xa9", b"/\x7f", b"/a\x00b"])
async def test_a_target_is_visible_ascii(stage: Scene, target: bytes) -> None:
    """
    Octets that no URI has are 400 instead of being passed on for somebody else to guess at (RFC 9112 §3.2). item 17
    """
    await stage.refused(get(target))


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [b"Host: a", b"Host: a"],
        [b"Host: a", b"Host: b"],
        [b"Host: a", b"host: b"],
        [b"Host: a, b"],
        [b"Host: a/b"],
        [b"Host: a b"],
        [b"Host: a:b"],
        [b"Host: a:99999"],
        [b"Host: a:1:2"],
        [b"Host: [::1"],
        [b"Host: http://a"],
        [b"Host: a?b"],
        [b"Host: a#b"],
        [b"Host: "],
    ],
)
async def test_host_is_one_authority(stage: Scene, lines: list[bytes]) -> None:
    """
    A request in HTTP/1.1 has exactly one Host, with one host and at most a port in it: else 400 (RFC 9112 §3.2).
    item 18
    """
    await stage.refused(b"\r\n".join([b"GET / HTTP/1.1", *lines, b"", b""]))


@pytest.mark.parametrize("host", [b"a", b"a:80", b"[::1]", b"[::1]:8080", b"xn--bcher-kva.test", b"1.2.3.4:5", b"a_b"])
async def test_good_hosts_are_forwarded(stage: Scene, host: bytes) -> None:
    """
    Names, addresses and ports are forwarded as they came (RFC 9112 §3.2). item 18
    """
    received, _ = await stage.relay(get(host=host))

    assert received.value(b"host") == host
