"""
The copy of a write: held until the live side has done it, claimed by its key, and sent once or never.

The test is the supervisor: it says who may copy.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from proxy.mirror.claims import SECONDS
from proxy.routing.writes import digest
from tests.parts.plane import NEW, OK, OLD, Data, data_plane
from tests.parts.transport import FakeTransport

DONE = OK.replace(b"200 OK", b"201 Created")
REFUSED = OK.replace(b"200 OK", b"409 Conflict")
KEY = b"Idempotency-Key: a-1\r\n"
COPY = b"X-Parallax-Shadow: 1\r\n"
DERIVED = {"derive": ["method", "path", "body", "header:X-User"]}


def write(*fields: bytes, body: bytes = b"hello", method: bytes = b"POST", target: bytes = b"/orders") -> bytes:
    """
    A request with content of known length.
    """
    lines = (b"Host: a\r\n", *fields, b"Content-Length: %d\r\n" % len(body))
    return b"%b %b HTTP/1.1\r\n%b\r\n%b" % (method, target, b"".join(lines), body)


class Scene:
    """
    A data plane whose writes are mirrored, and what its worker claims.
    """

    def __init__(self, data: Data) -> None:
        self.data = data
        self.claimed: list[bytes] = []
        data.plane.claims.send = self._claim

    def _claim(self, key: bytes) -> bool:
        self.claimed.append(key)
        return True

    def grant(self, yes: bool = True) -> None:
        """
        Answer the first open claim.
        """
        self.data.plane.claims.answered(self.claimed.pop(0) + (b"\1" if yes else b"\0"))

    def legs(self, live: int = OLD) -> tuple[FakeTransport, FakeTransport]:
        """
        A connection for each.
        """
        return self.data.both(live)


@pytest.fixture
def scene_with() -> Iterator[Callable[..., Scene]]:
    """
    With settings: one route that mirrors writes.
    """
    with ExitStack() as stack:

        def made(idempotency: dict[str, Any] | None = None, route: dict[str, Any] | None = None, **more: Any) -> Scene:
            one = {"name": "orders", "match": {"path": "/orders"}, "writes": "mirror", **(route or {})}
            if idempotency is not None:
                one["idempotency"] = idempotency
            return Scene(stack.enter_context(data_plane(routes=[one], **more)))

        yield made


@pytest.fixture
def scene(scene_with: Callable[..., Scene]) -> Scene:
    """
    By default.
    """
    return scene_with()


# Once it was done...


@pytest.mark.parametrize("live", [OLD, NEW])
@pytest.mark.parametrize("method", [b"POST", b"PUT", b"DELETE", b"PATCH"])
def test_a_write_is_copied_when_it_was_done_and_granted(
    scene_with: Callable[..., Scene], live: int, method: bytes
) -> None:
    """
    Whole, with its key, marked, whichever side is live; the client has its answer before anybody is asked.
    """
    scene = scene_with(weights={"new": 100 * live})
    front, back = scene.legs(live)
    request = write(KEY, method=method)
    scene.data.client.feed(request[:-2], request[-2:])
    front.feed(DONE[:-2])
    assert scene.claimed == []
    front.feed(DONE[-2:])
    assert scene.data.client.written.endswith(b"hello")
    assert (scene.claimed, back.written) == ([digest(b"a-1")], b"")
    scene.grant()

    assert back.written == front.written[: -len(b"\r\nhello")] + COPY + b"\r\nhello"
    back.feed(DONE)
    assert scene.data.entries() == {"identical": 1}
    scene.data.settled()


@pytest.mark.parametrize(
    ("fields", "content"),
    [
        (b"Expect: 100-continue\r\nContent-Length: 5\r\n", b"hello"),
        (b"Transfer-Encoding: chunked\r\n", b"5\r\nhello\r\n0\r\nX-Trailer: 1\r\n\r\n"),
        (b"Content-Length: 0\r\n", b""),
        (b"", b""),
    ],
)
def test_a_copy_has_the_content_that_the_live_side_got(scene: Scene, fields: bytes, content: bytes) -> None:
    """
    In the same framing, trailers too; it asks for nothing before it sends.
    """
    front, back = scene.legs()
    scene.data.client.feed(b"POST /orders HTTP/1.1\r\nHost: a\r\n" + KEY + fields + b"\r\n")
    for at in range(len(content)):
        scene.data.client.feed(content[at : at + 1])
    front.feed(DONE)
    scene.grant()
    head, _, got = back.written.partition(b"\r\n\r\n")

    assert got == front.written.partition(b"\r\n\r\n")[2]
    assert bool(got) is bool(content)
    assert b"Expect" not in head
    back.feed(DONE)
    assert scene.data.entries() == {"identical": 1}
    scene.data.settled()


def test_a_pair_of_a_write_is_judged_and_its_latencies_are_not_compared(scene: Scene) -> None:
    """
    They are of different moments.
    """
    front, back = scene.legs()
    scene.data.client.feed(write(KEY))
    front.feed(DONE)
    scene.grant()
    back.feed(DONE.replace(b"hello", b"HELLO"))
    page = next(page for page in scene.data.books.pages.values() if page.eligible[OLD])

    assert scene.data.entries() == {"divergent": 1}
    assert page.unpaired[OLD] == {"later": 1}
    assert sum(page.deltas[OLD]) == 0


@pytest.mark.parametrize(
    ("answer", "copied"),
    [(OK, 1), (DONE, 1), (OK.replace(b"200 OK", b"303 See Other"), 1), (REFUSED, 0), (OK.replace(b"200", b"500"), 0)],
)
def test_only_what_the_live_side_did_is_repeated(scene: Scene, answer: bytes, copied: int) -> None:
    """
    2xx and 3xx.
    """
    front, _ = scene.legs()
    scene.data.client.feed(write(KEY))
    front.feed(answer)

    assert len(scene.claimed) == copied
    assert scene.data.entries() == ({} if copied else {"method": 1})


def test_reads_of_the_same_route_are_copied_at_once(scene: Scene) -> None:
    """
    They need no key.
    """
    front, back = scene.legs()
    scene.data.client.feed(b"GET /orders HTTP/1.1\r\nHost: a\r\n\r\n")
    assert back.written.endswith(COPY + b"\r\n")
    front.feed(OK)
    back.feed(OK)

    assert scene.data.entries() == {"identical": 1}


# ... by a key...


def test_a_write_without_a_key_is_not_copied(scene: Scene) -> None:
    """
    Nor held.
    """
    front, back = scene.legs()
    scene.data.client.feed(write())
    assert scene.data.pairs.budget.used == 0
    front.feed(DONE)

    assert (scene.claimed, back.written) == ([], b"")
    assert scene.data.entries() == {"method": 1}


def test_a_key_is_made_of_what_the_route_declares(scene_with: Callable[..., Scene]) -> None:
    """
    The same for the same request in whatever framing; another one for another; none without a declared field.
    """
    scene = scene_with(idempotency=DERIVED)
    user = b"X-User: ann\r\n"
    head = b"POST /orders HTTP/1.1\r\nHost: a\r\nX-User: ann\r\nTransfer-Encoding: chunked\r\n\r\n"

    def claimed(request: bytes) -> bytes:
        front, _ = scene.legs()
        scene.data.client.feed(request)
        front.feed(DONE)
        key = scene.claimed.pop() if scene.claimed else b""
        scene.data.plane.claims.answered(key + b"\0")
        return key

    same = {
        claimed(write(user)),
        claimed(write(b"x-user:  ann\r\n", b"X-More: 1\r\n")),
        claimed(head + b"5\r\nhello\r\n0\r\n\r\n"),
        claimed(head + b"2\r\nhe\r\n3;a=b\r\nllo\r\n0\r\nX-Trailer: 1\r\n\r\n"),
    }
    others = {
        claimed(write(user, body=b"hellO")),
        claimed(write(user, method=b"PUT")),
        claimed(write(b"X-User: ben\r\n")),
        claimed(write(user, KEY)),
    }

    assert len(same) == 1
    assert len(others) == 4
    assert not same & others
    assert claimed(write()) == b""


def test_a_derived_key_is_told_to_the_shadow(scene_with: Callable[..., Scene]) -> None:
    """
    In the field that clients would use; with the client's own key, that is all there is.
    """
    scene = scene_with(idempotency={"header": "X-Key", "derive": ["body"]})
    copies = []
    for fields in ((), (b"X-Key: mine\r\n",)):
        front, back = scene.legs()
        scene.data.client.feed(write(*fields))
        front.feed(DONE)
        key = scene.claimed[0]
        scene.grant()
        copies.append(back.written)
        told = [line[7:] for line in back.written.split(b"\r\n") if line.startswith(b"X-Key: ")]
        assert [digest(value) for value in told] == [key]
        assert b"X-Key" not in front.written or fields
        back.feed(DONE)

    assert scene.data.entries() == {"identical": 2}


# ... at most once...


def test_what_was_copied_before_is_not_copied_again(scene: Scene) -> None:
    """
    The supervisor says so.
    """
    front, back = scene.legs()
    scene.data.client.feed(write(KEY))
    front.feed(DONE)
    scene.grant(False)

    assert back.written == b""
    assert scene.data.entries() == {"method": 1}
    scene.data.settled()


def test_two_at_the_same_time_are_one_claim(scene: Scene) -> None:
    """
    A client that is in a hurry.
    """
    front, back = scene.legs()
    other, second = scene.data.a_client(), scene.data.idle(OLD, "live")
    scene.data.client.feed(write(KEY))
    other.feed(write(KEY))
    for side in (front, second):
        side.feed(DONE)
    assert len(scene.claimed) == 1
    scene.grant()
    back.feed(DONE)

    assert scene.data.entries() == {"identical": 1, "method": 1}
    scene.data.settled()


def test_a_copy_is_never_sent_twice(scene: Scene) -> None:
    """
    Not even when the side closes a reused connection before a byte of an answer, as a live read would be.
    """
    front, back = scene.legs()
    reused = scene.data.idle(NEW, "shadow", reused=True)
    scene.data.client.feed(write(KEY))
    front.feed(DONE)
    scene.grant()
    assert reused.written
    reused.lose()

    assert (scene.claimed, back.written) == ([], b"")
    assert scene.data.entries() == {"failed": 1}
    scene.data.settled()


def test_without_an_answer_there_is_no_copy(scene: Scene) -> None:
    """
    The supervisor hangs: not for long, and an answer that comes later is nobody's.
    """
    front, back = scene.legs()
    scene.data.client.feed(write(KEY))
    front.feed(DONE)
    now = scene.data.plane.now
    scene.data.plane.tick(now + SECONDS - 0.1)
    assert scene.data.entries() == {}
    scene.data.plane.tick(now + SECONDS + 0.1)
    assert scene.data.entries() == {"concurrency": 1}
    scene.grant()

    assert back.written == b""
    assert scene.data.books.errors == {"shadow|unclaimed": 1}
    scene.data.settled()


def test_without_a_supervisor_there_is_no_copy(scene: Scene) -> None:
    """
    The link is lost: nobody is asked.
    """
    scene.data.plane.claims.send = lambda _: False
    front, back = scene.legs()
    scene.data.client.feed(write(KEY))
    front.feed(DONE)

    assert back.written == b""
    assert scene.data.entries() == {"concurrency": 1}


# ... and never once it must not be.


@pytest.mark.parametrize("when", ["asked", "answered"])
@pytest.mark.parametrize(("event", "reason"), [("gone", "client_gone"), ("killed", "off"), ("draining", "draining")])
def test_what_is_given_up_is_not_copied_later(scene: Scene, when: str, event: str, reason: str) -> None:
    """
    The client goes away, somebody kills new, the worker drains: whatever the supervisor says afterwards.
    """
    if when == "answered" and event == "gone":
        return  # It has its answer, and may go.
    front, back = scene.legs()
    scene.data.client.feed(write(KEY))
    if when == "answered":
        front.feed(DONE)
    match event:
        case "gone":
            scene.data.client.lose()
        case "killed":
            scene.data.tables.latch(True)
        case _:
            scene.data.plane.closing = True
            scene.data.plane.pairs.drop_all("draining")
    if when == "asked" and event != "gone":
        front.feed(DONE)
    while scene.claimed:
        scene.grant()

    assert back.written == b""
    assert scene.data.entries() == {reason: 1}
    scene.data.settled()


def test_a_live_side_that_gives_no_answer_did_nothing_to_repeat(scene: Scene) -> None:
    """
    As far as anybody knows.
    """
    front, back = scene.legs()
    scene.data.client.feed(write(KEY))
    front.feed(DONE[:-1])
    front.lose()

    assert (scene.claimed, back.written) == ([], b"")
    assert scene.data.entries() == {"both_failed": 1}
    scene.data.settled()


@pytest.mark.parametrize("framing", [b"Content-Length: 40\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n28\r\n"])
def test_what_is_too_long_is_not_held(scene_with: Callable[..., Scene], framing: bytes) -> None:
    """
    Over `mirror.max_body`, said in advance or not.
    """
    scene = scene_with(mirror={"max_body": 20})
    front, _ = scene.legs()
    end = b"\r\n0\r\n\r\n" if b"chunked" in framing else b""
    scene.data.client.feed(b"POST /orders HTTP/1.1\r\nHost: a\r\n" + KEY + framing + b"x" * 40 + end)
    front.feed(DONE)

    assert scene.claimed == []
    assert scene.data.entries() == {"body_too_large": 1}
    scene.data.settled()


def test_what_is_held_is_in_the_budget(scene: Scene) -> None:
    """
    And over it, there is no copy.
    """
    front, _ = scene.legs()
    scene.data.client.feed(write(KEY, body=b"x" * 5000)[:-1])
    assert scene.data.pairs.budget.used > 5000
    scene.data.pairs.budget.limit = scene.data.pairs.budget.used
    scene.data.client.feed(b"x")
    front.feed(DONE)

    assert scene.claimed == []
    assert scene.data.entries() == {"memory_budget": 1}
    scene.data.settled()


def test_copies_that_could_begin_are_bounded(scene_with: Callable[..., Scene]) -> None:
    """
    As those of reads are, at the moment at which they would be sent.
    """
    scene = scene_with(mirror={"concurrency": 1})
    fronts = [scene.legs()[0], scene.legs()[0]]
    clients = [scene.data.client, scene.data.a_client()]
    for number, client in enumerate(clients):
        client.feed(write(b"Idempotency-Key: %d\r\n" % number))
    for front in fronts:
        front.feed(DONE)
    scene.grant()
    scene.grant()

    assert scene.data.entries() == {"concurrency": 1}


# Dry runs...


@pytest.mark.parametrize("method", [b"POST", b"DELETE"])
def test_a_dry_run_is_marked_and_goes_out_at_once(scene_with: Callable[..., Scene], method: bytes) -> None:
    """
    For a new that validates and writes nothing. The live side gets no such mark, not even from a client.
    """
    scene = scene_with(route={"writes": "dry_run"})
    front, back = scene.legs()
    scene.data.client.feed(write(b"X-Parallax-Dry-Run: 1\r\n", method=method))

    assert b"X-Parallax-Dry-Run: 1\r\n" + COPY + b"\r\nhello" in back.written
    assert b"Dry-Run" not in front.written
    front.feed(DONE)
    back.feed(DONE)
    assert scene.data.entries() == {"identical": 1}
    scene.data.settled()


def test_old_gets_no_dry_runs(scene_with: Callable[..., Scene]) -> None:
    """
    It knows nothing of them, and would write.
    """
    scene = scene_with(route={"writes": "dry_run"}, weights={"new": 100})
    front, back = scene.legs(NEW)
    scene.data.client.feed(write())
    front.feed(DONE)

    assert back.written == b""
    assert scene.data.entries() == {"method": 1}


def test_a_read_on_a_route_of_dry_runs_is_a_read(scene_with: Callable[..., Scene]) -> None:
    """
    Unmarked.
    """
    scene = scene_with(route={"writes": "dry_run"})
    _, back = scene.legs()
    scene.data.client.feed(b"GET /orders HTTP/1.1\r\nHost: a\r\n\r\n")

    assert back.written
    assert b"Dry-Run" not in back.written
