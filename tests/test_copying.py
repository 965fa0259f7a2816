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
