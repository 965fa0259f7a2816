"""
Connections, pipelining, early answers, retries: items 56 to 62 of docs/http.md.
"""

import asyncio

import pytest

from tests.parts.client import get, post
from tests.parts.kernel import unread
from tests.parts.origin import OK, Received, answer
from tests.parts.parallax import until
from tests.parts.scene import Scene
from tests.parts.strict import Cut, Framing

pytestmark = pytest.mark.asyncio(loop_scope="session")
CONFIGURATION = {"limits": {"body": 1_000_000}}


def echo(received: Received) -> None:
    """
    Answer with the target, so that a mixed-up answer shows.
    """
    received.answer(answer(received.target))


async def test_close_from_the_client_is_honoured(stage: Scene) -> None:
    """
    After `Connection: close` the answer says close, and what was pipelined behind is ignored (RFC 9112 §9.6). item 56
    """
    client = await stage.client()
    client.send(get(b"/1", b"Connection: close") + get(b"/ignored"))
    received = await stage.old.request()
    received.answer(OK)
    got = await client.answer()
    await client.over()

    assert got.value(b"connection") == b"close"
    assert received.value(b"connection") is None
    assert [begun.target for begun in await stage.canary()] == []


async def test_close_from_the_origin_is_its_own_affair(stage: Scene) -> None:
    """
    An origin's `Connection: close` ends that connection, not the client's (RFC 9112 §9.6). item 56
    """
    client = await stage.client()
    client.send(get(b"/1"))
    first = await stage.old.request()
    first.answer(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")
    got = await client.answer()
    await first.connection.closed()
    client.send(get(b"/2"))
    second = await stage.old.request()
    second.answer(OK)

    assert got.value(b"connection") is None
    assert second.connection is not first.connection
    assert (await client.answer()).status == 200


async def test_a_connection_serves_many_requests(stage: Scene) -> None:
    """
    Both connections are kept: twenty requests of one client use one connection to old (RFC 9112 §9.3). item 56
    """
    stage.old.script = echo
    client = await stage.client()
    for number in range(20):
        got = await client.ask(get(b"/%d" % number))
        assert bytes(got.body) == b"/%d" % number

    assert len(stage.old.connections) == 1


async def test_a_1_0_client_is_closed(stage: Scene) -> None:
    """
    HTTP/1.0 without keep-alive ends with the answer (RFC 9112 §9.3). item 57
    """
    stage.old.script = echo
    client = await stage.client()
    got = await client.ask(b"GET /old HTTP/1.0\r\nHost: a\r\n\r\n")
    await client.over()

    assert (got.value(b"connection"), bytes(got.body)) == (b"close", b"/old")


async def test_a_1_0_client_can_ask_to_be_kept(stage: Scene) -> None:
    """
    `Connection: keep-alive` keeps it, and the answer says so (RFC 9112 §9.3). item 57
    """
    stage.old.script = echo
    client = await stage.client()
    for target in (b"/1", b"/2"):
        got = await client.ask(b"GET " + target + b" HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n")

        assert ((got.value(b"connection") or b"").lower(), bytes(got.body)) == (b"keep-alive", target)


@pytest.mark.parametrize("size", [1_000_001, 1_500_000])
async def test_a_refused_upload_gets_to_see_why(stage: Scene, size: int) -> None:
    """
    A body over `limits.body` is 413, also for a client that sends all of it before it reads (RFC 9112 §9.3, §9.6).
    item 58
    """
    client = await stage.client()
    client.send(post(b"x" * size))
    refused = await client.answer()
    await client.over()

    assert refused.status == 413
    assert refused.value(b"connection") == b"close"
    assert not stage.old.requests


async def test_an_upload_that_grows_too_large_is_413(stage: Scene) -> None:
    """
    A chunked body is refused when it passes the limit; old never gets a whole request (RFC 9110 §15.5.14). item 58
    """
    client = await stage.client()
    client.send(get(b"/", b"Transfer-Encoding: chunked", method=b"POST"))
    received = await stage.old.begin()
    client.send(*([b"10000\r\n" + b"x" * 65536 + b"\r\n"] * 16))
    refused = await client.answer()

    assert refused.status == 413
    with pytest.raises(Cut):
        await received.whole()


async def test_pipelined_requests_are_answered_in_order(stage: Scene) -> None:
    """
    Sixty requests in one go get sixty answers in order (RFC 9112 §9.3.2). item 59
    """
    stage.old.script = echo
    client = await stage.client()
    client.send(b"".join(get(b"/%d" % number) for number in range(60)))

    for number in range(60):
        assert bytes((await client.answer()).body) == b"/%d" % number


async def test_pipelined_requests_with_bodies_are_answered_in_order(stage: Scene) -> None:
    """
    Bodies in either framing stay with their requests (RFC 9112 §9.3.2). item 59
    """
    stage.old.script = lambda received: received.answer(answer(received.target + b" " + bytes(received.body)))
    client = await stage.client()
    chunked = get(b"/c", b"Transfer-Encoding: chunked", method=b"PUT") + b"3\r\nabc\r\n0\r\n\r\n"
    client.send((post(b"xyz", target=b"/l") + chunked + get(b"/g")) * 5)

    for _ in range(5):
        assert bytes((await client.answer()).body) == b"/l xyz"
        assert bytes((await client.answer()).body) == b"/c abc"
        assert bytes((await client.answer()).body) == b"/g "


async def test_a_bad_request_leaves_earlier_answers_alone(stage: Scene) -> None:
    """
    What is malformed further back is refused when its turn comes (RFC 9112 §9.3.2). item 59
    """
    client = await stage.client()
    client.send(get(b"/1") + get(b"/2") + b"GET  /3 HTTP/1.1\r\nHost: a\r\n\r\n" + get(b"/4"))
    stage.old.script = echo

    assert bytes((await client.answer()).body) == b"/1"
    assert bytes((await client.answer()).body) == b"/2"
    assert (await client.answer()).status == 400
    await client.over()
    assert [received.target for received in stage.old.requests] == [b"/1", b"/2"]


async def test_reading_stops_behind_a_queue(stage: Scene) -> None:
    """
    While an answer is outstanding, at most 16 requests wait inside Parallax; the rest waits at the client (RFC 9112
    §9.3.2). item 59
    """
    client = await stage.client()
    client.send(get(b"/0"))
    first = await stage.old.request()
    # More than Parallax and the kernel's buffers hold.
    flood = get(b"/" + b"a" * 200) * 60_000
    client.send(flood)

    async def stuck() -> bool:
        return unread(client.there, client.here) > 100_000

    await until(stuck, "Parallax stops reading")
    assert len(stage.old.requests) == 1
    first.answer(answer(b"first"))
    assert bytes((await client.answer()).body) == b"first"
    client.reset()
    # What was held inside may still be asked of old; its answer finds nobody.
    for begun in await stage.canary():
        begun.answer(OK)
    await stage.canary()


@pytest.mark.parametrize("status", [b"413 Content Too Large", b"200 OK", b"401 Unauthorized"])
async def test_an_early_answer_is_forwarded_at_once(stage: Scene, status: bytes) -> None:
    """
    Old's final answer, given before the upload is complete, is passed on, and both connections end (RFC 9112 §9.5).
    item 60
    """
    client = await stage.client()
    client.send(get(b"/", b"Content-Length: 1000000", method=b"POST") + b"x" * 1000)
    received = await stage.old.begin()
    await received.until(1000)
    received.answer(answer(b"enough", status=status))
    got = await client.answer()
    client.send(b"x" * 10_000)
    await client.over()

    assert (got.status, bytes(got.body)) == (int(status[:3]), b"enough")
    assert got.value(b"connection") == b"close"
    with pytest.raises(Cut):
        await received.whole()


async def lose(received: Received) -> None:
    """
    End the connection of a request without a byte of an answer.
    """
    received.connection.reset()


async def warm(stage: Scene) -> Received:
    """
    Leave one idle connection to old behind.
    """
    received, got = await stage.relay(get(b"/warm", method=b"POST"))
    assert got.status == 200
    return received


@pytest.mark.parametrize("method", [b"GET", b"HEAD", b"OPTIONS", b"DELETE", b"PUT"])
async def test_idempotent_requests_are_tried_again(stage: Scene, method: bytes) -> None:
    """
    A request that may be repeated, lost on a connection that had served before, is sent once more (RFC 9110 §9.2.2).
    item 61
    """
    before = await warm(stage)
    client = await stage.client()
    client.send(get(b"/again", method=method))
    first = await stage.old.request()
    await lose(first)
    second = await stage.old.request()
    second.answer(OK if method != b"HEAD" else OK[:-2])
    got = await client.answer(method)

    assert got.status == 200
    assert first.connection is before.connection
    assert second.connection is not first.connection
    assert second.head.raw == first.head.raw


@pytest.mark.parametrize("method", [b"POST", b"PATCH", b"PURGE"])
async def test_other_requests_are_never_tried_again(stage: Scene, method: bytes) -> None:
    """
    A request that may not be repeated is sent once, whatever happens (RFC 9110 §9.2.2). item 61
    """
    await warm(stage)
    client = await stage.client()
    client.send(get(b"/once", method=method))
    await lose(await stage.old.request())
    got = await client.answer()
    begun = await stage.canary()

    assert got.status == 502
    assert begun == []


async def test_a_failed_retry_is_not_retried(stage: Scene) -> None:
    """
    Two tries are all (RFC 9110 §9.2.2). item 61
    """
    await warm(stage)
    client = await stage.client()
    client.send(get(b"/twice"))
    await lose(await stage.old.request())
    await lose(await stage.old.request())
    got = await client.answer()
    begun = await stage.canary()

    assert got.status == 502
    assert begun == []


async def test_a_new_connection_that_fails_is_no_reason_to_retry(stage: Scene) -> None:
    """
    Only a connection that served before may have been stale; one that fails while new is not (RFC 9112 §9.3.1).
    item 61
    """
    client = await stage.client()
    client.send(get(b"/fresh"))
    await lose(await stage.old.request())
    got = await client.answer()
    begun = await stage.canary()

    assert got.status == 502
    assert begun == []


async def test_nothing_is_retried_after_a_byte_of_an_answer(stage: Scene) -> None:
    """
    Once a byte of an answer has come there is no second try (RFC 9110 §9.2.2). item 61
    """
    await warm(stage)
    client = await stage.client()
    client.send(get(b"/begun"))
    received = await stage.old.request()
    received.answer(b"HTTP/1.1 200")
    await asyncio.sleep(0)
    received.connection.finish()
    got = await client.answer()
    begun = await stage.canary()

    assert got.status == 502
    assert begun == []


@pytest.mark.parametrize("way", ["close", "reset"])
async def test_a_stale_connection_is_noticed(stage: Scene, way: str) -> None:
    """
    A connection that old closed while idle is not used, even for what can't be repeated (RFC 9112 §9.3.1). item 62
    """
    for number in range(20):
        before = await warm(stage)
        getattr(before.connection, way)()
        received, got = await stage.relay(post(b"once", target=b"/%d" % number))

        assert got.status == 200
        assert received.connection is not before.connection
        assert bytes(received.body) == b"once"


async def test_idle_connections_are_given_up(stage: Scene) -> None:
    """
    An idle client connection that its client closes is just gone; a next client is served (RFC 9112 §9.5). item 62
    """
    client = await stage.client()
    client.finish()
    await client.over()
    received, got = await stage.relay(get())

    assert (got.status, received.framing) == (200, Framing.NONE)


async def test_a_client_that_goes_away_takes_its_request_along(stage: Scene) -> None:
    """
    With the client gone nobody wants the answer: the connection to old is given up (RFC 9112 §9.5). item 62
    """
    client = await stage.client()
    client.send(get())
    received = await stage.old.request()
    client.close()

    await received.connection.closed()
