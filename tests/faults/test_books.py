"""
Honest accounting: whatever happens, each eligible exchange ends in exactly one verdict or one skip reason.
"""

import asyncio
import random

import pytest

from tests.parts.client import get, post
from tests.parts.origin import OK, Received, Script, always, answer, closing
from tests.parts.scene import Scene
from tests.parts.strict import Cut

pytestmark = pytest.mark.asyncio(loop_scope="session")

CONFIGURATION = {
    "mirror": {"max_body": 10_000, "head_timeout": 1, "body_timeout": 1, "connect_timeout": 1, "breaker": False},
    "timeouts": {"answer_head": 1, "answer_idle": 1},
}


def reset(received: Received) -> None:
    """
    Read and reset.
    """
    received.connection.reset()


def silent(_: Received) -> None:
    """
    Read and say nothing.
    """


LARGE = always(answer(b"x" * 20_000))
# What the sides do with /NAME, when it is not a plain answer.
OLD: dict[bytes, Script] = {
    b"reset-old": reset,
    b"reset-both": reset,
    b"cut-old": closing(OK[:-1]),
    b"large": LARGE,
    b"stream": always(answer(b"data: 1\n\n", b"Content-Type: text/event-stream")),
    b"conditional": always(b"HTTP/1.1 304 Not Modified\r\n\r\n"),
}
NEW: dict[bytes, Script] = {
    b"reset-new": reset,
    b"reset-both": reset,
    b"silent": silent,
    b"large": LARGE,
    b"status": always(answer(b"ok", b"Content-Type: text/plain", status=b"500 Oops")),
    b"body": always(OK.replace(b"\r\n\r\nok", b"\r\n\r\nko")),
    b"field": always(OK.replace(b"text/plain", b"text/html")),
    b"unimportant": always(OK.replace(b"Date:", b"X-Served-By: new\r\nDate:")),
}


def acting(scripts: dict[bytes, Script]) -> Script:
    """
    A side that does what the target names.
    """
    return lambda received: scripts.get(received.target[1:], always(OK))(received)


async def ask(stage: Scene, raw: bytes, method: bytes = b"GET") -> int:
    """
    The status of one request on a connection of its own; 0 when its answer was cut.
    """
    client = await stage.client()
    try:
        return (await client.ask(raw, method)).status
    except Cut:
        return 0
    finally:
        client.close()


async def test_each_end_is_counted_as_what_it_was(stage: Scene) -> None:
    """
    One exchange of each kind, and the books say exactly that.
    """
    before = await stage.parallax.settled(0)
    stage.old.script, stage.new.script = acting(OLD), acting(NEW)
    for kind in (
        b"same",
        b"unimportant",
        b"status",
        b"body",
        b"field",
        b"reset-new",
        b"silent",
        b"large",
        b"stream",
    ):
        assert await ask(stage, get(b"/" + kind)) == 200
    assert await ask(stage, get(b"/conditional", b'If-None-Match: "a"')) == 304
    assert await ask(stage, get(b"/reset-old")) == 502
    assert await ask(stage, get(b"/reset-both")) == 502
    assert await ask(stage, get(b"/cut-old")) == 0
    assert await ask(stage, post(b"x")) == 200
    assert await ask(stage, get(b"/events", b"Accept: text/event-stream")) == 200
    # A refused request is no exchange.
    assert await ask(stage, b"GET / HTTP/1.1\r\n\r\n") == 400
    books = (await stage.parallax.settled(before.eligible + 15)).since(before)

    assert books.eligible == 15
    # Failed: reset-new, silent, reset-old, cut-old.
    assert books.verdicts == {"identical": 3, "divergent": 3, "failed": 4}
    assert books.skipped == {"streaming": 2, "conditional": 1, "both_failed": 1, "method": 1}
    assert {key: count for key, count in books.errors.items() if key.startswith("live|")} == {
        "live|terminated": 2,
        "live|incomplete": 1,
    }
    assert books.requests["old|live|200"] == 12
    assert books.memory == 0


async def test_a_client_that_leaves_is_counted(stage: Scene) -> None:
    """
    A client that goes away before its answer is skipped as `client_gone`, and its copy is given up.
    """
    before = await stage.parallax.settled(0)
    stage.new.script = None
    client = await stage.client()
    client.send(get())
    received = await stage.old.request()
    copy = await stage.new.request()
    client.reset()
    await received.connection.closed()
    await copy.connection.closed()
    books = (await stage.parallax.settled(before.eligible + 1)).since(before)

    assert books.skipped == {"client_gone": 1}


async def test_the_books_balance_in_chaos(stage: Scene) -> None:
    """
    Both sides and the clients misbehave at random, from a seed: afterwards the books balance to the last exchange, no
    memory is held, and nobody got another's answer.
    """
    roll = random.Random(4711)

    def misbehave(received: Received) -> None:
        good = answer(received.target)
        case = roll.random()
        if case < 0.6:
            received.answer(good)
        elif case < 0.7:
            received.connection.reset()
        elif case < 0.8:
            received.answer(good[: roll.randrange(len(good))])
            received.connection.close()
        elif case < 0.85:
            received.answer(b"\x00 no answer at all\r\n\r\n")
        elif case < 0.9:
            received.answer(good + b"and more")
        elif case < 0.95:
            received.answer(answer(b"y" * 30_000))
        # Else silence.

    mixed_up: list[tuple[bytes, bytes]] = []
    sent = 0

    async def lane(stage: Scene, number: int) -> None:
        nonlocal sent
        for turn in range(20):
            client = await stage.client()
            target = b"/%d/%d" % (number, turn)
            # Closing inside a request, or before its answer, is a client's right.
            client.send(get(target) if roll.random() < 0.8 else post(b"x" * 100, target=target))
            sent += 1
            if roll.random() < 0.8:
                try:
                    got = await client.answer()
                except Cut:
                    continue
                if got.status == 200 and bytes(got.body) not in (target, b"y" * 30_000):
                    mixed_up.append((target, bytes(got.body)))
            client.reset()

    before = await stage.parallax.settled(0)
    stage.old.script = stage.new.script = misbehave
    await asyncio.gather(*(lane(stage, number) for number in range(20)))
    stage.old.script = stage.new.script = always(OK)
    assert await ask(stage, get(b"/last")) == 200
    books = (await stage.parallax.settled(before.eligible + sent * 3 // 4)).since(before)

    assert mixed_up == []
    # A client that resets at once may be gone before its request is read.
    assert sent * 3 // 4 <= books.eligible <= sent + 1
    assert books.balanced
    assert books.memory == 0
