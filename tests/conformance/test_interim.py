"""
Expect and 1xx answers: items 63 to 65 and 68 of docs/http.md.
"""

import pytest

from tests.parts.client import get
from tests.parts.origin import CONTINUE, OK
from tests.parts.scene import Scene
from tests.parts.strict import Cut

pytestmark = pytest.mark.asyncio(loop_scope="session")
CONFIGURATION = {"timeouts": {"continue_wait": 0.3}}

EXPECTING = get(b"/", b"Expect: 100-continue", b"Content-Length: 5", method=b"POST")


async def test_expect_is_forwarded_and_so_is_the_100(stage: Scene) -> None:
    """
    The origin decides whether it wants the content (RFC 9110 §10.1.1). item 63
    """
    client = await stage.client()
    client.send(EXPECTING)
    received = await stage.old.begin()
    received.answer(CONTINUE)
    interim = await client.answer()
    client.send(b"hello")
    await received.whole()
    received.answer(OK)
    final = await client.answer()

    assert received.value(b"expect") == b"100-continue"
    assert (interim.status, final.status) == (100, 200)
    assert bytes(received.body) == b"hello"


async def test_a_final_answer_spares_the_content(stage: Scene) -> None:
    """
    An origin that refuses before any content came: the client gets that and no 100 (RFC 9110 §10.1.1). item 63
    """
    client = await stage.client()
    client.send(EXPECTING)
    received = await stage.old.begin()
    received.answer(b"HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n")
    final = await client.answer()
    await client.over()

    assert final.status == 417
    assert final.value(b"connection") == b"close"
    with pytest.raises(Cut):
        await received.whole()


async def test_a_silent_origin_is_not_waited_for(stage: Scene) -> None:
    """
    After `timeouts.continue_wait` Parallax asks for the content itself (RFC 9110 §10.1.1). item 63
    """
    client = await stage.client()
    client.send(EXPECTING)
    received = await stage.old.begin()
    interim = await client.answer()
    client.send(b"hello")
    await received.whole()
    received.answer(OK)

    assert interim.status == 100
    assert (await client.answer()).status == 200


async def test_a_client_need_not_wait(stage: Scene) -> None:
    """
    A client may send its content at once (RFC 9110 §10.1.1). item 63
    """
    client = await stage.client()
    client.send(EXPECTING + b"hello")
    received = await stage.old.request()
    received.answer(OK)
    final = await client.begin()
    if final.status == 100:
        final = await client.begin()

    assert final.status == 200
    assert bytes(received.body) == b"hello"


async def test_unknown_expectations_are_417(stage: Scene) -> None:
    """
    What nobody can promise is refused (RFC 9110 §10.1.1). item 63
    """
    await stage.refused(get(b"/", b"Expect: 200-ok", b"Content-Length: 5", method=b"POST"), status=417)


async def test_expect_from_a_1_0_client_is_ignored(stage: Scene) -> None:
    """
    HTTP/1.0 has no 100: Expect goes no further and no interim answer comes back (RFC 9110 §10.1.1). item 63
    """
    client = await stage.client()
    client.send(b"POST / HTTP/1.0\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello")
    received = await stage.old.request()
    received.answer(CONTINUE + OK)
    final = await client.answer()

    assert received.value(b"expect") is None
    assert final.status == 200


async def test_interim_answers_are_forwarded(stage: Scene) -> None:
    """
    1xx answers, known or not, come as they are and when they are sent (RFC 9110 §15.2). item 64
    """
    client = await stage.client()
    client.send(get())
    received = await stage.old.request()
    received.answer(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nKeep-Alive: timeout=5\r\n\r\n")
    hints = await client.answer()
    received.answer(b"HTTP/1.1 199 Whatever\r\nX-A: b\r\n\r\n" + OK)
    whatever = await client.answer()
    final = await client.answer()

    assert hints.head.fields == ((b"Link", b"</a.css>; rel=preload"),)
    assert (whatever.status, whatever.value(b"x-a")) == (199, b"b")
    assert final.status == 200


async def test_no_interim_answers_for_1_0(stage: Scene) -> None:
    """
    An HTTP/1.0 client gets the final answer only (RFC 9110 §15.2). item 64
    """
    client = await stage.client()
    client.send(b"GET / HTTP/1.0\r\nHost: a\r\n\r\n")
    received = await stage.old.request()
    received.answer(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK)

    assert (await client.answer()).status == 200


async def test_sixteen_interim_answers_are_enough(stage: Scene) -> None:
    """
    `limits.interim` of them pass, one more is 502 (RFC 9110 §15.2 has no limit; an endless row is an attack). item 64
    """
    client = await stage.client()
    client.send(get())
    received = await stage.old.request()
    received.answer(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 17)
    statuses = [(await client.answer()).status for _ in range(17)]

    assert statuses == [103] * 16 + [502]
    await received.connection.closed()


async def test_a_copy_does_not_expect(stage: Scene) -> None:
    """
    The copy of a request with Expect is the whole request without it (RFC 9110 §10.1.1). item 65
    """
    client = await stage.client()
    client.send(get(b"/copy", b"Expect: 100-continue", b"Content-Length: 5"))
    received = await stage.old.begin()
    received.answer(CONTINUE)
    await client.answer()
    client.send(b"hello")
    await received.whole()
    received.answer(OK)
    await client.answer()
    copy = await stage.new.request()

    assert (copy.target, bytes(copy.body)) == (b"/copy", b"hello")
    assert copy.value(b"expect") is None
    assert received.value(b"expect") == b"100-continue"


async def test_a_100_may_come_before_a_101(stage: Scene) -> None:
    """
    A request with Expect and Upgrade is asked for its content first (RFC 9110 §7.8). item 68
    """
    client = await stage.client()
    lines = [b"Expect: 100-continue", b"Connection: upgrade", b"Upgrade: websocket", b"Content-Length: 2"]
    client.send(get(b"/", *lines))
    received = await stage.old.begin()
    received.answer(CONTINUE)
    interim = await client.answer()
    client.send(b"hi")
    await received.whole()
    received.answer(OK)
    final = await client.answer()

    # We forward no upgrade with content: the request is an ordinary one.
    assert (interim.status, final.status) == (100, 200)
    assert received.value(b"upgrade") is None
