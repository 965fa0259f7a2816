"""
Whether the other side gets a copy, by the routes: skipped exchanges say why, and copies are as many as was said.
"""

import pytest

from tests.parts.plane import GET, OK, Data, data_plane

POST = GET.replace(b"GET", b"POST").replace(b"Host", b"Content-Length: 5\r\nHost") + b"hello"


def ask(data: Data, request: bytes, live: int = 0) -> bytes:
    """
    Send a request, have it answered by both, and return what the shadow got.
    """
    front, back = data.both(live)
    data.client.feed(request)
    front.feed(OK)
    if back.written:
        back.feed(OK)
    return bytes(back.written)


def a_route(path: bytes, **said: object) -> dict[str, object]:
    """
    The configuration of one route.
    """
    return {"routes": [{"name": "one", "match": {"path": path.decode()}, **said}]}


def path_of(request: bytes) -> bytes:
    """
    A request's path.
    """
    return request.split(b" ")[1].partition(b"?")[0]


@pytest.mark.parametrize("live", [0, 1])
def test_a_route_without_a_mirror_is_skipped_as_such(live: int) -> None:
    """
    Before anything else of the request is looked at.
    """
    with data_plane(weights={"new": 100 * live}, **a_route(path_of(GET), mirror=0)) as data:
        assert [ask(data, request, live) for request in (GET, POST)] == [b"", b""]
        skipped = [page.skipped[live] for page in data.books.pages.values() if page.skipped[live]]
        assert sum(count for reasons in skipped for count in reasons.values()) == 2
        assert {reason for reasons in skipped for reason in reasons} == {"route"}


@pytest.mark.parametrize("live", [0, 1])
def test_a_route_whose_posts_are_reads_has_them_copied(live: int) -> None:
    """
    With their content, to whichever side is the shadow; of no other route.
    """
    with data_plane(weights={"new": 100 * live}, **a_route(path_of(POST), writes="safe")) as data:
        assert ask(data, POST, live).endswith(b"hello")
        assert ask(data, POST.replace(path_of(POST), b"/elsewhere"), live) == b""


def test_a_route_has_its_share_of_what_would_be_copied_without_it() -> None:
    """
    A quarter of a half; the route can't have more copies than all are to have.
    """
    with data_plane(mirror={"percent": 50}, **a_route(path_of(GET), mirror=25)) as data:
        data.plane.random = lambda: 0.124
        assert ask(data, GET) != b""
        data.plane.random = lambda: 0.125
        assert ask(data, GET) == b""


@pytest.mark.parametrize("live", [0, 1])
def test_each_side_gets_what_the_route_says_of_it_and_nothing_of_the_other(live: int) -> None:
    """
    Path, Host and fields, which may be secrets, whichever of them is live.
    """
    said = {
        "old": {"set": {"x-token": "of-old"}, "path": {"pattern": "^/", "with": "/old/"}},
        "new": {"set": {"authorization": "of-new"}, "remove": ["x-token"], "host": "new.example"},
    }
    with data_plane(weights={"new": 100 * live}, **a_route(path_of(GET), **said)) as data:
        legs = data.both(live)
        data.client.feed(GET)
        old, new = (bytes(leg.written) for leg in (legs if live == 0 else reversed(legs)))

    assert old.startswith(b"GET /old/")
    assert b"x-token: of-old\r\n" in old
    assert b"of-new" not in old
    assert new.startswith(GET[:8])
    assert b"Host: new.example\r\n" in new
    assert b"authorization: of-new\r\n" in new
    assert b"of-old" not in new


