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
