"""
The client never pays for the experiment: whatever the shadow does, the client's bytes are the same.

Order of events stands for time: a request is answered while its shadow still holds everything up.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable

import pytest

from tests.parts.client import get
from tests.parts.origin import Connection, Received, always, answer
from tests.parts.parallax import Books, until
from tests.parts.scene import Scene

pytestmark = pytest.mark.asyncio(loop_scope="session")

BUDGET = 1024 * 1024
# No breaker, so that every request meets the fault; short timeouts, so that the books close within a test.
CONFIGURATION = {
    "mirror": {
        "breaker": False,
        "memory_budget": BUDGET,
        "max_body": 300_000,
        "connect_timeout": 0.5,
        "head_timeout": 1,
        "body_timeout": 1,
    }
}
REQUESTS = 40
BODY = bytes(range(256)) * 100
REPLY = answer(BODY, b"Date: Thu, 01 Jan 2026 00:00:00 GMT", b"Content-Type: text/plain", b'ETag: "a"')

Prepare = Callable[[Scene], Awaitable[None]]


def behaving(behaviour: Callable[[Connection], Awaitable[None]]) -> Prepare:
    """
    New connections to the shadow get `behaviour` instead of HTTP.
    """

    async def prepare(stage: Scene) -> None:
        stage.new.behaviour = behaviour

    return prepare


def answering(script: Callable[[Received], None] | None) -> Prepare:
    """
    The shadow reads requests and does `script` with each.
    """

    async def prepare(stage: Scene) -> None:
        stage.new.script = script

    return prepare


async def refuse(stage: Scene) -> None:
    """
    Nobody listens.
    """
    await stage.new.stop_listening()


async def deaf(connection: Connection) -> None:
    """
    Accept and never read.
    """
    connection.deafen()
    await connection.ended.wait()


async def garbage(connection: Connection) -> None:
    """
    Read a request and answer noise.
    """
    await connection.source.some()
    connection.send(os.urandom(1000))
    await connection.source.rest()


async def hang_up(connection: Connection) -> None:
    """
    Reset before reading anything.
    """
    connection.reset()


async def endless_head(connection: Connection) -> None:
    """
    A head that never ends.
    """
    await connection.source.some()
    connection.send(b"HTTP/1.1 200 OK\r\n")
    while not connection.writer.is_closing():
        connection.send(b"X-More: and more\r\n" * 100)
        await connection.writer.drain()


async def endless_body(connection: Connection) -> None:
    """
    A body that never ends.
    """
    await connection.source.some()
    connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while not connection.writer.is_closing():
        connection.send(b"4000\r\n" + b"x" * 0x4000 + b"\r\n")
        await connection.writer.drain()


async def endless_interim(connection: Connection) -> None:
    """
    Interim answers without end.
    """
    await connection.source.some()
    while not connection.writer.is_closing():
        connection.send(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 100)
        await connection.writer.drain()


def reset(received: Received) -> None:
    """
    Read a request and reset.
    """
    received.connection.reset()


def silent(_: Received) -> None:
    """
    Read a request and say nothing.
    """


def half(received: Received) -> None:
    """
    Begin a body and stop.
    """
    received.answer(REPLY[:-1])


FAULTS: dict[str, tuple[Prepare, set[str]]] = {
    # What the books may say of it: verdicts and skip reasons.
    "refused": (refuse, {"failed"}),
    "hanging": (answering(silent), {"failed", "concurrency"}),
    "deaf": (behaving(deaf), {"failed", "concurrency"}),
    "resetting at once": (behaving(hang_up), {"failed"}),
    "resetting": (answering(reset), {"failed"}),
    "garbage": (behaving(garbage), {"failed"}),
    "endless head": (behaving(endless_head), {"failed"}),
    "endless body": (behaving(endless_body), {"body_too_large", "memory_budget", "failed"}),
    "endless interim answers": (behaving(endless_interim), {"failed"}),
    "half a body": (answering(half), {"failed", "concurrency", "memory_budget"}),
    "500s": (answering(always(answer(b"oops", status=b"500 Internal Server Error"))), {"divergent"}),
}


async def gone_through(stage: Scene, before: Books, eligible: int) -> Books:
    """
    The books of what happened since `before`, balanced; memory back to nothing.
    """
    books = await stage.parallax.settled(before.eligible + eligible)
    assert books.memory == 0, f"{books.memory} bytes are still held"
    return books.since(before)


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_client_gets_the_same_bytes(stage: Scene, fault: str) -> None:
    """
    Forty requests of one connection: each answer is byte for byte what old sent, none is an error, none waits for the
    shadow, what is held stays within the budget, and the books balance.
    """
    prepare, ends = FAULTS[fault]
    before = await stage.parallax.settled(0)
    stage.old.script = always(REPLY)
    await prepare(stage)
    client = await stage.client()
    for number in range(REQUESTS):
        # The shadow of the request before is still refusing, hanging or flooding.
        got = await client.ask(get(b"/%d" % number))

        assert got.head.raw + bytes(got.body) == REPLY
    memory = (await stage.parallax.books()).memory
    if fault == "refused":
        await stage.new.listen()
    books = await gone_through(stage, before, REQUESTS)

    assert memory <= BUDGET
    assert books.errors.get("live", 0) == 0
    assert not [key for key in books.errors if key.startswith(("live|", "client|"))]
    assert books.eligible == REQUESTS
    assert {*books.verdicts, *books.skipped} <= ends, books
    assert books.requests["old|live|200"] == REQUESTS


async def test_a_late_shadow_delays_nobody(stage: Scene) -> None:
    """
    Requests are answered while the shadow has answered none; when it does, all are compared.
    """
    before = await stage.parallax.settled(0)
    stage.old.script = always(REPLY)
    stage.new.script = None
    client = await stage.client()
    answers = [await client.ask(get(b"/%d" % number)) for number in range(5)]
    copies = [await stage.new.request() for _ in range(5)]
    for copy in copies:
        copy.answer(REPLY)
    books = await gone_through(stage, before, 5)

    assert [got.status for got in answers] == [200] * 5
    assert books.verdicts == {"identical": 5}


async def test_a_shadow_that_is_ahead_tells_nobody(stage: Scene) -> None:
    """
    The shadow's answer reaches no client, even when old's comes much later or not at all.
    """
    before = await stage.parallax.settled(0)
    stage.new.script = always(answer(b"from new"))
    client = await stage.client()
    client.send(get())
    received = await stage.old.request()
    await stage.new.request()
    received.answer(REPLY)
    got = await client.answer()
    client.send(get(b"/cut"))
    second = await stage.old.request()
    await stage.new.request()
    second.connection.reset()
    # Lost on a connection that had served before: tried once more.
    third = await stage.old.request()
    third.connection.reset()
    failed = await client.answer()
    books = await gone_through(stage, before, 2)

    assert bytes(got.body) == BODY
    assert failed.status == 502
    assert books.verdicts == {"divergent": 1, "failed": 1}


async def test_copies_are_marked_and_writes_are_not_copied(stage: Scene) -> None:
    """
    GET, HEAD and OPTIONS are copied, marked as copies; nothing else ever reaches the shadow. The mark can't be forged.
    """
    before = await stage.parallax.settled(0)
    stage.old.script = always(b"HTTP/1.1 204 No Content\r\n\r\n")
    stage.new.script = always(b"HTTP/1.1 204 No Content\r\n\r\n")
    client = await stage.client()
    methods = [b"GET", b"POST", b"HEAD", b"PUT", b"OPTIONS", b"DELETE", b"PATCH", b"PURGE"]
    for method in methods:
        await client.ask(get(b"/" + method, b"X-Parallax-Shadow: 1", method=method), method)
    books = await gone_through(stage, before, len(methods))
    marks = {received.method: received.value(b"x-parallax-shadow") for received in stage.old.requests}

    assert [received.method for received in stage.new.requests] == [b"GET", b"HEAD", b"OPTIONS"]
    assert {received.value(b"x-parallax-shadow") for received in stage.new.requests} == {b"1"}
    assert marks == dict.fromkeys(methods)
    assert books.verdicts == {"identical": 3}
    assert books.skipped == {"method": 5}


async def test_both_legs_get_one_identity(stage: Scene) -> None:
    """
    The copy has the very lines that the live side got, and the mark.
    """
    received, _ = await stage.relay(get(b"/a?b", b"Cookie: c=d", b"Authorization: e", b"X-Forwarded-For: 192.0.2.1"))
    copy = await stage.new.request()

    assert copy.head.raw == received.head.raw[:-2] + b"X-Parallax-Shadow: 1\r\n\r\n"
    assert received.value(b"x-request-id")
    assert received.value(b"traceparent")
    assert received.value(b"x-forwarded-for") == b"192.0.2.1, 127.0.0.1"


async def test_memory_is_bounded_under_many_hanging_copies(stage: Scene) -> None:
    """
    Two hundred clients whose copies hang while their answers of 100 KB wait to be compared: never more than the budget.
    """
    before = await stage.parallax.settled(0)
    large = answer(b"x" * 100_000)
    stage.old.script = always(large)
    stage.new.script = silent
    clients = [await stage.client() for _ in range(200)]
    for client in clients:
        client.send(get())
    bodies = [len((await client.answer()).body) for client in clients]
    held: list[int] = []
    books = before

    async def ended() -> bool:
        nonlocal books
        books = await stage.parallax.books()
        held.append(books.memory)
        return books.balanced and books.eligible >= before.eligible + 200

    await until(ended, "all copies have ended")
    skipped = books.since(before).skipped

    assert bodies == [100_000] * 200
    assert max(held) <= BUDGET
    assert held[-1] == 0
    assert skipped.get("memory_budget", 0) + skipped.get("concurrency", 0) > 0


async def test_a_flood_of_interleaved_clients_gets_its_own_answers(stage: Scene) -> None:
    """
    Fifty clients at once with a shadow that resets: nobody gets another's answer.
    """
    before = await stage.parallax.settled(0)
    stage.old.script = lambda received: received.answer(answer(received.target))
    stage.new.script = reset

    async def one(name: bytes) -> None:
        client = await stage.client()
        for number in range(10):
            target = b"/%b/%d" % (name, number)
            assert bytes((await client.ask(get(target))).body) == target

    await asyncio.gather(*(one(b"%d" % number) for number in range(50)))
    books = await gone_through(stage, before, 500)

    assert books.eligible == 500