@pytest.mark.parametrize("framing", [b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n"])
def test_a_route_has_its_own_limit_for_content(framing: bytes) -> None:
    """
    Smaller or larger than that of all.
    """
    content = b"hello" if b"Length" in framing else b"5\r\nhello\r\n0\r\n\r\n"

    def status(path: bytes, **settings: object) -> bytes:
        with data_plane(**settings) as data:
            front, _ = data.both()
            data.client.feed(b"POST %b HTTP/1.1\r\nHost: a\r\n%b\r\n%b" % (path, framing, content))
            front.feed(OK)
            return bytes(data.client.written[9:12])

    assert status(b"/one", **a_route(b"/one", limits={"body": 4})) == b"413"
    assert status(b"/two", **a_route(b"/one", limits={"body": 4})) == b"200"
    assert status(b"/one", limits={"body": 4}, **a_route(b"/one", limits={"body": 5})) == b"200"
    assert status(b"/one", limits={"body": 4}, **a_route(b"/one", limits={"body": 0})) == b"200"
    assert status(b"/two", limits={"body": 4}, **a_route(b"/one", limits={"body": 0})) == b"413"


@pytest.mark.parametrize("live", [0, 1])
@pytest.mark.parametrize("method", [b"GET", b"POST"])
def test_copies_are_without_what_a_route_strips_and_only_new_gets_what_it_sets(live: int, method: bytes) -> None:
    """
    Whatever the name's case; the live side gets all that the client sent, and none of what is for copies.
    """
    shadow = {"strip": ["authorization", "Cookie", "x-api-key"], "set": {"Authorization": "of-new", "x-tenant": "t"}}
    fields = b"AUTHORIZATION: mine\r\ncookie: a=b\r\nX-Api-Key: k\r\nX-Tenant: own\r\nHost"
    request = (GET if method == b"GET" else POST).replace(b"Host", fields)
    with data_plane(weights={"new": 100 * live}, **a_route(path_of(GET), shadow=shadow, writes="safe")) as data:
        front, back = data.both(live)
        data.client.feed(request)
        got, copy = bytes(front.written), bytes(back.written)

    for line in fields.split(b"\r\n")[:4]:
        assert line in got
    assert b"of-new" not in got
    for secret in (b"mine", b"a=b", b": k\r\n"):
        assert secret not in copy
    assert (b"Authorization: of-new\r\n" in copy) is (live == 0)
    assert (b"x-tenant: t\r\n" in copy) is (live == 0)
    assert (b"X-Tenant: own" in copy) is (live == 1)
    assert copy.count(b"\r\nHost: a\r\n") == 1


def test_what_a_copy_gets_is_stronger_than_what_its_side_does() -> None:
    """
    And the live requests of that side keep what is theirs.
    """
    said = {
        "new": {"set": {"authorization": "live", "x-side": "new"}, "path": {"pattern": "^/", "with": "/new/"}},
        "shadow": {"set": {"authorization": "copy"}},
    }
    seen = []
    for live in (0, 1):
        with data_plane(weights={"new": 100 * live}, **a_route(path_of(GET), **said)) as data:
            legs = data.both(live)
            data.client.feed(GET)
            seen.append(bytes(legs[1 - live].written))
    copy, own = seen

    assert [copy.count(line) for line in (b"authorization: copy\r\n", b"live", b"x-side: new\r\n")] == [1, 0, 1]
    assert [own.count(line) for line in (b"authorization: live\r\n", b"copy", b"x-side: new\r\n")] == [1, 0, 1]
    assert copy.startswith(b"GET /new/")


def test_a_route_strips_besides_what_no_copy_has() -> None:
    """
    `mirror.credentials: strip` is for all of them; what the route sets takes their place.
    """
    shadow = {"strip": ["x-api-key"], "set": {"authorization": "of-new"}}
    request = GET.replace(b"Host", b"Authorization: mine\r\nX-Api-Key: k\r\nCookie: a=b\r\nX-Other: o\r\nHost")
    with data_plane(mirror={"credentials": "strip"}, **a_route(path_of(GET), shadow=shadow)) as data:
        _, back = data.both()
        data.client.feed(request)
        copy = bytes(back.written)

    assert [copy.count(part) for part in (b"mine", b"X-Api-Key", b"a=b", b"of-new", b"X-Other: o\r\n")] == [
        0,
        0,
        0,
        1,
        1,
    ]


@pytest.mark.parametrize("live", [0, 1])
def test_what_is_taken_away_is_not_in_a_trailer_section_either(live: int) -> None:
    """
    Neither what copies are without, nor what a side doesn't get.
    """
    said = {"shadow": {"strip": ["x-api-key"]}, "old": {"remove": ["x-of-new"]}, "writes": "safe"}
    request = b"POST /users/7 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n"
    trailers = b"0\r\nX-Api-Key: k\r\nX-Of-New: n\r\nX-Sum: s\r\n\r\n"
    with data_plane(weights={"new": 100 * live}, **a_route(b"/users/7", **said)) as data:
        front, back = data.both(live)
        data.client.feed(request, trailers)
        got = [
            [name in leg.written for name in (b"X-Api-Key", b"X-Of-New", b"X-Sum: s\r\n\r\n")] for leg in (front, back)
        ]

    assert got == [[True, live == 1, True], [False, live == 0, True]]
